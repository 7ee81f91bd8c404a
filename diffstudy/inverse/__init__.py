"""Restore pictures from measurements: holes, noise, few pixels."""
from .inverse import (
    Downsample, METHODS, Mask, Matrix, Measurement, dps, pigdm, posterior, replacement, restore)
