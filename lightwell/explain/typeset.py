"""The typesetter: reads the same formulas as NumPy does, and writes them down instead of computing them.

`derivation(loss)` walks the graph that was really built and says, for each step, its formula and how the gradient passes
it, each line typeset from the op's record itself.
"""

from ..autograd.engine import collect
from ..autograd.node import Node, Port
from ..ops.op import Record, registry
from ..tensor import Tensor

_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUM, _PRODUCT, _UNARY, _POWER, _ATOM = range(5)  # how tightly a formula binds


class Formula:
    """A piece of mathematics: its text, and how tightly it binds."""

    __hash__ = None

    def __init__(self, text, binds=_ATOM):
        self.text, self.binds = text, binds

    def __str__(self):
        return self.text

    def at(self, level) -> str:
        """The text, in brackets where it binds less than its surroundings."""
        return self.text if self.binds >= level else f"({self.text})"

    def __getattr__(self, name):
        if name in ("shape", "ndim", "dtype", "size"):
            raise AttributeError(name)
        return Formula(f"{self.at(_ATOM)}.{name}")

    def __getitem__(self, key):
        return Formula(f"{self.at(_ATOM)}[…]")

    def __neg__(self):
        return Formula("-" + self.at(_PRODUCT), _SUM)

    def __pow__(self, other):
        word = str(other)
        return Formula(self.at(_ATOM) + (word.translate(_POWERS) if word.lstrip("-").isdigit() else f"^{_of(other).at(_ATOM)}"), _POWER)

    def __add__(self, other):
        return Formula(f"{self.at(_SUM)} + {_of(other).at(_SUM)}", _SUM)

    def __radd__(self, other):
        return _of(other) + self

    def __sub__(self, other):
        return Formula(f"{self.at(_SUM)} - {_of(other).at(_PRODUCT)}", _SUM)

    def __rsub__(self, other):
        return _of(other) - self

    def __mul__(self, other):
        return Formula(f"{self.at(_PRODUCT)}·{_of(other).at(_UNARY)}", _PRODUCT)

    def __rmul__(self, other):
        return _of(other) * self

    def __truediv__(self, other):
        return Formula(f"{self.at(_PRODUCT)}/{_of(other).at(_POWER)}", _PRODUCT)

    def __rtruediv__(self, other):
        return _of(other) / self


def _compare(sign):
    return lambda self, other: Formula(f"[{self} {sign} {other}]")


for _name, _sign in {
    "__eq__": "=",
    "__ne__": "≠",
    "__lt__": "<",
    "__le__": "≤",
    "__gt__": ">",
    "__ge__": "≥",
    "__and__": "∧",
    "__or__": "∨",
}.items():
    setattr(Formula, _name, _compare(_sign))


def _of(value) -> Formula:
    return value if isinstance(value, Formula) else Formula(str(value))


def _infix(how):
    return lambda x, y, **_: how(_of(x), _of(y))


_WORDS = {
    "add": _infix(lambda x, y: x + y),
    "subtract": _infix(lambda x, y: x - y),
    "multiply": _infix(lambda x, y: x * y),
    "divide": _infix(lambda x, y: x / y),
    "pow": _infix(lambda x, y: x**y),
    "add_into": _infix(lambda x, y: x + y),
    "negative": lambda x: -x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "abs": lambda x: Formula(f"|{x}|"),
    "exp": lambda x: Formula(f"exp({x})"),
    "sqrt": lambda x: Formula(f"√{x.at(_ATOM)}", _POWER),
    "matmul": lambda x, y: Formula(f"{x.at(_PRODUCT)} {y.at(_UNARY)}", _PRODUCT),
    "matrix_transpose": lambda x: Formula(x.at(_ATOM) + "ᵀ", _POWER),
    "where": lambda c, x, y: Formula(f"{{{x} where {c}, else {y}}}"),
    "sum": lambda x, axis=None, keepdims=False, **_: Formula(f"Σ{'' if axis is None else f'₍{axis}₎'} {x.at(_PRODUCT)}", _PRODUCT),
    "broadcast_to": lambda x, shape: x,
    "reshape": lambda x, shape: x,
    "astype": lambda x, dtype, **_: x,
    "zeros_like": lambda x: Formula("0"),
    "ones_like": lambda x: Formula("1"),
}


class _Namespace:
    """The vocabulary as the typesetter reads it: words without a sign of their own are written as functions."""

    def __getattr__(self, word):
        def plain(*args, **kwargs):
            parts = [", ".join(map(str, a)) if isinstance(a, (list, tuple)) else str(a) for a in args]
            return Formula(f"{word}({', '.join(parts + [f'{k}={v}' for k, v in kwargs.items() if v is not None])})")

        return _WORDS.get(word, plain)


def formula(op, values: dict | None = None) -> dict:
    """The formula and the gradients of an operation, as text: {"y": …, "gx": …}; a rule that needs numbers says so.

    `op` is a registered operation's name or record; `values` gives parameters their values.

    >>> formula("tanh")
    {'y': 'tanh(x)', 'gx': 'gy - gy·y·y'}
    >>> formula("mm")["gy"]
    'xᵀ gz'
    """
    rec = op if isinstance(op, Record) else registry[op]
    values = values or {}
    names = {n: values.get(n, Formula(n)) for n in rec.environment}
    names.update({"g" + n: Formula("g" + n) for n in rec.outputs})
    out = {}
    code = rec.forward.__code__
    arguments = [Formula(n) if n in rec.inputs else names[n] for n in code.co_varnames[1 : code.co_argcount]]
    for name, rule, args in [
        (rec.outputs[0], rec.forward, arguments),
        *(("g" + n, r, None) for n, r in zip(rec.inputs, rec.rules) if r is not None),
    ]:
        try:
            if args is None:
                args = [names[n] for n in rule.__code__.co_varnames[1 : rule.__code__.co_argcount]]
            text = rule(_Namespace(), *args)
            out[name] = str(text[0] if isinstance(text, tuple) else text)
        except (TypeError, AttributeError, ValueError, KeyError):  # the rule looks at a shape or a size
            out[name] = " ".join((rec.doc or rec.name).split())
    return out


def derivation(loss: Tensor) -> str:
    """The chain rule through the graph that made `loss`, newest step first, as plain text.

    Raises RuntimeError where the tensor has no graph.

    >>> import lightwell as torch
    >>> w = torch.tensor([1., 2.], requires_grad=True)
    >>> print(derivation((w * w).tanh()))
    v2 = tanh(v1)            gv1 += gv2 - gv2·v2·v2
    v1 = w0·w0               gw0 += gv1·w0,  gw0 += gv1·w0
    """
    if loss.grad_fn is None:
        raise RuntimeError("derivation(): this tensor has no graph: nothing in its computation required grad")
    nodes = collect([loss._node], _leaves(loss._node))
    names = {node: f"v{i + 1}" for i, node in enumerate(nodes)}
    leaves: dict = {}

    def name_of(edge, fallback):
        if edge is None:
            return fallback
        if isinstance(edge, Tensor):
            return leaves.setdefault(edge, f"w{len(leaves)}")
        return names.get(edge.node if type(edge) is Port else edge, fallback)

    lines = []
    for node in reversed(nodes):
        rec = node.record
        if rec is None:
            lines.append(f"{names[node]} = {node.name()}")
            continue
        saved = dict(zip(rec.environment, node.saved or ()))
        texts = formula(rec, {k: saved[k] for k in rec.params if k in saved})
        edges = dict(zip(rec.inputs, node.edges))
        swap = {n: name_of(e, str(saved[n]) if isinstance(saved.get(n), (int, float)) else n) for n, e in edges.items()}
        swap[rec.outputs[0]] = names[node]
        swap.update({"g" + k: "g" + v for k, v in list(swap.items())})
        steps = [f"{swap['g' + n]} += {_rename(texts['g' + n], swap)}" for n, e in edges.items() if e is not None and "g" + n in texts]
        lines.append(f"{names[node]} = {_rename(texts[rec.outputs[0]], swap)}".ljust(24) + " " + ",  ".join(steps))
    return "\n".join(lines)


def _leaves(root) -> list:
    found, seen, stack = [], set(), [root]
    while stack:
        node = stack.pop()
        node = node.node if type(node) is Port else node
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Node):
            stack.extend(e for e in node.edges if e is not None)
        else:
            found.append(node)
    return found


def _rename(text: str, names: dict) -> str:
    """`text` with each whole word in `names` replaced."""
    import re

    return re.sub(r"[A-Za-z_]+", lambda m: names.get(m.group(), m.group()), text)
