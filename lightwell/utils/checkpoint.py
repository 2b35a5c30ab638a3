"""Checkpointing: keep a part's inputs instead of its intermediate values, and compute those again in backward.

Memory is traded for one more forward pass (Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174).
"""

import contextlib
import warnings

from ..autograd import modes
from ..autograd.engine import backward
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, ValueError
from ..ops import precision
from ..random import default_generator
from ..tensor import Tensor

__all__ = [
    "CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint", "checkpoint_sequential", "detach_variable",
    "get_device_states", "noop_context_fn", "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip

_early_stop = None  # what set_checkpoint_early_stop says, over the argument of `checkpoint`


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Within it, every `checkpoint` stops its second run as soon as all it needs is there (True), or runs to the end (False).

    >>> import lightwell as torch
    >>> from lightwell.utils.checkpoint import checkpoint, set_checkpoint_early_stop
    >>> def f(x):
    ...     y = x.exp()
    ...     print("ran to the end")
    ...     return y
    >>> with set_checkpoint_early_stop(False):
    ...     y = checkpoint(f, torch.ones(1, requires_grad=True), use_reentrant=False)
    ran to the end
    >>> y.sum().backward()
    ran to the end
    """
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def check_backward_validity(inputs) -> None:
    """Warn (UserWarning) where none of the tensors requires grad: a checkpoint of them would give no gradients."""
    if not any(isinstance(t, Tensor) and t.requires_grad for t in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=users_level())


def get_device_states(*args) -> tuple[list, list]:
    """The accelerators of the arguments and the states of their random streams: none, everything is on the CPU."""
    return [], []


def set_device_states(devices, states, *, device_type=None) -> None:
    """Put the random streams of accelerators back; RuntimeError for any accelerator, since there is none here."""
    if devices:
        raise RuntimeError(f"set_device_states(): this build has no accelerator, but got states for {list(devices)}")


class CheckpointError(RuntimeError):
    """The second run of a checkpointed part saved other tensors than the first."""


def noop_context_fn():
    """Two contexts that do nothing: the default for the first and the second run."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def detach_variable(inputs: tuple) -> tuple:
    """The inputs, with tensors taken out of the graph but still requiring grad where they did."""
    return tuple(t.detach().requires_grad_(t.requires_grad) if isinstance(t, Tensor) else t for t in inputs)


def _cast_state() -> tuple:
    """Whether autocast is on, and to what."""
    return precision.is_enabled("cpu"), precision.fast_dtype("cpu")


@contextlib.contextmanager
def _as_cast(state: tuple):
    """Autocast as it was in the first run."""
    before = _cast_state()
    (on, precision.state.fast["cpu"]), precision.state.caching = state, False
    precision.set_enabled("cpu", on)
    try:
        yield
    finally:
        precision.state.fast["cpu"], precision.state.caching = before[1], True
        precision.set_enabled("cpu", before[0])


@contextlib.contextmanager
def _random_state(state):
    """Draw random numbers as from `state` within it, and as before afterwards; nothing for None."""
    if state is None:
        yield
        return
    before = default_generator.get_state()
    default_generator.set_state(state)
    try:
        yield
    finally:
        default_generator.set_state(before)


class CheckpointFunction(Function):
    """The reentrant form: one node, whose backward runs the part again and backward through it."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        ctx.run_function = run_function
        ctx.cast_state = _cast_state()
        ctx.random_state = default_generator.get_state() if preserve_rng_state else None
        ctx.tensor_indices = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*(args[i] for i in ctx.tensor_indices))
        return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if modes.state.targets:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter "
                "to .backward(). Pass use_reentrant=False to checkpoint()."
            )
        args = list(ctx.others)
        for i, t in zip(ctx.tensor_indices, ctx.saved_tensors):
            args[i] = t
        args = detach_variable(tuple(args))
        with _random_state(ctx.random_state), _as_cast(ctx.cast_state), modes.enable_grad():
            outputs = ctx.run_function(*args)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, grads) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *(a.grad if isinstance(a, Tensor) and a.is_leaf else None for a in args))


class _Stop(Exception):
    """Raised to end the second run when all that backward asks for is there."""


class _Part:
    """One run of a checkpointed function: how to run it again, and what that gave."""

    def __init__(self, function, args, kwargs, preserve, second_context, check, early_stop):
        self.function, self.args, self.kwargs, self.context = function, args, kwargs, second_context
        self.state = default_generator.get_state() if preserve else None
        self.cast_state = _cast_state()
        self.shapes: list = []  # of each saved tensor: (shape, dtype)
        self.values: dict = {}
        self.check, self.early_stop = check, early_stop

    def pack(self, t):
        """The first run: note the tensor's number and let it go."""
        self.shapes.append((t.shape, t.dtype))
        return len(self.shapes) - 1

    def unpack(self, number):
        """Backward: the tensor of that number, from a second run if it isn't there."""
        if number not in self.values:
            self.run_again()
        return self.values.pop(number)

    def run_again(self) -> None:
        """Run the function once more and take what it saves."""
        count, values = 0, {}

        def take(t):
            nonlocal count
            values[count] = t
            count += 1
            if self.early_stop and count == len(self.shapes):
                raise _Stop
            return t

        saving = saved_tensors_hooks(take, lambda t: t)
        with _random_state(self.state), _as_cast(self.cast_state), modes.enable_grad(), saving, self.context:
            try:
                self.function(*self.args, **self.kwargs)
            except _Stop:
                pass
        if count != len(self.shapes):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self.shapes)}\nNumber of tensors saved during recomputation: {count}\n"
                "The function must do the same both times: no global state, no randomness outside the default generator."
            )
        for i, (shape, dtype) in enumerate(self.shapes):
            if self.check and (values[i].shape, values[i].dtype) != (shape, dtype):
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during the "
                    f"forward pass.\ntensor at position {i}: saved {list(shape)} {dtype}, recomputed {list(values[i].shape)} {values[i].dtype}"
                )
        self.values = values


def checkpoint(
    function, *args, use_reentrant: bool | None = None, context_fn=noop_context_fn, determinism_check: str = "default",
    debug: bool = False, early_stop: bool = True, **kwargs,
):  # fmt: skip
    """function(*args, **kwargs), whose intermediate values are not kept but computed again in backward.

    `use_reentrant=False` (to be preferred) works with every kind of backward and with keyword arguments;
    `use_reentrant=True` needs an argument that requires grad, and `.backward()` without `inputs`. With
    `preserve_rng_state` (the default) the second run draws the same random numbers. CheckpointError where the second run
    saves other tensors than the first (`determinism_check="none"` compares only their number).

    >>> import lightwell as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint(lambda t: (t * t).exp(), x, use_reentrant=False)
    >>> y.sum().backward(); x.grad
    tensor([  5.4366, 218.3926])
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint(): pass use_reentrant explicitly: False is recommended, True is what its absence means.",
            UserWarning,
            stacklevel=users_level(),
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if modes.state.grad and not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=users_level())
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'] but got {determinism_check}")
    first, second = context_fn()
    if not modes.state.grad:
        with first:
            return function(*args, **kwargs)
    part = _Part(
        function, args, kwargs, preserve, second, determinism_check == "default", early_stop if _early_stop is None else _early_stop
    )
    with saved_tensors_hooks(part.pack, part.unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(functions, segments: int, input, use_reentrant: bool | None = None, **kwargs):
    """The modules of a Sequential (or a list of functions) one after the other, in `segments` checkpointed groups.

    The last group is not checkpointed: backward needs its values at once.

    >>> import lightwell as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint_sequential([torch.exp, torch.sin], 2, x, use_reentrant=False)
    >>> y.shape
    torch.Size([2])
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint_sequential(): pass use_reentrant explicitly: False is recommended, True is what its absence means.",
            UserWarning, stacklevel=users_level(),
        )  # fmt: skip
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)

    def group(start, end):
        def run(x):
            for f in functions[start:end]:
                x = f(x)
            return x

        return run

    size, end = len(functions) // segments, 0
    for i in range(segments - 1):
        input = checkpoint(group(i * size, (i + 1) * size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        end = (i + 1) * size
    return group(end, len(functions))(input)
