"""The other families of generative models, with one face: loss, sample, nll."""
from .face import Family, MODELS, Sizes, build
