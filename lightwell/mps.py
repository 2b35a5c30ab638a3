"""`torch.mps`: Apple's GPUs, not part of this build: the questions are answered, what needs one says so."""

from . import _absent
from .errors.teaching import RuntimeError

globals().update(
    _absent.functions(
        "mps",
        RuntimeError,
        "this build has no MPS backend, guard it with torch.backends.mps.is_available()",
        "compile_shader current_allocated_memory driver_allocated_memory empty_cache get_rng_state load_metallib recommended_max_memory "
        "seed set_per_process_memory_fraction set_rng_state synchronize",
    )
)
globals().update(_absent.classes(__name__, RuntimeError, "torch.mps.{} needs an Apple GPU, and this build has none", "Event"))


def is_available() -> bool:
    """Whether an Apple GPU can be used: False in this build."""
    return False


def device_count() -> int:
    """The number of Apple GPUs that can be used: 0 in this build."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed without a device; accepted, as in PyTorch."""
    int(seed)
