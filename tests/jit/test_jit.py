"""torch.jit: scripting, tracing, archives; beside PyTorch's reader and writer where it is installed."""

import copy
import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest

import lightwell as lw
from lightwell import nn
from lightwell.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        y = self.pool(F.relu(self.bn(self.conv(x))))
        return F.log_softmax(self.fc(y.view(y.size(0), -1)), dim=1)


class Branching(nn.Module):
    def forward(self, x, n: int):
        for _ in range(n):
            if bool(x.sum() > 3):
                x = x - 1
        return x


def bad_try(x):
    try:
        return x
    except ValueError:
        return x


def bad_args(*xs):
    return xs[0]


def bad_lambda(x):
    return (lambda y: y)(x)


# ---- script -------------------------------------------------------------------------------------------------------------


def test_scripted_module_shares_parameters_and_keeps_names():
    net = Net().eval()
    s = lw.jit.script(net)
    x = lw.randn(2, 1, 6, 6)
    assert lw.equal(s(x), net(x)) and s.conv.weight is net.conv.weight and list(s.state_dict()) == list(net.state_dict())
    assert isinstance(s, lw.jit.ScriptModule) and isinstance(s.conv, lw.jit.ScriptModule) and s.original_name == "Net"
    assert "log_softmax" in s.code and not s.training and repr(s).startswith("RecursiveScriptModule(\n  original_name=Net")
    s.train()
    assert s.bn.training and not net.bn.training
    assert lw.jit.script(s) is s
    with pytest.raises(pickle.PickleError):
        pickle.dumps(s)
    twin = copy.deepcopy(s.eval())
    assert lw.equal(twin(x), net(x)) and twin.conv.weight is not net.conv.weight


def test_scripted_control_flow_runs_as_python():
    s = lw.jit.script(Branching())
    assert s(lw.tensor([5.0]), 10).item() == 3
    assert s(lw.tensor([5.0]), 1).item() == 4
    with pytest.raises(RuntimeError, match=r"'n'.*'str'"):
        s(lw.ones(1), "2")
    with pytest.raises(RuntimeError, match="'Tensor' for argument 'x'"):
        s(3, 2)


@pytest.mark.parametrize("fn", [bad_try, bad_args, bad_lambda])
def test_what_torchscript_cannot_hold_is_refused_with_its_line(fn):
    with pytest.raises(lw.jit.frontend.NotSupportedError, match="line"):
        lw.jit.script(fn)
    lw.jit.script(lw.jit.ignore(fn))


def test_small_names():
    assert not lw.jit.is_scripting() and lw.jit.isinstance({"a": [1]}, dict[str, list[int]])
    assert lw.jit.annotate(int, 3) == 3 and lw.jit.wait(lw.jit.fork(lambda: 4)) == 4
    unit = lw.jit.CompilationUnit("def f(x, k: int):\n    return x * k\n")
    assert unit.f(lw.ones(1), 3).item() == 3
    with pytest.raises(RuntimeError, match="instance"):
        lw.jit.script(Net)
    with pytest.raises(TypeError):
        lw.jit.script(3)


# ---- trace --------------------------------------------------------------------------------------------------------------


def test_trace_is_a_recording():
    calls = []

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            calls.append(1)
            return self.fc(x).tanh() if x.shape[0] < 3 else self.fc(x)

    net = Counting()
    t = lw.jit.trace(net, lw.ones(1, 2))
    before = len(calls)
    x = lw.randn(5, 2)
    assert lw.equal(t(x), net.fc(x).tanh()) and len(calls) == before
    assert (
        t.fc.weight is net.fc.weight and isinstance(t, lw.jit.TopLevelTracedModule) and "tanh" in t.code and "aten::linear" in str(t.graph)
    )
    t(x).sum().backward()
    assert net.fc.weight.grad is not None


def test_trace_warns_of_values_and_of_differences():
    with pytest.warns(lw.jit.TracerWarning, match="Python boolean"):
        f = lw.jit.trace(lambda x: x * 2 if x.sum() > 0 else x, lw.ones(2))
    assert f(-lw.ones(2)).tolist() == [-2, -2]
    state = [0]

    def drifting(x):
        state[0] += 1
        return x + state[0]

    with pytest.warns(lw.jit.TracerWarning, match="Output nr 1"):
        lw.jit.trace(drifting, lw.ones(1))


def test_trace_views_writes_and_containers():
    def f(x, pair):
        y = x.clone()
        y[0] = 7
        y.view(-1)[1:].mul_(2)
        a, b = pair
        return y, (a.t() + b.T, lw.cat([a, b], 1).chunk(2, dim=1)[1])

    x, a, b = lw.randn(2, 2), lw.randn(2, 2), lw.randn(2, 2)
    t = lw.jit.trace(f, (x, (a, b)))
    p, q = lw.randn(3, 2), (lw.randn(2, 2), lw.randn(2, 2))
    want, got = f(p, q), t(p, q)
    assert lw.equal(want[0], got[0]) and lw.equal(want[1][0], got[1][0]) and lw.equal(want[1][1], got[1][1])


def test_trace_sizes_stay_open_and_bad_inputs_are_told():
    f = lw.jit.trace(lambda x: x.reshape(x.shape[0] * 2, -1) + lw.zeros(x.size(0) * 2, 1), lw.ones(2, 4))
    assert f(lw.ones(3, 6)).shape == (6, 3)
    with pytest.raises(RuntimeError, match="int"):
        lw.jit.trace(lambda x, n: x, (lw.ones(1), 3))
    with pytest.raises(RuntimeError, match="strict=False"):
        lw.jit.trace(lambda x: [x + 1], lw.ones(1))
    with pytest.raises(RuntimeError, match="requires grad"):
        w = lw.ones(1, requires_grad=True)
        lw.jit.trace(lambda x: x + w, lw.ones(1))


def test_trace_module_methods_and_freeze():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x)

        def other(self, x):
            return self.fc(x) * 2

    net = Two().eval()
    t = lw.jit.trace_module(net, {"forward": lw.ones(1, 2), "other": lw.ones(1, 2)})
    x = lw.randn(3, 2)
    assert lw.equal(t.other(x), net.other(x)) and lw.equal(copy.deepcopy(t)(x), net(x))
    frozen = lw.jit.freeze(lw.jit.script(net))
    assert not frozen.state_dict() and lw.equal(frozen(x), net(x))
    with pytest.raises(RuntimeError, match="eval"):
        lw.jit.freeze(lw.jit.script(Two()))


# ---- archives -----------------------------------------------------------------------------------------------------------


def _round(m, path):
    m.save(path)
    return lw.jit.load(path)


def test_own_archives(tmp_path):
    net = Net().eval()
    x = lw.randn(4, 1, 6, 6)
    for made in (lw.jit.trace(net, lw.randn(2, 1, 6, 6)), lw.jit.script(net)):
        back = _round(made, tmp_path / "m.pt")
        assert lw.equal(back(x), net(x)) and list(back.state_dict()) == list(net.state_dict())
        again = _round(back, tmp_path / "n.pt")
        assert lw.equal(again(x), net(x)) and "conv2d" in again.code
    f = lw.jit.trace(lambda a, b: (a @ b).relu()[:, 1:], (lw.ones(2, 2), lw.ones(2, 3)))
    a, b = lw.randn(4, 2), lw.randn(2, 5)
    assert lw.equal(_round(f, tmp_path / "f.pt")(a, b), f(a, b))
    extra = {"note.txt": ""}
    buffer = io.BytesIO()
    lw.jit.save(lw.jit.script(net), buffer, _extra_files={"note.txt": "hello"})
    buffer.seek(0)
    lw.jit.load(buffer, _extra_files=extra)
    assert extra["note.txt"] == b"hello"


def test_save_tells_what_it_cannot_write(tmp_path):
    with pytest.raises(RuntimeError, match="control flow"):
        lw.jit.script(Branching()).save(tmp_path / "b.pt")
    with pytest.raises(RuntimeError, match=r"jit\.trace"):
        lw.jit.save(Net(), tmp_path / "b.pt")
    assert not (tmp_path / "b.pt").exists()
    with pytest.raises(ValueError, match="does not exist"):
        lw.jit.load(tmp_path / "b.pt")
    lw.save({"x": lw.ones(1)}, tmp_path / "c.pt")
    with pytest.raises(RuntimeError, match=r"torch\.load"):
        lw.jit.load(tmp_path / "c.pt")


ATTACKS = [
    "import os",
    "x = ().__class__",
    "x = self.__class__",
    "x = self._program",
    "x = torch.load('x')",
    "x = torch.hub.load('x')",
    "x = torch.from_file('x')",
    "x = open('x')",
    "x = [c for c in ().__class__.__bases__]",
    "x = __builtins__",
    "x = f'{self.__class__}'",
    "x = lambda: 1",
    "torch.relu = 1",
    "x = torch",
    "x = ops.os.system('x')",
    "x = torch.save(x, 'y')",
    "x = torch.__reduce_ex__(x, 2)",
    "x = _bound_0",
    "x = eval('1')",
    "self.forward.__globals__",
]


@pytest.mark.parametrize("line", ATTACKS)
def test_forged_programs_do_not_run(line, tmp_path):
    path = tmp_path / "m.pt"
    lw.jit.trace(lambda x: x.relu(), lw.ones(1)).save(path)
    with zipfile.ZipFile(path) as z:
        records = {i.filename: z.read(i) for i in z.infolist()}
    forged = tmp_path / "f.pt"
    with zipfile.ZipFile(forged, "w") as z:
        for name, data in records.items():
            if name.endswith("code/__torch__.py"):
                text = data.decode()
                at = text.index("):\n") + 3
                data = (text[:at] + f"    {line}\n" + text[at:]).encode()
            z.writestr(name, data)
    with pytest.raises((RuntimeError, NameError, AttributeError)):
        lw.jit.load(forged)(lw.ones(1))


def test_format_reaches_no_attributes():
    from lightwell.jit import _aten

    assert _aten.find("format")("{} {0.__class__} {}", 1, 2) == "1 {0.__class__} 2"


def test_archives_are_exchanged_with_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    import importlib.util
    import os

    spec = importlib.util.spec_from_file_location("programs", os.path.join(os.path.dirname(__file__), "programs.py"))
    programs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(programs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for make, inputs in programs.programs(torch):
            theirs = make(torch).eval()
            values = [torch.from_numpy(v) for v in inputs]
            for scripted in (torch.jit.trace(theirs, tuple(values)), torch.jit.script(theirs)):
                torch.jit.save(scripted, tmp_path / "t.pt")
                ours = lw.jit.load(tmp_path / "t.pt")
                got = ours(*[lw.from_numpy(v) for v in inputs])
                want = theirs(*values)
                got, want = (got[0], want[0]) if isinstance(want, tuple) else (got, want)
                np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-4, atol=1e-5)
            mine = make(lw).eval()
            mine.load_state_dict({k: lw.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
            lw.jit.trace(mine, tuple(lw.from_numpy(v) for v in inputs)).save(tmp_path / "o.pt")
            back = torch.jit.load(tmp_path / "o.pt")(*values)
            back = back[0] if isinstance(back, tuple) else back
            np.testing.assert_allclose(back.detach().numpy(), want.detach().numpy(), rtol=1e-4, atol=1e-5)
