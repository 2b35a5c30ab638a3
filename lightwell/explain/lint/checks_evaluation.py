"""Measuring a model: in evaluation mode, without a graph, and back to training afterwards."""

import re
import weakref

from ...autograd.node import Port
from ...nn import Module
from ...tensor import Tensor
from . import origins, source

_MEASURES = frozenset("argmax max_dim topk eq ne round gt ge lt le sort max_full argmin".split())
_MIXES = frozenset("mul add sub rsub div".split())
_WORDS = re.compile(r"(?<![a-z])(test|val|valid|validate|validation|eval|evaluate|evaluation|acc|accuracy)(?![a-z])")
_PREDICTS = re.compile(r"predict|sample|generate|infer|plot|show|visual|embed")


class Line:
    """All calls of a model at one line, from one caller, in one pair of modes."""

    def __init__(self, call):
        self.call, self.calls, self.learned, self.measured, self.noisy = call, 0, 0, 0, ""
        self.streak = self.longest = 0
        self.kinds: set = set()  # what was done with the results
        self.inputs: dict = {}  # how often each input was seen since the last backward
        self.clock = -1
        self.repeated = False  # the same input was measured again and again: Monte-Carlo dropout
        self.before = self.after = False  # whether steps of training went before it, or came after


class Evaluation:
    """LW431-LW433."""

    def __init__(self, report, training):
        self.report, self.training = report, training
        self.lines: dict = {}
        self.nodes = weakref.WeakKeyDictionary()
        self.clock = 0  # backwards so far
        self.trained: set = set()  # ids of modules that learned
        self.modes: dict = {}  # place of calls that learned -> the modes seen, in order
        self.back: dict = {}  # ids of modules that were set to training by hand, after having been set to evaluation
        self.set_to: dict = {}

    def call(self, call, args, out):
        """A model was called."""
        key = (call.place, call.via, call.grad, call.training)
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Line(call)
        line.calls += 1
        line.noisy = line.noisy or call.noisy
        if line.clock != self.clock:
            line.clock, line.inputs = self.clock, {}
        if call.inputs:
            line.inputs[call.inputs[0]] = line.inputs.get(call.inputs[0], 0) + 1
            line.repeated = line.repeated or line.inputs[call.inputs[0]] >= 3
        call.times = self.clock
        call.named = key
        line.before = line.before or bool(self.trained & {id(call.module)})
        line.streak = line.streak + 1 if line.streak and line.since == self.clock else 1
        line.since = self.clock
        line.longest = max(line.longest, line.streak)
        for t in [out] if isinstance(out, Tensor) else out if isinstance(out, (tuple, list)) else ():
            if isinstance(t, Tensor) and t._node is not None:
                self.nodes[t._node.node if type(t._node) is Port else t._node] = call

    def op(self, name, args, out):
        """A result of a model is looked at."""
        if name in _MEASURES or name in ("sub", "rsub"):
            for a in args:
                if isinstance(a, Tensor):
                    origin = origins.of(a)
                    call = origin.call
                    if call is not None and (not call.measured or name in ("eq", "ne")) and (origin.direct or name in _MEASURES):
                        self.seen(call, name)

        if name in _MIXES and len(args) > 1 and isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
            for a, b in ((args[0], args[1]), (args[1], args[0])):
                if a._rg and not b._rg:
                    self._teaches(b)
        if name in ("softmax", "sigmoid", "log_softmax"):
            origin = origins.of(args[0])
            if origin.direct and not origin.call.grad and not self.observer.depth:
                self.seen(origin.call, "probabilities")

    def _teaches(self, t):
        """A result without a graph, a pseudo-label or a target, is used to learn from: its call was no evaluation."""
        call = origins.of(t).call
        if call is not None and not call.grad:
            line = self.lines.get(call.named)
            if line is not None:
                line.learned += 1

    def seen(self, call, how):
        """A result of a model becomes a number, or a prediction."""
        if not call.measured and how != "loss":
            call.measured = True
        line = self.lines.get(call.named)
        if line is not None:
            line.measured += 1
            line.kinds.add(how)

    def loss(self, name, x, y, kwargs, out):
        """A result of a model goes into a loss."""
        call = origins.of(x).call
        if call is not None:
            self.seen(call, "loss")
        if x._rg:
            self._teaches(y)

    def mode(self, module, mode):
        """train() or eval()."""
        self.set_to[id(module)] = mode

    def backward(self, roots, op, graph):
        """Which calls this backward learns from."""
        self.clock += 1
        if not self.nodes:
            return
        for node in graph[0].values():
            call = self.nodes.get(node)
            if call is None:
                continue
            line = self.lines.get(call.named)
            if line is not None and not call.backward:
                call.backward = True
                line.learned += 1
            if op == "backward":
                self.trained.add(id(call.module))
                self.modes.setdefault((call.place, id(call.module)), []).append((call.training, _has_noise(call.module)))

    def end(self):
        """Decide what can only be known when the program is done."""
        trains = bool(self.trained) or any(s.steps for s in self.training.optimizers.values())
        for key, line in self.lines.items():
            place, _via, grad, training = key
            call = line.call
            if line.learned or not line.measured or not self._learns(call.module, trains, grad):
                continue
            kind = type(call.module).__name__
            if training and line.noisy and not line.repeated:
                self.report.add("LW431", place, f"{kind} is measured in training mode: its {line.noisy} still behaves as in training.",
                                f"{kind} 在训练模式下被评估：其中的 {line.noisy} 还按训练时的方式工作。")  # fmt: skip
            if grad and trains and id(call.module) in self.trained and self._evaluates(line, place):
                self.report.add("LW432", place, f"{kind} is measured with a graph being recorded that no backward ever uses: {line.calls} calls.",
                                f"评估 {kind} 时记录了从未用于 backward 的计算图：共 {line.calls} 次调用。")  # fmt: skip
        for (place, _), modes in self.modes.items():
            flags = [m for m, noise in modes if noise]
            if len(flags) >= 2 and flags[0] and not flags[-1]:
                self.report.add("LW433", place, "After the first evaluation the model goes on learning in evaluation mode: eval() is never undone by train().",
                                "第一次评估之后，模型一直在评估模式下训练：eval() 之后没有再调用 train()。")  # fmt: skip

    def _learns(self, module, trains, grad) -> bool:
        """Whether a model is one whose measures count: one that was trained here, or one that only predicts, without a graph."""
        return id(module) in self.trained or (not trains and not grad)

    def _evaluates(self, line, place) -> bool:
        """Whether calls with a graph are an evaluation and no single look: batch after batch, in evaluation mode again and again, or by name."""
        function = source.function_at(*place)
        named = " ".join(filter(None, (function.name if function is not None else "", source.line_of(*place)))).lower()
        if function is not None and _PREDICTS.search(function.name.lower()):
            return line.longest >= 4
        if line.longest >= 2 or line.kinds & {"eq", "ne"} or ("loss" in line.kinds and not line.call.training):
            return True
        return bool(_WORDS.search(named.replace("_", " "))) or (not line.call.training and line.calls >= 2)


def _has_noise(module) -> bool:
    return (
        any("Dropout" in type(m).__name__ or "BatchNorm" in type(m).__name__ for m in module.modules())
        if isinstance(module, Module)
        else False
    )
