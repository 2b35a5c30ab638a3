"""Where tensors come from, as far as the lint needs it: the last few operations, the call of the model, the tensor at the start.

Unlike the graph of autograd this is kept for every tensor, integers and `no_grad` included. It is short on purpose: nothing in it
keeps a tensor alive.
"""

import itertools
import weakref

from ...tensor import Tensor

# Operations that only move, choose or convert numbers: what is said of the input still holds for the result.
MOVES = frozenset(
    "view reshape unsqueeze squeeze squeeze_dim squeeze_dims alias clone permute transpose t expand select slice new_dims index "
    "flip roll to_copy split split_with_sizes unbind index_select diagonal as_strided".split()
)
_LENGTH = 8  # of a trail
_serial = itertools.count(1)


class _Ref(weakref.ref):
    """A weak reference that knows its place in the notes."""

    __slots__ = ("key",)


class Notes:
    """Notes on tensors, kept beside them and gone with them. (In their `__dict__` they would be saved and copied along.)"""

    def __init__(self):
        self._of: dict = {}

    def get(self, t, default=None):
        """The note on a tensor."""
        found = self._of.get(id(t))
        return default if found is None else found[1]

    def put(self, t, note) -> None:
        """Write the note on a tensor."""
        key = id(t)
        ref = _Ref(t, self._forget)
        ref.key = key
        self._of[key] = (ref, note)

    def drop(self, t) -> None:
        """Forget the note on a tensor."""
        self._of.pop(id(t), None)

    def _forget(self, ref):
        self._of.pop(ref.key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._of.clear()


ORIGINS, BORN, ALIASES, LEAVES = (
    Notes(),
    Notes(),
    Notes(),
    Notes(),
)  # origins; when parameters were made, and by which lines; of which leaf a tensor is `.data`
_observers = 0
_known = ORIGINS.get


class Origin:
    """`trail`: names of the operations, newest first; `call`: the model's call it follows from; `source`: a number for its start.

    `direct`: whether only moves lie between the call's result and this tensor; `ints`: made from integers by a conversion (its number), else False.
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
    found = _known(t)
    if found is None:
        found = Origin()
        ORIGINS.put(t, found)
    return found


def put(t, origin: Origin) -> None:
    """Say where a tensor comes from."""
    ORIGINS.put(t, origin)


def begin() -> None:
    """An observer starts."""
    global _observers
    _observers += 1


def end() -> None:
    """An observer stops; with the last one the notes go."""
    global _observers
    _observers -= 1
    if not _observers:
        for notes in (ORIGINS, BORN, ALIASES, LEAVES):
            notes.clear()


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
                ints = next(_serial)
            trail = (name, *best.trail[: _LENGTH - 1])
            ORIGINS.put(t, Origin(trail, best.call, best.direct and move, best.source if move else None, ints))
