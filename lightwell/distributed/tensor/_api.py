"""DTensor: a tensor that lies on the ranks of a mesh, and how one is made.

A DTensor *is* this rank's part (its `_a`, its place in the graph, its gradient), and knows the whole's shape and placements. Every public
function called with one comes to `__torch_function__`, which finds the function's rule in `_ops.py`; inside rules, plain local tensors are
computed with, so that autograd needs to know nothing.
"""

import copy

from ...device import device as Device
from ...errors.teaching import IndexError, NotImplementedError, RuntimeError, TypeError, ValueError
from ...meta import as_meta, is_hollow
from ...tensor import Size, Tensor, make
from ..device_mesh import DeviceMesh, init_device_mesh
from ._redistribute import local_shape_and_offset, redistribute_local
from .placement_types import DTensorSpec, Partial, Placement, Replicate, Shard, TensorMeta

_intercepting = False


def _intercept():
    """From the first DTensor on, public functions ask their arguments for rules."""
    global _intercepting
    if not _intercepting:
        from ...overrides import hold

        hold()
        _intercepting = True


def strides_of(shape) -> tuple:
    """The strides of a contiguous tensor."""
    out, step = [], 1
    for s in reversed(shape):
        out.append(step)
        step *= max(s, 1)
    return tuple(reversed(out))


def wrap_local(local: Tensor, mesh, placements, shape, cls=None) -> "DTensor":
    """The DTensor whose part on this rank is `local`, at `local`'s place in the graph."""
    _intercept()
    d = make(local._a, cls or DTensor)
    d._node, d._rg, d._base, d._cell = local._node, local._rg, local._base, local._cell
    if local._base is not None:
        d._seen = local._seen
    d._spec = DTensorSpec(mesh, tuple(placements), TensorMeta(Size(shape), strides_of(shape), local.dtype))
    return d


def local_of(d: "DTensor") -> Tensor:
    """This rank's part as a plain tensor in the graph."""
    if d._rg and d._node is None:
        return _Part.apply(d)
    if d._base is not None:
        d._refresh()
    t = make(d._a)
    t._node, t._rg, t._cell = d._node, d._rg, d._cell_now()
    return t


def _part_function():
    from ...autograd.function import Function

    class _Part(Function):
        """A leaf's part: the same memory, one step further in the graph."""

        @staticmethod
        def forward(ctx, d):
            t = make(d._a)
            t._cell = d._cell_now()
            return t

        @staticmethod
        def backward(ctx, g):
            return g

    return _Part


_Part = _part_function()


def normal_placements(mesh, placements, ndim: int) -> tuple:
    """Placements for each mesh dimension (Replicate for None), their dimensions counted from the front."""
    placements = [Replicate()] * mesh.ndim if placements is None else list(placements)
    if len(placements) != mesh.ndim:
        raise RuntimeError(
            f"`placements` must have the same length as `device_mesh.ndim`! Found placements length: {len(placements)}, and device_mesh.ndim: {mesh.ndim}."
        )
    out = []
    for p in placements:
        if not isinstance(p, Placement):
            raise TypeError(f"a placement is Shard(dim), Replicate() or Partial(), not {p!r}")
        if isinstance(p, Shard):
            dim = p.dim + ndim if p.dim < 0 else p.dim
            if not 0 <= dim < ndim:
                raise IndexError(f"{p}: the tensor has {ndim} dimensions")
            p = Shard(dim)
        out.append(p)
    return tuple(out)


class DTensor(Tensor):
    """A tensor on a mesh of ranks: sharded, replicated, or partial along each mesh dimension.

    Operations take and return DTensors; `to_local()` is this rank's part, `full_tensor()` the whole, `redistribute` lays it differently.
    Elementwise operations, products, reductions, normalisations, embeddings and changes of shape run on the parts where that is right;
    others on the whole, on every rank.

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> from lightwell.distributed.tensor import Shard, distribute_tensor
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> x = distribute_tensor(torch.arange(4.0), dist.init_device_mesh("cpu", (1,)), [Shard(0)])
    >>> (x * 2).sum().full_tensor(), x.placements
    (tensor(12.), (Shard(dim=0),))
    >>> dist.destroy_process_group()
    """

    def __new__(cls, local_tensor, spec, *, requires_grad: bool = False):
        return wrap_local(local_tensor, spec.mesh, spec.placements, spec.tensor_meta.shape).requires_grad_(requires_grad)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        from ._ops import dispatch

        return dispatch(func, args, kwargs or {})

    # ---- what it is -----------------------------------------------------------------------------------------------

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._spec.mesh

    @property
    def placements(self) -> tuple:
        """How it lies along each mesh dimension."""
        return self._spec.placements

    @property
    def shape(self) -> Size:
        """The whole tensor's shape."""
        return self._spec.tensor_meta.shape

    def size(self, dim=None):
        """The whole tensor's shape, or one of its sizes."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """The whole tensor's number of elements."""
        return self.shape.numel()

    nelement = numel

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return self.numel() * self._a.itemsize

    def stride(self, dim=None):
        """The whole tensor's strides."""
        s = strides_of(self.shape)
        return s if dim is None else s[dim]

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def is_contiguous(self, memory_format=None) -> bool:
        """Whether this rank's part is."""
        return self._a.flags.c_contiguous

    @property
    def _local_tensor(self) -> Tensor:
        return as_meta(self) if self.is_meta else make(self._a)

    @property
    def is_meta(self) -> bool:
        """Whether its parts are without numbers, as those of a model that was made on the meta device."""
        return is_hollow(self._a)

    @property
    def device(self):
        """Where the parts are."""
        return Device("meta" if self.is_meta else "cpu")

    @property
    def grad(self):
        """The accumulated gradient, lying as the tensor does."""
        g = self._grad
        if g is None or isinstance(g, DTensor):
            return g
        placements = [Replicate() if isinstance(p, Partial) else p for p in self.placements]
        self._grad = wrap_local(g, self.device_mesh, placements, self.shape)
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
        if value is not None and value._a.shape != self._a.shape:
            raise RuntimeError(
                f"assigned grad has data of a different size: its part is {list(value._a.shape)}, the tensor's {list(self._a.shape)}"
            )
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def data(self):
        """The same part outside the graph."""
        return wrap_local(make(self._a), self.device_mesh, self.placements, self.shape)

    @data.setter
    def data(self, value):
        self._a, self._cell, self._base = value._a, None, None
        if isinstance(value, DTensor):
            self._spec = value._spec

    def detach(self):
        """The same part outside the graph: writing to one shows in the other."""
        out = self.data
        out._cell = self._cell_now()
        return out

    # ---- from and to plain tensors --------------------------------------------------------------------------------

    @staticmethod
    def from_local(
        local_tensor, device_mesh=None, placements=None, *, run_check: bool = False, shape=None, stride=None, grad_placements=None
    ):
        """The DTensor of which `local_tensor` is this rank's part; gradients flow to it.

        Without `shape` all parts are taken to be of one size. `run_check` gives all ranks rank 0's data where it is replicated.
        """
        mesh = device_mesh if device_mesh is not None else init_device_mesh("cpu", (-1,))
        placements = normal_placements(mesh, placements, local_tensor.dim())
        if shape is None:
            shape = list(local_tensor.shape)
            for j, p in enumerate(placements):
                if isinstance(p, Shard):
                    shape[p.dim] *= mesh.size(j)
        if run_check:
            from ..collectives import broadcast

            local_tensor = local_tensor.clone()
            for j, p in enumerate(placements):
                if isinstance(p, Replicate):
                    broadcast(local_tensor.detach(), group=mesh.get_group(j), group_src=0)
        if local_tensor._rg and local_tensor._node is None:
            local_tensor = _Part.apply(local_tensor)
        return wrap_local(local_tensor, mesh, placements, shape)

    def to_local(self, *, grad_placements=None) -> Tensor:
        """This rank's part. Its gradient is taken to lie as the tensor does; as `grad_placements`, where given."""
        local = local_of(self)
        if grad_placements is None:
            return local
        wanted = [Replicate() if isinstance(p, Partial) else p for p in self.placements]
        given = normal_placements(self.device_mesh, grad_placements, len(self.shape))
        return _as_given(local, self.shape, self.device_mesh, given, wanted)

    def full_tensor(self, *, grad_placements=None) -> Tensor:
        """The whole, on every rank; all ranks call it."""
        return self.redistribute(placements=[Replicate()] * self.device_mesh.ndim).to_local(grad_placements=grad_placements)

    def redistribute(
        self, device_mesh=None, placements=None, *, async_op: bool = False, forward_dtype=None, backward_dtype=None
    ) -> "DTensor":
        """The same tensor under other placements; all ranks call it. RuntimeError for another mesh."""
        mesh = self.device_mesh if device_mesh is None else device_mesh
        if mesh != self.device_mesh:
            raise NotImplementedError("Cross device mesh comm not supported yet: go through full_tensor() and distribute_tensor()")
        if placements is None:
            raise RuntimeError("placements is needed for redistribute!")
        placements = normal_placements(mesh, placements, len(self.shape))
        if placements == self.placements:
            return self
        return wrap_local(redistribute_local(local_of(self), self.shape, mesh, self.placements, placements), mesh, placements, self.shape)

    def _as_parameter(self, requires_grad: bool = True):
        """What nn.Parameter makes of it."""
        return parameter(self, requires_grad)

    # ---- the rest -------------------------------------------------------------------------------------------------

    def __repr__(self, *, tensor_contents=None):
        return f"DTensor(local_tensor={make(self._a)!r}, device_mesh={self.device_mesh!r}, placements={self.placements!r})"

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        out = wrap_local(make(self._a.copy()), self.device_mesh, self.placements, self.shape, type(self))
        out._rg = self._rg
        if self._grad is not None:
            out._grad = copy.deepcopy(self._grad, memo)
        memo[id(self)] = out
        return out

    def __reduce_ex__(self, protocol):
        raise RuntimeError("a DTensor can't be pickled: save its full_tensor(), or the state dict with torch.distributed.checkpoint")


def _as_given(local, shape, mesh, given, wanted):
    from ...autograd.function import Function

    class _Regrad(Function):
        @staticmethod
        def forward(ctx, t):
            return t.clone()

        @staticmethod
        def backward(ctx, g):
            return redistribute_local(g, shape, mesh, given, wanted)

    return _Regrad.apply(local)


class DParameter(DTensor):
    """A DTensor that modules count among their parameters."""

    _is_param = True

    def __new__(cls, data, requires_grad: bool = True):
        out = wrap_local(make(data._a), data.device_mesh, data.placements, data.shape, cls)
        out._rg = requires_grad
        return out


def _parameter_class():
    """Parameter's class must be among the bases, for modules to take notice."""
    from ...nn.parameter import Parameter

    return type("Parameter", (DParameter, Parameter), {"__doc__": "A DTensor that is a parameter.", "__module__": __name__})


_parameter_type: list = []


def parameter(data: DTensor, requires_grad: bool = True):
    """A DTensor as a module's parameter."""
    if not _parameter_type:
        _parameter_type.append(_parameter_class())
    return _parameter_type[0](data, requires_grad)


def distribute_tensor(tensor, device_mesh=None, placements=None, *, src_data_rank: int | None = 0) -> DTensor:
    """Lay a tensor that all ranks have (rank `src_data_rank`'s is taken; None: each its own) on a mesh; a leaf with its `requires_grad`."""
    from ..collectives import broadcast

    mesh = device_mesh if device_mesh is not None else init_device_mesh("cpu", (-1,))
    if isinstance(tensor, DTensor):
        if tensor.device_mesh != mesh:
            raise ValueError(f"Cannot distribute a DTensor with device mesh {tensor.device_mesh} to a different device mesh {mesh}.")
        return tensor.redistribute(mesh, placements)
    if not tensor.is_leaf:
        raise RuntimeError("`distribute_tensor` should be used to distribute leaf tensors! but found non-leaf tensor!")
    placements = normal_placements(mesh, placements, tensor.dim())
    if any(isinstance(p, Partial) for p in placements):
        raise RuntimeError("distribute_tensor: a tensor can be sharded or replicated, not Partial")
    whole = tensor.detach()
    if src_data_rank is not None and mesh.get_coordinate() is not None:
        whole = whole.clone()
        for d in range(mesh.ndim):
            if mesh.size(d) > 1:
                broadcast(whole, group=mesh.get_group(d), group_src=src_data_rank)
    size, offset = local_shape_and_offset(tensor.shape, mesh, placements)
    local = whole._a[tuple(slice(o, o + s) for o, s in zip(offset, size))].copy()
    out = wrap_local(make(local), mesh, placements, tensor.shape)
    out._rg = tensor.requires_grad
    return parameter(out, tensor.requires_grad) if getattr(tensor, "_is_param", False) or _is_parameter(tensor) else out


def _is_parameter(t) -> bool:
    from ...nn.parameter import Parameter

    return isinstance(t, Parameter)


def distribute_module(module, device_mesh=None, partition_fn=None, input_fn=None, output_fn=None):
    """Make all parameters of a module DTensors: by `partition_fn(name, submodule, mesh)`, the rest replicated.

    `input_fn(module, inputs, mesh)` and `output_fn(module, outputs, mesh)` run before and after its forward.
    """
    mesh = device_mesh if device_mesh is not None else init_device_mesh("cpu", (-1,))
    for name, part in module.named_modules():
        if partition_fn is not None:
            partition_fn(name, part, mesh)
        for table in (part._parameters, part._buffers):
            for key, t in table.items():
                if t is not None and not isinstance(t, DTensor):
                    table[key] = distribute_tensor(t, mesh, [Replicate()] * mesh.ndim)
    if input_fn is not None:
        module.register_forward_pre_hook(lambda m, inputs: input_fn(m, inputs, mesh))
    if output_fn is not None:
        module.register_forward_hook(lambda m, inputs, outputs: output_fn(m, outputs, mesh))
    return module


def _made(name, size, fill, dtype, requires_grad, mesh, placements) -> DTensor:
    """`torch.NAME` of a size, as a DTensor."""
    import lightwell as lw

    size = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)
    mesh = mesh if mesh is not None else init_device_mesh("cpu", (-1,))
    placements = normal_placements(mesh, placements, len(size))
    if name.startswith("rand"):  # the whole's numbers, of which each rank keeps its part: the same ones on any mesh
        return distribute_tensor(getattr(lw, name)(size, dtype=dtype), mesh, placements).requires_grad_(requires_grad)
    local, _ = local_shape_and_offset(size, mesh, placements)
    return wrap_local(getattr(lw, name)(local, *fill, dtype=dtype), mesh, placements, size).requires_grad_(requires_grad)


def zeros(*size, requires_grad: bool = False, dtype=None, layout=None, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of zeros, laid as `placements` (replicated by default) on `device_mesh`."""
    return _made("zeros", size, (), dtype, requires_grad, device_mesh, placements)


def ones(*size, dtype=None, layout=None, requires_grad: bool = False, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of ones, laid as `placements` (replicated by default) on `device_mesh`."""
    return _made("ones", size, (), dtype, requires_grad, device_mesh, placements)


def empty(*size, dtype=None, layout=None, requires_grad: bool = False, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of whatever memory held, laid as `placements` (replicated by default) on `device_mesh`."""
    return _made("empty", size, (), dtype, requires_grad, device_mesh, placements)


def full(size, fill_value, *, dtype=None, layout=None, requires_grad: bool = False, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of `fill_value`, laid as `placements` (replicated by default) on `device_mesh`."""
    return _made("full", (size,), (fill_value,), dtype, requires_grad, device_mesh, placements)


def rand(*size, requires_grad: bool = False, dtype=None, layout=None, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of uniform numbers (see `torch.rand`), the same ones on any mesh; laid as `placements` (replicated by default)."""
    return _made("rand", size, (), dtype, requires_grad, device_mesh, placements)


def randn(*size, requires_grad: bool = False, dtype=None, layout=None, device_mesh=None, placements=None) -> DTensor:
    """A DTensor of normal numbers (see `torch.randn`), the same ones on any mesh; laid as `placements` (replicated by default)."""
    return _made("randn", size, (), dtype, requires_grad, device_mesh, placements)
