"The other families of generative models, with one face: loss, sample, nll."
from .face import Discrete, Energy, Family, Flow, Groups, MODELS, Pixels, Sizes, build
