"""Any steps of a model as outputs of a new model, found by tracing it (see lightwell.fx)."""

import math
import re
import warnings
from collections import OrderedDict

from lightwell import fx, nn
from lightwell.errors.teaching import ValueError

from ...errors.level import users_level

__all__ = ["create_feature_extractor", "get_graph_node_names"]


class NodePathTracer(fx.Tracer):
    """A tracer that notes for each step where in the model it stands: ``layer1.0.conv1``, ``layer1.0.add``, ``layer1.0.relu_1``."""

    def __init__(self, *args, leaf_modules=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.leaf_modules = tuple(leaf_modules or ())
        self.current_module_qualname = ""
        self.node_to_qualname = OrderedDict()

    def is_leaf_module(self, m, module_qualname):
        return isinstance(m, self.leaf_modules) or super().is_leaf_module(m, module_qualname)

    def call_module(self, m, forward, args, kwargs):
        before = self.current_module_qualname
        try:
            self.current_module_qualname = self.path_of_module(m)
            return super().call_module(m, forward, args, kwargs)
        finally:
            self.current_module_qualname = before

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None, *_):
        proxy = super().create_proxy(kind, target, args, kwargs, name, type_expr)
        self.node_to_qualname[proxy.node] = self._place(self.current_module_qualname, proxy.node)
        return proxy

    def _place(self, module, node):
        """The name of a step: that of its module, or of the module it stands in and its own; the second of a name gets _1."""
        path = module if node.op == "call_module" else f"{module}.{node.name}" if module else node.name
        path = re.sub(r"_\d+$", "", path)  # of modules too (ln_1 becomes ln), as torchvision has it
        same = re.compile(re.escape(path) + r"(_\d+)?$")
        count = sum(1 for taken in self.node_to_qualname.values() if same.match(taken))
        return f"{path}_{count}" if count else path


def _traced(model, tracer_kwargs, concrete_args):
    """(tracer, graph) of the model as it stands."""
    tracer = NodePathTracer(**tracer_kwargs)
    return tracer, tracer.trace(model, concrete_args=concrete_args)


def _both(model, tracer_kwargs, concrete_args):
    """What `_traced` gives in training and in evaluation; the model is left in the mode it had."""
    was, found = model.training, []
    try:
        for mode in (True, False):
            model.train(mode)
            found.append(_traced(model, tracer_kwargs, concrete_args))
    finally:
        model.train(was)
    return found


def _options(tracer_kwargs):
    """The tracer's options: what stands in vision.ops is one step each, unless said otherwise."""
    from lightwell.vision import ops

    leaves = [c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, nn.Module)]
    given = tracer_kwargs or {}
    return {
        **given,
        "autowrap_modules": (*given.get("autowrap_modules", ()), math, ops),
        "leaf_modules": given.get("leaf_modules", leaves),
    }


def get_graph_node_names(model, tracer_kwargs=None, suppress_diff_warning=False, concrete_args=None):
    """(names of the steps in training, names in evaluation); warns where they differ.

    >>> from lightwell import nn
    >>> from lightwell.vision.models.feature_extraction import get_graph_node_names
    >>> get_graph_node_names(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))[0]
    ['input', '0', '1']
    """
    names = [list(tracer.node_to_qualname.values()) for tracer, _ in _both(model, _options(tracer_kwargs), concrete_args)]
    if names[0] != names[1] and not suppress_diff_warning:
        warnings.warn(
            "get_graph_node_names: the steps in training and in evaluation differ: "
            f"{sorted(set(names[0]) ^ set(names[1]))[:5]}; choose outputs for each with train_return_nodes and eval_return_nodes",
            stacklevel=users_level(),
        )
    return tuple(names)


def _share(source, target, path):
    """Give the target what lies at the path in the source, with bare modules on the way there."""
    for name in path[:-1]:
        source = getattr(source, name)
        if not hasattr(target, name):
            setattr(target, name, nn.Module())
        target = getattr(target, name)
    if not hasattr(target, path[-1]):
        value = getattr(source, path[-1])
        if path[-1] in getattr(source, "_buffers", {}):
            target.register_buffer(path[-1], value)
        else:
            setattr(target, path[-1], value)


class DualGraphModule(fx.GraphModule):
    """A model with one graph for training and one for evaluation."""

    def __init__(self, root, train_graph, eval_graph, class_name="GraphModule"):
        super().__init__(root, train_graph if root.training else eval_graph, class_name)
        for node in (*train_graph.nodes, *eval_graph.nodes):  # the parent class takes what one of the graphs uses
            if node.op in ("call_module", "get_attr"):
                _share(root, self, node.target.split("."))
        self.train_graph, self.eval_graph = train_graph, eval_graph
        self.train(root.training)

    def train(self, mode=True):
        """Training or evaluation, each with its graph."""
        if mode != self.training or self.graph is not (self.train_graph if mode else self.eval_graph):
            self.graph = self.train_graph if mode else self.eval_graph
        return nn.Module.train(self, mode)


def _wanted(nodes, available):
    """{name of a step: name of the output} for a list or dict. Raises ValueError for a step that is not there."""
    nodes = {str(n): str(n) for n in nodes} if not isinstance(nodes, dict) else {str(k): str(v) for k, v in nodes.items()}
    for name in nodes:
        if not any(a == name or a.startswith(name + ".") for a in available):
            raise ValueError(
                f"node: '{name}' is not present in model. Hint: use `get_graph_node_names` to see the names: {available[:8]} …"
            )
    return nodes


def _cut(tracer, graph, nodes):
    """The graph with these outputs in a dict, without the steps that they do not need."""
    places = [(node, name) for node, name in tracer.node_to_qualname.items() if node.op != "output"]
    outputs = OrderedDict()
    for wanted, label in nodes.items():  # a module that was traced through stands for its last step
        outputs[label] = next(node for node, name in reversed(places) if name == wanted or name.startswith(wanted + "."))
    for node in list(graph.nodes):
        if node.op == "output":
            graph.erase_node(node)
    graph.output(dict(outputs))
    graph.eliminate_dead_code()
    return graph


def create_feature_extractor(
    model,
    return_nodes=None,
    train_return_nodes=None,
    eval_return_nodes=None,
    tracer_kwargs=None,
    suppress_diff_warning=False,
    concrete_args=None,
):
    """A model that gives the values at the named steps as a dict, and computes no more than they need.

    ``return_nodes``: names of steps (or of modules, for their output), as a list or as {step: name of the output};
    ``train_return_nodes`` and ``eval_return_nodes`` where the two modes differ. Parameters are shared with ``model``.
    Raises ValueError for a name that is not there, or where both kinds of choice are made.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import resnet18
    >>> from lightwell.vision.models.feature_extraction import create_feature_extractor
    >>> body = create_feature_extractor(resnet18().eval(), {"layer1": "low", "layer3.1.add": "high"})
    >>> {k: v.shape for k, v in body(torch.zeros(1, 3, 64, 64)).items()}
    {'low': torch.Size([1, 64, 16, 16]), 'high': torch.Size([1, 256, 4, 4])}
    """
    if (return_nodes is None) == (train_return_nodes is None and eval_return_nodes is None):
        raise ValueError("Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified")
    if (train_return_nodes is None) != (eval_return_nodes is None):
        raise ValueError("If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified")
    chosen = (return_nodes, return_nodes) if return_nodes is not None else (train_return_nodes, eval_return_nodes)
    graphs = []
    for (tracer, graph), nodes in zip(_both(model, _options(tracer_kwargs), concrete_args), chosen):
        graphs.append(_cut(tracer, graph, _wanted(nodes, list(tracer.node_to_qualname.values()))))
    return DualGraphModule(model, *graphs, class_name=type(model).__name__)
