"""`torch.cuda.amp.autocast`."""

from ...amp._older import autocast_of, custom_bwd, custom_fwd
from ...dtypes import float16

__all__ = ["autocast", "custom_bwd", "custom_fwd"]

autocast = autocast_of("cuda", float16)
