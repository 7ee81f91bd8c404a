"Train: the loop, the optimizer, checkpoints, files, devices."
from .. import _hand_on

# PyTorch is loaded when one of them is used: the command answers before
__getattr__, __dir__ = _hand_on(__name__, {
    "loop": (
        "Config EMA Interrupted MAX_BAD Rank Record State TrainingDiverged adamw advance complete "
        "distributed fit loss_step lr_scale optimizer update")})
