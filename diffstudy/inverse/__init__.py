"""Restore pictures from measurements: holes, blur, few pixels."""
from .inverse import (
    Blur, Downsample, METHODS, Mask, Matrix, Measurement, dps, pigdm, posterior, replacement,
    restore, tds, tds_samples)
