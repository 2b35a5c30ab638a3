"""What goes into a loss and comes out of it: scores or probabilities, shapes, targets, the sign."""

import math

import numpy as np

from ...autograd import modes
from ...tensor import Tensor
from . import origins, source
from .checks_data import one_hot

_LINEAR = frozenset("linear addmm mm mv bmm convolution".split())
_LOSS_NODES = frozenset(
    "cross_entropy nll_loss mse_loss mean_square smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits".split()
)
_PICKS = ("gather", "index", "pick")
_COLUMNS = frozenset("unsqueeze new_dims".split())  # a column made on purpose
_REDUCED = frozenset(
    "index sum_dim mean_dim amax amin max_dim min_dim logsumexp linalg_vector_norm var std".split()
)  # or kept so, of scores


def _name(t) -> str:
    return str(list(t.shape))


def _sigmoid_by_hand(x, steps) -> bool:
    """1/(1 + exp(-x)) or exp(x)/(1 + exp(x)), written out: no number is outside 0 and 1."""
    steps = steps[1:] if steps[:2] == ("mul", "reciprocal") else steps
    quotient = steps[:2] == ("div", "exp") and x._a.size >= 8
    if not quotient and steps[:4] not in (("reciprocal", "add", "exp", "neg"), ("div", "add", "exp", "neg"), ("pow", "add", "exp", "neg")):
        return False
    return bool((x._a >= 0).all() and (x._a <= 1).all())


class Losses:
    """LW401-LW410."""

    def __init__(self, report, training):
        self.report, self.training = report, training
        self.values: dict = {}  # place of backward -> the losses
        self.negated: dict = {}  # place of backward -> (leaf ids, name of the loss)
        self.likelihoods: dict = {}
        self.stepped: set = set()
        self.plain = None  # the last backward: (place, name of the loss), leaves
        self.climbs: dict = {}  # place of an update by hand along the gradient -> the leaves
        self.across: dict = {}  # shape -> the line of the last softmax over dimension 0
        self.inner: list = []  # softmax over dimension 0 inside the model that is running: (name, shape, line)
        self.later: dict = {}  # line of one outside -> (name, shape, what it was of)
        self.sideways: set = set()  # what met a softmax or argmax over dimension 1
        self.frozen = False  # a model that learns nothing was called since the last backward
        self.weights: dict = {}  # id of a model that was called -> the ids of its parameters that learn

    # ---- what goes in ---------------------------------------------------------------------------------------------------

    def loss(self, name, x, y, kwargs, out):
        """Look at a loss function's input and target."""
        at = source.here()
        origin = origins.of(x)
        last, steps = origin.last, origin.computed()
        add = self.report.add
        if origin.call is not None:
            origin.call.measured = True
        if name == "cross_entropy":
            self._cross_entropy(at, x, y, last, steps)
        elif name == "nll_loss":
            if _sums_down(x, y):
                place, of = self.across.get(x.shape, (at, None))
                self._outside("log_softmax", x.shape, place, of)
            elif last == "softmax":
                add("LW403", at, f"NLLLoss expects log-probabilities, and its input {_name(x)} holds probabilities: it comes from softmax.",
                    f"NLLLoss 要的是对数概率，而它的输入 {_name(x)} 直接来自 softmax。")  # fmt: skip
            elif _rows(x) is not None and not _log_probabilities(x):
                add("LW403", at, f"NLLLoss expects log-probabilities, and its input {_name(x)} holds none: exp of a row does not add up to 1.",
                    f"NLLLoss 要的是对数概率，而输入 {_name(x)} 不是：每一行取 exp 后之和不等于 1。")  # fmt: skip
        elif name == "kl_div":
            rows = _rows(x)
            if last == "softmax" or (rows is not None and not kwargs.get("log_target") and _probabilities(x)):
                add("LW403", at, f"kl_div expects log-probabilities as its first argument, and {_name(x)} holds probabilities.",
                    f"kl_div 的第一个参数要的是对数概率，而 {_name(x)} 里是概率。")  # fmt: skip
        elif name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
            if name.endswith("logits"):
                if last in ("sigmoid", "softmax", "hardsigmoid") or _sigmoid_by_hand(x, steps):
                    word = "softmax" if last == "softmax" else "sigmoid"
                    add("LW402", at, f"BCEWithLogitsLoss applies sigmoid itself, and its input {_name(x)} comes from {word} already.",
                        f"BCEWithLogitsLoss 自己会做 sigmoid，而它的输入 {_name(x)} 已经过了 {word}。")  # fmt: skip
                elif steps[:1] == ("relu",) and steps[1:2] and steps[1] in _LINEAR:
                    self._relu(at, x, "BCEWithLogitsLoss")
            a = y._a
            if a.size and (a.min() < 0 or a.max() > 1):
                add("LW407", at, f"The targets go from {a.min():g} to {a.max():g}; binary cross-entropy wants them between 0 and 1.",
                    f"目标值从 {a.min():g} 到 {a.max():g}；二元交叉熵要求它们在 0 到 1 之间。")  # fmt: skip
        elif name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            self._distance(name, at, x, y)

    def _cross_entropy(self, at, x, y, last, steps):
        add = self.report.add
        axis = 1 if x.ndim > 1 else 0
        if x.ndim > 1 and x.shape[axis] == 1:
            add("LW408", at, f"The input has shape {_name(x)}, one class: softmax over one class is always 1, the loss always 0.",
                f"输入的形状是 {_name(x)}，只有一个类别：一个类别的 softmax 恒为 1，损失恒为 0。")  # fmt: skip
        elif last in ("softmax", "log_softmax"):
            add("LW401", at, f"CrossEntropyLoss applies softmax itself, and its input {_name(x)} comes from {last} already.",
                f"CrossEntropyLoss 自己会做 softmax，而它的输入 {_name(x)} 已经过了 {last}。")  # fmt: skip
        elif last == "sigmoid" or (not _probabilities(x) and _sigmoid_by_hand(x, steps)):
            add("LW401", at, f"CrossEntropyLoss wants the scores themselves, and a sigmoid has pressed its input {_name(x)} between 0 and 1.",
                f"CrossEntropyLoss 要的是得分本身，而它的输入 {_name(x)} 已被 sigmoid 压到 0 和 1 之间。")  # fmt: skip
        elif _probabilities(x):
            add("LW401", at, f"CrossEntropyLoss applies softmax itself, but the rows of its input {_name(x)} are probabilities: they add up to 1.",
                f"CrossEntropyLoss 自己会做 softmax，而它的输入 {_name(x)} 每一行之和为 1，已经是概率。")  # fmt: skip
        elif steps[:1] == ("relu",) and steps[1:2] and steps[1] in _LINEAR:
            self._relu(at, x, "CrossEntropyLoss")
        if y._a.dtype.kind == "f" and y.shape == x.shape and x.ndim > 1 and x.shape[axis] > 1:
            sums = y._a.sum(axis)
            if sums.size and sums.max() > 1.01:
                add("LW407", at, f"The targets {_name(y)} are class probabilities to CrossEntropyLoss, but a row adds up to {sums.max():.3g}.",
                    f"CrossEntropyLoss 把目标 {_name(y)} 当作类别概率，但有一行之和是 {sums.max():.3g}。")  # fmt: skip

    def _relu(self, at, x, loss):
        self.report.add("LW410", at, f"The scores {_name(x)} that go into {loss} come from ReLU: none can be below 0.",
                        f"送进 {loss} 的得分 {_name(x)} 来自 ReLU：不可能小于 0。")  # fmt: skip

    def _distance(self, name, at, x, y):
        if x.shape != y.shape and x.ndim and y.ndim and x._a.size > 1 and y._a.size > 1:
            grown = np.broadcast_shapes(x._a.shape, y._a.shape)
            pairs = ("every prediction meets every target", "每个预测都和每个目标相减")
            if tuple(x.shape) == grown:  # only the targets are repeated
                pairs = ("one target meets several predictions", "同一个目标和好几个预测相减")
            self.report.add("LW404", at, f"{name} of {_name(x)} and {_name(y)} broadcasts to {list(grown)}: {pairs[0]}.",
                            f"{name} 的两个参数形状是 {_name(x)} 和 {_name(y)}，会广播成 {list(grown)}：{pairs[1]}。")  # fmt: skip

    def call(self, call, args, out):
        """A model was called."""
        ids = {id(p) for p in call.module.parameters() if p._rg}
        self.weights.setdefault(id(call.module), ids)
        self.frozen = self.frozen or (not ids and modes.is_grad_enabled() and next(call.module.parameters(), None) is not None)
        for name, shape, place in self.inner:  # what the model answers with; weights of a pooling are on purpose
            if isinstance(out, Tensor) and out.shape == shape and origins.of(out).last == name:
                self._batch_dim(name, shape, place)
        self.inner.clear()

    def _trains(self, leaves) -> bool:
        """Whether leaves are the weights of a model, and not an input that is to fool one, or a model that learns to fool a frozen one."""
        known = self.weights.values()
        return not known or (all(known) and any(ids & leaves for ids in known))

    # ---- operations -----------------------------------------------------------------------------------------------------

    def op(self, name, args, out):
        """Look at single operations on the way to a loss."""
        if name == "add":
            self._uphill(*args[:2])
        elif name in ("sub", "rsub", "eq", "ne", "mul"):
            if isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
                self._pair(name, args[0], args[1])
        elif name in ("softmax", "log_softmax", "sigmoid"):
            self._squash(name, args[0], args[1] if len(args) > 1 else None)
        elif name in ("argmax", "max_dim") and len(args) > 1:
            x, dim = args[0], args[1]
            if x.ndim == 2 and min(x.shape) > 1 and origins.of(x).call is not None:
                if dim == 0 and origins.of(x).direct and not _columns(x):
                    self._outside(name.partition("_")[0], x.shape, source.here(), _key(x))
                elif dim in (1, -1) and len(self.sideways) < 4000:
                    self.sideways.add(_key(x))

    def _uphill(self, a, step):
        """Whether a leaf is moved by hand along its gradient instead of against it."""
        if (modes.is_grad_enabled() and a._rg) or not isinstance(step, Tensor) or step._a.shape != a._a.shape:
            return
        leaf = a if a._rg else origins.ALIASES.get(a)
        if leaf is None or leaf._node is not None or leaf._grad is None or leaf._grad._a.shape != step._a.shape:
            return
        g, s = (t._a.reshape(-1).astype(np.float64) for t in (leaf._grad, step))
        length = math.sqrt(float(g @ g) * float(s @ s))
        if length > 0 and float(g @ s) > 0.9999 * length:
            self.climbs.setdefault(source.here(), []).append(id(leaf))

    def _pair(self, name, a, b):
        if a.ndim == b.ndim:
            return
        column, row = (a, b) if a.ndim == 2 else (b, a)
        if column.ndim != 2 or row.ndim != 1 or column.shape[1] != 1 or row.shape[0] < 2 or column.shape[0] != row.shape[0]:
            return
        if self.observer.in_loss:
            return
        oc, orow = origins.of(column), origins.of(row)
        learned = [t._rg or o.call is not None for t, o in ((column, oc), (row, orow))]
        if oc.source == orow.source or learned[0] == learned[1]:
            return
        mine = column if learned[0] else row
        if (mine._rg and mine._node is None) or (learned[0] and not orow.trail and _evenly(row)):
            return  # a weight is no prediction, and a scale no target
        if oc.trail and (oc.trail[0] in _COLUMNS or (learned[0] and oc.trail[0] in _REDUCED)):
            return
        if name == "mul" and not _labels(row if learned[0] else column):
            return
        n = row.shape[0]
        word = {"eq": "==", "ne": "!=", "mul": "*"}.get(name, "-")
        self.report.add("LW405", source.here(), f"{_name(a)} {word} {_name(b)} broadcasts to [{n}, {n}]: every prediction meets every target.",
                        f"{_name(a)} {word} {_name(b)} 会广播成 [{n}, {n}]：每个预测都和每个目标相遇。")  # fmt: skip

    def _squash(self, name, x, axis):
        origin = origins.of(x)
        twice = "softmax" if name == "log_softmax" else name
        if not self.observer.in_loss and (origin.last == twice or (name == "sigmoid" and _sigmoid_by_hand(x, origin.computed()))):
            self.report.add("LW402", source.here(), f"{name} is applied to {_name(x)}, which comes from {twice} already.",
                            f"{name} 作用在 {_name(x)} 上，而它已经过了 {twice}。")  # fmt: skip
        if x.ndim != 2 or min(x.shape) < 2:
            return
        if axis in (0, -2):
            self.across[x.shape] = source.here(), _key(x)
            if origin.direct and not _columns(x):
                self._outside(name, x.shape, source.here(), _key(x))
            elif not origin.direct and self._last_layer(x, origin):
                self.inner.append((name, x.shape, source.here()))
        elif len(self.sideways) < 4000:
            self.sideways.add(_key(x))

    def _last_layer(self, x, origin) -> bool:
        """Inside a model: whether these are class scores of the whole batch, made by the model's linear layer from a 2-D or image batch."""
        model = self.observer.model
        if model is None or origin.last not in ("linear", "addmm") or not model[1] or not isinstance(model[1][0], Tensor):
            return False
        fed = model[1][0]
        return fed.ndim in (2, 4) and fed._a.dtype.kind == "f" and fed.shape[0] == x.shape[0]

    def _outside(self, name, shape, place, of):
        """A softmax over dimension 0 outside of a model: a mistake where nothing asks for the same numbers over dimension 1 as well."""
        met = self.later.setdefault(place, (name, shape, set()))[2]
        if len(met) < 20:
            met.add(of)

    def _batch_dim(self, name, shape, place):
        n, c = shape
        self.report.add("LW409", place, f"{name} over dimension 0 of {list(shape)} runs over the {n} examples of the batch, not over the {c} classes.",
                        f"{name} 沿 {list(shape)} 的第 0 维计算，跨的是批量里的 {n} 个样本，而不是 {c} 个类别。")  # fmt: skip

    # ---- the sign -------------------------------------------------------------------------------------------------------

    def backward(self, roots, op, graph):
        """Note the loss that backward starts from, and whether it is a loss turned round."""
        if op != "backward" or len(roots) != 1 or roots[0]._a.size != 1:
            return
        at, root = source.here(), roots[0]
        if at is None:
            return
        self.values.setdefault(at, []).append(float(root._a.reshape(-1)[0].real))
        self.plain = (at, _turned(root._node, -1)), {id(t) for t in graph[1]}
        found, frozen, self.frozen = _turned(root._node), self.frozen, False
        if found is not None and not frozen:
            self.negated.setdefault(at, (found, []))[1].append({id(t) for t in graph[1]})

    def step(self, optimizer, closure, before):
        """Note whose parameters are moved."""
        if not before:
            return
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        if self.plain is not None and all(g.get("maximize") for g in optimizer.param_groups):
            (at, kind), leaves = self.plain
            if kind in _LOSS_NODES and leaves <= mine and self._trains(leaves):
                self.report.add("LW406", at, f"The optimizer was made with maximize=True: every step makes {kind} larger.",
                                f"优化器设了 maximize=True：每一步都让 {kind} 变得更大。")  # fmt: skip
        for at, (_kind, leaves) in self.negated.items():
            if all(g.get("maximize") for g in optimizer.param_groups):
                break
            if leaves and all(s <= mine for s in leaves[-1:]):
                self.stepped.add(at)

    def _by_hand(self, leaves) -> bool:
        """Whether all the leaves of a loss are updated again and again without an optimizer."""
        known = self.training.leaves
        if any(key in leaves for moved in self.climbs.values() for key in moved):
            return False  # along the gradient: what is turned round is maximised
        return not self.training.optimizers and bool(leaves) and all(key in known and known[key].updates >= 2 for key in leaves)

    def _alone(self, leaves) -> bool:
        """Whether a single leaf is all that there is to learn of a loss, as in a line through the origin."""
        return self.plain is not None and self.plain[0][1] is not None and self.plain[1] == leaves and not self.weights

    def end(self):
        """Decide what can only be known when the program is done."""
        add = self.report.add
        for place, (name, shape, met) in self.later.items():
            if met.isdisjoint(self.sideways):
                self._batch_dim(name, shape, place)
        for at, (kind, leaves) in self.negated.items():
            always = len(leaves) >= max(2, 0.95 * len(self.values[at]))  # the sign of an advantage changes
            if always and (at in self.stepped or self._by_hand(leaves[-1])) and self._trains(leaves[-1]):
                if kind == "likelihood":
                    add("LW406", at, "What is minimised is the mean log-likelihood itself: the minus is missing, and training makes the right classes unlikely.",
                        "被最小化的是对数似然本身：少了负号，训练会让正确的类别越来越不可能。")  # fmt: skip
                else:
                    add("LW406", at, f"Backward starts from minus {kind}: every step makes the loss larger.",
                        f"反向传播的起点是负的{'平方误差' if kind.startswith('the') else ' ' + kind}：每一步都让损失变得更大。")  # fmt: skip
        for at, leaves in self.climbs.items():
            moved = set(leaves)
            if any(s.steps and not s.ids.isdisjoint(moved) for s in self.training.optimizers.values()):
                continue  # by an optimizer as well: a step aside, as in sharpness-aware minimisation
            if self.weights and not any(ids & moved for ids in self.weights.values()):
                continue  # inputs
            grew = any(len(v) >= 3 and not v[-1] <= v[0] and not min(v) < 0 for v in self.values.values())
            meant = any(moved <= ids for _, groups in self.negated.values() for ids in groups[-1:])  # a likelihood is climbed
            if (len(moved) >= 2 or self._alone(moved)) and len(leaves) >= 4 and grew and not meant:
                add("LW406", at, "The parameters move along the gradient (+=): that makes the loss larger. Descent subtracts it.",
                    "参数沿着梯度方向移动（+=）：损失会变大。梯度下降应当减去梯度。")  # fmt: skip
        for at, values in self.values.items():
            first, final = values[0], values[-1]
            if len(values) >= 5 and not self.report.has("LW406", at) and math.isfinite(first):
                falls = final < -1e4 * (1 + abs(first)) and final < 1.5 * values[len(values) // 2]
                if final == -math.inf or falls:
                    add("LW406", at, f"The loss fell from {first:.4g} to {final:.4g}: it has no lower bound.",
                        f"损失从 {first:.4g} 降到了 {final:.4g}：它没有下界。")  # fmt: skip


def _key(x) -> tuple:
    """What a matrix is known by: its shape and its first numbers."""
    return x.shape, x._a[:8, :8].tobytes()


def _columns(x) -> bool:
    """Whether a model's result has an example in each column, or a moment in each row, as its input has."""
    call = origins.of(x).call
    fed = call.inputs[0][1] if call is not None and call.inputs else ()
    if len(fed) < 2:
        return False
    return (fed[0] != x.shape[0] and fed[1] == x.shape[1]) or (len(fed) > 2 and tuple(fed[:2]) == tuple(x.shape))


def _evenly(row) -> bool:
    """Whether a row's numbers are a scale: 0, 1, 2, … or linspace."""
    steps = np.diff(row._a.astype(np.float64))
    return bool(steps.size and steps[0] != 0 and np.ptp(steps) <= 1e-4 * abs(steps[0]))


def _rows(x):
    """The input's array with the classes last, None where it is too small to tell anything."""
    if x.ndim < 1 or not x._a.size:
        return None
    a = x._a if x.ndim == 1 else np.moveaxis(x._a, 1, -1)
    return a if a.shape[-1] > 1 and a.size > a.shape[-1] else None


def _labels(t) -> bool:
    """Whether a row holds two classes as 0 and 1, or as -1 and 1."""
    kinds = set(np.unique(t._a).tolist())
    return len(kinds) == 2 and kinds < {-1, 0, 1}


def _probabilities(x) -> bool:
    rows = _rows(x)
    return rows is not None and bool((rows >= 0).all()) and bool(np.allclose(rows.sum(-1), 1, atol=1e-4)) and bool(np.ptp(rows) > 0)


def _log_probabilities(x) -> bool:
    rows = _rows(x).astype(np.float64)
    with np.errstate(all="ignore"):
        total = np.exp(rows - rows.max(-1, keepdims=True)).sum(-1)
        lse = np.log(total) + rows.max(-1)
    return not bool((np.abs(lse) > 0.05).mean() > 0.5) or bool((rows <= 0).all() and (lse < 0.05).all())


def _sums_down(x, y) -> bool:
    """Whether exp of the columns adds up to 1 and that of the rows does not: a softmax over the batch."""
    if x.ndim != 2 or y.ndim != 1 or min(x.shape) < 2 or not x._a.size:
        return False
    with np.errstate(all="ignore"):
        p = np.exp(x._a.astype(np.float64))
    return bool(np.allclose(p.sum(0), 1, atol=1e-4)) and not bool(np.allclose(p.sum(1), 1, atol=0.05))


def _turned(node, sign=1):
    """The name of a loss whose negative this node is; "likelihood" for a mean of log-probabilities picked by class; None otherwise."""
    picked = False
    for _ in range(12):
        record = getattr(node, "record", None)
        if record is None:
            return None
        name = record.name
        if name in _LOSS_NODES:
            return name if sign < 0 else None
        if name in ("log", "log_softmax"):
            behind = getattr(getattr(node.edges[0], "record", None), "name", "")
            return "likelihood" if sign > 0 and (picked or behind in _PICKS) else None
        if name in ("square", "abs") or name == "pow":
            inner = node.edges[0]
            error = getattr(getattr(inner, "record", None), "name", "") in ("sub", "rsub") and sum(e is not None for e in inner.edges) == 1
            return "the squared error" if sign < 0 and name != "abs" and error else None
        edges = [e for e in node.edges if e is not None and type(e).__name__ != "Port"]
        if name == "neg":
            sign = -sign
        elif name in ("mul", "div") and len(edges) == 1:
            factor = next((v for v in (node.saved or ())[:2] if v is not None and np.size(v) == 1), None)
            if factor is None:
                log = getattr(getattr(edges[0], "record", None), "name", "") in ("log", "log_softmax")
                chosen = log and any(one_hot(np.asarray(v)) for v in (node.saved or ())[:2] if v is not None)
                return "likelihood" if sign > 0 and chosen else None
            sign = sign if float(np.reshape(factor, -1)[0].real) > 0 else -sign
        elif (name == "rsub" and len(edges) == 1) or (name == "sub" and len(edges) == 1 and node.edges[0] is None):
            sign = -sign
        elif name in _PICKS:
            picked = True
        elif name not in ("mean", "sum", "mean_dim", "sum_dim", "view", "reshape", "squeeze", "squeeze_dim", "add", "sub"):
            return None
        if len(edges) == 2 and name == "add" and all(_weighted_log(e) for e in edges):
            return "likelihood" if sign > 0 else None
        if len(edges) == 2 and name in ("add", "sub"):
            return _turned_term(edges[0], sign, edges[1], sign if name == "add" else -sign)
        if len(edges) != 1:
            return None
        node = edges[0]
    return None


def _turned_term(a, sign_a, b, sign_b):
    """The loss that one of two terms turns round, where the other is none (a penalty, a divergence): a difference of losses is on purpose."""
    if _turned(a, -sign_a) or _turned(b, -sign_b):
        return None
    found = [name for name in (_turned(a, sign_a), _turned(b, sign_b)) if name not in (None, "likelihood")]
    return found[0] if found else None


def _weighted_log(node) -> bool:
    """y·log p: a logarithm times something without a graph."""
    edges = [e for e in node.edges if e is not None] if getattr(getattr(node, "record", None), "name", "") == "mul" else []
    return len(edges) == 1 and getattr(getattr(edges[0], "record", None), "name", "") == "log"
