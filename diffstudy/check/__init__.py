"""Check somebody else's code: schedule, forward process, loss, guidance, sampler."""
from .. import _hand_on

# PyTorch is loaded when one of them is used: the command answers before
__getattr__, __dir__ = _hand_on(__name__, {
    "functions": "forward guidance loss posterior schedule step",
    "probe": "sampler"})
