"""`torch.types`: names for annotations."""

import os
from typing import IO

from .device import device
from .storage import TypedStorage as Storage  # noqa: F401
from .tensor import Size, Tensor  # noqa: F401

Number = int | float | bool
Device = device | str | int | None
FileLike = str | os.PathLike | IO[bytes]
IntLikeType, FloatLikeType, BoolLikeType, PySymType = int, float, bool, int | float | bool
