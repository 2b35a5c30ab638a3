"""Make a traced network faster for inference: batch norms folded into the layers before them, dropout taken out."""

import copy

from ... import nn
from .._symbolic_trace import symbolic_trace
from ..graph_module import GraphModule

__all__ = ["fuse", "matches_module_pattern", "remove_dropout", "replace_node_module"]

_PAIRS = [(nn.Conv1d, nn.BatchNorm1d), (nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d), (nn.Linear, nn.BatchNorm1d)]


def matches_module_pattern(pattern, node, modules: dict) -> bool:
    """Whether `node` calls a module of type pattern[1] on the result of one of type pattern[0]."""
    if not node.args or not hasattr(node.args[0], "op"):
        return False
    for n, kind in zip((node.args[0], node), pattern):
        if n.op != "call_module" or type(modules.get(n.target)) is not kind:
            return False
    return True


def replace_node_module(node, modules: dict, new_module) -> None:
    """Let the path that a node calls lead to another module."""
    parent, _, name = node.target.rpartition(".")
    modules[node.target] = new_module
    setattr(modules[parent], name, new_module)


def fuse(model, inplace: bool = False, no_trace: bool = False):
    """The traced model with every batch norm behind a convolution or linear layer folded into it, for inference.

    With s = γ/√(var + ε): weight' = s·weight, bias' = (bias - mean)·s + β.

    >>> import lightwell as torch
    >>> from lightwell.fx.experimental.optimization import fuse
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).eval()
    >>> x = torch.ones(1, 2)
    >>> torch.allclose(fuse(net)(x), net(x)), [n.name for n in fuse(net).graph.nodes]
    (True, ['input_1', '_0', 'output'])
    """
    if not inplace:
        model = copy.deepcopy(model)
    traced = model if no_trace and isinstance(model, GraphModule) else symbolic_trace(model)
    modules = dict(traced.named_modules())
    for pair in _PAIRS:
        for node in list(traced.graph.nodes):
            if not matches_module_pattern(pair, node, modules) or len(node.args[0].users) > 1:
                continue
            before, norm = modules[node.args[0].target], modules[node.target]
            if not norm.track_running_stats:
                continue
            replace_node_module(node.args[0], modules, _folded(before, norm))
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _folded(layer, norm):
    """A layer that does what `layer` and then `norm` (in eval mode) do."""
    import lightwell as lw

    new = copy.deepcopy(layer)
    with lw.no_grad():
        scale = lw.rsqrt(norm.running_var + norm.eps)
        if norm.affine:
            scale = scale * norm.weight
        bias = layer.bias if layer.bias is not None else lw.zeros_like(norm.running_mean)
        new.weight = nn.Parameter(layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1)), layer.weight.requires_grad)
        shift = (bias - norm.running_mean) * scale
        new.bias = nn.Parameter(shift + norm.bias if norm.affine else shift, layer.weight.requires_grad)
    return new


def remove_dropout(model):
    """The traced model without its dropout layers."""
    traced = symbolic_trace(model)
    for node in list(traced.graph.nodes):
        if node.op == "call_module" and isinstance(traced.get_submodule(node.target), nn.Dropout):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    traced.recompile()
    return traced
