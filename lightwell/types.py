"""`torch.types`: names for annotations."""

import os
from typing import IO, Union

from .device import device
from .storage import TypedStorage as Storage  # noqa: F401
from .tensor import Size, Tensor  # noqa: F401

Number = Union[int, float, bool]
Device = Union[device, str, int, None]
FileLike = Union[str, os.PathLike, IO[bytes]]
IntLikeType, FloatLikeType, BoolLikeType, PySymType = int, float, bool, Union[int, float, bool]
