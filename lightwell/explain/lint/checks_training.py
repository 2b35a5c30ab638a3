"""The loop: gradients that pile up or are thrown away, steps without gradients, graphs that are kept, the learning rate."""

import ast
import math
import zlib

import numpy as np

from ...nn import Module
from ...nn.parameter import Parameter
from ...tensor import Tensor
from . import source
from .origins import LEAVES


def fingerprint(t) -> tuple:
    """A few of a leaf's numbers: differs where it was updated, whichever way."""
    if t.is_sparse:
        return t._version, 0
    a = t._a
    if a.size > 4096:
        a = a.reshape(-1)[:: a.size // 1024]
    return t._version, zlib.crc32(a.tobytes())


class Leaf:
    """What is known of one leaf that gradients arrive at."""

    __slots__ = ("backwards", "mark", "moved", "read", "stale", "stale_steps", "tensor", "updates", "zeroed")

    def __init__(self, tensor):
        self.tensor, self.mark = tensor, fingerprint(tensor)
        self.backwards = self.updates = self.stale_steps = 0
        self.moved = False  # by an optimizer, since the last backward
        self.stale = self.read = False  # stale: .grad holds gradients from before the last update, too
        self.zeroed = None


def _finite(params) -> bool:
    """Whether gradients are numbers: a step that a loss scaler leaves out has others."""
    return all(p._grad is None or p._grad.is_sparse or bool(np.isfinite(p._grad._a).all()) for p in params)


def leaf_of(t) -> Leaf:
    """The notes on a leaf."""
    found = LEAVES.get(t)
    if found is None:
        found = Leaf(t)
        LEAVES.put(t, found)
    return found


def has_gradient(t) -> bool:
    """Whether a gradient other than zero is there."""
    g = t._grad
    return g is not None and (g.is_sparse or bool(g._a.any()))


class Steps:
    """One optimizer: where it was made, how often it stepped, what it found."""

    def __init__(self, optimizer, place):
        from .origins import _serial

        self.optimizer, self.place, self.born = optimizer, place, next(_serial)
        self.steps = self.empty = self.lost = self.backwards = 0
        self.rates: set = set()
        self.closure = False  # it asks for gradients itself, as often as it likes
        self.step_place = self.lost_place = self.unused_place = None
        self.since = False  # whether a backward reached its parameters since the last step
        self.fresh = False  # whether its gradients come from a backward that reached nothing else, and no step or zero_grad met them yet
        self.backward_place = None  # of the last backward that reached its parameters
        self.unused: dict = {}  # line of a backward -> how many of its gradients were forgotten before a step met them
        self.used: set = set()  # lines of those that a step met
        self.ids: set = set()
        self.fed: set = set()  # parameters that had a gradient in some step

    def params(self):
        return [p for g in self.optimizer.param_groups for p in g["params"]]


class Training:
    """LW411-LW417."""

    def __init__(self, report):
        self.report = report
        self.optimizers: dict = {}
        self.leaves: dict = {}  # id -> Leaf; kept for parameters, and for leaves that come back
        self.room = 256
        self.backward_place = None
        self.first: dict = {}  # place -> first loss, last loss, count
        self.ended: list = []  # the nodes that backward started from, alive or not: their ids with the nodes
        self.early: list = []
        self.kept: dict = {}

    def _steps(self, optimizer) -> Steps:
        found = self.optimizers.get(id(optimizer))
        if found is None:
            found = self.optimizers[id(optimizer)] = Steps(optimizer, source.here())
        return found

    def optimizer(self, optimizer, place):
        """A new optimizer."""
        found = self.optimizers[id(optimizer)] = Steps(optimizer, place)
        found.ids = {id(p) for p in found.params()}

    def grad_read(self, t):
        """The user looks at a gradient."""
        if t._node is None and t._rg:
            leaf_of(t).read = True

    def zero_grad(self, params, place):
        """Note where gradients are forgotten."""
        for p in params:
            if has_gradient(p):
                leaf_of(p).zeroed = place
        forgotten = {id(p) for p in params}
        for s in self.optimizers.values():
            if s.fresh and s.ids <= forgotten and not any(leaf_of(p).read for p in s.params()) and _finite(s.params()):
                s.unused[s.backward_place] = s.unused.get(s.backward_place, 0) + 1
                s.unused_place, s.fresh = place, False

    def backward(self, roots, op, graph):
        """Gradients are about to be added to the leaves."""
        if op != "backward":
            return
        place = self.backward_place = source.here()
        if len(roots) == 1 and roots[0]._a.size == 1:
            value = float(roots[0]._a.reshape(-1)[0].real)
            self.first.setdefault(place, [value, value, 0])[1:] = [value, self.first.get(place, [0, 0, 0])[2] + 1]
            if roots[0]._node is not None:
                self.ended.append(roots[0]._node)
                if len(self.ended) > 64:
                    del self.ended[0]
        reached = set()
        for t in graph[1]:
            leaf = leaf_of(t)
            reached.add(id(t))
            self.leaves[id(t)] = leaf
            leaf.backwards += 1
            mark = fingerprint(t)
            updated = mark != leaf.mark
            if updated:
                leaf.mark = mark
                self._updated(leaf, place)
            if not has_gradient(t):
                leaf.stale = False
            elif updated or leaf.moved:
                leaf.stale = True
            leaf.moved, leaf.zeroed = False, None
        mine = [s for s in self.optimizers.values() if not s.ids.isdisjoint(reached)]
        for s in mine:
            s.backward_place = place
            s.since, s.backwards, s.fresh = True, s.backwards + 1, reached <= s.ids and not any(o.closure for o in mine)
        if len(self.leaves) > self.room:
            self._make_room()

    def _make_room(self):
        """Let go of inputs that required grad once; weights come back or are updated."""
        for key, leaf in list(self.leaves.items()):
            if leaf.backwards == 1 and not leaf.updates and not isinstance(leaf.tensor, Parameter):
                del self.leaves[key]
                LEAVES.drop(leaf.tensor)
        self.room = 2 * len(self.leaves) + 256

    def _updated(self, leaf, place):
        leaf.updates += 1
        if leaf.stale and (leaf.read or any(id(leaf.tensor) in s.ids for s in self.optimizers.values())):  # what fills up is used
            leaf.stale_steps += 1
            if leaf.stale_steps == 2:
                self.report.add(
                    "LW411", place, "The gradients of earlier steps are still in .grad when backward adds this step's: the update uses their sum.",
                    "backward 把这一步的梯度加进 .grad 时，前几步的梯度还在里面：更新用的是它们的和。")  # fmt: skip

    def step(self, optimizer, closure, before):
        """An optimizer updates its parameters."""
        s = self._steps(optimizer)
        if not before:
            for p in s.params():
                leaf = LEAVES.get(p)
                if leaf is not None:
                    mark = fingerprint(p)
                    if mark != leaf.mark:
                        leaf.mark, leaf.moved = mark, True
            return
        s.ids = {id(p) for p in s.params()}
        s.closure = s.closure or bool(closure)
        s.fed |= {id(p) for p in s.params() if p._grad is not None}
        if s.since and not closure:
            s.used.add(s.backward_place)
        s.steps += 1
        s.step_place = source.here()
        s.rates.update(float(g["lr"]) for g in optimizer.param_groups if "lr" in g)
        if not closure:
            some = False
            for p in s.params():
                if has_gradient(p):
                    some = True
                    leaf = leaf_of(p)
                    leaf.updates += 1
                    if leaf.stale:
                        leaf.updates -= 1
                        self._updated(leaf, self.backward_place)
            if not some:
                s.empty += 1
                place = next(
                    (leaf.zeroed for p in s.params() if (leaf := LEAVES.get(p)) is not None and leaf.zeroed),
                    None,
                )
                if s.since and place is not None:
                    s.lost, s.lost_place = s.lost + 1, place
        s.since = False
        for o in self.optimizers.values():
            o.fresh = o.fresh and o.ids.isdisjoint(s.ids)  # another may move the same parameters later
        self._kept(s)

    def schedule(self, schedule, place):
        """A learning-rate schedule moves on."""
        s = self._steps(schedule.optimizer)
        if not s.steps:
            self.early.append((s, place))

    # ---- graphs that are kept -------------------------------------------------------------------------------------------

    def _kept(self, s):
        """Now and then: whether the user's variables hold graphs of steps that are done."""
        if s.steps not in (4, 8, 16, 32) or not self.ended:
            return
        ended = {id(n) for n in self.ended}
        for frame in source.frames(3, 2):
            names = dict(frame.f_locals)
            own = names.get("self")
            if own is not None and hasattr(own, "__dict__"):
                names.update((f"self.{k}", v) for k, v in list(vars(own).items()))
            for name, value in list(names.items()):  # a meter that adds the losses up
                inside = getattr(value, "__dict__", None)
                if name != "self" and type(inside) is dict and source.is_users_class(type(value)) and not isinstance(value, Module):
                    names.update((f"{name}.{k}", v) for k, v in list(inside.items()))
            for name, value in names.items():
                many = 0
                if isinstance(value, Tensor) and value._node is not None and value._a.size == 1:
                    many = _ended_behind(value._node, ended)
                elif type(value) is list and len(value) >= 3:
                    many = sum(isinstance(t, Tensor) and id(t._node) in ended for t in value)
                elif type(value) is dict and not name.startswith("__"):
                    many = max(
                        (sum(isinstance(t, Tensor) and id(t._node) in ended for t in v) for v in value.values() if type(v) is list),
                        default=0,
                    )
                if many >= 3:
                    self._report_kept(frame, name, many)

    def _report_kept(self, frame, name, many):
        place = _where_kept(frame.f_code.co_filename, frame.f_lineno, name) or (frame.f_code.co_filename, frame.f_lineno)
        self.report.add("LW417", place, f"`{name}` holds the graphs of at least {many} steps that are done: memory grows with every step.",
                        f"`{name}` 还拿着至少 {many} 个已经结束的步骤的计算图：内存一步步增长。")  # fmt: skip

    # ---- at the end -----------------------------------------------------------------------------------------------------

    def end(self):
        """Decide what can only be known when the program is done."""
        add = self.report.add
        for leaf in self.leaves.values():
            if fingerprint(leaf.tensor) != leaf.mark and leaf.stale:
                self._updated(leaf, self.backward_place)
        for s in self.optimizers.values():
            if s.lost >= 1 and s.lost * 2 >= s.steps:
                add("LW412", s.lost_place, "zero_grad() throws the gradients away after backward and before step: nothing is learned.",
                    "zero_grad() 在 backward 之后、step 之前把梯度清掉了：什么也学不到。")  # fmt: skip
            elif s.steps >= 2 and s.empty == s.steps and not s.backwards and not self._cut_off(s):
                add("LW414", s.step_place, f"step() ran {s.steps} times and no parameter of this optimizer had a gradient: backward() never reached them.",
                    f"step() 运行了 {s.steps} 次，这个优化器的参数却从来没有梯度：没有哪次 backward() 到达它们。")  # fmt: skip
            elif s.steps and (unused := sum(n for line, n in s.unused.items() if line in s.used)) >= max(4, 2 * s.steps):
                add("LW412", s.unused_place, f"zero_grad() threw away the gradients of {unused} of {s.backwards} backward() calls, and no step had used them: "
                    f"step() ran {s.steps} times.",
                    f"backward() 共 {s.backwards} 次，其中 {unused} 次的梯度还没有被 step() 用过，就被 zero_grad() 清掉了：step() 只运行了 {s.steps} 次。")  # fmt: skip
            if not s.steps and s.backwards >= 2:
                add("LW413", s.place, f"backward() ran {s.backwards} times and this optimizer's step() never: the parameters stay as they are.",
                    f"backward() 运行了 {s.backwards} 次，而这个优化器的 step() 一次也没有：参数始终不变。") if not self._moved(s) else None  # fmt: skip
            if s.steps >= 2 and s.rates == {0.0}:
                add("LW416", s.place, "The learning rate is 0 in every step.", "学习率在每一步都是 0。")
            elif s.steps >= 2 and s.rates:
                self._too_fast(s)
        for s, place in self.early:
            if s.steps:
                add("LW415", place, "The schedule moves on before the optimizer's first step: the first learning rate is never used.",
                    "学习率调度器在优化器的第一步之前就前进了：第一个学习率没有用到。")  # fmt: skip

    def _moved(self, s) -> bool:
        return any(leaf.updates for p in s.params() if (leaf := LEAVES.get(p)) is not None)

    def _cut_off(self, s) -> bool:
        return any(self.report.has(code) for code in ("LW421", "LW424", "LW425"))

    def _too_fast(self, s):
        worst = max(s.rates)
        kind = type(s.optimizer).__name__
        limit = 1.0 if kind.startswith(("Adam", "NAdam", "RAdam", "RMSprop", "AdamW")) else 5.0
        if worst < limit * 0.1:
            return
        for place, (first, last, count) in self.first.items():
            grew = not math.isfinite(last) or (last > 10 * max(abs(first), 1e-3) and last > first + 1)
            if count >= 3 and place is not None and grew and (worst >= limit or not math.isfinite(last)):
                told = "nan" if math.isnan(last) else f"{last:.3g}"
                self.report.add("LW416", s.place, f"With {kind}'s learning rate {worst:g} the loss went from {first:.3g} to {told}.",
                                f"{kind} 的学习率是 {worst:g}，损失从 {first:.3g} 变成了 {told}。")  # fmt: skip
                return


def _ended_behind(node, ended) -> int:
    """How many losses that are done are summed up in this node."""
    stack, seen, many = [node], set(), 0
    while stack and len(seen) < 400:
        at = stack.pop()
        if id(at) in seen:
            continue
        seen.add(id(at))
        if id(at) in ended:
            many += 1
            continue
        if getattr(getattr(at, "record", None), "name", "") in ("add", "mul", "div", "sub", "copy"):
            stack.extend(e for e in at.edges if e is not None)
    return many


def _where_kept(file, line, name):
    """The line that adds to the variable: in the function around a line, or, for what an object holds, in a method of its class."""
    inside = source.function_at(file, line) or source.tree(file)
    found = _adds_to(inside, name)
    if found is None and "." in name:
        found = _adds_to(source.tree(file), "self." + name.rpartition(".")[2])
    return None if found is None else (file, found)


def _adds_to(root, name):
    for n in ast.walk(root) if root is not None else ():
        if isinstance(n, ast.AugAssign) and ast.unparse(n.target) == name:
            return n.lineno
        if (
            isinstance(n, ast.Assign)
            and isinstance(n.value, ast.BinOp)
            and ast.unparse(n.targets[0]) == name
            and ast.unparse(n.value.left) == name
        ):
            return n.lineno
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "append":
            base = n.func.value
            base = base.value if isinstance(base, ast.Subscript) else base
            if ast.unparse(base) == name:
                return n.lineno
    return None
