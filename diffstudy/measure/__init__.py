"""Measure samples and bounds: means with errors, distances, the judge."""
from .estimate import (
    BitsPerDim, Estimate, Proportion, accuracy, bits_per_dim, mean_and_error, predicted_class)
from .distances import (
    Moments, embed, frechet, frechet_distance, inception_score, mixture_likelihood,
    modes_and_kl, moments, nearest_distance, precision_recall)
