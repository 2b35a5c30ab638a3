"""What a native recurrent layer is: its form, and the arrays that its code finds in its slots.

A batch of one has no columns to lay lanes along. There lanes run along the features, which then lie side by side; the
temporary arrays of all steps are (T, rows) instead of (rows, T, N) so that they do in those, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .recurrent_parts import Code, Vec

GATES = {"rnn": 1, "relu": 1, "gru": 3, "lstm": 4}
STATES = {"rnn": ("h",), "relu": ("h",), "gru": ("h",), "lstm": ("h", "c")}
KEPT = {"rnn": ("hidden",), "relu": ("hidden",), "gru": ("gates", "inner", "hidden"), "lstm": ("gates", "hidden", "cells", "tanhs")}
WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")


@dataclass(frozen=True)
class Form:
    """All that shapes the code of a layer. `have` names the arrays that are handed over, in the order of their slots."""

    word: str
    kind: str
    batch: int
    inputs: int
    size: int
    reverse: bool
    long: bool  # all steps together have more columns than the weights have rows: which of both the threads share
    have: tuple

    @property
    def gates(self) -> int:
        """Rows of the weights for each feature."""
        return GATES[self.word]

    @property
    def rows(self) -> int:
        """Rows of the weights."""
        return self.gates * self.size


class Layer(Code):
    """A layer's code while it is written. `extra` are temporaries: (name, elements for each step, elements besides)."""

    def __init__(self, form: Form, extra: list[tuple[str, int, int]]):
        super().__init__(form.kind, form.batch)
        self.form, self.size, f = form, form.size, self.f
        self.arrays = {name: f.slot(1 + i) for i, name in enumerate(form.have)}
        place = f.slot(1 + len(form.have))
        self.count = f.slot(2 + len(form.have), "i64")  # of steps
        self.flat = self.mul64(self.count, self.batch)  # columns of all steps together
        self.block = self.size * self.batch  # elements of a state
        self.alone = form.batch == 1
        for name, each, more in extra:
            self.arrays[name] = place
            place = self.at(place, self.add64(self.mul64(self.count, each), more))

    def has(self, name: str) -> bool:
        """Whether there is such an array."""
        return name in self.arrays

    def part(self, name: str, i: str, rows: int | None = None) -> str:
        """Where block i of an array begins whose blocks have `rows` rows of the batch (a state's unless said)."""
        return self.at(self.arrays[name], self.mul64(i, self.block if rows is None else rows * self.batch))

    def tiles(self, width: int, body: Callable[["Tile"], None]) -> None:
        """Write body(tile) for this thread's part of the features, `width` at a time, and all columns."""

        def some(j: str, n: int) -> None:
            if self.alone:
                body(Tile(self, j, 1, "0", self.vectors(n)))
            else:
                self.columns(lambda column, vecs: body(Tile(self, j, n, column, vecs)))

        self.features(self.size, width, some)


class Tile:
    """n features from j on and one block of columns, of arrays that lie as (rows, batch); for a batch of one n is 1, and the
    vectors lie along the features."""

    def __init__(self, p: Layer, j: str, n: int, column: str, vecs: list[Vec]):
        self.p, self.j, self.n, self.column, self.vecs = p, j, n, column, vecs

    def at(self, pointer: str) -> str:
        """Where the tile lies within the array that begins at `pointer`."""
        return self.p.at(pointer, self.p.mul64(self.j, self.p.batch), self.column)

    def load(self, place: str, i: int, v: Vec, gate: int = 0) -> str:
        """Feature i of the tile at `place`, within block `gate` of features."""
        return self.p.load(place, v, (gate * self.p.size + i) * self.p.batch)

    def store(self, x: str, place: str, i: int, v: Vec, gate: int = 0) -> None:
        """Write it."""
        self.p.store(x, place, v, (gate * self.p.size + i) * self.p.batch)

    def far(self, name: str, rows: int, t: str, gate: int, i: int) -> str:
        """Where feature i lies at step t within a temporary array of `rows` rows for all steps."""
        row = self.p.add64(self.j, gate * self.p.size + i)
        if self.p.alone:
            return self.p.at(self.p.arrays[name], self.p.mul64(t, rows), row)
        return self.p.at(self.p.arrays[name], self.p.mul64(row, self.p.flat), self.p.mul64(t, self.p.batch), self.column)


def aligned(extra: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The temporaries with sizes that let each begin on a line of the cache."""
    return [(name, -(-each // 16) * 16, -(-more // 16) * 16) for name, each, more in extra]


def elements(extra: list[tuple[str, int, int]], steps: int) -> int:
    """Elements of all temporaries together."""
    return sum(each * steps + more for _, each, more in extra)
