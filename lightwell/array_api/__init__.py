"""lightwell.array_api: the Python array API standard, revision 2024.12 (https://data-apis.org/array-api/2024.12/).

Code written against the standard (SciPy, scikit-learn, einops, your own) finds it by `x.__array_namespace__()`. Functions given
a plain tensor return plain tensors, which keep PyTorch's operators; `asarray`, `zeros` and the other makers of arrays return
`Array`, a tensor whose operators keep to the standard where PyTorch's differ. Both carry gradients.

>>> import lightwell.array_api as xp
>>> x = xp.asarray([3.0, 4.0])
>>> xp.linalg.vector_norm(x), (x / x[::-1]).dtype
(tensor(5.), torch.float32)
"""

from math import e, inf, nan, pi

from ..dtypes import (
    bool,
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)  # fmt: skip
from . import fft, linalg
from ._array import Array
from ._creation import *
from ._dtypes import *
from ._elementwise import *
from ._info import __array_namespace_info__
from ._manipulation import *
from ._products import *
from ._searching import *
from ._statistics import *

newaxis = None
__array_api_version__ = "2024.12"
