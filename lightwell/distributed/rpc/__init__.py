"""`torch.distributed.rpc`: functions run on other processes by name, and references to what stays there.

Every process calls `init_rpc` with a name of its own, and `shutdown` at the end. What is sent is pickled and run by the receiver, so
only workers that know the secret of the rendezvous are listened to; run it among machines you trust, as PyTorch says of its own.
"""

import datetime

from ...errors.teaching import RuntimeError, TypeError, ValueError
from . import agent as _agent_module
from . import functions
from .agent import Agent, WorkerInfo, agent
from .rref import RRef, make_remote

__all__ = [
    "BackendType", "PyRRef", "RRef", "RpcBackendOptions", "TensorPipeRpcBackendOptions", "WorkerInfo", "functions", "get_worker_info",
    "init_rpc", "is_available", "remote", "rpc_async", "rpc_sync", "shutdown",
]  # fmt: skip

PyRRef = RRef
UNSET_RPC_TIMEOUT = -1.0
DEFAULT_RPC_TIMEOUT_SEC = 60.0


class BackendType:
    """How calls travel: there is one way, over TCP."""

    TENSORPIPE = "TENSORPIPE"


class RpcBackendOptions:
    """`rpc_timeout`: seconds after which a call is given up (0: never); `init_method`: how the workers find each other."""

    def __init__(self, rpc_timeout: float = DEFAULT_RPC_TIMEOUT_SEC, init_method: str = "env://"):
        self.rpc_timeout, self.init_method = rpc_timeout, init_method


class TensorPipeRpcBackendOptions(RpcBackendOptions):
    """RpcBackendOptions, and `num_worker_threads`: how many calls a worker answers at once.

    `device_maps` and `devices` may name the CPU alone: ValueError for another device.
    """

    def __init__(self, *, num_worker_threads=16, rpc_timeout=DEFAULT_RPC_TIMEOUT_SEC, init_method="env://", device_maps=None, devices=None,
                 _transports=None, _channels=None):  # fmt: skip
        super().__init__(rpc_timeout, init_method)
        if num_worker_threads < 1:
            raise ValueError(f"TensorPipeRpcBackendOptions: num_worker_threads must be at least 1, got {num_worker_threads}")
        self.num_worker_threads = num_worker_threads
        self.device_maps, self.devices = {}, []
        for worker, mapping in (device_maps or {}).items():
            self.set_device_map(worker, mapping)
        self.set_devices(devices or [])

    def set_device_map(self, to: str, device_map: dict) -> None:
        """Which device of worker `to` gets the tensors of each device here; ValueError for any but the CPU."""
        for pair in device_map.items():
            for device in pair:
                _need_cpu("device_maps", device)
        self.device_maps[to] = dict(device_map)

    def set_devices(self, devices) -> None:
        """The devices that this worker uses; ValueError for any but the CPU."""
        for device in devices:
            _need_cpu("devices", device)
        self.devices = list(devices)


def _need_cpu(name, device):
    from ...device import device as Device

    if Device(device).type != "cpu":
        raise ValueError(f"TensorPipeRpcBackendOptions: {name} names {device!r}, but this release computes on the CPU: leave it out")


def is_available() -> bool:
    """Whether RPC can be used: it can."""
    return True


def init_rpc(name: str, backend=None, rank: int = -1, world_size: int | None = None, rpc_backend_options=None) -> None:
    """Join the workers as `name`, number `rank` of `world_size`, and wait for all others.

    Rank and size come from RANK and WORLD_SIZE where they aren't given. The workers meet at the options' `init_method`: env://
    (MASTER_ADDR, MASTER_PORT), tcp://host:port or file:///path. ValueError for a backend other than TENSORPIPE, RuntimeError where
    this process has joined already or two workers have one name.
    """
    from ..rendezvous import rendezvous
    from ..store import PrefixStore

    if _agent_module.current is not None:
        raise RuntimeError("RPC is already initialized: init_rpc() is called once per process, shutdown() ends it")
    if backend not in (None, BackendType.TENSORPIPE):
        raise ValueError(f"init_rpc(): unknown backend {backend!r}: the only one is BackendType.TENSORPIPE")
    if not isinstance(name, str) or not name:
        raise ValueError(f"init_rpc(): name must be a string that names this worker, got {name!r}")
    options = rpc_backend_options or TensorPipeRpcBackendOptions()
    size = -1 if world_size is None else world_size
    store, rank, size = next(rendezvous(options.init_method, rank=rank, world_size=size))
    global _round
    store = PrefixStore(f"rpc/{_round}", store)
    _round += 1  # a process may join again after shutdown
    _agent_module.current = Agent(name, rank, size, store, getattr(options, "num_worker_threads", 16), options.rpc_timeout)
    store.barrier("joined", size, datetime.timedelta(minutes=30))


_round = 0


def shutdown(graceful: bool = True, timeout: float = 0) -> None:
    """Leave; if `graceful`, after all workers have come here and no call is on its way (`timeout` seconds at most; 0: no limit)."""
    here = _agent_module.current
    if here is None:
        raise RuntimeError("RPC has not been initialized. Call torch.distributed.rpc.init_rpc first.")
    try:
        here.finish(graceful, timeout)
    finally:
        _agent_module.current = None


def get_worker_info(worker_name: str | None = None) -> WorkerInfo:
    """The worker of that name; this one without a name. RuntimeError for an unknown name."""
    return agent().me if worker_name is None else agent().find(worker_name)


def rpc_sync(to, func, args=None, kwargs=None, timeout: float = UNSET_RPC_TIMEOUT):
    """Run `func(*args, **kwargs)` on worker `to` (name, number or WorkerInfo) and return what it returns.

    What it raises is raised here, with the worker's traceback; RuntimeError after `timeout` seconds.
    """
    return rpc_async(to, func, args, kwargs, timeout).wait()


def rpc_async(to, func, args=None, kwargs=None, timeout: float = UNSET_RPC_TIMEOUT):
    """`rpc_sync` that returns a Future at once."""
    _need_function("rpc_async", func)
    return agent().call(agent().find(to), func, args or (), kwargs, timeout)


def remote(to, func, args=None, kwargs=None, timeout: float = UNSET_RPC_TIMEOUT) -> RRef:
    """Run `func(*args, **kwargs)` on worker `to`, leave the result there, and return a reference to it at once."""
    _need_function("remote", func)
    return make_remote(agent().find(to), func, args or (), kwargs, timeout)


def _need_function(name, func):
    if not callable(func):
        raise TypeError(f"{name}(): func must be callable, got {type(func).__name__}")
