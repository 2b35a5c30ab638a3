"""Random functions under vmap: refused, drawn once for all examples, or drawn for the whole batch in one go."""

import inspect

from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .example import Example, example, whole_of

_IN_PLACE = "uniform_ normal_ random_ bernoulli_ exponential_ geometric_ cauchy_ log_normal_".split()
_ELEMENTWISE = "rand_like randn_like randint_like bernoulli poisson binomial normal _dropped _noisy_relu".split()

_SHAPED = "rand_like randn_like randint_like gumbel_softmax _dropped".split()  # what they draw depends on the example's shape alone


def _repeated(fn):
    """`fn`, drawing the same numbers at each call."""
    from ..random import default_generator

    state = default_generator.get_state()

    def call(*args, **kwargs):
        default_generator.set_state(state)
        return fn(*args, **kwargs)

    return call


def draw(level, fn, args, kwargs):
    """`fn(*args, **kwargs)` under a level's `randomness`; RuntimeError where that is "error", or doesn't go with the arguments."""
    name = fn.__name__
    mapped = level._mapped((tuple(args), kwargs))
    if level.randomness == "error":
        raise RuntimeError(
            f"vmap: called random operation while in randomness error mode: {name.strip('_')}. Please either use the 'same' or "
            "'different' randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if name in _IN_PLACE:
        return _in_place(level, name, fn, args, kwargs)
    if level.randomness == "same":
        if mapped and name in _SHAPED:
            return level.each(_repeated(fn), args, kwargs)
        if mapped:
            raise RuntimeError(
                f"Vmap does not currently support same randomness with a batched tensor input: {name.strip('_')} draws by values "
                "that differ between the examples. Use randomness='different'"
            )
        with level.below():
            return fn(*args, **kwargs)
    with level.below():
        made = _different(level, name, fn, args, kwargs, mapped)
    return made if made is not None else level.each(fn, args, kwargs)


def _different(level, name, fn, args, kwargs, mapped):
    """The draw for the whole batch at once; None where it can only be done example by example."""
    n = level.size
    if name in ("rand", "randn"):
        size = kwargs.get("size", args)
        size = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
        return example(level, fn(n, *size, **{k: v for k, v in kwargs.items() if k != "size"}))
    if name in ("randint", "normal") and not mapped and not any(isinstance(a, Tensor) for a in (*args, *kwargs.values())):
        if name == "randint" and len(args) == 2 and "size" not in kwargs:
            args = (0, *args)
        bound = inspect.signature(fn).bind(*args, **kwargs)
        size = bound.arguments["size"]
        bound.arguments["size"] = (n, *((size,) if isinstance(size, int) else size))
        return example(level, fn(*bound.args, **bound.kwargs))
    if name in _ELEMENTWISE:
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
        if len({t.ndim for t in tensors}) == 1 and not (name == "_dropped" and args[2]):
            return example(level, fn(*[_full(level, a) for a in args], **{k: _full(level, v) for k, v in kwargs.items()}))
        if name == "_dropped":
            x = _full(level, args[0])
            return example(level, fn(x.flatten(0, 1), *args[1:]).unflatten(0, x.shape[:2]))
    if name == "multinomial" and args[0].ndim == 1:
        return example(level, fn(_full(level, args[0]), *args[1:], **kwargs))
    return None


def _full(level, a):
    if not isinstance(a, Tensor):
        return a
    whole = whole_of(level, a)
    return a.expand(level.size, *a.shape) if whole is None else whole


def _in_place(level, name, fn, args, kwargs):
    """A random fill: of the whole batch, or the same for all examples."""
    self = args[0]
    mapped = type(self) is Example and self.level is level
    if level.randomness == "different":
        if not mapped:
            raise RuntimeError(
                f"vmap: Cannot ask for different inplace randomness on an unbatched tensor: {name} has room for one draw only. "
                "Fill a tensor made from a mapped one, such as torch.empty_like(x), or use the out-of-place form"
            )
        with level.below():
            getattr(self.whole, name)(*[_full(level, a) for a in args[1:]], **{k: _full(level, v) for k, v in kwargs.items()})
        return self
    if level._mapped((tuple(args[1:]), kwargs)):
        raise RuntimeError(
            f"Vmap does not currently support same randomness with a batched tensor input: {name}. Use randomness='different'"
        )
    if not mapped:
        with level.below():
            return fn(*args, **kwargs)
    with level.below():
        one = self.whole.new_empty(tuple(self.shape))
        getattr(one, name)(*args[1:], **kwargs)
        self.whole.copy_(one.expand_as(self.whole))
    return self
