"""The reader that computes and writes at once: run through it, a record's formulas come back as terms with their values.

read(record, arrays, params)   the value and the gradients of an operation, in the symbols x, y, gy
read_node(node)                the same of an operation in a graph, from the values it saved
"""

import builtins
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...backend import numpy as NP
from ...errors.teaching import RuntimeError, TypeError
from .axes import without_single
from .recovered import recovered
from .said import WRITER, Said, argument, compute, function, value_behind
from .terms import Term, symbol

__all__ = ["WRITER", "Reading", "Said", "array_of", "compute", "function", "read", "read_node"]


@dataclass
class Reading:
    """An operation read: its outputs from the inputs, and its gradients from inputs, outputs, kept values and gys.

    `unknown` names the symbols whose numbers are stand-ins (a graph's node doesn't keep what its rules don't read).
    """

    record: Any
    inputs: dict[str, Any]  # symbols; None where an optional tensor is missing; a plain number where one was given
    params: dict[str, Any]  # as given: floating-point ones and arrays are symbols in the terms
    outputs: dict[str, Term] = field(default_factory=dict)
    keeps: dict[str, Term] = field(default_factory=dict)
    gradients: dict[str, Any] = field(default_factory=dict)
    gys: dict[str, Term] = field(default_factory=dict)
    symbols: dict[str, Term] = field(default_factory=dict)  # every symbol by its name
    unknown: set = field(default_factory=set)
    given: dict[str, Any] = field(default_factory=dict)  # params as the formulas met them

    def value(self, name: str):
        """The array behind a symbol, an output or a kept value."""
        return self.symbols[name].value


def array_of(v):
    """A tensor's array, also within a tuple; arrays, numbers and None as they are."""
    return type(v)(map(array_of, v)) if type(v) in (tuple, list) else getattr(v, "_a", v)


def read(record, tensors, params=(), gradients=None, seed: int = 0) -> Reading:
    """Read an operation on these tensors (a list, or a dict by name) and params (in order, or by name).

    `gradients`: those of the outputs, by name or in order; drawn where not given. Raises what the operation raises.
    """
    record = getattr(record, "record", record)
    tensors, params = _inputs(record, tensors), _params(record, params)
    reading = Reading(record, {}, params)
    said = {name: _said(reading, name, v) for name, v in tensors.items()}
    reading.inputs = {n: v.term if isinstance(v, Said) else v for n, v in said.items()}
    named = {n: _parameter(reading, n, v) for n, v in params.items()}
    plain = {n: array_of(v) for n, v in params.items()}
    for forward in (lambda: _forward(reading, said, named), lambda: _forward(reading, said, plain), lambda: _whole(reading, said)):
        try:
            forward()  # with symbols for numbers; with plain numbers; as one word
            break
        except (builtins.TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
            reason = error
    else:
        raise reason
    _backward(reading, said, gradients, seed)
    return reading


def _inputs(record, tensors) -> dict:
    if record.variadic:
        tensors = list(tensors.values()) if isinstance(tensors, dict) else list(tensors)
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
            tensors = list(tensors[0])
        return {f"x{i + 1}": v for i, v in enumerate(tensors)}
    if not isinstance(tensors, dict):
        tensors = dict(zip(record.inputs, tensors))
    return {n: tensors.get(n) for n in record.inputs}


def _params(record, params) -> dict:
    given = dict(params) if isinstance(params, dict) else dict(zip(record.params, params))
    defaults = record.forward.__defaults__ or ()
    for name, v in zip(record.params[len(record.params) - len(defaults) :], defaults):
        given.setdefault(name, v)
    return given


def _said(reading, name: str, v) -> Any:
    """A named quantity for a tensor; plain numbers and None stay themselves."""
    v = array_of(v)
    if v is None or not hasattr(v, "shape"):
        return v
    reading.symbols[name] = symbol(name, np.asarray(v))
    return Said(reading.symbols[name])


def _parameter(reading, name: str, v) -> Any:
    v = array_of(v)
    if isinstance(v, np.ndarray) or (type(v) is float and np.isfinite(v)):
        reading.symbols[name] = symbol(name, v)
        return Said(reading.symbols[name])
    return v


def _forward(reading, said, params) -> None:
    record = reading.record
    with np.errstate(all="ignore"):
        if record.variadic:
            made = record.forward(WRITER, list(said.values()), *params.values())
        else:
            made = record.forward(WRITER, *said.values(), *params.values())
    if record.show is not None:  # an operation that gives several views: y1, y2, …
        names = [f"{record.outputs[0]}{i + 1}" for i in range(len(made))]
        reading.outputs.update(dict.fromkeys(names))
    else:
        names = [*record.outputs, *record.keeps]
        if len(names) == 1:
            made = (made,)
    if any(isinstance(v, np.ndarray) for v in made):  # computed aside, with NumPy itself
        raise TypeError(f"{record.name}: no term for its value")
    for name, v in zip(names, made):
        t = without_single(v.term) if isinstance(v, Said) else None if v is None else Term("number", (), {"number": v}, np.asarray(v))
        (reading.keeps if name in record.keeps else reading.outputs)[name] = t
        if t is not None:
            reading.symbols[name] = symbol(name, np.asarray(t.value))
    reading.given = params


def _whole(reading, said) -> None:
    """An operation that computes with NumPy itself: its value, as one word of its own name."""
    record = reading.record
    plain = {n: array_of(v) for n, v in reading.params.items()}
    values = [value_behind(v) for v in said.values()]
    with np.errstate(all="ignore"):
        made = record.forward(NP, values, *plain.values()) if record.variadic else record.forward(NP, *values, *plain.values())
    t = Term("op." + record.name, tuple(map(argument, said.values())), plain, made)
    names = [*record.outputs, *record.keeps]
    parts = [t] if len(names) == 1 else [Term("part", (t,), {"nr": i}, v) for i, v in enumerate(made)]
    for name, part in zip(names, parts):
        part.value = np.asarray(part.value)
        (reading.keeps if name in record.keeps else reading.outputs)[name] = part
        reading.symbols[name] = symbol(name, part.value)
    reading.given = plain


def _draw(rng, like):
    g = rng.standard_normal(like.shape)
    if like.dtype.kind == "c":
        g = g + 1j * rng.standard_normal(like.shape)
    return g.astype(like.dtype) if like.dtype.kind in "fc" else g


def _backward(reading, said, gradients, seed) -> None:
    record = reading.record
    if not record.differentiable:
        return
    rng = np.random.default_rng(seed)
    if gradients is not None and not isinstance(gradients, dict):
        gradients = dict(zip(reading.outputs, gradients))
    for name in reading.outputs:
        if name not in reading.symbols:
            continue
        g = array_of((gradients or {}).get(name, (gradients or {}).get("g" + name)))
        if g is None:
            g = _draw(rng, reading.symbols[name].value)
        reading.gys[name] = reading.symbols["g" + name] = symbol("g" + name, np.asarray(g))
    known = _environment(reading, said)
    rules = {n: r for n, r in zip(record.inputs, record.rules) if r is not None}
    with np.errstate(all="ignore"):
        if record.joint is not None:
            count = len(said) if record.variadic else len(record.inputs)
            known["needed"] = tuple([v is not None for v in said.values()]) if count else ()
            found = record.joint(WRITER, *[known[n] for n in _names(record.joint)])
            pairs = list(zip(said, found))
        elif record.variadic:
            rule = next(iter(rules.values()))
            pairs = list(zip(said, rule(WRITER, *[known[n] for n in _names(rule)])))
        else:
            pairs = [
                (n, r(WRITER, *[known[k] for k in _names(r)]))
                for n, r in rules.items()
                if isinstance(said[n], Said) and said[n].value.dtype.kind in "fc"
            ]
    for name, v in pairs:
        if v is not None:
            reading.gradients[name] = without_single(v.term) if isinstance(v, Said) else Term("number", (), {"number": v}, np.asarray(v))


def _environment(reading, said) -> dict:
    """What a rule may name, as it will be handed to it."""
    record = reading.record
    known: dict[str, Any] = {n: Said(t) for n, t in reading.symbols.items()}
    if record.variadic:
        known["xs"], known["shapes"] = list(said.values()), tuple(v.shape for v in said.values())
    else:
        known.update(said)
        known.update({n + "_shape": getattr(v, "shape", ()) if v is not None else None for n, v in said.items()})
    known.update(reading.given)
    if record.show is not None:
        known["gys"] = [Said(g) for g in reading.gys.values()]
    for n in (*record.outputs, *record.keeps):
        known.setdefault(n, None)
    return known


def _names(rule) -> tuple:
    return rule.__code__.co_varnames[1 : rule.__code__.co_argcount]


def read_node(node, gradients=None, tensors: dict | None = None, seed: int = 0) -> Reading:
    """Read an operation in a graph: its saved values are known, and `tensors` (by name) where the caller knows more.

    What the node did not save is `unknown`: a stand-in of the right shape takes its place, so that the formulas can be
    written. `gradients`: of the outputs, by name or in order. RuntimeError: the node has no record, or gave up its values.
    """
    record = node.record or getattr(node, "parts", None)
    if record is None or node.saved is None:
        raise RuntimeError(f"{node.name()} can't be read: " + ("it has no record" if record is None else "backward has freed its values"))
    places = record.environment if node.record is not None else ("x_shape", *record.params)  # an operation that gives several views
    saved, tensors = dict(zip(places, node.saved)), dict(tensors or {})
    for i, edge in enumerate(node.edges):  # a leaf is its own value
        if not record.variadic and hasattr(edge, "_a") and saved.get(record.inputs[i]) is None:
            tensors.setdefault(record.inputs[i], edge._a)
    for name, a in recovered(record.name, saved).items():
        fit = node.fit and node.fit[record.inputs.index(name)]
        if not fit or fit[0] == a.shape:
            tensors.setdefault(name, a)
    params = {n: saved[n] for n in record.params}
    if isinstance(gradients, (list, tuple)):
        gradients = dict(zip(record.outputs, gradients))
    gradients = {k: array_of(v) for k, v in (gradients or {}).items()}
    unknown: set = set()
    rng = np.random.default_rng(seed)
    if record.variadic:
        shapes = saved["shapes"]
        given = saved["xs"] or tensors.get("xs")
        if given is None:
            given, unknown = [0.5 + rng.random(s) for s in shapes], {f"x{i + 1}" for i in range(len(shapes))}
        reading = read(record, list(given), params, gradients, seed)
    else:
        inputs = {n: tensors.get(n) if saved.get(n) is None else saved[n] for n in record.inputs}
        likely = {
            name: _shape_of_input(node, record, i, saved, gradients)
            for i, name in enumerate(record.inputs)
            if inputs[name] is None and (node.edges[i] is not None or _wanted(record, name, node))
        }
        unknown = set(likely)
        reading = _with_stand_ins(record, inputs, params, gradients, likely, rng, seed)
    reading.unknown = unknown
    for name in (*record.outputs, *record.keeps):
        if saved.get(name) is not None:
            _replace(reading, name, saved[name])
        elif unknown and name in reading.symbols:
            reading.unknown.add(name)
    return reading


def _with_stand_ins(record, inputs, params, gradients, likely, rng, seed) -> Reading:
    """The reading with stand-ins of the likely shapes, or else of the first shapes with which the operation runs."""
    first = [shape for shape, _ in likely.values()]
    for shapes in itertools.chain([first], itertools.islice(_guesses(len(first), inputs, params, gradients), 2000 if first else 0)):
        made = {name: (0.5 + rng.random(shape)).astype(dtype) for (name, (_, dtype)), shape in zip(likely.items(), shapes)}
        try:
            return read(record, {**inputs, **made}, params, gradients, seed)
        except (ValueError, IndexError, builtins.TypeError) as error:
            reason = error
    raise reason


def _guesses(count: int, inputs, params, gradients):
    """Shapes to try: of the ranks that a parameter tells (as many dimensions, or the last that it names), or up to 4; of sizes about."""
    told = [v for v in params.values() if isinstance(v, tuple) and v and all(isinstance(k, int) for k in v)]
    ranks = dict.fromkeys([*map(len, told), *(max(v) + 1 for v in told if 0 <= max(v) < 6), *(() if told else (2, 1)), 3, 4])
    sizes = {n for v in (*inputs.values(), *gradients.values()) if hasattr(v, "shape") for n in v.shape} | {2}
    one = [shape for rank in ranks for shape in itertools.product(sorted(sizes), repeat=rank)]
    return itertools.product(one, repeat=count)


def _replace(reading, name: str, value) -> None:
    """Give a symbol the value that the graph saved for it; the rules are read again."""
    if reading.unknown and not np.array_equal(reading.symbols[name].value, value, equal_nan=True):
        reading.symbols[name].value = np.asarray(value)
        said = {n: Said(v) if isinstance(v, Term) else v for n, v in reading.inputs.items()}
        _backward(reading, said, {n: t.value for n, t in reading.gys.items()}, 0)


def _wanted(record, name: str, node) -> bool:
    """Whether an input without an edge and without a value was there all the same, such as a constant operand."""
    fit = node.fit
    return bool(fit and fit[record.inputs.index(name)] is not None) or (record.promotes and len(record.inputs) == 2)


def _shape_of_input(node, record, i: int, saved, gradients) -> tuple:
    """(shape, dtype) of an input whose value is gone, from whatever still tells it."""
    name = record.inputs[i]
    others = [v for v in saved.values() if isinstance(v, np.ndarray) and v.dtype.kind in "fc"]
    dtype = others[0].dtype if others else np.dtype(np.float64)
    if saved.get(name + "_shape") is not None:
        return saved[name + "_shape"], dtype
    if node.fit and node.fit[i] is not None:
        return node.fit[i]
    for source in [saved.get(record.outputs[0]), *gradients.values(), *others]:
        if source is not None and hasattr(source, "shape"):
            return source.shape, source.dtype if source.dtype.kind in "fc" else dtype
    return (2,) if record.broadcasts or record.promotes else (2, 2), dtype
