"""`torch.cuda` where there is none: the questions are answered, what needs a GPU says that there is no GPU."""

import contextlib

from ..device import device as _Device


def is_available() -> bool:
    """Whether a CUDA device can be used: False in this build.

    >>> import lightwell as torch
    >>> torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def device_count() -> int:
    """The number of CUDA devices: 0 in this build."""
    return 0


def is_initialized() -> bool:
    """Whether CUDA was started: never in this build."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the device computes in bfloat16: False without a device."""
    return False


def _missing(name: str):
    def call(*args, **kwargs):
        raise AssertionError(f"Torch not compiled with CUDA enabled: cuda.{name}() needs a GPU; guard it with torch.cuda.is_available()")

    call.__name__ = name
    call.__doc__ = f"AssertionError: `{name}` needs a CUDA device, and this build has none."
    return call


synchronize, current_device, get_device_name, get_device_properties = map(
    _missing, ("synchronize", "current_device", "get_device_name", "get_device_properties")
)
set_device, get_device_capability, current_stream = map(_missing, ("set_device", "get_device_capability", "current_stream"))
Stream, Event = _missing("Stream"), _missing("Event")


def manual_seed(seed: int) -> None:
    """Nothing to seed without a device; accepted, as in PyTorch."""
    int(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Nothing to seed without a device; accepted, as in PyTorch."""


seed_all = seed


def empty_cache() -> None:
    """Nothing is cached without a device; accepted, as in PyTorch."""


def memory_allocated(device=None) -> int:
    """Bytes in use on the device: 0 without one."""
    return 0


memory_reserved = max_memory_allocated = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device=None) -> None:
    """Nothing is counted without a device; accepted, as in PyTorch."""


@contextlib.contextmanager
def device(device):
    """The device within a `with`: only the CPU (None or a negative index) can be meant in this build."""
    if device is not None and not (isinstance(device, int) and device < 0) and _Device(device).type == "cuda":
        _missing("device")()
    yield


def __getattr__(name: str):
    if name in ("amp", "nccl"):  # submodules, loaded at their first use
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
