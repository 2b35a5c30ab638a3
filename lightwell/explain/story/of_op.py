"""An operation's own explanation: its formula and its derivation, from `derive`, as a document."""

import importlib
import pkgutil
from typing import Any

import numpy as np

from ...language import get_language, say
from ...ops.op import Record, registry
from ..derive.derivation import Derivation
from ..derive.notation import Names, layout
from ..derive.terms import Term
from .document import Document, Equation, Equations, Heading, Paragraph, Unfold

# Functions and layers that are made of other operations, or whose record is called otherwise.
_ALSO = {
    "batch_norm": ["native_batch_norm"], "batch_norm1d": ["native_batch_norm"], "batch_norm2d": ["native_batch_norm"],
    "batch_norm3d": ["native_batch_norm"], "layer_norm": ["native_layer_norm"], "group_norm": ["native_group_norm"],
    "instance_norm": ["native_group_norm"], "gelu": ["erf_gelu", "tanh_gelu"], "conv1d": ["convolution"], "conv2d": ["convolution"],
    "conv3d": ["convolution"], "conv_transpose1d": ["convolution_transpose"], "conv_transpose2d": ["convolution_transpose"],
    "conv_transpose3d": ["convolution_transpose"], "conv": ["convolution"], "matmul": ["mm", "bmm", "mv", "dot"], "max_pool1d": ["max_pool2d"],
    "avg_pool1d": ["avg_pool2d"], "cross_entropy_loss": ["cross_entropy"], "softmax2d": ["softmax"], "rnn": ["rnn_tanh", "rnn_relu"],
    "rnn_cell": ["rnn_tanh_cell", "rnn_relu_cell"], "bce_loss": ["binary_cross_entropy"], "bce_with_logits_loss": ["binary_cross_entropy_with_logits"],
    "prelu": ["prelu_kernel"], "celu": ["celu_record"], "selu": ["elu"], "relu6": ["hardtanh"], "dropout": ["mul"], "max": ["max_full", "max_dim"],
    "min": ["min_full", "min_dim"], "l1_loss": ["sub", "abs", "mean"], "multiply": ["mul"], "divide": ["div"], "subtract": ["sub"],
    "negative": ["neg"], "flatten": ["view"], "binary_cross_entropy_with_logits_loss": ["binary_cross_entropy_with_logits"],
    "norm": ["linalg_vector_norm"], "log_softmax2d": ["log_softmax"], "sum": ["sum", "sum_dim"], "mean": ["mean", "mean_dim"],
    "prod": ["prod", "prod_dim"], "upsample": ["upsample_nearest2d"], "softsign": ["abs", "add", "div"], "bilinear": ["mm"], "arctan": ["atan"],
    "arcsin": ["asin"], "arccos": ["acos"], "absolute": ["abs"], "clip": ["clamp"], "concat": ["cat"], "concatenate": ["cat"],
    "multihead_attention": ["linear", "bmm", "softmax"], "scaled_dot_product_attention": ["bmm", "softmax"], "einsum": ["permute", "bmm"],
    "det": ["linalg_det"], "inverse": ["linalg_inv"], "cholesky": ["linalg_cholesky"], "qr": ["linalg_qr"], "svd": ["linalg_svd"],
}  # fmt: skip


def registered() -> dict:
    """The registry, with the families that register at their first use."""
    from ... import ops

    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"{ops.__name__}.{module.name}")
    return registry


def find(op: Any) -> list[str]:
    """The names of the records behind a name, a function, a layer's class or a record; [] where none is known."""
    record = op if isinstance(op, Record) else getattr(op, "record", None)
    if isinstance(record, Record):
        return [record.name]
    known = registered()
    name = op if isinstance(op, str) else getattr(op, "__name__", None)
    if name is None:
        return find(type(op)) if hasattr(op, "named_parameters") else []
    name = name.rpartition(".")[2]
    for guess in (name, name.rstrip("_"), _snake(name), name.lower(), _snake(name).removesuffix("_loss")):
        if guess in _ALSO:
            return _ALSO[guess]
        for prefix in ("", "linalg_", "special_", "fft_"):
            if prefix + guess in known:
                return [prefix + guess]
    return []


def _snake(name: str) -> str:
    """BatchNorm2d as batch_norm2d, LSTMCell as lstm_cell, NLLLoss as nll_loss."""
    import re

    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-zA-Z])", "_", name)
    return re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


_DERIVED: dict = {}


def reading_of(op: str) -> Any:
    """An operation read on its example; one that has none, on arrays of its own. LookupError: that is not enough for it."""
    from ..derive.reader import read
    from .examples import examples

    if op in examples():
        return examples()[op].reading()
    rec = registered()[op]
    rng = np.random.default_rng(0)
    try:
        return read(rec, [0.2 + 0.6 * rng.random((2, 3)) for _ in rec.inputs])
    except (TypeError, ValueError, IndexError) as error:
        raise LookupError(f"{op} has no example, and can't be read on two matrices: {error}") from None


def derivation_of(op: str) -> Derivation | None:
    """The derivation of an operation on its usual example; None where there is none to give."""
    if op not in _DERIVED:
        from ..derive.derive import derive_reading

        try:
            _DERIVED[op] = derive_reading(reading_of(op))
        except LookupError:  # no family derives it, or a new operation without an example that needs arguments
            _DERIVED[op] = None
    return _DERIVED[op]


def local_derivatives(reading) -> dict:
    """{input: ∂y/∂input} of a reading that works element by element; {} of any other, and where the arrays are large."""
    from ..derive.elementwise import elementwise

    if reading is None or len(reading.outputs) != 1 or sum(getattr(t.value, "size", 0) for t in reading.symbols.values()) > 1 << 18:
        return {}
    try:
        d = elementwise(reading)
    except (LookupError, TypeError, ValueError, KeyError):  # a stand-in for a value that is gone
        return {}
    found: dict = {}
    (y,) = reading.outputs
    for part in d.parts if d is not None else ():
        about = None
        for line in part.lines:
            about = line.left if line.left is not None else about
            if about is not None and about.word == "partial" and [a.word for a in about.args] == ["symbol", "symbol"]:
                if [a.params["name"] for a in about.args] == [y, part.input]:
                    found[part.input] = line.right
    return found


def names_in(d: Derivation) -> Names:
    """Which symbols of a derivation are gradients: g and the name of another quantity."""
    rec = registered()[d.op]
    found: set = {*rec.outputs, *rec.inputs, *rec.keeps, *(p.input for p in d.parts)}
    for line in (*d.definition, *(line for p in d.parts for line in (*p.lines, *p.conventions))):
        symbols_of((line.left, line.right), found)
    gradients = {n: n[1:] for n in found if n[0] == "g" and n[1:] in found} | {f"g{n}": n for n in (*rec.outputs, *rec.inputs)}
    return Names(gradients={g: n for g, n in gradients.items() if g not in (*rec.outputs, *rec.inputs, *rec.params)})


def symbols_of(t: Any, found: set) -> None:
    """Add the names of all symbols in a term, or in several, to `found`."""
    if isinstance(t, (tuple, list)):
        for v in t:
            symbols_of(v, found)
    elif isinstance(t, Term):
        if t.word == "symbol":
            found.add(t.params["name"])
        symbols_of((t.args, tuple(t.params.values())), found)


def _lines(lines, names) -> list[Equation]:
    out, before = [], None
    for line in lines:
        left = None if line.left is None else layout(line.left, names, top=True)
        shown = None if left is not None and before is not None and repr(left) == repr(before) else left
        before = left if left is not None else before
        out.append(
            Equation(shown, layout(line.right, names, top=True), [say(*line.why)] if line.why and line.why[0] else [], line.relation)
        )
    return out


def derivation_blocks(op: str, heads: bool = False) -> list:
    """An operation's derivation as blocks; [] where there is none."""
    d = derivation_of(op)
    if d is None:
        return []
    names = names_in(d)
    out: list = [Paragraph([say(*d.idea)])] if d.idea and d.idea[0] else []
    if d.definition:
        out += [Heading(say("What it computes", "它计算什么"), 2, f"{op}-value")] if heads else []
        out.append(Equations(_lines(d.definition, names)))
    if d.parts and heads:
        out.append(Heading(say("Where the gradient comes from", "梯度从哪里来"), 2, f"{op}-gradient"))
    for part in d.parts:
        head = [say("The gradient of ", ""), layout_name(part.input), say("", " 的梯度")]
        body: list = [Equations(_lines(part.lines, names))] if part.lines else []
        if part.conventions:
            body.append(Paragraph([say("Where there is no derivative, a choice is made:", "在不可导处，需要作出约定：")]))
            body.append(Equations(_lines(part.conventions, names)))
        if len(d.parts) == 1:
            out += body
        else:
            out.append(Unfold(head, body, f"{op}-g{part.input}", True))
    return out


def layout_name(name: str):
    """The box of a quantity's name."""
    from ..derive.notation import Box

    return Box("name", name)


def document_of(names: list[str]) -> Document:
    """The page of one operation, or of several that a layer is made of."""
    blocks: list = []
    for name in names:
        rec = registered()[name]
        if len(names) > 1:
            blocks.append(Heading(name, 2, name))
        found = derivation_blocks(name, len(names) == 1)
        if not found:
            found = [Paragraph([" ".join((rec.doc or "").split())])]
            if not rec.differentiable:
                found.append(Paragraph([say("No gradient flows through it.", "它不传递梯度。")]))
        blocks += found
    title = say(f"{', '.join(names)}: the formula and its gradient", f"{'、'.join(names)}：公式与梯度")
    return Document(title, blocks, get_language())


def formula(op: Any, target: str = "plain") -> dict:
    r"""An operation's formula and gradients as its record computes them, written: {"y": ..., "gx": ...}.

    `op` is a name, a function or a record; `target` is "plain", "latex", "mathml" or "markdown". LookupError: no such operation.

    >>> formula("tanh")
    {'y': 'tanh(x)', 'gx': 'gy - gy·y·y'}
    >>> formula("mm", "latex")["gy"]
    'x^{\\top} \\, g_{z}'
    """
    from ..derive.notation import write
    from .walk import generic

    found = find(op)
    if not found:
        raise LookupError(f"formula(): no operation is called {op!r}")
    rec = registered()[found[0]]
    reading = generic(rec)
    if reading is None:
        raise LookupError(f"formula(): {rec.name} needs arguments to be read: see explain({rec.name!r})")
    names = Names(gradients={"g" + n: n for n in rec.outputs})
    out = {n: write(t, target, names) for n, t in reading.outputs.items() if t is not None}
    return out | {"g" + n: write(t, target, names) for n, t in reading.gradients.items()}
