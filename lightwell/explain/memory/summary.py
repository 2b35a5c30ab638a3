"""The table of a model: its modules with shapes, parameters, what they keep for backward, and how much they compute."""

import builtins
import copy

import numpy as np

from ...errors.teaching import TypeError
from ...language import say
from ...nn.parameter import is_lazy
from ...tensor import Tensor
from .kept import KeptReport, nodes_of, report_of, save
from .maps import padded, size
from .storages import owner_of
from .tables import html_table, text_table
from .tracking import Tracker, untouched


def summary(model, *inputs, input_size=None, dtypes=None, depth: int | None = None, batch_dim: int | None = None, **kwargs) -> "Summary":
    """Run a model once and tell, module by module, shapes, parameters, memory and operations; the model stays as it was.

    `inputs` and `kwargs` are what its forward takes; or `input_size` (also as the only input) is a shape, or a list of shapes, for which random
    numbers are drawn (`dtypes`: one for each; integers are zeros), with a dimension of size 1 put in at `batch_dim`. `depth`
    is how many levels of modules are shown: what lies deeper is summed up. The rows' parameters sum to
    `sum(p.numel() for p in model.parameters())`: a shared parameter counts where it is met first.
    TypeError: no module, or neither inputs nor input_size.

    >>> import lightwell as torch
    >>> print(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).summary(torch.zeros(2, 4)))
    module        output  parameters  multiply–adds  kept for backward
    ──────────────────────────────────────────────────────────────────
    Sequential    (2, 3)           –              –                  –
    ├─ 0: Linear  (2, 3)          15             24                  –
    └─ 1: ReLU    (2, 3)           –              –           24 bytes
    ──────────────────────────────────────────────────────────────────
    parameters      15 (60 bytes), all trainable
    operations      24 multiply–adds, 60 FLOPs
    forward         outputs of all modules: 48 bytes; input: 32 bytes
    backward        activations kept: 24 bytes; gradients of the parameters: 60 bytes
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(f"summary(): argument 'model' must be nn.Module, not {type(model).__name__}")
    if any(is_lazy(t) for t in [*model.parameters(), *model.buffers()]):
        model = copy.deepcopy(model)  # the first forward gives lazy parameters their shapes: not those of the user's model
    if input_size is None and len(inputs) == 1 and _is_size(inputs[0]):  # summary(net, (1, 28, 28)), as in torchinfo
        input_size, inputs = inputs[0], ()
    with untouched(model):
        if input_size is not None:
            inputs = (*inputs, *_made(input_size, dtypes, batch_dim))
        elif not inputs and not kwargs and _needs_input(model):
            raise TypeError("summary(): give the model's inputs, or input_size=(batch, …)")
        with Tracker(model) as tracker:
            result = model(*inputs, **kwargs)
        roots = [t for t in _tensors(result) if t.requires_grad]
        kept = report_of(roots, model, tracker) if roots and nodes_of(roots) else KeptReport([], model, True, 0)
    return Summary(model, tracker, kept, _tensors((inputs, kwargs)), depth)


def _is_size(value) -> bool:
    """Whether a value is a shape, or a list of shapes, rather than an input."""
    if not isinstance(value, (tuple, list)) or not value:
        return False
    return all(type(n) is int for n in value) or all(isinstance(s, tuple) and s and all(type(n) is int for n in s) for s in value)


def _needs_input(model) -> bool:
    import inspect

    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (builtins.TypeError, ValueError):
        return False
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _made(input_size, dtypes, batch_dim) -> list:
    """Tensors of the given shapes: random numbers, or zeros of a type without fractions."""
    import lightwell

    shapes = [tuple(input_size)] if all(isinstance(n, int) for n in input_size) else [tuple(s) for s in input_size]
    dtypes = [dtypes] * len(shapes) if not isinstance(dtypes, (list, tuple)) else list(dtypes)
    out = []
    for shape, dtype in zip(shapes, dtypes, strict=True):
        if batch_dim is not None:
            shape = (*shape[:batch_dim], 1, *shape[batch_dim:])
        plain = dtype is None or dtype.is_floating_point or dtype.is_complex
        out.append(lightwell.rand(*shape, dtype=dtype) if plain else lightwell.zeros(*shape, dtype=dtype))
    return out


def _tensors(value) -> list:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in _tensors(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in _tensors(v)]
    return [t for v in vars(value).values() for t in _tensors(v)] if hasattr(value, "__dataclass_fields__") else []


def _numbers_in(shapes) -> int:
    """How many numbers tensors of these shapes hold."""
    if isinstance(shapes, tuple) and all(isinstance(n, int) for n in shapes):
        out = 1
        for n in shapes:
            out *= n
        return out
    if isinstance(shapes, dict):
        shapes = list(shapes.values())
    return sum(_numbers_in(s) for s in shapes) if isinstance(shapes, (list, tuple)) else 0


def _shape_text(shapes, width: int = 40) -> str:
    """Shapes as they are nested in what a module returned."""
    if isinstance(shapes, tuple):
        text = str(shapes)
    elif isinstance(shapes, list):
        text = ", ".join(_shape_text(s, 200) if not isinstance(s, list) else f"[{_shape_text(s, 200)}]" for s in shapes)
    elif isinstance(shapes, dict):
        text = "{" + ", ".join(f"{k}: {_shape_text(v, 200)}" for k, v in shapes.items()) + "}"
    else:
        text = "–" if shapes is None else str(shapes)
    return text if len(text) <= width else text[: width - 1] + "…"


class Row:
    """One module of the table: its own parameters, work and kept bytes (of its sub-modules too, where they aren't shown)."""

    def __init__(self, path: str, module, level: int):
        self.path, self.module, self.level = path, module, level
        self.kind = type(module).__name__
        self.parameters = self.trainable = self.multiply_adds = self.flops = self.kept = self.calls = 0
        self.output = None
        self.tied = ""  # the name under which its parameters have been counted already
        self.again = False  # the module itself stands further up


class Summary:
    """What `summary` found: `rows`, and the totals as attributes; prints as a table."""

    def __init__(self, model, tracker: Tracker, kept: KeptReport, inputs: list, depth: int | None):
        self.model, self.kept, self.depth = model, kept, depth
        self._tracker = tracker
        parameters = list(model.parameters())
        self.total_params = sum(p.numel() for p in parameters)
        self.trainable_params = sum(p.numel() for p in parameters if p.requires_grad)
        self.param_bytes = _bytes(parameters)
        self.gradient_bytes = _bytes([p for p in parameters if p.requires_grad])
        self.buffer_bytes = _bytes(model.buffers())
        self.buffers = sum(b.numel() for b in model.buffers())
        self.input_bytes = sum(t.nbytes for t in inputs)
        self.input_size = [tuple(t.shape) for t in inputs]
        self.total_mult_adds = sum(w[0] for w in tracker.work.values())
        self.total_flops = sum(w[1] for w in tracker.work.values())
        item = max((p.element_size() for p in parameters), default=4)
        leaves = {path for path, m in model.named_modules() if not m._modules}
        self.output_bytes = sum(_numbers_in(c.output) * item for c in tracker.calls if c.path in leaves)
        self.kept_bytes = kept.activations
        self.rows = self._build(depth)

    # torchinfo's names for the same numbers
    total_param_bytes = property(lambda self: self.param_bytes)
    total_output_bytes = property(lambda self: self.output_bytes)
    total_input = property(lambda self: self.input_bytes)

    def _build(self, depth: int | None) -> list[Row]:
        order: dict[str, int] = {}
        outputs: dict[str, tuple] = {}
        for i, call in enumerate(self._tracker.calls):
            order.setdefault(call.path, i)
            outputs[call.path] = (outputs.get(call.path, (0, None))[0] + 1, call.output)
        kept = self.kept.by_module
        counted: dict[int, str] = {}
        names = {id(p): name for name, p in self.model.named_parameters()}
        met: set[int] = set()
        rows: list[Row] = []

        def first_call(path, module):
            inner = [order[p] for p, m in self._tracker.modules.items() if p in order and (p == path or p.startswith(path + "."))]
            return min(inner, default=1 << 60)

        def add(path, module, level, into):
            row = into
            if row is None:
                row = Row(path, module, level)
                rows.append(row)
                row.again = id(module) in met
                if path in outputs:
                    row.calls, row.output = outputs[path]
            if id(module) in met:
                return
            met.add(id(module))
            for p in module._parameters.values():
                if p is None:
                    continue
                if id(p) in counted:
                    row.tied = row.tied or names[id(p)]
                    continue
                counted[id(p)] = path
                row.parameters += p.numel()
                row.trainable += p.numel() if p.requires_grad else 0
            own = self._tracker.work.get(path, (0, 0))
            row.multiply_adds += own[0]
            row.flops += own[1]
            row.kept += kept.get(path, 0)
            children = [(f"{path}.{name}" if path else name, m) for name, m in module._modules.items() if m is not None]
            deeper = row if depth is not None and level >= depth else None
            for child, m in sorted(children, key=lambda c: first_call(*c)):
                add(child, m, level + 1, deeper)

        add("", self.model, 0, None)
        return rows

    # ---- as text --------------------------------------------------------------------------------------------------

    def _table(self) -> tuple[list[str], list]:
        head = [
            say("module", "模块"), say("output", "输出"), say("parameters", "参数"), say("multiply–adds", "乘加次数"),
            say("kept for backward", "为反向保留"),
        ]  # fmt: skip
        rows: list = []
        for i, r in enumerate(self.rows):
            name = f"{r.path.rpartition('.')[2]}: {r.kind}" if r.path else r.kind
            if r.calls > 1:
                name += f" ×{r.calls}"
            told = f"{r.parameters:,}" if r.parameters else "–"
            if r.parameters and r.trainable < r.parameters:
                told += (
                    say(" frozen", " 冻结")
                    if not r.trainable
                    else say(f" ({r.parameters - r.trainable:,} frozen)", f"（{r.parameters - r.trainable:,} 冻结）")
                )
            if r.again:
                told = say("see above", "见上")
            elif r.tied:
                told = (f"{told} " if r.parameters else "") + f"= {r.tied}"
            output = _shape_text(r.output) if r.calls else say("see above", "见上") if r.again else self._uncalled(i)
            rows.append(
                [self._lead(i) + name, output, told, f"{r.multiply_adds:,}" if r.multiply_adds else "–", size(r.kept) if r.kept else "–"]
            )
        return head, rows

    def _uncalled(self, i: int) -> str:
        """What stands for the output of a module that wasn't called: a mere list of called modules is none."""
        path = self.rows[i].path
        called = any(c.path.startswith(path + ".") for c in self._tracker.calls)
        return "–" if called else say("not called", "未调用")

    def _lead(self, i: int) -> str:
        """The branches of the tree in front of a row."""
        row = self.rows[i]
        out = ""
        for level in range(1, row.level + 1):
            later = next((r.level for r in self.rows[i + 1 :] if r.level <= level), 0)
            last = later < level
            out += ("└─ " if last else "├─ ") if level == row.level else "   " if last else "│  "
        return out

    def _totals(self) -> list[str]:
        frozen = self.total_params - self.trainable_params
        split = (
            say("all trainable", "全部可训练")
            if not frozen
            else say(f"{self.trainable_params:,} trainable, {frozen:,} frozen", f"可训练 {self.trainable_params:,}，冻结 {frozen:,}")
        )
        lines = [(say("parameters", "参数"), f"{self.total_params:,} ({size(self.param_bytes)})" + say(", ", "，") + split)]
        if self.buffers:
            lines.append((say("buffers", "缓冲区"), f"{self.buffers:,} ({size(self.buffer_bytes)})"))
        lines.append(
            (
                say("operations", "运算"),
                say(
                    f"{self.total_mult_adds:,} multiply–adds, {self.total_flops:,} FLOPs",
                    f"{self.total_mult_adds:,} 次乘加，{self.total_flops:,} FLOPs",
                ),
            )
        )
        lines.append(
            (
                say("forward", "前向"),
                say(
                    f"outputs of all modules: {size(self.output_bytes)}; input: {size(self.input_bytes)}",
                    f"各模块输出共 {size(self.output_bytes)}；输入 {size(self.input_bytes)}",
                ),
            )
        )
        lines.append(
            (
                say("backward", "反向"),
                say(
                    f"activations kept: {size(self.kept_bytes)}; gradients of the parameters: {size(self.gradient_bytes)}",
                    f"保留的激活值 {size(self.kept_bytes)}；参数的梯度 {size(self.gradient_bytes)}",
                ),
            )
        )
        return [padded(name, 16) + text for name, text in lines]

    def __str__(self) -> str:
        head, rows = self._table()
        table = text_table(head, rows, {2, 3, 4}, indent="")
        return "\n".join([*table, table[1], *self._totals()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return html_table(head, rows, {2, 3, 4}, self.rows[0].kind, "\n".join(self._totals()))

    def save(self, path) -> None:
        """Write the table to a file: .html or .txt. ValueError: another ending."""
        save(path, self)


def _bytes(tensors) -> int:
    """The bytes of the storages behind tensors, each once."""
    owners = {id(o): o for o in (owner_of(t._a) for t in tensors if isinstance(t._a, np.ndarray))}
    return sum(o.nbytes for o in owners.values())
