"Measure samples and bounds: means with errors, distances, the judge."
from .distances import (
    FEWEST, Frechet, MixtureFit, Modes, Moments, Nearest, Overlap, embed, frechet,
    frechet_distance, inception_features, inception_score, mixture_likelihood, modes_and_kl,
    moments, nearest_distance, precision_recall)
from .estimate import (
    BitsPerDim, Estimate, Proportion, accuracy, bits_per_dim, checked_scores, decide,
    mean_and_error)
