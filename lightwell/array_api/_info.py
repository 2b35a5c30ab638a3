"""What the namespace can do: https://data-apis.org/array-api/2024.12/API_specification/inspection.html"""

from .. import dtypes
from ..device import device as Device
from ..ops.convert import check_device
from ._dtypes import isdtype

__all__ = ["__array_namespace_info__"]

_NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()


class Info:
    """The namespace's answers about itself.

    >>> import lightwell.array_api as xp
    >>> info = xp.__array_namespace_info__()
    >>> info.default_dtypes()["real floating"], sorted(info.dtypes(kind="complex floating"))
    (torch.float32, ['complex128', 'complex64'])
    """

    def capabilities(self) -> dict:
        """Boolean masks and shapes that depend on values work; NumPy's 64 dimensions are the most."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self):
        """The device of new arrays."""
        return Device("cpu")

    def default_dtypes(self, *, device=None) -> dict:
        """The dtypes of arrays made from Python numbers, and of indices."""
        check_device(device)
        return {
            "real floating": dtypes.get_default_dtype(),
            "complex floating": dtypes.default_complex(),
            "integral": dtypes.int64,
            "indexing": dtypes.int64,
        }

    def devices(self) -> list:
        """The devices there are."""
        return [Device("cpu")]

    def dtypes(self, *, device=None, kind=None) -> dict:
        """The standard's dtypes by name: all, or those of a kind (see `isdtype`) or a tuple of kinds."""
        check_device(device)
        found = {name: getattr(dtypes, name) for name in _NAMES}
        return found if kind is None else {name: d for name, d in found.items() if isdtype(d, kind)}


def __array_namespace_info__():
    """What the namespace can do: `capabilities()`, `default_device()`, `default_dtypes()`, `devices()`, `dtypes()`."""
    return Info()
