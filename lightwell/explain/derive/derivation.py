"""What a derivation is: lines of mathematics with their reasons. `derive` makes them, the notations write them, the tests evaluate them."""

from dataclasses import dataclass, field
from typing import Any

from .terms import Term


@dataclass
class Line:
    """`left relation right`, and why: a pair (English, Chinese). Free index variables on the left run over their whole range.

    `checked` is the array that `right` must evaluate to (a derivation's lines are all evaluated by the tests); None where
    the line names something that has no number of its own, such as a convention.
    """

    left: Term | None
    right: Term
    why: tuple[str, str]
    relation: str = "="
    checked: Any = None


@dataclass
class Part:
    """How the gradient reaches one input: from the local derivative, by the chain rule, to what the record computes."""

    input: str  # the input's name: the derivation ends with g<input>
    lines: list[Line] = field(default_factory=list)
    conventions: list[Line] = field(default_factory=list)  # at corners, where there is no derivative: what the record takes, and why


@dataclass
class Derivation:
    """An operation's formula and, for each input that has a gradient, the way to it.

    `definition` says the value (with intermediate quantities where a teacher would name them), `parts` the derivatives.
    `idea` is one sentence on the way taken, (English, Chinese). `bindings` gives every symbol its array.
    """

    op: str
    idea: tuple[str, str]
    definition: list[Line] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    bindings: dict[str, Any] = field(default_factory=dict)
