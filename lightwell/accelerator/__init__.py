"""`torch.accelerator` where there is none: the questions are answered, what needs a device says that there is none."""

from .. import _absent
from ..errors.teaching import AttributeError, RuntimeError


def is_available() -> bool:
    """Whether an accelerator can be used: False in this build.

    >>> import lightwell as torch
    >>> torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    device(type='cpu')
    """
    return False


def current_accelerator(check_available: bool = False):
    """The device type of the accelerator: None in this build."""
    return None


def device_count() -> int:
    """The number of accelerators: 0 in this build."""
    return 0


_WHY = "Cannot access accelerator device when none is available: guard it with torch.accelerator.is_available()"
_MEMORY = (
    "empty_cache empty_host_cache get_memory_info max_memory_allocated max_memory_reserved memory_allocated memory_reserved memory_stats "
    "reset_accumulated_memory_stats reset_peak_memory_stats"
)
globals().update(
    _absent.functions(
        "accelerator",
        RuntimeError,
        _WHY,
        f"current_device_idx current_device_index current_stream get_device_capability set_device_idx set_device_index set_stream "
        f"synchronize {_MEMORY}",
    )
)
globals().update(_absent.classes(__name__, RuntimeError, _WHY + ": accelerator.{}()", "Graph"))


class device_index:
    """A context in which another accelerator is the current one; `None` changes nothing, a number is a RuntimeError here.

    >>> import lightwell as torch
    >>> with torch.accelerator.device_index(None):
    ...     pass
    """

    def __init__(self, device: int | None, /):
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None:
            set_device_index(self.idx)  # noqa: F821  (raises)

    def __exit__(self, *exc) -> None:
        return None


def __getattr__(name: str):
    if name == "memory":  # a submodule, loaded at its first use
        import importlib

        return importlib.import_module(".memory", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
