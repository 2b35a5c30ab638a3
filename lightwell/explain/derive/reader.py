"""The reader that computes and writes at once: run through it, a record's formulas come back as terms with their values.

What a formula handles is a `Said`: a term that answers for its value. It has a shape and a dtype, it can be compared,
indexed and asked for its truth, so that every rule can be read, whatever it looks at; and each word that is called on it
runs the NumPy backend and notes what was called.

    read(record, arrays, params)   the value and the gradients of an operation, in the symbols x, y, gy
    read_node(node)                the same of an operation in a graph, from the values it saved
"""

import inspect
import itertools
import types
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ...backend import numpy as NP
from .recovered import recovered
from .terms import Term, symbol, term

# How NumPy calls what the vocabulary calls otherwise.
_UFUNCS = {"absolute": "abs", "power": "pow", "arctan2": "atan2", "rint": "round", "invert": "bitwise_invert", "conjugate": "conj"}
_UFUNCS |= {"left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "true_divide": "divide"}
_UFUNCS |= {"arc" + n: "a" + n for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
_LISTS = ("concat", "stack")  # their first argument is a list of arrays
_NAMESPACES = ("linalg", "fft")
_OPERANDS = frozenset("xlogy xlog1py zeta heaviside softplus copysign where".split())  # elementwise, all arguments operands


def function(word: str) -> Any:
    """The NumPy backend's function for a word, such as "tanh" or "linalg.inv"."""
    found: Any = NP
    for name in word.split("."):
        found = getattr(found, name)
    return found


@cache
def parameters(word: str) -> tuple | None:
    """A word's arguments; None where all of them are operands (elementwise functions)."""
    found = function(word)
    if isinstance(found, np.ufunc) or hasattr(found, "ufunc") or word in _OPERANDS:
        return None
    try:
        names = tuple(inspect.signature(found).parameters.values())
    except ValueError:
        return None
    return None if word != "einsum" and any(p.kind is p.VAR_POSITIONAL for p in names) else names


def _value(x: Any) -> Any:
    if isinstance(x, Said):
        return x.term.value
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return x
    return type(x)(map(_value, x)) if isinstance(x, (list, tuple)) else x


def _term(x: Any) -> Any:
    """What stands in a term's parameters: plain values, and terms where values had a history."""
    if isinstance(x, Said):
        return x.term
    return type(x)(map(_term, x)) if type(x) in (list, tuple) else x


def _known(x: Any) -> bool:
    return isinstance(x, Said) or (type(x) in (list, tuple) and any(map(_known, x)))


def _argument(x: Any) -> Term:
    return x.term if isinstance(x, Said) else x if isinstance(x, Term) else term(x)


def _write(word: str, args: tuple, kwargs: dict) -> Term:
    """The term of a call: arrays among `args`, everything else in `params` by its name."""
    names = parameters(word)
    kwargs = {k: v for k, v in kwargs.items() if v is not None or k == "b"}
    if names is None:
        return Term(word, tuple(map(_argument, args)), {k: _term(v) for k, v in kwargs.items()})
    if word in _LISTS:
        given, args = tuple(args[0]), args[1:]
        names = names[1:]
    elif word == "einsum":
        kwargs, given, args, names = {"equation": args[0]}, args[1:], (), ()
    else:
        given = ()
    operands, params = list(given), {}
    for p, v in [*zip(names, args), *((p, kwargs[p.name]) for p in names[len(args) :] if p.name in kwargs)]:
        if isinstance(v, (Said, np.ndarray)):
            operands.append(v)
        elif v is not None or p.default is p.empty:
            params[p.name] = _term(v)
    spoken = {p.name for p in names}
    params.update({k: _term(v) for k, v in kwargs.items() if k not in spoken})
    return Term(word, tuple(map(_argument, operands)), params)


def compute(word: str, args: list, params: dict) -> Any:
    """The value of a word on values: the call that `_write` has written down, made again."""
    names, run = parameters(word), function(word)
    if names is None:
        return run(*args, **params)
    if word in _LISTS:
        return run(list(args), **params)
    if word == "einsum":
        return run(params["equation"], *args)
    waiting, call = list(args), dict(params)
    positional = []
    for p in names:
        if p.kind is p.VAR_KEYWORD:
            continue
        if p.name in call:
            v = call.pop(p.name)
        elif waiting and p.kind is not p.KEYWORD_ONLY:
            v = waiting.pop(0)
        elif p.default is not p.empty:
            v = p.default
        else:
            raise TypeError(f"{word}: no value for {p.name}")
        if p.kind is p.KEYWORD_ONLY:
            call[p.name] = v
        else:
            positional.append(v)
    return run(*positional, **call)


class Said:
    """A value with the term that says where it came from; behaves as the array (or number) does."""

    __slots__ = ("term",)
    __array_priority__ = 1000

    def __init__(self, t: Term):
        self.term = t

    def __repr__(self):
        return f"Said({self.term!r})"

    # -- what it is
    @property
    def value(self):
        return self.term.value

    def __getattr__(self, name):
        v = self.term.value
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("real", "imag"):
            return say(name, self) if v.dtype.kind == "c" or name == "imag" else self
        if name == "T":
            return say("matrix_transpose", self) if v.ndim == 2 else say("permute_dims", self, tuple(range(v.ndim))[::-1])
        if name == "mT":
            return say("matrix_transpose", self)
        if name in _METHODS and isinstance(v, np.ndarray | np.generic):
            return types.MethodType(_METHODS[name], self)
        return getattr(v, name)

    def __len__(self):
        return len(self.term.value)

    def __bool__(self):
        return bool(self.term.value)

    def __int__(self):
        return int(self.term.value)

    def __index__(self):
        return self.term.value.__index__()

    def __float__(self):
        return float(self.term.value)

    def __hash__(self):
        return hash(self.term.value) if np.isscalar(self.term.value) else id(self)

    def __iter__(self):
        return (self[i] for i in range(len(self.term.value)))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.term.value, dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        kwargs.pop("out", None)
        name = _UFUNCS.get(ufunc.__name__, ufunc.__name__)
        if method == "__call__":
            return say(name, *inputs)
        if method == "accumulate":
            return _keep(f"cumulative_{name}", inputs[0], ufunc.accumulate(_value(inputs[0]), *map(_value, inputs[1:]), **kwargs), **kwargs)
        if method == "reduce":
            return say({"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}[name], inputs[0], **kwargs)
        return NotImplemented

    def __getitem__(self, key):
        return say("getitem", self, key if isinstance(key, tuple) else (key,))

    def __setitem__(self, key, value):  # a formula that writes into its own array: the name now means the new one
        self.term = say("index_set", Said(self.term), key, value).term


def _keep(word: str, x, value, **params) -> Said:
    """A word outside the vocabulary, with the value that it had."""
    return Said(Term(word, (_argument(x),), params, value))


def say(word: str, *args, **kwargs) -> Any:
    """Call a word of the vocabulary: its value, and the term that says it."""
    if word == "fused":
        return args[0](WRITER, *args[1:], **kwargs)
    if word == "add_into":
        word = "add"
    if word in ("asarray", "astype") and isinstance(args[0], Said):
        wanted = args[1] if len(args) > 1 else kwargs.get("dtype")
        if wanted is None or (hasattr(args[0].value, "dtype") and args[0].value.dtype == np.dtype(wanted)):
            return args[0]
    values = [_value(a) for a in args]
    if word == "getitem" and not isinstance(values[1], tuple):
        values[1] = (values[1],)
    with np.errstate(all="ignore"):
        result = function(word)(*values, **{k: _value(v) for k, v in kwargs.items()})
    t = _write(word, args, kwargs)
    if isinstance(result, (tuple, list)):
        t.value = result
        parts = [Said(Term("part", (t,), {"nr": i}, v)) if v is not None else None for i, v in enumerate(result)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    t.value = result
    return Said(t)


def _operator(word, turned=False):
    def method(self, other):
        if other is None:
            return NotImplemented
        w = word(self, other) if callable(word) else word
        return say(w, other, self) if turned else say(w, self, other)

    return method


def _truth(word):
    """Logic where both sides are true or false, bits otherwise."""

    def choose(a, b):
        return f"logical_{word}" if all(np.asarray(_value(v)).dtype.kind == "b" for v in (a, b)) else f"bitwise_{word}"

    return choose


for _sign, _word in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": _truth("and"), "or": _truth("or"), "xor": _truth("xor"),
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}.items():  # fmt: skip
    setattr(Said, f"__{_sign}__", _operator(_word))
    setattr(Said, f"__r{_sign}__", _operator(_word, True))
for _sign, _word in {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(Said, f"__{_sign}__", _operator(_word))
Said.__neg__ = lambda self: say("negative", self)  # type: ignore[attr-defined]
Said.__pos__ = lambda self: self  # type: ignore[attr-defined]
Said.__abs__ = lambda self: say("abs", self)  # type: ignore[attr-defined]
Said.__invert__ = lambda self: say("logical_not" if self.value.dtype.kind == "b" else "bitwise_invert", self)  # type: ignore[attr-defined]


def _shape_of(given):
    return given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


# NumPy's methods, as words.
_METHODS = {
    "reshape": lambda self, *shape: say("reshape", self, tuple(map(int, _shape_of(shape)))),
    "transpose": lambda self, *axes: say("permute_dims", self, _shape_of(axes) or tuple(range(self.ndim))[::-1]),
    "astype": lambda self, dtype, copy=True: say("astype", self, dtype),
    "copy": lambda self, order="C": self,
    "conj": lambda self: say("conj", self),
    "squeeze": lambda self, axis: say("squeeze", self, axis),
    "swapaxes": lambda self, i, j: say("permute_dims", self, _swapped(self.ndim, i, j)),
    **{
        name: lambda self, axis=None, keepdims=False, _name=name, **_: say(_name, self, axis=axis, keepdims=keepdims)
        for name in ("sum", "mean", "prod", "max", "min", "all", "any")
    },
}


def _swapped(ndim, i, j):
    axes = list(range(ndim))
    axes[i], axes[j] = axes[j], axes[i]
    return tuple(axes)


class _Words:
    """The vocabulary (or a namespace in it) as this reader reads it."""

    def __init__(self, prefix=""):
        self._prefix = prefix

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        word = self._prefix + name
        if word in _NAMESPACES:
            return _Words(word + ".")
        found = function(word)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *args, **kwargs: say(word, *args, **kwargs)


WRITER: Any = _Words()


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
        except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
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
        t = v.term if isinstance(v, Said) else None if v is None else Term("number", (), {"number": v}, np.asarray(v))
        (reading.keeps if name in record.keeps else reading.outputs)[name] = t
        if t is not None:
            reading.symbols[name] = symbol(name, np.asarray(t.value))
    reading.given = params


def _whole(reading, said) -> None:
    """An operation that computes with NumPy itself: its value, as one word of its own name."""
    record = reading.record
    plain = {n: array_of(v) for n, v in reading.params.items()}
    values = [_value(v) for v in said.values()]
    with np.errstate(all="ignore"):
        made = record.forward(NP, values, *plain.values()) if record.variadic else record.forward(NP, *values, *plain.values())
    t = Term("op." + record.name, tuple(map(_argument, said.values())), plain, made)
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
            reading.gradients[name] = v.term if isinstance(v, Said) else Term("number", (), {"number": v}, np.asarray(v))


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
        except (ValueError, IndexError, TypeError) as error:
            reason = error
    raise reason


def _guesses(count: int, inputs, params, gradients):
    """Shapes to try: of the rank that a parameter tells, or up to 4; of the sizes that are about."""
    ranks = {len(v) for v in params.values() if isinstance(v, tuple) and v and all(isinstance(k, int) for k in v)} or {2, 1, 3, 4}
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
