"""torch.fx: tracing, graphs and their code, rewriting, running; beside PyTorch's where it is installed."""

import copy
import operator
import pickle

import pytest

import lightwell as lw
from lightwell import fx, nn
from lightwell.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 4)
        self.w = nn.Parameter(lw.ones(4))
        self.register_buffer("b", lw.ones(4))
        self.sub = nn.Sequential(nn.ReLU(), nn.Linear(4, 4))

    def forward(self, x, y=2, *, z=None):
        a = self.lin(x) + self.w
        c = F.relu(self.b * a)[:, 1:3]
        d = lw.cat([c, c], dim=-1).view(c.size(0), -1)
        e = self.sub(d).clamp(min=0.0, max=1.0).to(lw.float64)
        e += 1
        return {"a": F.dropout(-e, 0.5, False), "s": x.shape[0]}, a


def counted(x, n):
    return x * int(n)


fx.wrap("counted")


def test_trace_equals_module():
    net = Net()
    traced = fx.symbolic_trace(net)
    x = lw.randn(5, 3)
    want, got = net(x), traced(x)
    assert lw.equal(want[0]["a"], got[0]["a"]) and got[0]["s"] == 5 and lw.equal(want[1], got[1])
    assert traced.lin.weight is net.lin.weight and list(traced.state_dict()) == list(net.state_dict())
    traced.graph.lint()


def test_graph_and_code_are_pytorchs():
    torch = pytest.importorskip("torch")
    source = """
class M(nn.Module):
    def __init__(s):
        super().__init__()
        s.lin = nn.Linear(3, 4); s.w = nn.Parameter(torch.ones(4)); s.register_buffer('b', torch.ones(4)); s.pool = nn.MaxPool2d(2)
        s.sub = nn.Sequential(nn.ReLU(), nn.Linear(4, 4))
    def forward(s, x: torch.Tensor, y=2, *, z=None):
        a = s.lin(x) + s.w
        b = F.relu(s.b * a)[:, 1:3]
        d = torch.cat([b, b], dim=-1).view(b.size(0), -1)
        e = s.sub(d).clamp(min=0., max=1.).to(torch.float64)
        e += 1
        p, q = e.chunk(2, dim=1)
        r = F.softmax(p @ q.transpose(0, 1), dim=-1)
        t = torch.where(r > 0.5, r, torch.zeros_like(r))
        u = F.cross_entropy(t, x.argmax(1)) + torch.nn.functional.layer_norm(q, (2,)).sum()
        v = torch.mm(x, s.lin.weight.t()) ** 2
        return {'a': F.dropout(-u, 0.5, s.training), 's': x.shape[0]}, (v // 1, 3 - x, ~(x > 0) | (x == 1), math.sqrt(y), x.T)
"""
    codes = []
    for mod in (torch, lw):
        import math

        space = {"torch": mod, "nn": mod.nn, "F": mod.nn.functional, "math": math}
        exec(source, space)
        import importlib

        traced = importlib.import_module(mod.__name__ + ".fx").symbolic_trace(space["M"]())
        codes.append((traced.code, str(traced.graph)))
    assert codes[0] == codes[1]


def test_every_operator_is_recorded():
    def f(x, y):
        return [x + y, x - y, x * y, x / y, x // y, x % y, x**y, x @ y, x & y, x | y, x ^ y, x << y, x >> y, x == y, x != y, x < y, x >= y, -x, ~x, +x,
                abs(x), 1 + x, 1 - x, 2 * x, 2 / x, 2**x, 2 // x, 2 % x]  # fmt: skip

    nodes = [n for n in fx.symbolic_trace(f).graph.nodes if n.op == "call_function"]
    assert len(nodes) == 28
    assert nodes[22].target is operator.sub and nodes[22].args[0] == 1


@pytest.mark.parametrize(
    "body",
    [
        "if x.sum() > 0:\n        pass",
        "for v in x:\n        pass",
        "list(x)",
        "while x:\n        pass",
        "print(*x)",
        "range(x)",
        "float(x)",
        "1 in x",
    ],
)
def test_value_dependence_is_told_with_its_line(body):
    space = {}
    exec(f"def f(x):\n    {body}\n    return x\n", space)
    with pytest.raises(fx.proxy.TraceError, match="line"):
        fx.symbolic_trace(space["f"])


def test_len_and_unpacking():
    with pytest.raises(RuntimeError, match="wrap"):
        fx.symbolic_trace(lambda x: len(x))

    def f(x):
        a, b = x
        return a * b

    assert fx.symbolic_trace(f)((3, 4)) == 12


def test_a_failed_trace_leaves_nothing_behind():
    import gc

    from lightwell import overrides

    gc.collect()
    before, held = (nn.Module.__call__, nn.Module.__getattr__), overrides._held  # an overriding object of another test may live on
    with pytest.raises(fx.proxy.TraceError):
        fx.symbolic_trace(lambda x: 1 if x else 2)
    assert (nn.Module.__call__, nn.Module.__getattr__) == before
    gc.collect()
    assert overrides._held == held and bool(overrides._plain) == bool(held)


def test_wrap_records_one_call():
    traced = fx.symbolic_trace(lambda x, n: counted(x, n) + 1)
    assert [n.target for n in traced.graph.nodes][2] is counted
    assert traced(lw.ones(1), 3.7).item() == 4.0
    with pytest.raises(NotImplementedError):
        fx.wrap("counted")
    with pytest.raises(RuntimeError):
        fx.wrap(3)


def test_math_functions_are_recorded():
    import math

    traced = fx.symbolic_trace(lambda x: math.sqrt(x) + 1)
    assert traced(9) == 4 and math.sqrt(4) == 2


def test_concrete_args():
    def f(x, flag, pair):
        return (x if flag else -x) + pair[0] * pair[1]

    traced = fx.symbolic_trace(f, concrete_args={"flag": False, "pair": (fx.PH, 2)})
    assert traced(lw.ones(1), False, (lw.ones(1), 2)).item() == 1.0
    with pytest.raises(AssertionError, match="flag has been specialized"):
        traced(lw.ones(1), True, (lw.ones(1), 2))


def test_custom_tracer_goes_into_layers():
    class Lower(fx.Tracer):
        def is_leaf_module(self, m, qualname):
            return not isinstance(m, (nn.ReLU, nn.Linear)) and super().is_leaf_module(m, qualname)

    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Softmax(dim=1))
    graph = Lower().trace(net)
    assert [n.op for n in graph.nodes] == ["placeholder", "get_attr", "get_attr", "call_function", "call_function", "call_module", "output"]
    relu = graph.find_nodes(op="call_function", target=F.relu)[0]
    assert relu.kwargs == {"inplace": False}
    x = lw.randn(4, 2)
    assert lw.equal(fx.GraphModule(net, graph)(x), net(x))


def test_tracer_methods_can_be_overridden():
    class Tagging(fx.Tracer):
        paths = {}
        now = ""

        def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
            node = super().create_node(kind, target, args, kwargs, name)
            node.tag = "seen"
            return node

        def call_module(self, m, forward, args, kwargs):
            old, self.now = self.now, self.path_of_module(m)
            try:
                return super().call_module(m, forward, args, kwargs)
            finally:
                self.now = old

        def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None):
            proxy = super().create_proxy(kind, target, args, kwargs, name, type_expr)
            self.paths[proxy.node.name] = self.now
            return proxy

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(2, 2)

        def forward(self, x):
            return x + self.body(x)

    tracer = Tagging()
    graph = tracer.trace(nn.Sequential(Block(), nn.ReLU()))
    assert all(n.tag == "seen" for n in graph.nodes)
    assert list(tracer.paths.values()) == ["", "0.body", "0", "1"]


def test_inlining_with_proxies_outside_a_trace():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(x) + 1.0

    m = fx.symbolic_trace(M())
    for node in m.graph.nodes:
        if (node.op, node.target) == ("call_module", "relu"):
            with m.graph.inserting_before(node):
                out = m.relu(*fx.node.map_arg(node.args, fx.Proxy), **fx.node.map_arg(node.kwargs, fx.Proxy))
                node.replace_all_uses_with(out.node)
                m.graph.erase_node(node)
    m.recompile()
    assert "torch.nn.functional.relu" in m.code and m(lw.tensor([-1.0, 2.0])).tolist() == [1.0, 3.0]


def test_wrapping_the_output_with_a_traced_activation():
    traced = fx.symbolic_trace(lambda x, y: lw.cat([x, y]))
    end = traced.graph.output_node()
    act = fx.symbolic_trace(nn.LeakyReLU())
    with traced.graph.inserting_before(end):
        act_out = act(fx.Proxy(end.all_input_nodes[0]))
        end.args = (act_out.node,)
    traced.recompile()
    traced.graph.lint()
    assert traced(lw.tensor([-1.0]), lw.tensor([1.0])).tolist() == pytest.approx([-0.01, 1.0])


def test_inverting_a_chain():
    inverse = {lw.exp: lw.log, lw.sin: lw.arcsin, lw.add: lw.sub}
    m = fx.symbolic_trace(lambda x: lw.exp(lw.sin(lw.add(x, 0.25))))
    new, env = fx.Graph(), {}
    for node in reversed(m.graph.nodes):
        if node.op == "output":
            env[node.args[0]] = new.placeholder("y")
        elif node.op == "call_function":
            inputs = (env[node], *node.args[1:])
            env[node.args[0]] = new.call_function(inverse[node.target], inputs)
        else:
            new.output(env[node])
    back = fx.GraphModule(m, new)
    x = lw.tensor([0.1, 0.5])
    assert lw.allclose(back(m(x)), x)


# ---- graphs by hand -----------------------------------------------------------------------------------------------------


def test_users_stay_true():
    g = fx.Graph()
    x, y = g.placeholder("x"), g.placeholder("y")
    s = g.call_function(operator.add, (x, y))
    g.output(s)
    assert x.users == {s: None} and s.all_input_nodes == [x, y]
    s.args = (x, [x, {"k": 1}])
    assert list(y.users) == [] and list(x.users) == [s]
    s.update_arg(0, y)
    s.insert_arg(0, 7)
    s.update_kwarg("z", y)
    assert s.args == (7, y, [x, {"k": 1}]) and list(y.users) == [s]
    with pytest.raises(NotImplementedError, match="mutation"):
        s.args[2].append(1)
    s.replace_input_with(x, y)
    assert not x.users
    g.erase_node(x)
    with pytest.raises(RuntimeError, match="users"):
        g.erase_node(s)
    g.lint()


def test_insertion_points_and_order():
    g = fx.Graph()
    x = g.placeholder("x")
    a = g.call_method("neg", (x,))
    g.output(a)
    with g.inserting_before(a):
        b = g.call_method("abs", (x,))
        c = g.call_method("exp", (b,))
    with g.inserting_after(a):
        d, e = g.call_method("sin", (a,)), g.call_method("cos", (a,))
    assert [n.name for n in g.nodes] == ["x", "abs_1", "exp", "neg", "sin", "cos", "output"]
    c.append(b)
    with pytest.raises(RuntimeError, match="before it has been defined"):
        g.lint()
    b.append(c)
    g.lint()
    assert g.eliminate_dead_code() and [n.name for n in g.nodes] == ["x", "neg", "output"]
    assert not g.eliminate_dead_code() and d._erased and e._erased


def test_lint_finds_missing_attributes():
    g = fx.Graph()
    g.output(g.call_module("nope", (g.placeholder("x"),)))
    with pytest.raises(RuntimeError, match="nope"):
        g.lint(nn.Module())


def test_names_are_unique_identifiers():
    g = fx.Graph()
    names = [g.placeholder(n).name for n in ("x", "x", "1a", "for", "max", "x_1", "a.b")]
    assert len(set(names)) == 7 and all(n.isidentifier() for n in names) and names[0] == "x" and names[1] == "x_1"


def test_erase_while_walking():
    m = fx.symbolic_trace(lambda x: (x + 1) * 2)
    for node in m.graph.nodes:
        if node.target in (operator.add, operator.mul):
            with m.graph.inserting_after(node):
                new = m.graph.call_function(lw.sub, node.args)
            node.replace_all_uses_with(new)
            m.graph.erase_node(node)
    m.recompile()
    assert [n.name for n in m.graph.nodes] == ["x", "sub", "sub_1", "output"] and m(lw.ones(1)).item() == -2


def test_graph_copy_and_deepcopy():
    m = fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    new = fx.Graph()
    new.output(new.graph_copy(m.graph, {}))
    assert str(new) == str(m.graph)
    twin = copy.deepcopy(m)
    x = lw.randn(3, 2)
    assert lw.equal(twin(x), m(x)) and twin.get_parameter("0.weight") is not m.get_parameter("0.weight")
    with lw.no_grad():
        twin.get_parameter("0.weight").zero_()
    assert not lw.equal(twin(x), m(x))


def test_pickle_keeps_graph_and_state(tmp_path):
    m = fx.symbolic_trace(Net())
    x = lw.randn(2, 3)
    for other in (pickle.loads(pickle.dumps(m)),):
        assert str(other.graph) == str(m.graph) and lw.equal(other(x)[1], m(x)[1])
    lw.save(m, tmp_path / "m.pt")
    assert lw.equal(lw.load(tmp_path / "m.pt", weights_only=False)(x)[1], m(x)[1])


def test_to_folder(tmp_path, monkeypatch):
    import importlib
    import sys

    from lightwell import standin

    m = fx.symbolic_trace(Net())
    m.to_folder(tmp_path / "folded", "Folded")
    monkeypatch.syspath_prepend(str(tmp_path))
    if "torch" in sys.modules and not sys.modules["torch"].__name__.startswith("lightwell"):
        pytest.skip("the written package imports torch, which is PyTorch's in this process")
    standin.install()
    try:
        made = importlib.import_module("folded").Folded()
    finally:
        standin.uninstall()
    x = lw.randn(2, 3)
    assert lw.equal(made(x)[1], m(x)[1])


def test_errors_in_the_graph_name_the_line():
    m = fx.symbolic_trace(lambda x: lw.relu(x).view(7))
    with pytest.raises(RuntimeError) as caught:
        m(lw.ones(3))
    assert any("view" in note for note in caught.value.__notes__)
    with pytest.raises(RuntimeError) as caught:
        fx.Interpreter(m).run(lw.ones(3))
    assert any("%view" in note for note in caught.value.__notes__)


def test_print_tabular_and_readable(capsys):
    m = fx.symbolic_trace(lambda x: lw.relu(x))
    m.graph.print_tabular()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["opcode", "name", "target", "args", "kwargs"] and lines[2].split()[:2] == ["placeholder", "x"]
    assert "def forward" in m.print_readable() and "class" in capsys.readouterr().out


# ---- running and rewriting ----------------------------------------------------------------------------------------------


def test_interpreter_runs_every_kind_of_node():
    net = Net()
    m = fx.symbolic_trace(net)
    x = lw.randn(2, 3)
    out = fx.Interpreter(m).run(x)
    assert lw.equal(out[1], net(x)[1]) and out[0]["s"] == 2
    with pytest.raises(RuntimeError, match="Expected positional argument for parameter x"):
        fx.Interpreter(m).run()


def test_transformer_changes_calls():
    class Negate(fx.Transformer):
        def call_function(self, target, args, kwargs):
            return super().call_function(lw.tanh if target is lw.relu else target, args, kwargs)

        def call_method(self, target, args, kwargs):
            return lw.neg(super().call_method(target, args, kwargs)) if target == "exp" else super().call_method(target, args, kwargs)

    m = fx.symbolic_trace(lambda x: lw.relu(x).exp())
    x = lw.randn(3)
    assert lw.allclose(Negate(m).transform()(x), -lw.tanh(x).exp())


def test_replace_pattern():
    class M(nn.Module):
        def forward(self, x, w1, w2):
            val1 = lw.neg(w1)
            m1 = lw.cat([val1, w2]).sum()
            val2 = lw.neg(w1)
            m2 = lw.cat([val2, w2]).sum()
            return x + lw.max(m1) + lw.max(m2)

    m = fx.symbolic_trace(M())
    found = fx.replace_pattern(m, lambda a1, a2: lw.cat([a1, a2]).sum(), lambda w1, w2: lw.stack([w1, w2]))
    assert len(found) == 2 and m.code.count("torch.stack") == 2 and "cat" not in m.code
    m.graph.lint()
    a, b = lw.randn(3), lw.randn(3)
    want = lw.zeros(1) + 2 * lw.max(lw.stack([-a, b]))
    assert lw.allclose(m(lw.zeros(1), a, b), want)


def test_replace_pattern_leaves_values_used_elsewhere():
    m = fx.symbolic_trace(lambda x: (lambda y: y.relu() + y)(x + 1))
    assert not fx.replace_pattern(m, lambda x: (x + 1).relu(), lambda x: x.tanh())
    m = fx.symbolic_trace(lambda x: ((x + 1).relu() + 1).relu())
    assert len(fx.replace_pattern(m, lambda x: (x + 1).relu(), lambda x: x.tanh())) == 2
    assert lw.allclose(m(lw.ones(1)), lw.ones(1).tanh().tanh())


def test_replace_pattern_with_two_results_and_constants():
    m = fx.symbolic_trace(lambda x, y: lw.add(x, y) + lw.sub(x, y))
    found = fx.replace_pattern(m, lambda a, b: (lw.add(a, b), lw.sub(a, b)), lambda a, b: (lw.mul(a, b), lw.div(a, b)))
    assert len(found) == 1 and m(lw.tensor(6.0), lw.tensor(2.0)).item() == 15
    m = fx.symbolic_trace(lambda x: F.dropout(x, 0.3, False))
    assert not fx.replace_pattern(m, lambda x: F.dropout(x, 0.5, False), lambda x: x * 2)
    got = fx.subgraph_rewriter.replace_pattern_with_filters(
        m,
        lambda x: F.dropout(x, 0.5, True),
        lambda x: x * 2,
        ignore_literals=True,
        match_filters=[lambda match, g, p: match.anchor.name == "dropout"],
    )
    assert len(got) == 1 and [n.name for n in got[0].replacements] == ["mul"] and m(lw.ones(1)).item() == 2


def test_replacements_stand_right_before_the_first_user_and_matches_name_the_pattern():
    m = fx.symbolic_trace(lambda x, y: lw.add(x, y) + x.clamp(min=0.0))
    (match,) = fx.replace_pattern(m, lambda a, b: lw.add(a, b), lambda a, b: lw.sub(a, b))
    assert [n.name for n in m.graph.nodes] == ["x", "y", "clamp", "sub", "add_1", "output"]
    assert match.anchor.name == "add" and match.anchor in match.nodes_map and match.anchor not in set(m.graph.nodes)


def test_shape_prop_split_and_fuse():
    from lightwell.fx.experimental.optimization import fuse, remove_dropout
    from lightwell.fx.passes.shape_prop import ShapeProp
    from lightwell.fx.passes.split_module import split_module

    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5)).eval()
    with lw.no_grad():
        net[1].running_mean.normal_()
        net[1].running_var.uniform_(0.5, 2)
        net[1].weight.normal_()
    x = lw.randn(2, 1, 5, 5)
    m = fx.symbolic_trace(net)
    ShapeProp(m).propagate(x)
    assert [tuple(n.meta["tensor_meta"].shape) for n in m.graph.nodes][1] == (2, 2, 3, 3)
    fused = fuse(net)
    assert lw.allclose(fused(x), net(x), atol=1e-5) and not any(isinstance(c, nn.BatchNorm2d) for c in fused.modules())
    assert not any(
        isinstance(c, nn.Dropout) for n in remove_dropout(net).graph.find_nodes(op="call_module") for c in [net.get_submodule(n.target)]
    )
    parts = split_module(m, m, lambda n: int(n.name in ("_2", "_3")))
    assert lw.equal(parts(x), net(x)) and [n.target for n in parts.graph.find_nodes(op="call_module")] == ["submod_0", "submod_1"]


def test_graph_module_from_a_dict_and_its_errors():
    g = fx.Graph()
    x = g.placeholder("x")
    g.output(g.call_function(lw.add, (x, g.get_attr("deep.w"))))
    m = fx.GraphModule({"deep.w": lw.ones(2)}, g)
    assert m(lw.ones(2)).tolist() == [2, 2]
    with pytest.raises(RuntimeError, match=r"deep\.w"):
        fx.GraphModule({}, g)
    assert m.add_submodule("deep.inner.act", nn.ReLU()) and m.delete_submodule("deep.inner") and not m.delete_submodule("deep.inner")


def test_tensor_constants_and_gradients():
    k = lw.tensor([2.0, 3.0])
    w = lw.ones(2, requires_grad=True)
    m = fx.symbolic_trace(lambda x: (x * k).sum())
    m(w).backward()
    assert w.grad.tolist() == [2, 3] and "_tensor_constant0" in dict(m.named_buffers())
