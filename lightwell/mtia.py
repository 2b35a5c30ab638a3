"""`torch.mtia`: Meta's accelerators, not part of this build: the questions are answered, what needs one says so."""

from . import _absent
from .errors.teaching import AssertionError, RuntimeError

_WHY = "this build has no MTIA backend, guard it with torch.mtia.is_available()"
for _kind, _names in (
    (
        RuntimeError,
        "current_device current_stream default_stream empty_cache get_device_capability get_device_properties graph_pool_handle set_device "
        "snapshot stream synchronize attach_out_of_memory_observer",
    ),
    (AssertionError, "get_rng_state init initial_seed set_rng_state"),
):
    globals().update(_absent.functions("mtia", _kind, _WHY, _names))
globals().update(_absent.classes(__name__, RuntimeError, "torch.mtia.{} needs an MTIA device, and this build has none", "MTIAGraph"))
globals().update(_absent.constants(bool, "is_available is_initialized"))
globals().update(_absent.constants(int, "device_count memory_allocated max_memory_allocated"))
globals().update(_absent.constants(dict, "memory_stats"))
globals().update(_absent.constants(list, "get_rng_state_all"))
globals().update(
    _absent.constants(
        lambda: None, "manual_seed manual_seed_all record_memory_history reset_peak_memory_stats seed seed_all set_rng_state_all set_stream"
    )
)
globals().update(_absent.constants(lambda: True, "is_bf16_supported"))
default_generators = ()
