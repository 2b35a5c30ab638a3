"""The words rnn, gru, lstm and their gradients as native code: what `backend/recurrent.py` computes, in the same layouts.

The number of steps is an integer handed over with each program, so that one kernel serves sequences of any length.
"""

from collections.abc import Callable
from typing import Any

from . import recurrent_back, recurrent_forward
from .calls import Kernel, native
from .nest import Call, Ref
from .recurrent_form import GATES, KEPT, STATES, WEIGHTS, Form, elements

# Multiply-adds of a step up to which one thread is quicker than two that wait for one another after each. Backward has more to
# do besides, and its waits cost more; a batch of one reads a weight for each of them.
ALONE = 60_000
_KINDS = {"float32": "float", "float64": "double"}


@native("rnn", "gru", "lstm")
def forward(call: Call, shapes: Callable) -> Kernel | None:
    """A layer in one direction over a whole sequence."""
    word, args = _split(call)
    states = STATES[word]
    names = ("x", *states, *WEIGHTS)
    given = dict(zip(names, args))
    outs = dict(zip(("y", *(s + "n" for s in states), *KEPT[word]), call.outs))
    return _kernel(word, given, given, outs, args[len(names)], shapes, recurrent_forward)


@native("rnn_back", "gru_back", "lstm_back")
def backward(call: Call, shapes: Callable) -> Kernel | None:
    """Its gradients."""
    word, (_, gradients, inputs, kept, reverse) = _split(call)
    states = STATES[word]
    names = ("x", *states, *WEIGHTS)
    given = dict(zip(names, inputs))
    outs = dict(zip(["g" + name for name in names], call.outs))
    read = dict(zip(("gy", *(f"g{s}n" for s in states)), gradients)) | dict(zip(KEPT[word], kept))
    read["w_hh"] = given["w_hh"]
    read |= {name: given[name] for name, use in (("x", "gw_ih"), ("w_ih", "gx")) if outs[use] is not None}
    if any(read[f"g{s}n"] is None for s in states):
        return None
    return _kernel(word, given, read, outs, reverse, shapes, recurrent_back)


def _split(call: Call) -> tuple[str, tuple]:
    """(rnn, relu, gru or lstm; the arguments that all of them have)."""
    word = call.word.removesuffix("_back")
    args = (*call.args, *call.kwargs.values())
    if word != "rnn":
        return word, args
    return ("relu" if args[0] else "rnn"), args[1:]


def _kernel(word: str, given: dict, read: dict, outs: dict, reverse: bool, shapes: Callable, code: Any) -> Kernel | None:
    """The kernel, or None where the arrays are of several or other types, or empty, or only one bias is there."""
    if (given["b_ih"] is None) != (given["b_hh"] is None):
        return None
    arrays = {name: ref for name, ref in read.items() if ref is not None}
    found = {name: shapes(ref) for name, ref in (given | arrays).items() if ref is not None}
    kinds = {str(dtype) for _, dtype in found.values()}
    if any(not isinstance(ref, Ref) for ref in arrays.values()) or len(kinds) != 1 or not kinds <= set(_KINDS):
        return None
    (steps, batch, inputs), size = found["x"][0], found["h"][0][1]
    if not steps * batch * inputs * size:
        return None
    slots = {name: ref.buffer for name, ref in arrays.items()}
    slots |= {name: number for name, number in outs.items() if number is not None}
    long = steps * batch > GATES[word] * size
    form = Form(word, _KINDS[kinds.pop()], batch, inputs, size, bool(reverse), long, tuple(slots))
    threads = batch * form.rows * size * (4 if batch == 1 else 1) > (ALONE if code is recurrent_forward else 3 * ALONE)
    read_numbers = [ref.buffer for ref in arrays.values()]
    return Kernel(
        f"{code.__name__} {form}", lambda: code.build(form), list(slots.values()), [steps],
        elements(code.extra(form), steps) * (4 if form.kind == "float" else 8), threads,
        read_numbers, [n for n in outs.values() if n is not None], operations=_operations(form, steps),
    )  # fmt: skip


def _operations(form: Form, steps: int) -> int:
    """Additions and multiplications of all products."""
    step = 2 * form.batch * form.rows
    if "y" in form.have or "hn" in form.have:
        return steps * step * (form.inputs + form.size)
    had = form.have
    return steps * step * (form.inputs * (("gx" in had) + ("gw_ih" in had)) + form.size * (1 + ("gw_hh" in had)))
