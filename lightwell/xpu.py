"""`torch.xpu` where there is no Intel GPU: the questions are answered, what needs one says so."""

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "is_available",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """Whether an Intel GPU can be used: False in this build.

    >>> import lightwell as torch
    >>> "xpu" if torch.xpu.is_available() else "cpu"
    'cpu'
    """
    return False


def device_count() -> int:
    """The number of Intel GPUs: 0 in this build."""
    return 0


def is_initialized() -> bool:
    """Whether the GPU was used already: no."""
    return False


def is_bf16_supported() -> bool:
    """Whether the GPU computes in bfloat16: there is none."""
    return False


def empty_cache() -> None:
    """Nothing to give back: no memory of a GPU is held."""


def manual_seed(seed: int) -> None:
    """Accepted, as in PyTorch where no GPU is used: the CPU's generator is seeded by `torch.manual_seed`."""


manual_seed_all = manual_seed


def _missing(name: str):
    def call(*args, **kwargs):
        raise AssertionError(
            f"Torch not compiled with XPU enabled: xpu.{name}() needs an Intel GPU; guard it with torch.xpu.is_available()"
        )

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"AssertionError: `{name}` needs an Intel GPU, and this build has none."
    return call


current_device, set_device, synchronize, current_stream = map(_missing, ("current_device", "set_device", "synchronize", "current_stream"))
get_device_name, get_device_properties, memory_allocated, max_memory_allocated = map(
    _missing, ("get_device_name", "get_device_properties", "memory_allocated", "max_memory_allocated")
)
