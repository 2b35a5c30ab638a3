"""`torch.accelerator` where there is none: the questions are answered, what needs a device says that there is none."""


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


def _missing(name: str):
    def call(*args, **kwargs):
        raise RuntimeError(
            f"Cannot access accelerator device when none is available: accelerator.{name}() needs one; "
            "guard it with torch.accelerator.is_available()"
        )

    call.__name__ = name
    call.__doc__ = f"RuntimeError: `{name}` needs an accelerator, and this build has none."
    return call


current_device_index, current_device_idx, set_device_index, set_device_idx = map(
    _missing, ("current_device_index", "current_device_idx", "set_device_index", "set_device_idx")
)
synchronize, current_stream, set_stream = map(_missing, ("synchronize", "current_stream", "set_stream"))
empty_cache, memory_allocated, memory_reserved = map(_missing, ("empty_cache", "memory_allocated", "memory_reserved"))
max_memory_allocated, max_memory_reserved, memory_stats, reset_peak_memory_stats = map(
    _missing, ("max_memory_allocated", "max_memory_reserved", "memory_stats", "reset_peak_memory_stats")
)


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
            set_device_index(self.idx)

    def __exit__(self, *exc) -> None:
        return None
