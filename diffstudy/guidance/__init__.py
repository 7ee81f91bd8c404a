"""Classifier and classifier-free guidance."""
from .formulas import (
    classifier_free, classifier_guided, drop_labels, implicit_classifier, rejection_mask, weight)
from .guided import ClassifierFree, ClassifierGuided, Guided, dynamic_threshold, rescale
