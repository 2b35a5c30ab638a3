"""`torch.cuda` where there is none: the questions are answered, what needs a GPU says that there is no GPU."""

import collections
import contextlib

from .. import _absent
from ..device import device as _Device
from ..errors.teaching import AssertionError, AttributeError, RuntimeError, TypeError
from ..toplevel import AcceleratorError, OutOfMemoryError


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


_WHY = "Torch not compiled with CUDA enabled: this needs a GPU, guard it with torch.cuda.is_available()"
for _kind, _names in (
    (
        AssertionError,
        "caching_allocator_alloc can_device_access_peer cudart current_blas_handle current_device current_solver_handle "
        "current_stream default_stream get_device_capability get_device_name get_device_properties get_per_process_memory_fraction "
        "get_rng_state get_stream_from_external get_sync_debug_mode init initial_seed ipc_collect mem_get_info set_device "
        "set_per_process_memory_fraction set_rng_state set_sync_debug_mode synchronize check_error",
    ),
    (RuntimeError, "graph_pool_handle is_current_stream_capturing make_graphed_callables"),
    (
        AttributeError,
        "caching_allocator_delete change_current_allocator get_allocator_backend memory_snapshot reset_accumulated_host_memory_stats "
        "reset_accumulated_memory_stats reset_max_memory_allocated reset_max_memory_cached reset_peak_host_memory_stats",
    ),
    (KeyError, "memory_summary"),
    (ModuleNotFoundError, "clock_rate device_memory_used memory_usage power_draw temperature utilization"),
):
    globals().update(_absent.functions("cuda", _kind, _WHY, _names))
globals().update(
    _absent.classes(__name__, RuntimeError, "torch.cuda.{} needs a GPU, and this build has none", "CUDAGraph Event MemPool Stream")
)
_NO_TYPE = "type torch.cuda.{} not available. Torch not compiled with CUDA enabled."
_KINDS = "BFloat16 Bool Byte Char Double Float Half Int Long Short"
globals().update(_absent.classes(__name__, TypeError, _NO_TYPE, " ".join(f"{kind}Tensor" for kind in _KINDS.split())))
_STORAGES = " ".join(f"{kind}Storage" for kind in (*_KINDS.split(), "ComplexDouble", "ComplexFloat"))
globals().update(_absent.classes(__name__, AssertionError, "Torch not compiled with CUDA enabled: torch.cuda.{} needs a GPU", _STORAGES))
globals().update(_absent.constants(dict, "host_memory_stats_as_nested_dict memory_stats_as_nested_dict"))
globals().update(_absent.constants(collections.OrderedDict, "host_memory_stats memory_stats"))
globals().update(_absent.constants(list, "get_arch_list get_rng_state_all"))
globals().update(_absent.constants(str, "get_gencode_flags"))
globals().update(_absent.constants(bool, "is_tf32_supported"))
globals().update(_absent.constants(lambda: None, "caching_allocator_enable set_rng_state_all set_stream"))
globals().update(_absent.constants(lambda: "no GPU: pynvml module not found", "list_gpu_processes"))
default_generators = ()
has_half, has_magma = True, False


class CudaError(RuntimeError):
    """An error of the CUDA runtime, by its number."""

    def __init__(self, code: int):
        super().__init__(f"CUDA error {code}")


class DeferredCudaCallError(Exception):
    """An error of a call that waited for CUDA to start."""


@contextlib.contextmanager
def stream(stream=None):
    """The stream within a `with`: without a GPU only None, which changes nothing."""
    if stream is not None:
        current_stream()  # noqa: F821  (raises)
    yield


StreamContext = stream


class device_of:
    """The device of a tensor within a `with`: a CPU tensor's changes nothing."""

    def __init__(self, obj):
        if getattr(obj, "is_cuda", False):
            current_device()  # noqa: F821  (raises)

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        return None


class graph:
    """A context that records a CUDA graph: RuntimeError when it is made, since there is no GPU to record on."""

    def __init__(self, cuda_graph, pool=None, stream=None, capture_error_mode="global"):
        raise RuntimeError(f"{_WHY}: cuda.graph(); torch.compile is what joins operations on the CPU")


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


memory_reserved = max_memory_allocated = max_memory_reserved = memory_cached = max_memory_cached = memory_allocated


def reset_peak_memory_stats(device=None) -> None:
    """Nothing is counted without a device; accepted, as in PyTorch."""


@contextlib.contextmanager
def device(device):
    """The device within a `with`: only the CPU (None or a negative index) can be meant in this build."""
    if device is not None and not (isinstance(device, int) and device < 0) and _Device(device).type == "cuda":
        current_device()  # noqa: F821  (raises)
    yield


def __getattr__(name: str):
    if name in ("amp", "comm", "graphs", "memory", "nccl", "nvtx", "profiler", "random", "sparse", "streams"):  # loaded at their first use
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
