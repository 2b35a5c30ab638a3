"""Parameters that do not learn: unknown to the optimizer, hidden in a list, unused, or cut off from the loss."""

import ast

from ...autograd import modes
from ...nn import Module
from ...nn.parameter import Parameter
from ...tensor import Tensor
from . import source
from .observer import reached
from .origins import BORN, Notes

_GENTLE = {
    "argmax": 3,
    "item": 2,
    "__float__": 2,
    "tolist": 1,
    "numpy": 0,
    "detach": 0,
    "data": 0,
    "tensor": 0,
}  # the last are likelier to be the cut
_SAY = {
    "item": ".item()", "__float__": "float()", "tolist": ".tolist()", "numpy": ".numpy()", "detach": ".detach()", "data": ".data",
    "tensor": "torch.tensor()", "argmax": "argmax",
}  # fmt: skip


def born(t) -> tuple:
    """(time, line) at which a parameter was made; (0, None) where nobody saw."""
    return BORN.get(t, (0, None))[:2]


def made_at(t, optimizer):
    """The line that made the object whose parameter this is: outside the constructors, but inside one that made the optimizer as well."""
    at = optimizer and source.function_at(*optimizer)
    for file, line, name in BORN.get(t, (0, None, ()))[2]:
        if name != "__init__" or (at is not None and file == optimizer[0] and source.function_at(file, line) is at):
            return file, line
    return born(t)[1]


def _kept_at(owner, name):
    """The line of a class that puts something under `self.name`, None where its text does not show one."""
    code = getattr(owner.__init__, "__code__", None)
    root = source.tree(code.co_filename) if code is not None and source.is_users(code.co_filename) else None
    for c in ast.walk(root) if root is not None else ():
        if isinstance(c, ast.ClassDef) and c.lineno <= code.co_firstlineno <= c.end_lineno:
            for n in ast.walk(c):
                if isinstance(n, (ast.Assign, ast.AnnAssign)):
                    targets = n.targets if isinstance(n, ast.Assign) else [n.target]
                    if any(ast.unparse(t) == f"self.{name}" for t in targets):
                        return code.co_filename, n.lineno
    return None


class Cut:
    """A line that takes a tensor out of the graph, and the leaves that it cuts off."""

    def __init__(self, how):
        self.how, self.ids, self.times = how, set(), 0


class ByHand:
    """What stands for an optimizer where the user writes the updates."""

    def __init__(self, params, steps):
        self._params, self.steps, self.place, self.backwards = params, steps, None, steps
        self.ids = {id(p) for p in params}
        self.fed: set = set()

    def params(self):
        """The parameters."""
        return self._params


class Parameters:
    """LW421-LW424."""

    def __init__(self, report, training, model=None, optimizer=None):
        self.report, self.training = report, training
        self.cuts: dict = {}
        self.modules: dict = {}  # id -> module, those called from the user's code
        self.hidden: list = []
        self.by_grad = Notes()  # leaves in the graphs of autograd.grad
        self.fed = Notes()  # inputs of models that require grad
        self.rooted: set = set()  # lines of backward that started from a graph
        self.looked: set = set()
        self.dark: dict = {}  # id of a parameter -> the line that used it under no_grad, inside a model
        self.groups: list = []  # for each line of backward: the ids of its leaves
        self.leaf_roots: dict = {}
        self.blind: dict = {}  # models called without a graph: place -> ids of their parameters
        if model is not None:
            self._look(model)
            self.modules[id(model)] = model
        self.given = (model, optimizer)

    def cut(self, t, how):
        """A tensor with a graph leaves it, or becomes a position, which has no gradient."""
        place = source.here()
        if place is None:
            return
        cut = self.cuts.setdefault((place, how), Cut(how))
        cut.times += 1
        if cut.times <= 4:
            cut.ids |= {id(leaf) for leaf in reached([t])[1]}

    def op(self, name, args, out):
        """Parameters that are used without a graph inside a model that was called with one."""
        if name == "argmax" and args[0]._rg and modes.is_grad_enabled():
            self.cut(args[0], name)
        if self.observer.recording and not modes.is_grad_enabled():
            for a in args:
                if isinstance(a, Tensor) and a._rg and a._node is None:
                    self.dark.setdefault(id(a), source.here())

    def call(self, call, args, out):
        """A model was called."""
        module = call.module
        for a in args:
            if isinstance(a, Tensor) and a._rg and a._node is None:
                self.fed.put(a, True)
        if id(module) not in self.modules:
            self.modules[id(module)] = module
            self._look(module)
        if not call.grad:
            ids = self.blind.setdefault(call.place, set())
            ids |= {id(p) for p in module.parameters()}

    def _look(self, root):
        """Modules and parameters in plain lists and dictionaries."""
        for owner in root.modules():
            if id(owner) in self.looked:
                continue
            self.looked.add(id(owner))
            for name, value in vars(owner).items():
                if name.startswith("_") or type(value) not in (list, tuple, dict):
                    continue
                items = list(value.values()) if type(value) is dict else list(value)
                items = [w for v in items for w in (v if type(v) in (list, tuple) else [v])]
                params = [p for v in items for p in (v.parameters() if isinstance(v, Module) else [v] if isinstance(v, Parameter) else ())]
                if params:
                    what = "modules" if any(isinstance(v, Module) for v in items) else "parameters"
                    self.hidden.append((type(owner), name, type(value).__name__, what, params))

    def backward(self, roots, op, graph):
        """Which leaves this backward reaches."""
        if op != "backward":
            for t in graph[1]:
                self.by_grad.put(t, True)
            return
        place = source.here()
        if any(t._node is not None for t in roots):
            self.rooted.add(place)
        for t in roots:
            if t._node is None and place not in self.rooted and not isinstance(t, Parameter) and t._a.size == 1:
                self.leaf_roots[place] = self.leaf_roots.get(place, 0) + 1
        self.groups.append({id(t) for t in graph[1]})
        if len(self.groups) > 200:
            del self.groups[:100]

    def end(self):
        """Decide what can only be known when the program is done."""
        training, add = self.training, self.report.add
        optimizers = [s for s in training.optimizers.values() if s.steps]
        owned = {id(p) for s in training.optimizers.values() for p in s.params()}
        registered = {id(p) for m in self.modules.values() for p in m.parameters()}
        hidden_ids = set()
        for owner, name, container, what, params in self.hidden:
            kind = owner.__name__
            lost = [p for p in params if p._rg and id(p) not in registered and id(p) not in owned]
            lost = [p for p in lost if id(p) in training.leaves and not training.leaves[id(p)].updates]
            hidden_ids |= {id(p) for p in lost}
            if lost and not any(f.code == "LW422" and f.message[0].startswith(f"{kind}.{name} ") for f in self.report.findings):
                place = _kept_at(owner, name) or born(lost[0])[1]
                n = sum(p._a.size for p in lost)
                add("LW422", place, f"{kind}.{name} is a plain {container}: parameters() does not see the {n} numbers of the {what} in it, and they never learn.",
                    f"{kind}.{name} 是普通的 {container}：parameters() 看不到里面的 {n} 个参数，它们学不到东西。")  # fmt: skip
        self._late(optimizers, owned, hidden_ids)
        self._blocked(optimizers, owned)

    def _late(self, optimizers, owned, hidden):
        """Parameters that gradients reach and no optimizer moves, though optimizers were at work in the same graph."""
        late: dict = {}  # line -> the names of what was made there
        for key, leaf in self.training.leaves.items():
            t = leaf.tensor
            if key in owned or key in hidden or not t._rg or leaf.updates or leaf.backwards < 2 or leaf.read:
                continue
            mates = [s for s in optimizers if any(key in g and not s.ids.isdisjoint(g) for g in self.groups)]
            when, place = born(t)
            named = next((f"{type(m).__name__}.{n}" for m in self.modules.values() for n, p in m.named_parameters() if p is t), None)
            if isinstance(t, Parameter):
                stepping = mates or [s for s in optimizers if s.empty == s.steps and s.steps]
                model, optimizer = self.given
                asked = model is not None and optimizer is not None and any(p is t for p in model.parameters())
                if not asked and not (stepping and all(when > s.born for s in stepping)):
                    continue
            elif not mates or leaf.backwards < 3 or t._a.dtype.kind != "f" or self.fed.get(t) or self.by_grad.get(t):
                continue
            place = (
                made_at(t, next((s.place for s in self.training.optimizers.values()), None)) if place else mates[0].place if mates else None
            )
            if named is None and not isinstance(t, Parameter):
                named = next(
                    (f"{type(m).__name__}.{n} (no nn.Parameter)" for m in self.modules.values() for n, v in vars(m).items() if v is t), None
                )
            late.setdefault(place, []).append((named, t))
        for place, found in late.items():
            named, t = found[-1]
            more = len(found) - 1
            en = (named or f"a tensor of shape {list(t.shape)}") + (f" and {more} more made there get" if more else " gets")
            zh = (named or f"形状为 {list(t.shape)} 的张量") + (f" 等 {more + 1} 个张量" if more else "")
            verb = ("are", "they never change") if more else ("is", "it never changes")
            self.report.add("LW421", place, f"{en} gradients but {verb[0]} in no optimizer: {verb[1]}.",
                            f"{zh} 得到了梯度，却不在任何优化器里：永远不变。")  # fmt: skip

    def _blocked(self, optimizers, owned):
        """Parameters of an optimizer that never got a gradient: cut off, or not used at all."""
        for place, times in self.leaf_roots.items():
            if optimizers and times >= 1:
                blind = [at for at, ids in self.blind.items() if any(not s.ids.isdisjoint(ids) and not s.backwards for s in optimizers)]
                at = self._cut_before(owned) or (blind[0] if blind else place)
                self.report.add("LW424", at, "The loss that backward starts from is a leaf: no graph leads from it to the parameters.",
                                "反向传播的起点（损失）是叶子张量：没有计算图从它通到参数。")  # fmt: skip
        if not self.training.first and not self.groups:
            return
        told = set()
        for s in optimizers or self._by_hand():
            if s.steps < 2:
                continue
            known = self.training.leaves.keys() | s.fed
            silent = [p for p in s.params() if p._rg and id(p) not in known and not self.by_grad.get(p)]
            fed = len(s.params()) - len(silent)
            for p in silent:
                replaced = self.report.has("LW421") and not any(p is q for m in self.modules.values() for q in m.parameters())
                if replaced:
                    continue
                cut = self._cut_before({id(p)})
                if cut is not None:
                    how = next(c.how for (pl, _), c in self.cuts.items() if pl == cut and id(p) in c.ids)
                    n = sum(1 for q in silent if any(id(q) in c.ids for (pl, _), c in self.cuts.items() if pl == cut))
                    self.report.add("LW424", cut, f"{_SAY[how]} cuts the graph here: {n} parameter tensors of the optimizer never get a gradient.",
                                    f"{_SAY[how]} 在这里切断了计算图：优化器里有 {n} 个参数张量永远得不到梯度。")  # fmt: skip
                elif id(p) in self.dark:
                    self.report.add("LW424", self.dark[id(p)], "no_grad() cuts the graph here: parameters used under it never get a gradient.",
                                    "no_grad() 在这里切断了计算图：在它里面用到的参数永远得不到梯度。")  # fmt: skip
                elif fed or (self.groups and not s.backwards and self._blind(p)):
                    blind = self._blind(p) if not fed else None
                    if blind is not None:
                        self.report.add("LW424", blind, "The model ran without recording a graph (no_grad): its parameters never get a gradient.",
                                        "模型是在不记录计算图（no_grad）的情况下运行的：参数永远得不到梯度。")  # fmt: skip
                        continue
                    place = born(p)[1] or s.place
                    if place in told:
                        continue
                    told.add(place)
                    name = next((f"{type(m).__name__}.{n}" for m in self.modules.values() for n, q in m.named_parameters() if q is p), None)
                    what = name or f"a parameter of shape {list(p.shape)}"
                    self.report.add("LW423", place, f"{what} takes no part in any loss: in {s.steps} steps it never got a gradient.",
                                    f"{name or f'形状为 {list(p.shape)} 的参数'} 没有参与任何损失：{s.steps} 步里从未得到梯度。")  # fmt: skip

    def _by_hand(self) -> list:
        """Where no optimizer is used: the models whose parameters are updated by hand, each as if it had one."""
        leaves, found = self.training.leaves, []
        for m in self.modules.values():
            params = [p for p in m.parameters() if p._rg]
            steps = max((leaves[id(p)].updates for p in params if id(p) in leaves), default=0)
            if steps >= 2 and not self.training.optimizers:
                found.append(ByHand(params, steps))
        return found

    def _blind(self, p):
        return next((place for place, ids in self.blind.items() if id(p) in ids), None)

    def _cut_before(self, ids):
        """The line that likeliest cut off one of these leaves."""
        found = [(_GENTLE[c.how], -c.times, place) for (place, _), c in self.cuts.items() if not c.ids.isdisjoint(ids)]
        return min(found)[2] if found else None
