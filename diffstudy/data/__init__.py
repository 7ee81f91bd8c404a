"""Data: embedded digits, torchvision's sets, folders of pictures, mixtures."""
from .mixtures import GaussianMixture, Mixture, gaussian_grid, spiral, three_gaussians
from .images import (
    Batches, ImageSet, decode, encode, from_strip, load_cifar10, load_digits, load_emoji,
    load_mnist, load_mnist_small, relative_distance, tile, to_strip)
from .stacked import Components, Stacked, mode_number
from .folders import load_folder
from .sets import DATASETS, load
