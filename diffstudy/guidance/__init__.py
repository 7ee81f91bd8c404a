"""Classifier and classifier-free guidance, and particles that correct them."""
from .formulas import (
    accept, classifier_free, classifier_guided, drop_labels, implicit_classifier, weight)
from .guided import ClassifierFree, ClassifierGuided, Guided, dynamic_threshold, match_std
