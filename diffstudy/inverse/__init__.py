"""Restore pictures from measurements: holes, blur, few pixels."""
from .inverse import (
    Blur, METHODS, Mask, Matrix, Measurement, Shrink, dps, particles, pigdm, posterior,
    replacement, restore, twisted)
