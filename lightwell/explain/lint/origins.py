"""Where tensors come from, as far as the lint needs it: the last few operations, the call of the model, the tensor at the start.

Unlike the graph of autograd this is kept for every tensor, integers and `no_grad` included. It is short on purpose: nothing in it
keeps a tensor alive.
"""

import itertools

from ...tensor import Tensor

# Operations that only move, choose or convert numbers: what is said of the input still holds for the result.
MOVES = frozenset(
    "view reshape unsqueeze squeeze squeeze_dim squeeze_dims alias clone permute transpose t expand select slice new_dims index "
    "flip roll to_copy split split_with_sizes unbind index_select diagonal as_strided".split()
)
_LENGTH = 8  # of a trail
_serial = itertools.count(1)


class Origin:
    """`trail`: names of the operations, newest first; `call`: the model's call it follows from; `source`: a number for its start.

    `direct`: whether only moves lie between the call's result and this tensor; `ints`: made from integers by a conversion.
    """

    __slots__ = ("call", "direct", "ints", "source", "trail")

    def __init__(self, trail=(), call=None, direct=False, source=None, ints=False):
        self.trail, self.call, self.direct, self.ints = trail, call, direct, ints
        self.source = next(_serial) if source is None else source

    @property
    def last(self) -> str:
        """The last operation that did more than move numbers; "" where there was none."""
        return next((name for name in self.trail if name not in MOVES), "")

    def computed(self) -> tuple:
        """The operations that did more than move numbers, newest first."""
        return tuple(name for name in self.trail if name not in MOVES)


def of(t) -> Origin:
    """A tensor's origin; one that was never seen gets a new one."""
    space = t.__dict__
    found = space.get("_lint")
    if found is None:
        found = space["_lint"] = Origin()
    return found


def put(t, origin: Origin) -> None:
    """Say where a tensor comes from."""
    t.__dict__["_lint"] = origin


def follow(name: str, args, out) -> None:
    """Note an operation's results: they go on from the argument that has the most to say (the model's output, else the first)."""
    best = converted = None
    for a in args:
        if isinstance(a, Tensor):
            o = of(a)
            if best is None or (best.call is None and o.call is not None) or (len(o.trail) and not best.trail and best.call is None):
                best, converted = o, a
        elif type(a) in (list, tuple) and a and isinstance(a[0], Tensor):
            o = of(a[0])
            if best is None:
                best, converted = o, a[0]
    if best is None:
        return
    move = name in MOVES
    for t in out if isinstance(out, (tuple, list)) else (out,):
        if isinstance(t, Tensor):
            ints = best.ints if move else False
            if name == "to_copy" and converted._a.dtype.kind in "iu" and t._a.dtype.kind == "f":
                ints = True
            t.__dict__["_lint"] = Origin(
                (name, *best.trail[: _LENGTH - 1]), best.call, best.direct and move, best.source if move else None, ints
            )
