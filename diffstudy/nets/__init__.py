"""Networks: the U-Net, the MLP, and what machines want of them."""
from .. import _hand_on

# PyTorch is loaded when one of them is used: the command answers before
__getattr__, __dir__ = _hand_on(__name__, {
    "models": (
        "Attention Classifier MLP Residual UNETS UNet UNetConfig build embed_gamma "
        "fourier_features initialize plan")})
