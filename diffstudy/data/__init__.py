"Data: embedded digits, torchvision's sets, folders of pictures, mixtures."
from .images import from_strip, tile, to_strip
from .sets import (
    Batches, Components, DATASETS, EMOJI, Facts, GaussianMixture, ImageSet, Mixture, Stacked,
    apart, decode, encode, gaussian_grid, images_and_labels, load, load_cifar10, load_digits,
    load_emoji, load_folder, load_mnist, load_photos, number_of, prepare, spiral,
    three_gaussians)
