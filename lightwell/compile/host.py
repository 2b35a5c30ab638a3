"""What Python does for a compiled program before each call: numbers of optimizers, random draws.

While a program is traced, a hyper-parameter is a `Number`: a float that remembers how it was computed. Arithmetic with it is
noted, so that later calls compute it anew from the optimizer's numbers of the day; a comparison gives the answer of the day
and is noted as a condition (`Conditions`), under which alone the traced program is the right one.
"""

import operator
from collections.abc import Callable
from typing import Any


class Number(float):
    """A float that depends on a list of numbers handed over with each call: `compute(numbers)` gives it anew."""

    compute: Callable[[list], float]
    conditions: list

    def __new__(cls, value, compute, conditions):
        made = super().__new__(cls, value)
        made.compute, made.conditions = compute, conditions
        return made

    def slot(self, graph):
        """The graph's value for it, made at the first need."""
        found = self.__dict__.get("_slot")
        if found is None or found[0] is not graph:
            found = self._slot = (graph, graph.number())
            graph.number_sources = [*getattr(graph, "number_sources", ()), self]
        return found[1]

    def __reduce__(self):
        return float, (float(self),)

    def __bool__(self):
        answer = float(self) != 0.0
        compute = self.compute
        self.conditions.append((lambda numbers: compute(numbers) != 0.0, answer))
        return answer

    __hash__ = float.__hash__

    def __neg__(self):
        return _made(operator.neg, self)

    def __abs__(self):
        return _made(operator.abs, self)


def _value(x, numbers):
    return x.compute(numbers) if type(x) is Number else x


def _made(function, *args):
    conditions = next(a.conditions for a in args if type(a) is Number)
    value = function(*[float(a) if type(a) is Number else a for a in args])
    return Number(value, lambda numbers: function(*[_value(a, numbers) for a in args]), conditions)


def _arithmetic(function, swapped):
    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        return _made(function, other, self) if swapped else _made(function, self, other)

    return method


def _comparison(function):
    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        answer = function(float(self), float(other))
        self.conditions.append((lambda numbers: function(_value(self, numbers), _value(other, numbers)), answer))
        return answer

    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod"):
    setattr(Number, f"__{_name}__", _arithmetic(getattr(operator, _name), False))
    setattr(Number, f"__r{_name}__", _arithmetic(getattr(operator, _name), True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _comparison(getattr(operator, _name)))


class Actions:
    """The Python part of a program: optimizers' numbers and random draws, in the order in which the program asked for them.

    `numbers` of a call is one flat list; each action appends what it yields.
    """

    def __init__(self):
        self.steps: list[tuple] = []  # ("optimizer", optimizer, closure-free step, told) or ("draw", function, args, kwargs)
        self.values: list[Any] = []  # the numbers of the traced call
        self.conditions: list = []

    def number(self, value):
        """A number of the traced call as a `Number` of its place."""
        place = len(self.values)
        self.values.append(value)
        return Number(value, lambda numbers: numbers[place], self.conditions)

    def hold(self, numbers: list) -> bool:
        """Whether the conditions under which the program was traced hold for these numbers."""
        return all(test(numbers) == answer for test, answer in self.conditions)
