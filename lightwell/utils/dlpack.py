"""`torch.utils.dlpack`: memory shared with other array libraries (https://dmlc.github.io/dlpack/)."""

from ..ops.convert import DLDeviceType
from ..ops.from_data import from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
