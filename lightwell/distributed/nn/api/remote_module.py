"""`torch.distributed.nn.RemoteModule`: a module that lives on another worker and is called from here."""

from ....errors.teaching import RuntimeError, ValueError
from ....nn import Module

__all__ = ["RemoteModule"]

_REFUSED = (
    "add_module apply bfloat16 buffers children cpu cuda double eval extra_repr float half load_state_dict modules named_buffers named_children "
    "named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook register_forward_pre_hook "
    "register_parameter requires_grad_ share_memory state_dict to train type zero_grad"
).split()


def _build(module_cls, args, kwargs, device):
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise ValueError(f"RemoteModule: module_cls must be a subclass of nn.Module, got {module_cls!r}")
    return module_cls(*args, **kwargs).to(device)


def _forward(rref, args, kwargs):
    return rref.local_value()(*args, **kwargs)


def _parameters(rref, recurse):
    from ... import rpc

    return [rpc.RRef(p) for p in rref.local_value().parameters(recurse)]


def _train(rref, mode):
    rref.local_value().train(mode)


class RemoteModule(Module):
    """`module_cls(*args, **kwargs)` made on worker and device `remote_device` ("worker1/cpu", "worker1", "rank:1/cpu").

    `forward` and `forward_async` run it there (within a context of `distributed.autograd` gradients flow back here);
    `remote_parameters()` gives RRefs for a `DistributedOptimizer`; `get_module_rref()` the module's own. Methods that would touch
    parameters here raise ValueError: they are elsewhere.
    """

    def __init__(self, remote_device: str, module_cls, args=None, kwargs=None, _module_interface_cls=None):
        super().__init__()
        from ... import rpc

        if not isinstance(args or (), (tuple, list)) or not isinstance(kwargs or {}, dict):
            raise ValueError(f"RemoteModule: args must be a tuple and kwargs a dict, got {type(args).__name__} and {type(kwargs).__name__}")
        on, _, device = remote_device.partition("/")
        if on.startswith("rank:"):
            on = int(on[5:])
        self.on, self.device = on, device or "cpu"
        self.is_scriptable = False
        made = rpc.rpc_sync(on, _make, (module_cls, tuple(args or ()), kwargs or {}, self.device))
        self.__dict__["module_rref"] = made

    def forward(self, *args, **kwargs):
        """Run the module where it is, and wait for what it gives."""
        return self.forward_async(*args, **kwargs).wait()

    def forward_async(self, *args, **kwargs):
        """Run the module where it is; a Future of what it gives."""
        from ... import rpc

        return rpc.rpc_async(self.module_rref.owner(), _forward, (self.module_rref, args, kwargs))

    def remote_parameters(self, recurse: bool = True) -> list:
        """RRefs to the module's parameters."""
        from ... import rpc

        return rpc.rpc_sync(self.module_rref.owner(), _parameters, (self.module_rref, recurse))

    def get_module_rref(self):
        """The RRef to the module."""
        return self.module_rref

    def train(self, mode: bool = True):
        """Put the module there, and this one, in training mode."""
        from ... import rpc

        self.training = mode
        if "module_rref" in self.__dict__:
            rpc.rpc_sync(self.module_rref.owner(), _train, (self.module_rref, mode))
        return self

    def eval(self):
        """Put the module there, and this one, in evaluation mode."""
        return self.train(False)

    def __reduce__(self):
        raise RuntimeError(
            "Cannot pickle RemoteModule in python pickler. RemoteModule can only be pickled when using RPC: send get_module_rref()"
        )

    __reduce_ex__ = lambda self, protocol: self.__reduce__()


def _make(module_cls, args, kwargs, device):
    from ... import rpc

    return rpc.RRef(_build(module_cls, args, kwargs, device))


def _refuse(name):
    def method(self, *args, **kwargs):
        raise ValueError(f"Method ``{name}`` not supported for RemoteModule: its parameters are on {self.module_rref.owner()}")

    method.__name__, method.__doc__ = name, "ValueError: the parameters are on another worker."
    return method


for _name in _REFUSED:
    if _name not in ("train", "eval", "extra_repr"):
        setattr(RemoteModule, _name, _refuse(_name))
