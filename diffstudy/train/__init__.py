"""Train: the loop, the optimizer, checkpoints, files, devices."""
from .. import _hand_on

# PyTorch is loaded when one of them is used: the command answers before
__getattr__, __dir__ = _hand_on(__name__, {
    "devices": "Rank",
    "loop": "Interrupted State TrainingDiverged advance complete distributed fit loss_step update",
    "optim": "Config EMA adamw lr_scale optimizer"})
