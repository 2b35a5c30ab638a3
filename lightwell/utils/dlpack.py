"""`torch.utils.dlpack`: memory shared with other array libraries (https://dmlc.github.io/dlpack/)."""

from ..ops.from_data import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
