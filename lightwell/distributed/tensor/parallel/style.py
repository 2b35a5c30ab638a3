"""The styles: how one module's parameters are cut, and what happens to its inputs and outputs."""

from abc import ABC, abstractmethod

from .... import nn
from ....errors.teaching import AssertionError, NotImplementedError, ValueError
from ....tensor import Tensor
from .._api import DTensor, distribute_module, distribute_tensor
from ..placement_types import Replicate, Shard

__all__ = [
    "ColwiseParallel", "ParallelStyle", "PrepareModuleInput", "PrepareModuleInputOutput", "PrepareModuleOutput", "RowwiseParallel",
    "SequenceParallel",
]  # fmt: skip


class ParallelStyle(ABC):
    """How a module lies on a mesh."""

    src_data_rank: int | None = 0

    @abstractmethod
    def _apply(self, module, device_mesh):
        """Lay the module on the mesh."""


def _as_dtensor(x, mesh, layouts, desired, shape=None):
    """A tensor that lies as `layouts`, laid as `desired`."""
    if not isinstance(x, DTensor):
        x = DTensor.from_local(x, mesh, layouts, run_check=False)
    return x if x.placements == tuple(desired) else x.redistribute(placements=desired)


def _output(x, layouts, local: bool):
    if x.placements != tuple(layouts):
        x = x.redistribute(placements=layouts)
    return x.to_local() if local else x


class _WeightParallel(ParallelStyle):
    """What ColwiseParallel and RowwiseParallel share: the module's first input and its output, and its cut parameters."""

    def __init__(self, input_layout, output_layout, use_local_output):
        self.input_layouts, self.output_layouts, self.use_local_output = (input_layout,), (output_layout,), use_local_output
        self.desired_input_layouts = (Replicate(),)

    def _cuts(self, module):
        raise NotImplementedError

    def _wanted_input(self, module):
        return self.desired_input_layouts

    def _apply(self, module, device_mesh):
        cuts = self._cuts(module)

        def cut(name, part, mesh):
            for key, p in part.named_parameters(recurse=False):
                laid = distribute_tensor(p, mesh, [cuts[key]], src_data_rank=self.src_data_rank)
                part.register_parameter(key, laid)

        desired = self._wanted_input(module)

        def before(mod, inputs, mesh):
            return (_as_dtensor(inputs[0], mesh, self.input_layouts, desired), *inputs[1:])

        return distribute_module(
            module, device_mesh, cut, before, lambda mod, out, mesh: _output(out, self.output_layouts, self.use_local_output)
        )


class ColwiseParallel(_WeightParallel):
    """nn.Linear with its output features, or nn.Embedding with its columns, cut over the ranks.

    The input is made Replicate (from `input_layouts`); the output is Shard(-1), or `output_layouts`; a plain tensor with `use_local_output`.
    """

    def __init__(self, *, input_layouts=None, output_layouts=None, use_local_output: bool = True):
        super().__init__(input_layouts or Replicate(), output_layouts or Shard(-1), use_local_output)

    def _cuts(self, module):
        if isinstance(module, nn.Linear):
            return {"weight": Shard(0), "bias": Shard(0)}
        if isinstance(module, nn.Embedding):
            return {"weight": Shard(1)}
        raise NotImplementedError(f"ColwiseParallel currently only support nn.Linear and nn.Embedding, not {type(module).__name__}!")


class RowwiseParallel(_WeightParallel):
    """nn.Linear with its input features, or nn.Embedding with its rows, cut over the ranks; the ranks' terms are summed.

    A Linear's input is made Shard(-1) (from `input_layouts`, Shard(-1) by default), an Embedding's Replicate; the output is Replicate, or
    `output_layouts`; a plain tensor with `use_local_output`.
    """

    def __init__(self, *, input_layouts=None, output_layouts=None, use_local_output: bool = True):
        super().__init__(input_layouts or Shard(-1), output_layouts or Replicate(), use_local_output)

    def _cuts(self, module):
        if isinstance(module, nn.Linear):
            return {"weight": Shard(1), "bias": Replicate()}
        if isinstance(module, nn.Embedding):
            return {"weight": Shard(0)}
        raise NotImplementedError(f"RowwiseParallel currently only support nn.Linear and nn.Embedding, not {type(module).__name__}!")

    def _wanted_input(self, module):
        return (Shard(-1),) if isinstance(module, nn.Linear) else (Replicate(),)


class SequenceParallel(ParallelStyle):
    """LayerNorm, RMSNorm or Dropout on inputs cut along the sequence (`sequence_dim`); parameters are replicated."""

    def __init__(self, *, sequence_dim: int = 1, use_local_output: bool = False):
        self.sequence_sharding, self.use_local_output = (Shard(sequence_dim),), use_local_output

    def _apply(self, module, device_mesh):
        def replicate(name, part, mesh):
            for key, p in part.named_parameters(recurse=False):
                # made alike on all ranks by the user: not sent around
                part.register_parameter(key, distribute_tensor(p, mesh, [Replicate()], src_data_rank=self.src_data_rank))

        def before(mod, inputs, mesh):
            x = inputs[0] if isinstance(inputs, tuple) else inputs
            if not isinstance(x, Tensor):
                raise ValueError(f"expecting input of {mod} to be a torch.Tensor or DTensor, but got {x}")
            return (_as_dtensor(x, mesh, self.sequence_sharding, self.sequence_sharding), *inputs[1:])

        def after(mod, out, mesh):
            return out.to_local() if self.use_local_output else out

        return distribute_module(module, device_mesh, replicate, before, after)


def _tuple(layouts):
    return layouts if layouts is None or isinstance(layouts, tuple) else (layouts,)


class PrepareModuleInput(ParallelStyle):
    """A module's tensor inputs as DTensors: input i lies as `input_layouts[i]` (None: left alone) and is laid as `desired_input_layouts[i]`."""

    def __init__(
        self, *, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None, desired_input_kwarg_layouts=None,
        use_local_output: bool = False,
    ):  # fmt: skip
        self.input_layouts, self.desired_input_layouts = _tuple(input_layouts), _tuple(desired_input_layouts)
        self.use_local_output = use_local_output
        if self.input_layouts is not None:
            if self.desired_input_layouts is None:
                raise AssertionError("desired module inputs should not be None!")
            if len(self.input_layouts) != len(self.desired_input_layouts):
                raise AssertionError("input_layouts and desired_input_layouts should have same length!")
        self.input_kwarg_layouts, self.desired_input_kwarg_layouts = input_kwarg_layouts or {}, desired_input_kwarg_layouts or {}
        if set(self.input_kwarg_layouts) != set(self.desired_input_kwarg_layouts):
            raise AssertionError("input_kwarg_layouts and desired_input_kwarg_layouts should have same length!")

    def _laid(self, x, mesh, layout, desired):
        if layout is None or not isinstance(x, Tensor):
            return x
        x = _as_dtensor(x, mesh, (layout,), (desired,) if desired is not None else (layout,))
        return x.to_local() if self.use_local_output else x

    def _apply(self, module, device_mesh):
        def before(mod, args, kwargs):
            if self.input_layouts is not None:
                if len(args) != len(self.input_layouts):
                    raise ValueError("module inputs and input_layouts should have same length!")
                args = tuple(self._laid(x, device_mesh, a, b) for x, a, b in zip(args, self.input_layouts, self.desired_input_layouts))
            named = {
                k: self._laid(x, device_mesh, self.input_kwarg_layouts.get(k), self.desired_input_kwarg_layouts.get(k))
                for k, x in kwargs.items()
            }
            return args, named

        module.register_forward_pre_hook(before, with_kwargs=True)
        return module


class PrepareModuleOutput(ParallelStyle):
    """A module's tensor outputs: output i lies as `output_layouts[i]` (None: left alone) and is laid as `desired_output_layouts[i]`."""

    def __init__(self, *, output_layouts, desired_output_layouts, use_local_output: bool = True):
        self.output_layouts, self.desired_output_layouts = _tuple(output_layouts), _tuple(desired_output_layouts)
        self.use_local_output = use_local_output
        if len(self.output_layouts) != len(self.desired_output_layouts):
            raise AssertionError("output_layouts and desired_output_layouts should have same length!")

    def _apply(self, module, device_mesh):
        def after(mod, inputs, outputs):
            several = outputs if isinstance(outputs, tuple) else (outputs,)
            if len(several) != len(self.output_layouts):
                raise ValueError("module outputs and output_layouts should have same length!")
            made = []
            for x, a, b in zip(several, self.output_layouts, self.desired_output_layouts):
                if a is not None:
                    x = _as_dtensor(x, device_mesh, (a,), (b,) if b is not None else (a,))
                    x = x.to_local() if self.use_local_output else x
                made.append(x)
            return tuple(made) if isinstance(outputs, tuple) else made[0]

        module.register_forward_hook(after)
        return module


class PrepareModuleInputOutput(ParallelStyle):
    """PrepareModuleInput and PrepareModuleOutput together."""

    def __init__(
        self, *, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None, desired_input_kwarg_layouts=None,
        use_local_input: bool = False, output_layouts, desired_output_layouts, use_local_output: bool = True,
    ):  # fmt: skip
        self.prepare_module_input = PrepareModuleInput(
            input_layouts=input_layouts, desired_input_layouts=desired_input_layouts, input_kwarg_layouts=input_kwarg_layouts,
            desired_input_kwarg_layouts=desired_input_kwarg_layouts, use_local_output=use_local_input,
        )  # fmt: skip
        self.prepare_module_output = PrepareModuleOutput(
            output_layouts=output_layouts, desired_output_layouts=desired_output_layouts, use_local_output=use_local_output
        )

    def _apply(self, module, device_mesh):
        return self.prepare_module_output._apply(self.prepare_module_input._apply(module, device_mesh), device_mesh)
