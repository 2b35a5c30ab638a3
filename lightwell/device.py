"""`torch.device`: the name of a place for tensors, and the default place for those that name none.

Only the CPU computes here; the other names exist so that scripts and checkpoints that carry them can be read.
"""

import operator
import re
from contextvars import ContextVar

from lightwell.errors.teaching import RuntimeError, TypeError

__all__ = ["as_device", "device", "get_default_device", "set_default_device"]

_TYPES = ("cpu cuda ipu xpu mkldnn opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu mtia privateuseone").split()
_MAX_INDEX = 127  # PyTorch keeps the index in a signed byte


def _read_name(text: str) -> tuple[str, int | None]:
    """Split "cuda:1" into type and index."""
    if not text:
        raise RuntimeError("device(): the device string must not be empty; pass e.g. 'cpu' or 'cuda:0'")
    match = re.fullmatch(r"([a-zA-Z_]+)(?::(0|[1-9][0-9]*))?", text)
    if match is None:
        raise RuntimeError(f"Invalid device string: {text!r}; expected a type and, if wanted, an index, as in 'cuda:1'{_hint(text)}")
    kind, index = match.groups()
    if kind not in _TYPES:
        raise RuntimeError(f"Expected one of {', '.join(_TYPES)} device type at start of device string: {text}{_hint(text)}")
    return kind, None if index is None else _read_index(int(index))


def _hint(text: str) -> str:
    """What to say where a string that should be a device's names a dtype."""
    names = re.fullmatch(r"(?:torch\.)?((?:b?float|u?int|complex)\d+|bool|float|int|long|double|half)", text)
    return f"; {text!r} names a dtype: write torch.{names[1]}, without quotation marks" if names else ""


def _read_index(index) -> int:
    """Check an index given as a number."""
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        raise TypeError(f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}")
    index = operator.index(index)
    if index < 0:
        raise RuntimeError(f"Device index must not be negative, got {index}")
    if index > _MAX_INDEX:
        raise RuntimeError(f"Device index must be at most {_MAX_INDEX}, got {index}")
    return index


class device:
    """Name a device by a string, by a type and an index, or by another device; the object is immutable.

    A bare index means "that accelerator", of which there is none here. Used as a context manager, it is the device that
    tensors made in the block are put on when they name none. Raises RuntimeError for a malformed string, an unknown
    type, an index out of range, an index given twice or a bare index; TypeError for arguments of other types.

    >>> import lightwell as torch
    >>> torch.device("cuda:1")
    device(type='cuda', index=1)
    >>> str(torch.device("cuda", 1)), torch.device("cpu").index
    ('cuda:1', None)
    >>> torch.device("cpu") == torch.device("cpu:0")
    False
    """

    __slots__ = ("_index", "_type")

    # PyTorch calls the first argument `device` where it stands alone, `type` where an index may follow.
    def __init__(self, device=None, index=None, *, type=None):
        if type is not None:
            if device is not None:
                raise TypeError("device(): the device is given twice, by position and as type=; give it once")
            device = type
        if isinstance(device, bytes):
            device = device.decode()
        if isinstance(device, str):
            kind, read = _read_name(device)
            if read is not None and (index is not None or type is not None):
                raise RuntimeError(f"type (string) must not include an index because index is given apart: {device}")
            self._type, self._index = kind, read if index is None else _read_index(index)
        elif index is not None or type is not None:
            raise TypeError(f"device(): argument 'type' (position 1) must be str, not {device.__class__.__name__}")
        elif isinstance(device, _Device):
            self._type, self._index = device._type, device._index
        elif hasattr(device, "__index__") and not isinstance(device, bool):
            number = _read_index(device)
            raise RuntimeError(f"Cannot access accelerator device {number} when none is available; pass device('cpu') for the CPU")
        else:
            raise TypeError(
                f"device(): expected a string ('cpu', 'cuda:1'), a type and an index, or a device, got {device.__class__.__name__}"
            )

    @property
    def type(self) -> str:
        """The kind of device, "cpu" for instance."""
        return self._type

    @property
    def index(self) -> int | None:
        """Which device of its kind, or None where the name leaves it open."""
        return self._index

    def __repr__(self) -> str:
        return f"device(type='{self._type}'" + (")" if self._index is None else f", index={self._index})")

    def __str__(self) -> str:
        return self._type if self._index is None else f"{self._type}:{self._index}"

    def __eq__(self, other) -> bool:
        if not isinstance(other, _Device):
            return NotImplemented
        return self._type == other._type and self._index == other._index

    def __hash__(self) -> int:
        return hash((self._type, self._index))

    def __reduce__(self):
        return _Device, (self._type,) if self._index is None else (self._type, self._index)

    def __enter__(self) -> "device":
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, *error) -> None:
        _entered.set(_entered.get()[:-1])


_Device = device  # the class, where a parameter takes its name

# Context variables, so that a thread neither sees nor changes the default of another.
_entered: ContextVar[tuple[device, ...]] = ContextVar("entered devices", default=())
_default: ContextVar[device] = ContextVar("default device", default=device("cpu"))  # noqa: B039 (a device never changes)


def get_default_device() -> device:
    """Return the device of tensors that name none: the innermost `with device(...)`, else the default that was set.

    >>> import lightwell as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    entered = _entered.get()
    return entered[-1] if entered else _default.get()


def set_default_device(device: "str | int | device | None") -> None:
    """Set the device of tensors that name none, for this thread; None means the CPU again.

    Inside a `with device(...)` block it takes effect after the block. Raises what `device` raises.

    >>> import lightwell as torch
    >>> torch.set_default_device("cpu")
    """
    _default.set(_Device("cpu") if device is None else as_device(device))


def as_device(value: "str | int | device | None") -> device:
    """Read an op's `device=` argument: None is the default device, the rest what `device` takes; raises what it does.

    >>> from lightwell.device import as_device
    >>> as_device("cuda:0").index
    0
    """
    if value is None:
        return get_default_device()
    return value if isinstance(value, _Device) else _Device(value)
