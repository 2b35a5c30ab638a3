"""Module: attributes, walks, state, conversions, hooks, printing; beside PyTorch's wherever both can be asked."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")


def make_net(lib):
    """The same small network of either library: a shared layer, a buffer of each kind, a nested block."""
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.fc = nn.Linear(n, n)
            self.register_buffer("seen", lib.zeros(1))
            self.register_buffer("scratch", lib.zeros(2), persistent=False)

        def forward(self, x):
            return self.fc(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inp = nn.Linear(3, 4)
            self.blocks = nn.Sequential(Block(4), Block(4))
            self.tied = self.blocks[0]
            self.scale = nn.Parameter(lib.ones(1))
            self.empty = None
            self.register_parameter("no_bias", None)

        def forward(self, x):
            return self.blocks(self.inp(x)) * self.scale

    lib.manual_seed(0)
    return Net()


NET = make_net(lw)


def both(program):
    ours, theirs = program(lw), program(torch)
    assert ours == theirs
    return ours


def test_walks():
    def program(lib):
        net = make_net(lib)
        return [
            [n for n, _ in net.named_parameters()],
            [n for n, _ in net.named_parameters(prefix="p", recurse=False)],
            [n for n, _ in net.named_parameters(remove_duplicate=False)],
            [n for n, _ in net.named_buffers()],
            [n for n, _ in net.named_buffers(remove_duplicate=False)],
            [n for n, _ in net.named_modules()],
            [n for n, _ in net.named_modules(prefix="x", remove_duplicate=False)],
            [n for n, _ in net.named_children()],
            len(list(net.parameters())), len(list(net.modules())), len(list(net.children())), len(list(net.buffers())),
            repr(net),
            list(net.state_dict()),
            dict(net.state_dict()._metadata),
            list(net.state_dict(prefix="m.")),
            [n for n in dir(net) if n in ("inp", "blocks", "scale", "tied")],
        ]  # fmt: skip

    both(program)


def test_state_dict_shares_memory_and_keeps_vars():
    net = make_net(lw)
    state = net.state_dict()
    assert isinstance(state, OrderedDict)
    assert type(state["scale"]) is lw.Tensor
    assert not state["scale"].requires_grad
    state["scale"].fill_(5)
    assert net.scale.item() == 5
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    kept = {}
    assert net.state_dict(destination=kept, prefix="a.") is kept
    assert "a.scale" in kept


def test_load_state_dict_round_trip():
    a, b = make_net(lw), make_net(lw)
    with lw.no_grad():
        for p in a.parameters():
            p.add_(1)
    kept = list(b.parameters())
    result = b.load_state_dict(a.state_dict())
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result.unexpected_keys == []
    assert all(x is y for x, y in zip(kept, b.parameters(), strict=True))
    assert all(lw.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def _spoil(lib, *steps):
    net = make_net(lib)
    state = net.state_dict()
    for step in steps:
        if step == "missing":
            del state["inp.bias"], state["blocks.1.seen"]
        elif step == "unexpected":
            state["inp.extra"] = state["other"] = lib.ones(1)
        elif step == "shape":
            state["inp.weight"] = lib.ones(2, 3)
            state["blocks.1.fc.bias"] = lib.ones(5)
        elif step == "type":
            state["scale"] = 3
    state = type(state)((k, v + 1 if isinstance(v, lib.Tensor) else v) for k, v in state.items())
    return net, state


@pytest.mark.parametrize(
    "steps",
    [("missing",), ("unexpected",), ("shape",), ("missing", "unexpected"), ("missing", "unexpected", "shape")],
)
def test_load_errors_say_everything_and_change_nothing(steps):
    def program(lib):
        net, state = _spoil(lib, *steps)
        with pytest.raises(RuntimeError) as caught:
            net.load_state_dict(state)
        return str(caught.value)

    text = both(program)
    assert text.startswith("Error(s) in loading state_dict for Net:\n\t")
    net, state = _spoil(lw, *steps)
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    with pytest.raises(RuntimeError):
        net.load_state_dict(state)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_load_not_strict():
    def program(lib):
        net, state = _spoil(lib, "missing", "unexpected")
        result = net.load_state_dict(state, strict=False)
        return [result.missing_keys, result.unexpected_keys, repr(result), net.inp.weight.sum().item() > 12]

    both(program)
    net, state = _spoil(lw, "shape")
    with pytest.raises(RuntimeError, match=r"size mismatch for inp\.weight"):
        net.load_state_dict(state, strict=False)


def test_load_takes_no_other_things():
    with pytest.raises(TypeError):
        NET.load_state_dict([1])
    net, state = _spoil(lw, "type")
    with pytest.raises(RuntimeError, match='parameter named "scale"'):
        net.load_state_dict(state)


def test_load_assign():
    net, source = make_net(lw), make_net(lw).double()
    state = source.state_dict()
    net.load_state_dict(state, assign=True)
    assert net.inp.weight.dtype is lw.float64
    assert type(net.inp.weight) is lw.nn.Parameter
    state["scale"].fill_(9)
    assert net.scale.item() == 9


def test_pickled_state_dict_is_plain():
    state = make_net(lw).state_dict()
    twin = pickle.loads(pickle.dumps(state))
    assert type(twin) is OrderedDict
    assert twin._metadata == state._metadata
    assert all(lw.equal(twin[k], state[k]) for k in state)


def test_extra_state():
    class Counter(lw.nn.Module):
        def __init__(self):
            super().__init__()
            self.n = 0

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    a, b = lw.nn.Sequential(Counter()), lw.nn.Sequential(Counter())
    a[0].n = 4
    assert list(a.state_dict()) == ["0._extra_state"]
    b.load_state_dict(a.state_dict())
    assert b[0].n == 4
    with pytest.raises(RuntimeError, match=r"0\._extra_state"):
        b.load_state_dict({})


def test_state_dict_hooks():
    log = []
    net = lw.nn.Sequential(lw.nn.Linear(1, 1))
    net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", prefix, keep)))
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop("0.bias"))
    with pytest.raises(RuntimeError):
        net.state_dict()
    net = lw.nn.Sequential(lw.nn.Linear(1, 1))
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.__delitem__("0.bias"))
    handle = net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    net.register_load_state_dict_pre_hook(lambda m, state, prefix, *rest: log.append(("load", type(m).__name__)))
    assert list(net.state_dict()) == ["0.weight"]
    assert net.load_state_dict({"0.weight": lw.full((1, 1), 3.0)}).missing_keys == []
    assert net[0].weight.item() == 3
    handle.remove()
    with pytest.raises(RuntimeError, match=r"0\.bias"):
        net.load_state_dict({"0.weight": lw.full((1, 1), 4.0)})
    assert net[0].weight.item() == 3
    assert log == [("pre", "", False), ("load", "Sequential"), ("load", "Sequential")]


def test_load_with_post_hooks_that_do_not_forgive_restores():
    net = lw.nn.Linear(1, 1)
    net.register_load_state_dict_post_hook(lambda m, keys: None)
    before = net.weight.item()
    with pytest.raises(RuntimeError):
        net.load_state_dict({"weight": lw.full((1, 1), before + 1)})
    assert net.weight.item() == before


def test_batchnorm_files_without_counter_load():
    net = lw.nn.BatchNorm1d(2)
    old = OrderedDict((k, v) for k, v in net.state_dict().items() if k != "num_batches_tracked")
    assert not net.load_state_dict(old).missing_keys


# ---- attributes


def test_assigning_before_init():
    def program(lib):
        class Early(lib.nn.Module):
            def __init__(self, what):
                self.x = what

        out = []
        for what in (lib.nn.Parameter(lib.ones(1)), lib.nn.Linear(1, 1), lib.nn.Buffer(lib.ones(1))):
            with pytest.raises(AttributeError) as caught:
                Early(what)
            out.append("before Module.__init__() call" in str(caught.value))
        return [*out, Early(3).x]

    assert both(program)[:2] == [True, True]


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lambda lib, net: setattr(net, "scale", lib.ones(1)), TypeError),
        (lambda lib, net: setattr(net, "inp", lib.ones(1)), TypeError),
        (lambda lib, net: setattr(net.tied, "seen", 3), TypeError),
        (lambda lib, net: net.register_parameter("a.b", None), KeyError),
        (lambda lib, net: net.register_parameter("", None), KeyError),
        (lambda lib, net: net.register_parameter(3, None), TypeError),
        (lambda lib, net: net.register_parameter("inp", None), KeyError),
        (lambda lib, net: net.register_parameter("w", lib.ones(1)), TypeError),
        (lambda lib, net: net.register_buffer("forward", lib.ones(1)), KeyError),
        (lambda lib, net: net.register_buffer("w", 3), TypeError),
        (lambda lib, net: net.add_module("m", 3), TypeError),
        (lambda lib, net: net.add_module("a.b", lib.nn.ReLU()), KeyError),
        (lambda lib, net: net.nothing, AttributeError),
        (lambda lib, net: delattr(net, "nothing"), AttributeError),
        (lambda lib, net: net.get_submodule("inp.weight"), AttributeError),
        (lambda lib, net: net.get_submodule("nope"), AttributeError),
        (lambda lib, net: net.get_parameter("inp"), AttributeError),
        (lambda lib, net: net.get_buffer("scale"), AttributeError),
        (lambda lib, net: net.set_submodule("", lib.nn.ReLU()), ValueError),
        (lambda lib, net: net.train(1), ValueError),
        (lambda lib, net: net.to(lib.int64), TypeError),
        (lambda lib, net: net.to(wrong=3), TypeError),
        (lambda lib, net: lib.nn.Module()(1), NotImplementedError),
        (lambda lib, net: lib.nn.Module(3), TypeError),
        (lambda lib, net: lib.nn.Module(a=3), TypeError),
        (lambda lib, net: net.get_extra_state(), RuntimeError),
    ],
)
def test_attribute_errors(program, error):
    for lib in (torch, lw):
        with pytest.raises(error):
            program(lib, make_net(lib))


def test_attribute_error_helps():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'scal'") as caught:
        NET.scal
    assert any("perhaps" in line and "scale" in line for line in caught.value.__notes__)


def test_reassigning_moves_between_tables():
    def program(lib):
        nn, net = lib.nn, lib.nn.Module()
        net.a = 3
        net.a = nn.Parameter(lib.ones(1))
        out = [list(net._parameters), "a" in net.__dict__]
        with pytest.raises(TypeError):
            net.a = nn.Linear(1, 1)
        del net.a
        net.a = nn.Linear(1, 1)
        out += [list(net._parameters), list(net._modules)]
        net.a = None
        out += [list(net._modules.items())]
        net.b = nn.Buffer(lib.ones(2))
        net.c = nn.Buffer(lib.ones(2), persistent=False)
        net.b = lib.zeros(3)
        out += [list(net._buffers), list(net.state_dict()), isinstance(net.c, nn.Buffer), tuple(net.b.shape)]
        net.b = None
        out += [list(net.state_dict())]
        del net.c
        out += [list(net._buffers)]
        net.d = lib.ones(1)
        return [*out, "d" in net.__dict__]

    both(program)


def test_get_and_set_submodule():
    def program(lib):
        net = make_net(lib)
        net.set_submodule("blocks.1.fc", lib.nn.ReLU())
        return [repr(net.get_submodule("blocks.1")), repr(net.get_submodule("")) == repr(net),
                tuple(net.get_parameter("inp.bias").shape), tuple(net.get_buffer("blocks.0.seen").shape)]  # fmt: skip

    both(program)


# ---- conversions


def test_conversions():
    net = make_net(lw)
    net.register_buffer("count", lw.zeros(1, dtype=lw.int64))
    weight = net.inp.weight
    weight.grad = lw.ones(4, 3)
    for turn, dtype in ((net.double, lw.float64), (net.half, lw.float16), (net.bfloat16, lw.bfloat16), (net.float, lw.float32)):
        assert turn() is net
        assert net.inp.weight is weight
        assert weight.dtype is dtype is weight.grad.dtype is net.tied.seen.dtype
        assert net.count.dtype is lw.int64
    assert net.to("cpu") is net.to(lw.device("cpu")) is net.cpu()
    assert net.to(lw.float64).scale.dtype is lw.float64
    assert net.to("cpu", lw.float32).scale.dtype is lw.float32
    assert net.to(lw.zeros(1, dtype=lw.float64)).scale.dtype is lw.float64
    assert net.to(device="cpu", dtype=lw.float32, non_blocking=True).scale.dtype is lw.float32
    assert net.type(lw.float64).count.dtype is lw.float64
    assert tuple(net.to_empty(device="cpu").inp.weight.shape) == (4, 3)
    assert weight.requires_grad


def test_train_eval_freeze_zero_grad_apply():
    net = make_net(lw)
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert net.train() is net and all(m.training for m in net.modules())
    net(lw.ones(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(p.grad.abs().sum() == 0 for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    assert net.apply(lambda m: None) is net


def test_apply_goes_children_first():
    def program(lib):
        seen = []
        make_net(lib).apply(lambda m: seen.append(type(m).__name__))
        return seen

    assert both(program)[-1] == "Net"


def test_copy_and_pickle():
    net = make_net(lw)
    twin = copy.deepcopy(net)
    assert twin.tied is twin.blocks[0]
    assert twin.inp.weight is not net.inp.weight
    assert lw.equal(twin.inp.weight, net.inp.weight)
    layer = pickle.loads(pickle.dumps(lw.nn.Linear(2, 3)))
    assert repr(layer) == "Linear(in_features=2, out_features=3, bias=True)"
    assert layer.weight.requires_grad
    tied = lw.nn.Sequential(lw.nn.Linear(2, 2), lw.nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    assert (t := copy.deepcopy(tied))[0].weight is t[1].weight


# ---- hooks


def test_forward_hooks_order_and_replacement():
    def program(lib):
        log, net = [], lib.nn.Linear(2, 2)

        def pre(tag):
            return lambda m, args: log.append(f"pre {tag} {len(args)}")

        def post(tag):
            return lambda m, args, y: log.append(f"post {tag} {tuple(y.shape)}")

        net.register_forward_pre_hook(pre("a"))
        net.register_forward_pre_hook(pre("b"), prepend=True)
        net.register_forward_hook(post("a"))
        handle = net.register_forward_hook(post("b"), prepend=True)
        net(lib.zeros(3, 2))
        handle.remove()
        net(lib.zeros(3, 2))
        net.register_forward_pre_hook(lambda m, args: args[0] * 0 + 1)
        net.register_forward_hook(lambda m, args, y: y * 0 + args[0].sum())
        return [*log, net(lib.zeros(3, 2)).tolist()]

    both(program)


def test_hooks_with_kwargs():
    def program(lib):
        class Scale(lib.nn.Module):
            def forward(self, x, by=1):
                return x * by

        net, log = Scale(), []
        net.register_forward_pre_hook(lambda m, a, k: (a, {"by": k["by"] + 1}), with_kwargs=True)
        net.register_forward_hook(lambda m, a, k, y: log.append(k["by"]), with_kwargs=True)
        return [net(lib.ones(1), by=2).item(), log]

    both(program)


def test_always_call():
    def program(lib):
        class Broken(lib.nn.Module):
            def forward(self, x):
                raise KeyError("no")

        net, log = Broken(), []
        net.register_forward_hook(lambda m, a, y: log.append("always"), always_call=True)
        net.register_forward_hook(lambda m, a, y: log.append("never"))
        with pytest.raises(KeyError):
            net(1)
        return log

    assert both(program) == ["always"]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_full_backward_hooks():
    def program(lib):
        net, log = lib.nn.Linear(2, 1), []
        with lib.no_grad():
            net.weight.fill_(2.0)
        net.register_full_backward_pre_hook(lambda m, go: log.append(("pre", go[0].tolist())))
        net.register_full_backward_hook(lambda m, gi, go: log.append(("post", gi[0] is None or gi[0].tolist(), go[0].tolist())))
        x = lib.ones(2, 2, requires_grad=True)
        net(x).sum().backward()
        log.append(x.grad.tolist())
        net(lib.ones(2, 2)).sum().backward()
        handle = net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
        x.grad = None
        net(x).sum().backward()
        log.append(x.grad.tolist())
        handle.remove()
        net.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
        x.grad = None
        net(x).sum().backward()
        return [*log, x.grad.tolist()]

    both(program)


def test_kinds_of_backward_hooks_do_not_mix():
    net = lw.nn.Linear(1, 1)
    net.register_full_backward_hook(lambda *a: None)
    with pytest.raises(RuntimeError):
        net.register_backward_hook(lambda *a: None)


def test_global_hooks():
    from lightwell.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

    log = []
    with (
        register_module_forward_pre_hook(lambda m, a: log.append("pre " + type(m).__name__)),
        register_module_forward_hook(lambda m, a, y: log.append("post " + type(m).__name__)),
    ):
        lw.nn.Sequential(lw.nn.ReLU())(lw.ones(1))
    lw.nn.ReLU()(lw.ones(1))
    assert log == ["pre Sequential", "pre ReLU", "post ReLU", "post Sequential"]


# ---- lazy modules


@pytest.mark.parametrize(
    ("case", "shape"),
    [("LazyLinear(4)", (2, 3)), ("LazyConv2d(4,3)", (2, 3, 5, 5)), ("LazyBatchNorm1d()", (4, 3)), ("LazyConvTranspose1d(2,3)", (2, 3, 5))],
)
def test_lazy_modules(case, shape):
    def program(lib):
        net = eval(f"nn.{case}", {"nn": lib.nn})
        out = [net.has_uninitialized_params()]
        with pytest.raises(RuntimeError):
            net.weight.shape
        lib.manual_seed(1)
        y = net(lib.ones(shape))
        return [*out, repr(net), type(net).__name__, tuple(y.shape), [p.tolist() for p in net.parameters()]]

    both(program)


def test_lazy_load():
    source, net = lw.nn.Linear(3, 4), lw.nn.LazyLinear(4)
    net.load_state_dict(source.state_dict())
    assert lw.equal(net.weight, source.weight)
    assert net(lw.ones(1, 3)).shape == (1, 4)


# ---- parameters


def test_parameter_repr_and_sharing():
    def program(lib):
        t = lib.ones(2)
        p = lib.nn.Parameter(t)
        t.fill_(3)
        frozen = lib.nn.Parameter(lib.zeros(1), requires_grad=False)
        return [repr(p), repr(frozen), p.is_leaf, isinstance(p, lib.Tensor), (p * 1).requires_grad,
                type(p * 1) is lib.Tensor, tuple(lib.nn.Parameter().shape), type(p.data) is lib.Tensor]  # fmt: skip

    both(program)


def test_call_is_cheap():
    """The path without hooks goes straight to forward."""
    calls = []

    class Probe(lw.nn.Module):
        def _call_impl(self, *args):
            calls.append("slow")

        def forward(self, x):
            calls.append("forward")
            return x

    Probe()(1)
    assert calls == ["forward"]


@pytest.mark.parametrize("kind", ["module", "parameter", "buffer"])
def test_registration_hooks(kind):
    """Assignment and every register method tell the hooks, which may put another value in."""

    def program(lib):
        nn, seen = lib.nn, []
        register = getattr(nn.modules.module, f"register_module_{kind}_registration_hook")
        handle = register(lambda owner, name, value: seen.append((type(owner).__name__, name, getattr(value, "shape", value))))
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        net.register_buffer("kept", lib.zeros(1))
        net.scale, net.mask, net.kept, net.act = nn.Parameter(lib.zeros(1)), nn.Buffer(lib.zeros(1)), lib.ones(1), nn.ReLU()
        net.register_module("last", nn.Identity())
        handle.remove()
        net.late, net.w = nn.ReLU(), nn.Parameter(lib.zeros(1))
        fresh = {"module": nn.Tanh(), "parameter": nn.Parameter(lib.full((1,), 7.0)), "buffer": lib.full((1,), 7.0)}[kind]
        with register(lambda owner, name, value: fresh):
            net.act = nn.ReLU()
            net.scale = nn.Parameter(lib.zeros(1))
            net.kept = lib.zeros(1)
        return repr(seen), repr(net.act), net.scale.item(), net.kept.item()

    both(program)
