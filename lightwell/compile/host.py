"""What Python does for a compiled program before each call: numbers of optimizers, random draws.

While a program is traced, a hyper-parameter is a `Number`: a float that remembers how it was computed, as a Python expression of
the list `n` of the optimizers' numbers. Later calls evaluate the expressions on the numbers of the day; a comparison gives the
answer of the day and is noted as a condition, under which alone the traced program is the right one.
"""

import operator
from typing import Any


class Number(float):
    """A float that depends on a list `n` of numbers handed over with each call: `text` is the expression that gives it anew."""

    text: str
    conditions: list

    def __new__(cls, value, text, conditions):
        made = super().__new__(cls, value)
        made.text, made.conditions = text, conditions
        return made

    def slot(self, graph):
        """The graph's value for it, made at the first need."""
        found = self.__dict__.get("_slot")
        if found is None or found[0] is not graph:
            found = self._slot = (graph, graph.number())
            graph.number_sources.append(self)
        return found[1]

    def __reduce__(self):
        return float, (float(self),)

    def __bool__(self):
        answer = float(self) != 0.0
        self.conditions.append((f"{self.text} != 0.0", answer))
        return answer

    __hash__ = float.__hash__

    def __neg__(self):
        return Number(-float(self), f"(-{self.text})", self.conditions)

    def __abs__(self):
        return Number(abs(float(self)), f"abs({self.text})", self.conditions)


def _told(x) -> str:
    return x.text if type(x) is Number else f"({float(x)!r})"


def _plain(x):
    return float(x) if type(x) is Number else x


def _arithmetic(function, sign, swapped):
    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        a, b = (other, self) if swapped else (self, other)
        return Number(function(_plain(a), _plain(b)), f"({_told(a)} {sign} {_told(b)})", self.conditions)

    return method


def _comparison(function, sign):
    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        answer = function(float(self), float(other))
        self.conditions.append((f"{self.text} {sign} {_told(other)}", answer))
        return answer

    return method


for _name, _sign in {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "floordiv": "//", "mod": "%"}.items():
    setattr(Number, f"__{_name}__", _arithmetic(getattr(operator, _name), _sign, False))
    setattr(Number, f"__r{_name}__", _arithmetic(getattr(operator, _name), _sign, True))
for _name, _sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}.items():
    setattr(Number, f"__{_name}__", _comparison(getattr(operator, _name), _sign))


def vector(numbers: list):
    """A function of the list `n` that gives the numbers anew, as a tuple of floats."""
    return _evaluated(f"({''.join(number.text + ',' for number in numbers)})")


def _evaluated(text: str):
    return eval(f"lambda n: {text}", {"inf": float("inf"), "nan": float("nan"), "abs": abs})  # our own text, of numbers and signs alone


class Actions:
    """The Python part of a program: optimizers' numbers and random draws, in the order in which the program asked for them.

    `numbers` of a call is one flat list; each action appends what it yields.
    """

    def __init__(self):
        self.steps: list[tuple] = []  # ("optimizer", optimizer, updates told) or ("draw", function, args, kwargs, drawn)
        self.values: list[Any] = []  # the numbers of the traced call
        self.conditions: list[tuple[str, bool]] = []
        self._test: Any = None

    def number(self, value):
        """A number of the traced call as a `Number` of its place."""
        self.values.append(value)
        return Number(value, f"n[{len(self.values) - 1}]", self.conditions)

    def hold(self, numbers: list) -> bool:
        """Whether the conditions under which the program was traced hold for these numbers."""
        if self._test is None:
            told = dict.fromkeys(f"({text}) is {answer}" for text, answer in self.conditions)
            self._test = _evaluated(" and ".join(told) or "True")
        return self._test(numbers)
