"""Every registered operation as the samples call it: read, and with the gradients that autograd computes."""

import importlib
import pkgutil
import warnings
from dataclasses import dataclass, field
from functools import cache

import numpy as np

import lightwell as lw
import lightwell.nn
import lightwell.ops
from lightwell.autograd.node import Node, Port
from lightwell.explain.derive.reader import Reading, read, read_node
from lightwell.ops.op import interpose, registry
from tests.ops.samples import every

for _module in pkgutil.iter_modules(lightwell.ops.__path__):  # some register their records at their first use
    importlib.import_module(f"lightwell.ops.{_module.name}")


@dataclass
class Call:
    """One call of an operation: what the reader makes of it, and autograd's gradients by input name (None: a node was read)."""

    name: str
    reading: Reading
    gradients: dict | None = field(default=None)


def tensors_of(sample):
    """The sample's inputs, as leaves."""
    made = [lw.from_numpy(s.array(i).copy(order="K")) for i, s in enumerate(sample.specs)]
    for t, s in zip(made, sample.specs):
        if s.grad and not sample.nondiff:
            t.requires_grad_(True)
    return made


def flat(result):
    """The tensors of a result in order."""
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result] if isinstance(result, lw.Tensor) else []


def nodes_behind(tensors):
    """All nodes of the graphs that made these tensors."""
    stack, seen = [t._node for t in tensors if isinstance(t, lw.Tensor) and t._node is not None], set()
    while stack:
        node = stack.pop()
        node = node.node if isinstance(node, Port) else node
        if node in seen or not isinstance(node, Node):
            continue
        seen.add(node)
        yield node
        stack.extend(e for e in node.edges if e is not None)


def collect(sample) -> Call | None:
    """The first call of the sample's record: seen on its way, in the sample or in its derivative; or as a node of the graph."""
    found = []

    def note(record, call, args):
        if record.name == sample.name and not found:
            found.append((record, call, args))
        return call(*args)

    with interpose(note):
        outs = flat(sample.call(lw, *tensors_of(sample)))
        wanted = [o for o in outs if o.requires_grad and not o.is_complex()]
        behind = list(nodes_behind(outs))
        if not found and wanted:
            total = sum((o * o).sum() for o in wanted)
            leaves = [n for node in nodes_behind([total]) for n in node.edges if isinstance(n, lw.Tensor)]
            first = lw.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
            behind += list(nodes_behind([g for g in first if g is not None]))
            again = sum((g * g).sum() for g in first if g is not None and g.requires_grad and not g.is_complex())
            if not found and isinstance(again, lw.Tensor) and again.requires_grad:  # some records are a derivative's derivative
                second = lw.autograd.grad(again, leaves, create_graph=True, allow_unused=True)
                behind += list(nodes_behind([g for g in second if g is not None]))
    if found:
        record, call, args = found[0]
        count = len(record.inputs)
        tensors, params = (list(args[0]), args[1:]) if record.variadic else (list(args[:count]), args[count:])
        reading = read(record, tensors, params)
        return Call(sample.name, reading, autograd(reading, call, tensors, params))
    for node in behind:
        if getattr(node.record or getattr(node, "parts", None), "name", None) == sample.name:
            return Call(sample.name, read_node(node))
    return None


def autograd(reading, call, tensors, params) -> dict:
    """What the engine computes for the gradients that the reading drew."""
    if not reading.gys:
        return {}
    leaves = [lw.from_numpy(t._a.copy(order="K")) if isinstance(t, lw.Tensor) else t for t in tensors]
    for t in leaves:
        if isinstance(t, lw.Tensor) and (t.is_floating_point() or t.is_complex()):
            t.requires_grad_(True)
    outs = call(leaves, *params) if reading.record.variadic else call(*leaves, *params)
    pairs = [
        (o, lw.from_numpy(np.array(reading.gys[n].value)))
        for n, o in zip(reading.outputs, flat(outs))
        if o.requires_grad and (o.is_floating_point() or o.is_complex())
    ]
    names = list(reading.inputs)
    wanted = {n: t for n, t in zip(names, leaves) if isinstance(t, lw.Tensor) and t.requires_grad}
    if not pairs or not wanted:
        return {}
    got = lw.autograd.grad([o for o, _ in pairs], list(wanted.values()), [g for _, g in pairs], allow_unused=True)
    return {n: g.detach().numpy() for n, g in zip(wanted, got) if g is not None}


@cache
def calls() -> dict:
    """All calls by the name of their record."""
    found: dict = {name: [] for name in registry}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for sample in every():
            call = collect(sample)
            if call is not None:
                found[sample.name].append(call)
    return found
