"""A recorded graph as TorchScript's text: each call under ATen's name, with its arguments in ATen's order."""

import inspect
import operator

from .. import overrides
from ..device import device as Device
from ..dtypes import dtype as Dtype
from ..errors.teaching import RuntimeError
from ..fx import Graph, Node
from ..layouts import layout, memory_format
from ._aten import code_of

__all__ = ["Writer"]

_REDUCTION = {"none": 0, "mean": 1, "sum": 2}


class _Raw(str):
    """Text that goes into the program as it is."""


def _flags(*names, rename=None, last=()):
    """aten's call takes these parameters of ours in this order, then the constants `last`."""

    def write(name, p):
        return rename or name, [p[n] for n in names] + list(last), {}

    return write


def _pool(*names):
    def write(name, p):
        if p.get("return_indices"):
            name += "_with_indices"
        return name, [[] if n == "stride" and p[n] is None else p[n] for n in names], {}

    return write


def _loss(rename, *names, behind=()):
    def write(name, p):
        return rename or name, [*[p[n] for n in names], _REDUCTION[p["reduction"]], *[p[n] for n in behind]], {}

    return write


def _dtyped(name, p):
    return name, [p["input"], p["dim"] if p["dim"] is not None else -1], {} if p.get("dtype") is None else {"dtype": p["dtype"]}


def _embedding(name, p):
    if p.get("max_norm") is not None:
        raise RuntimeError("jit.save: an embedding with max_norm writes to its weights, which a program can't hold")
    return "embedding", [p["weight"], p["input"], -1 if p["padding_idx"] is None else p["padding_idx"], False, False], {}


def _recurrent(name, p):
    kind = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}[p["kind"]]
    hx = list(p["hx"]) if kind == "lstm" else list(p["hx"])[0]
    rest = [list(p["params"]), p["has_biases"], p["num_layers"], float(p["dropout"]), p["train"], p["bidirectional"]]
    if p.get("batch_sizes") is not None:
        return kind, [p["input"], p["batch_sizes"], hx, *rest], {}
    return kind, [p["input"], hx, *rest, p["batch_first"]], {}


_POOL = ("input", "kernel_size", "stride", "padding")
_FUNCTIONAL = {
    **{n: _flags("input") for n in ("relu", "relu6", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "mish", "selu", "logsigmoid",
                                    "tanhshrink", "softsign")},
    "logsigmoid": _flags("input", rename="log_sigmoid"), "leaky_relu": _flags("input", "negative_slope"),
    "hardtanh": _flags("input", "min_val", "max_val"), "elu": _flags("input", "alpha"), "celu": _flags("input", "alpha"),
    "softmax": _dtyped, "log_softmax": _dtyped, "dropout": _flags("input", "p", "training"),
    "gelu": lambda name, p: ("gelu", [p["input"]], {"approximate": p["approximate"]}),
    "glu": _flags("input", "dim"), "linear": _flags("input", "weight", "bias"),
    **{f"max_pool{n}d": _pool(*_POOL, "dilation", "ceil_mode") for n in (1, 2, 3)}, "avg_pool1d": _pool(*_POOL, "ceil_mode", "count_include_pad"),
    **{f"avg_pool{n}d": _pool(*_POOL, "ceil_mode", "count_include_pad", "divisor_override") for n in (2, 3)},
    "batch_norm": _flags("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps", last=(True,)),
    "instance_norm": _flags("input", "weight", "bias", "running_mean", "running_var", "use_input_stats", "momentum", "eps", last=(True,)),
    "layer_norm": _flags("input", "normalized_shape", "weight", "bias", "eps", last=(True,)),
    "group_norm": _flags("input", "num_groups", "weight", "bias", "eps", last=(True,)), "embedding": _embedding,
    "mse_loss": _loss(None, "input", "target"), "l1_loss": _loss(None, "input", "target"),
    "nll_loss": _loss("nll_loss_nd", "input", "target", "weight", behind=("ignore_index",)),
    "cross_entropy": _loss("cross_entropy_loss", "input", "target", "weight", behind=("ignore_index", "label_smoothing")),
    "binary_cross_entropy": _loss(None, "input", "target", "weight"), "smooth_l1_loss": _loss(None, "input", "target", behind=("beta",)),
    "binary_cross_entropy_with_logits": lambda name, p: (name, [p["input"], p["target"], p["weight"], p["pos_weight"], _REDUCTION[p["reduction"]]], {}),
    "huber_loss": _loss(None, "input", "target", behind=("delta",)), "pad": _flags("input", "pad", "mode", "value"),
}  # fmt: skip
# methods that take sizes one by one as well as in a list
_VARIADIC = frozenset("view reshape permute repeat expand tile flip new_zeros new_ones new_empty squeeze_multiple".split())
_CASTS = {"float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32", "long": "int64", "short": "int16",
          "char": "int8", "byte": "uint8", "bool": "bool"}  # fmt: skip
_OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "floordiv": "floordiv", "mod": "remainder", "truediv": "div", "neg": "neg", "pow": "pow",
              "matmul": "matmul", "eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "and_": "__and__", "or_": "__or__",
              "xor": "__xor__", "invert": "bitwise_not", "abs": "abs"}  # fmt: skip


class Writer:
    """Writes methods of a class."""

    def method(self, name: str, graph: Graph, qualified: str) -> str:
        """The text of a method that runs the graph."""
        self.names: dict = {}
        head, body, result = [f"self: {qualified}"], [], None
        for node in graph.nodes:
            if node.op == "placeholder":
                head.append(f"{self._name(node)}: {node.meta.get('torchscript', 'Tensor')}")
            elif node.op == "output":
                result = self.value(node.args[0])
            else:
                body.append(self._line(node))
        text = f"  def {name}({head[0]}" + "".join(f",\n    {p}" for p in head[1:]) + "):\n"
        return text + "".join(f"    {line}\n" for line in body) + f"    return {result}\n"

    def _name(self, node: Node) -> str:
        return self.names.setdefault(
            node, f"v_{node.name}" if node.name.startswith("_") or node.name in ("ops", "torch", "self") else node.name
        )

    def value(self, v) -> str:
        """A node or constant as TorchScript writes it."""
        if isinstance(v, _Raw):
            return str(v)
        if isinstance(v, Node):
            return self._name(v)
        if isinstance(v, (list, tuple)) and type(v).__name__ in ("list", "immutable_list", "Size"):
            return f"[{', '.join(map(self.value, v))}]"
        if isinstance(v, tuple):
            return f"({', '.join(map(self.value, v))}{',' if len(v) == 1 else ''})"
        if isinstance(v, dict):
            return "{" + ", ".join(f"{self.value(k)}: {self.value(x)}" for k, x in v.items()) + "}"
        if isinstance(v, slice):
            parts = ["" if p is None else self.value(p) for p in (v.start, v.stop, v.step)]
            return ":".join(parts[:2] if v.step is None else parts)
        if isinstance(v, Dtype):
            return str(code_of(v))
        if isinstance(v, Device):
            return f'torch.device("{v}")'
        if isinstance(v, (layout, memory_format)):
            return "0"
        if isinstance(v, str):
            import json

            return json.dumps(v)
        if isinstance(v, float) and v in (float("inf"), float("-inf")):
            return "float('inf')" if v > 0 else "-float('inf')"
        if v is ...:
            return "..."
        return repr(v)

    def _index(self, index) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join(self.value(p) for p in parts)

    def _line(self, node: Node) -> str:
        out = self._name(node)
        if node.op == "get_attr":
            *path, last = node.target.split(".")
            text = "self"
            for part in (*path, last):
                text = (
                    f"({text}).{part}"
                    if part.isidentifier() and text != "self"
                    else f"{text}.{part}"
                    if part.isidentifier()
                    else f'getattr({text}, "{part}")'
                )
            return f"{out} = {text}"
        if node.target is operator.getitem:
            return f"{out} = ({self.value(node.args[0])})[{self._index(node.args[1])}]"
        if node.target is operator.setitem:
            return f"{self.value(node.args[0])}[{self._index(node.args[1])}] = {self.value(node.args[2])}"
        name, args, kwargs = self._call(node)
        given = ", ".join([self.value(a) for a in args] + [f"{k}={self.value(v)}" for k, v in kwargs.items()])
        return f"{out} = torch.{name}({given})"

    def _call(self, node: Node) -> tuple:
        """(aten's name, positional arguments, keyword arguments) of a call."""
        args, kwargs = [_list(a) for a in node.args], {k: _list(v) for k, v in node.kwargs.items() if k != "inplace"}
        if node.op == "call_method":
            name = node.target
        elif node.target is getattr:
            name, args = {"T": "numpy_T", "mT": "mT", "H": "matrix_H", "mH": "mH", "data": "detach"}.get(args[1], args[1]), args[:1]
            return name, args, {}
        elif getattr(node.target, "__module__", "") == "_operator":
            name = _OPERATORS.get(node.target.__name__)
            if name is None:
                raise RuntimeError(f"jit.save: operator.{node.target.__name__} has no name in TorchScript")
            return name, args, {}
        else:
            name = overrides.public_name(node.target)
            if name is None:
                raise RuntimeError(
                    f"jit.save: the program calls {getattr(node.target, '__name__', node.target)}, for which TorchScript has no name: write it with "
                    "operations of torch, or save the state_dict()"
                )
            space, _, name = name.rpartition(".")
            if space == "torch.nn.functional.recurrent" or name in _FUNCTIONAL:
                return self._bound(node, name)
            if space in ("torch.linalg", "torch.fft", "torch.special"):
                name = f"{space[6:]}_{name}"
        return self._plain(name, args, kwargs)

    def _bound(self, node: Node, name: str) -> tuple:
        signature = inspect.signature(inspect.unwrap(node.target))
        bound = signature.bind(*node.args, **node.kwargs)
        bound.apply_defaults()
        write = _recurrent if name == "run" else _FUNCTIONAL[name]
        given = {k: _list(v) for k, v in bound.arguments.items()}
        try:
            return write(name, given)
        except KeyError:
            return self._plain(name, [_list(a) for a in node.args], {k: _list(v) for k, v in node.kwargs.items()})

    def _plain(self, name: str, args: list, kwargs: dict) -> tuple:
        if name in _CASTS and len(args) == 1:
            from .. import dtypes

            return "to", [args[0], getattr(dtypes, _CASTS[name])], {}
        if name == "to":
            found = next((a for a in (*args[1:], *kwargs.values()) if isinstance(a, Dtype)), None)
            return ("to", [args[0], found], {}) if found is not None else ("alias", args[:1], {})
        if name in _VARIADIC and len(args) > 1 and not isinstance(args[1], list):
            args = [args[0], list(args[1:])]
        if name in ("zeros", "ones", "empty", "rand", "randn") and args and not isinstance(args[0], list):
            args = [list(args)]
        if name in ("max", "min", "sum", "mean", "amax", "amin", "std", "var", "prod", "argmax", "argmin"):
            if "axis" in kwargs:
                kwargs["dim"] = kwargs.pop("axis")
            if name in ("sum", "mean", "amax", "amin") and isinstance(kwargs.get("dim"), int):
                kwargs["dim"] = [kwargs["dim"]]
        if name == "clone" or name == "contiguous":
            args, kwargs = args[:1], {}
        return name, args, {k: v for k, v in kwargs.items() if v is not None and k not in ("requires_grad", "generator", "out")}


def _list(v):
    """Tuples of sizes as lists, which is what ATen takes."""
    if isinstance(v, (tuple, list)) and not any(isinstance(x, slice) for x in v):
        return [_list(x) for x in v]
    return v
