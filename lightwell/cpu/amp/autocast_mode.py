"""`torch.cpu.amp.autocast`."""

from ...amp._older import autocast_of
from ...dtypes import bfloat16

__all__ = ["autocast"]

autocast = autocast_of("cpu", bfloat16)
