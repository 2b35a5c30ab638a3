"""Activations by layer, on some of the steps: mean, deviation, dead and saturated units; and layers that no gradient reaches."""

import math
from typing import Any

import numpy as np

from ...tensor import Tensor
from .safe import ACTIVATIONS, WEIGHED
from .sites import Place

SAMPLE = 32768  # numbers of an activation that are looked at
ENOUGH = 3  # samples before something is said
MANY = 200  # examples after which a unit that gave 0 for all of them counts as dead, whatever it did before


class Layer:
    """One module's outputs, over the samples."""

    def __init__(self, path: str, kind: str):
        self.path, self.kind = path, kind
        self.mean = self.std = math.nan
        self.shape: tuple = ()
        self.samples = 0

    def note(self, a) -> None:
        """Add a sample."""
        flat = a.reshape(-1)[:: max(1, a.size // SAMPLE)].astype(np.float64)
        with np.errstate(all="ignore"):  # of infinities
            self.mean, self.std, self.shape = float(flat.mean()), float(flat.std()), a.shape
        self.samples += 1


class Units:
    """One activation function's units: how many don't wake any more, how many lie at the ends."""

    def __init__(self, op: str, place, path: str, meaning: str):
        self.op, self.place, self.path, self.meaning = op, place, path, meaning
        self.quiet: Any = None  # for each unit the samples and the examples since it last gave something else than 0
        self.flat = 0.0
        self.samples = self.examples = 0
        self.weighed = False  # whether a layer with weights reads it: the last activation of a network may well be saturated

    def note(self, a) -> None:
        """Add a sample: an activation's values, the batch first, then units (channels of a picture, the last dimension of a sequence)."""
        axis = 1 if a.ndim in (2, 4, 5) else a.ndim - 1
        if a.size > 8 * SAMPLE:
            a = a[:: max(1, a.size // (8 * SAMPLE))]
        over = tuple(i for i in range(a.ndim) if i != axis)
        examples = a.shape[0] if a.ndim > 1 else 1
        if self.meaning == "dead":
            awake = (a > 0).any(axis=over)
            if self.quiet is None or self.quiet.shape[1:] != awake.shape:
                self.quiet = np.zeros((2, *awake.shape), np.int64)
                self.samples = self.examples = 0
            self.quiet += np.array([[1], [examples]])
            self.quiet[:, awake] = 0
        else:
            low, high = (0.01, 0.99) if self.op in ("sigmoid", "hardsigmoid") else (-0.99, 0.99)
            now = float(((a < low) | (a > high)).mean())
            self.flat = now if not self.samples else 0.5 * self.flat + 0.5 * now
        self.samples += 1
        self.examples += examples

    def _dead(self):
        """Which units gave 0 for every example of late; ever, where no weights follow: a hinge loss may well become 0."""
        many = min(self.examples, MANY) if self.weighed else self.examples
        return (self.quiet[0] >= min(self.samples, ENOUGH)) & (self.quiet[1] >= many)

    @property
    def dead(self) -> float:
        """The share of units that gave 0 for every example of late."""
        return 0.0 if self.quiet is None or not self.quiet.size else float(self._dead().mean())

    @property
    def asleep(self) -> bool:
        """Whether the whole layer has given nothing but 0 in the last samples."""
        return self.quiet is not None and bool(self.quiet.size) and bool((self.quiet[0] >= ENOUGH).all())

    def told_dead(self) -> tuple:
        """How many units are dead, and since how many examples."""
        dead = self.quiet[0] >= ENOUGH if self.asleep else self._dead()
        n, examples = int(dead.sum()), int(self.quiet[1][dead].min())
        return (
            f"{n} of {dead.size} units gave 0 for all of the last {examples} examples looked at",
            f"{dead.size} 个单元中有 {n} 个对最近查看的 {examples} 个样本全部输出 0",
        )


class Health:
    """Layers and units; `complaints()` gives what is unhealthy."""

    def __init__(self):
        self.layers: dict[int, Layer] = {}
        self.units: dict[tuple, Units] = {}
        self._order: list = []  # the operations of this sample that matter: the last activation is not followed by weights
        self.weak = 0  # samples in a row in which a layer got almost no gradient
        self.weakest: Any = None

    def output(self, module, path: str, output) -> None:
        """Note a leaf module's output."""
        t = output[0] if isinstance(output, tuple) and output else output
        if isinstance(t, Tensor) and type(t._a) is np.ndarray and t._a.dtype.kind == "f" and t._a.size and t._a.ndim:
            found = self.layers.get(id(module))
            if found is None:
                found = self.layers[id(module)] = Layer(path, type(module).__name__)
            found.path = path
            found.note(t._a)

    def operation(self, rec, out, site: tuple, path: str) -> None:
        """Note an operation's result, if it is an activation function; and whether weights follow one."""
        name = rec.name
        if name in WEIGHED or name == "linear":
            for units in self._order:
                units.weighed = True
            self._order = []
            return
        meaning = ACTIVATIONS.get(name)
        if meaning is None or not isinstance(out, Tensor) or type(out._a) is not np.ndarray or out._a.ndim < 2 or not out._a.size:
            return
        key = (id(site[0]), site[1], path)
        found = self.units.get(key)
        if found is None:
            found = self.units[key] = Units(name, Place.of(*site), path, meaning)
        found.note(out._a)
        self._order.append(found)

    def ended(self) -> None:
        """A forward has ended: the weights of the next one follow none of its activations."""
        self._order = []

    def gradients(self, training) -> None:
        """Compare the layers' gradients with one another: ‖gradient‖/‖weights‖ of the weakest with that of the strongest."""
        found = []
        for f in training.followed.values():
            if f.tensor._a.ndim >= 2 and f.p2 > 0 and f.tensor._grad is not None:
                found.append((math.sqrt(f.g2 / f.p2), f))
        if len(found) < 3:
            return
        strongest = max(v for v, _ in found)
        value, weakest = min(found, key=lambda e: e[0])
        if 0 < strongest < math.inf and value < 1e-5 * strongest:
            self.weak += 1
            self.weakest = (weakest.name, value, strongest, max(found, key=lambda e: e[0])[1].name)
        else:
            self.weak = 0

    def complaints(self) -> list:
        """(code, Units or None, note) of what is unhealthy by now."""
        out: list = []
        stopped = self.weak >= ENOUGH and self.weakest[1] == 0  # a gradient of exactly 0: by units that are shut, where there are such
        asleep = [u for u in self.units.values() if u.asleep]
        shut = asleep or any(u.samples >= ENOUGH and (u.dead > 0.9 or u.flat > 0.9) for u in self.units.values())
        if self.weak >= ENOUGH and not (stopped and shut):
            name, value, strongest, other = self.weakest
            flat = [u for u in self.units.values() if u.meaning == "flat"] or list(self.units.values())
            slope = max(flat, key=lambda u: u.samples, default=None)  # the line that runs most often: that of a loop over layers
            told = (
                f"gradient/weight of {name} is {value:.2g}, that of {other} {strongest:.2g}",
                f"{name} 的 梯度/权重 为 {value:.2g}，而 {other} 为 {strongest:.2g}",
            )
            out.append(("LW550", slope, told, name))
        for units in self.units.values():
            if units.samples < ENOUGH:
                continue
            dead = units.dead >= 0.999 or (units.dead >= 0.9 and units.examples >= MANY) or (stopped and units.asleep)
            if units.meaning == "dead" and dead:
                out.append(("LW551", units, units.told_dead(), units.path))
            elif units.meaning == "flat" and units.weighed and units.op != "hardtanh" and units.flat >= 0.9:
                out.append(("LW552", units, (
                    f"{units.flat:.0%} of the outputs lie at the ends", f"{units.flat:.0%} 的输出落在两端",
                ), units.path))  # fmt: skip
        return out
