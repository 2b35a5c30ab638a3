"""`torch.xpu` where there is no Intel GPU: the questions are answered, what needs one says so."""

import collections

from . import _absent
from .errors.teaching import AssertionError, AttributeError, ImportError, RuntimeError


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


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the GPU computes in bfloat16: there is none."""
    return False


def empty_cache() -> None:
    """Nothing to give back: no memory of a GPU is held."""


def manual_seed(seed: int) -> None:
    """Accepted, as in PyTorch where no GPU is used: the CPU's generator is seeded by `torch.manual_seed`."""


manual_seed_all = manual_seed


_WHY = "Torch not compiled with XPU enabled: this needs an Intel GPU, guard it with torch.xpu.is_available()"
for _kind, _names in (
    (
        AssertionError,
        "can_device_access_peer current_device current_stream get_device_capability get_device_name get_device_properties "
        "get_per_process_memory_fraction get_rng_state get_stream_from_external init initial_seed mem_get_info set_device "
        "set_per_process_memory_fraction set_rng_state synchronize",
    ),
    (RuntimeError, "graph_pool_handle is_current_stream_capturing make_graphed_callables"),
    (AttributeError, "change_current_allocator reset_accumulated_memory_stats reset_peak_memory_stats"),
    (ImportError, "clock_rate device_memory_used memory_usage power_draw temperature utilization"),
):
    globals().update(_absent.functions("xpu", _kind, _WHY, _names))
globals().update(
    _absent.classes(__name__, RuntimeError, "torch.xpu.{} needs an Intel GPU, and this build has none", "Event MemPool Stream XPUGraph")
)
globals().update(_absent.constants(int, "max_memory_allocated max_memory_reserved memory_allocated memory_reserved"))
globals().update(_absent.constants(dict, "memory_stats_as_nested_dict"))
globals().update(_absent.constants(collections.OrderedDict, "memory_stats"))
globals().update(_absent.constants(list, "get_arch_list get_rng_state_all memory_snapshot"))
globals().update(_absent.constants(str, "get_gencode_flags"))
globals().update(_absent.constants(bool, "is_tf32_supported"))
globals().update(_absent.constants(lambda: None, "seed seed_all set_rng_state_all set_stream"))
default_generators = ()
