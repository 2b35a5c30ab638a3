"""Class numbers that are learned as quantities: LW407 for the losses that measure a distance.

Ages and counts are whole numbers too, and to learn them by a distance is right. What tells class numbers apart: they come as integers,
and are turned into floats only at the loss, batch by batch; they are 0, 1, ... without a gap; there are about as many of each; one number
comes out of a linear layer for them; the inputs do not move along a line with them; and nothing in the program's text speaks of a quantity.
"""

import numpy as np

from ...tensor import Tensor
from . import origins, source

_LINEAR = frozenset("linear addmm mm mv bmm convolution".split())
_DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_MOST = 1000  # classes
_ENOUGH = 50000  # targets that are counted
_COLUMNS, _EXAMPLES = 256, 2000  # of the inputs, that are compared with the targets


class Wholes:
    """The whole numbers that one line takes for targets."""

    def __init__(self, name, shape, linear):
        self.name, self.shape, self.linear = name, shape, linear
        self.many = np.zeros(_MOST, dtype=np.int64)  # how often each number came
        self.turned: set = set()  # one entry for each time that integers were made floats
        self.fit = True
        self.groups = Groups()

    @property
    def top(self) -> int:
        """The largest number."""
        return int(np.flatnonzero(self.many)[-1])

    def counted_off(self) -> bool:
        """Whether they are 0, 1, 2, ... without a gap, three at least, and came as integers to each batch."""
        seen = np.flatnonzero(self.many)
        return self.fit and len(seen) >= 3 and seen[-1] == len(seen) - 1 and len(self.turned) >= 2

    def even(self) -> bool:
        """Whether there are about as many of each; counts have a peak and a tail."""
        seen = self.many[: self.top + 1]
        return len(seen) <= 20 and seen.sum() >= 4 * len(seen) and float(seen.std()) < 0.48 * float(seen.mean())


class Groups:
    """The inputs, class by class: whether they change along a line as the number grows, as they do for a quantity.

    Between the class means mu_k lies B = sum n_k |mu_k - mu|^2, and on the line through them
    L = |sum n_k (k - k_mean) (mu_k - mu)|^2 / sum n_k (k - k_mean)^2, in units of the deviation inside the classes; without any relation
    B is about (K - 1) d, and L about d, with d columns.
    """

    def __init__(self):
        self.rows, self.numbers, self.known = [], [], set()

    def add(self, x, numbers):
        """A batch: its inputs and their numbers; an example that was seen already adds nothing."""
        x = x.reshape(len(x), -1)
        x = x[:, :: -(-x.shape[1] // _COLUMNS)]
        for row, number in zip(x, numbers.tolist()):
            key = hash((row.tobytes(), number))
            if key not in self.known and len(self.known) < _EXAMPLES:
                self.known.add(key)
                self.rows.append(np.array(row))
                self.numbers.append(number)

    def on_a_line(self) -> bool:
        """Whether most of what differs between the classes lies on one line, in order."""
        if len(self.rows) < 8 or len({r.shape for r in self.rows}) > 1:
            return False
        x, k = np.stack(self.rows).astype(np.float64), np.array(self.numbers, dtype=np.int64)
        many = np.bincount(k)
        if x.shape[1] == 0 or len(x) <= len(many) or (many == 0).any():
            return False
        x = x - x.mean(0)
        means = np.stack([x[k == i].mean(0) for i in range(len(many))])
        inside = np.sqrt(np.square(x - means[k]).sum(0) / (len(x) - len(many)))
        keep = inside > 1e-6 * (x.std(0) + 1e-12)
        means, columns = means[:, keep] / inside[keep], int(keep.sum())
        place = np.arange(len(many)) - k.mean()
        line = np.square((many * place) @ means).sum() / (many * place * place).sum()
        between = (many[:, None] * np.square(means)).sum()
        return bool(line > columns + 3 * np.sqrt(2 * columns) and line - columns > 0.5 * (between - (len(many) - 1) * columns))


class Targets:
    """LW407, where a distance is taken to the number of a class."""

    def __init__(self, report):
        self.report = report
        self.wholes: dict = {}
        self.fed: dict = {}  # id of a model -> whether it is fed whole numbers: to answer with one then is natural
        self.last = None  # the last call of a model, and its input
        self.compared: set = set()  # the largest class numbers that an argmax was compared with

    def call(self, call, args, out):
        """What a model is fed."""
        first = args[0] if args else None
        self.last = (call, first._a) if isinstance(first, Tensor) and first._a.dtype.kind == "f" and first.ndim > 1 else None
        key = id(call.module)
        if key not in self.fed:
            a = next((t._a for t in args if isinstance(t, Tensor)), None)
            whole = a is not None and a.size > 0 and a.ndim < 4 and (a.dtype.kind in "iu" or bool((a == np.floor(a)).all()))
            self.fed[key] = whole and float(a.max()) >= 2

    def op(self, name, args, out):
        """Classes that are compared with a prediction; distances that are written out."""
        if name in ("sub", "rsub") and not self.observer.in_loss and isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
            x, y = args[:2] if args[0]._rg else (args[1], args[0])
            if not y._rg:
                self._note(("in this difference", "这个差里"), x, y)
        if name == "eq" and isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
            for a, b in ((args[0], args[1]), (args[1], args[0])):
                if origins.of(a).last in ("argmax", "max_dim") and b._a.size and b._a.dtype.kind in "iu":
                    self.compared.add(int(b._a.max()))

    def loss(self, name, x, y, kwargs, out):
        """Note the whole numbers among the targets."""
        if name in _DISTANCES:
            self._note((f"of {name}", f"{name} "), x, y)

    def _note(self, name, x, y):
        if not x._rg or x.shape != y.shape or not (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)):
            return
        origin, turned = origins.of(x), origins.of(y).ints
        if y._a.dtype.kind in "iu":
            turned = object()
        if not turned or not y._a.size or origin.last in ("sigmoid", "embedding"):
            return
        at = source.here()
        found = self.wholes.get(at)
        if found is None:
            steps = origin.computed()
            linear = steps[:1] and (steps[0] in _LINEAR or (steps[0] == "add" and steps[1:2] and steps[1] in _LINEAR))
            fed = origin.call is not None and self.fed.get(id(origin.call.module), False)
            found = self.wholes[at] = Wholes(name, list(y.shape), bool(linear) and not fed)
        a = y._a.reshape(-1)
        if (a == np.floor(a)).all() and a.min() >= 0 and a.max() < _MOST:
            if found.many.sum() < _ENOUGH:
                found.many += np.bincount(a.astype(np.int64), minlength=_MOST)
                found.turned.add(turned)
                if self.last is not None and self.last[0] is origin.call and len(self.last[1]) == len(a):
                    found.groups.add(self.last[1], a.astype(np.int64))
        else:
            found.fit = False

    def end(self):
        """Decide which of them are the numbers of classes."""
        subject = self.observer.subject
        for at, found in self.wholes.items():
            if not found.counted_off():
                continue
            classes = found.top in self.compared or (
                subject != "quantities" and (subject == "classes" or (found.linear and found.even() and not found.groups.on_a_line()))
            )
            if classes:
                self.report.add("LW407", at, f"The targets {found.shape} {found.name[0]} are class numbers 0…{found.top}: to a distance, class {found.top} is far from class 0.",
                                f"{found.name[1]}的目标 {found.shape} 是类别编号 0…{found.top}：按距离算，类别 {found.top} 离类别 0 很远。")  # fmt: skip
