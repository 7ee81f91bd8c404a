"Restore pictures from measurements: holes, blur, few pixels."
from .inverse import (
    Blur, METHODS, Mask, Matrix, Measurement, Operator, Pull, Shrink, dps, particles, pigdm,
    posterior, replacement, restore, twisted)
