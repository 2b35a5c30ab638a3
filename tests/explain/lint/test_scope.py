"""`with lightwell.lint():` around a block: what it finds, how it is silenced, and that nothing stays behind."""

import copy
import io
import warnings

import pytest

import lightwell as lw
from lightwell.explain.lint import LintWarning, observer
from lightwell.nn import functional as F
from lightwell.nn.functional import mse_loss
from lightwell.ops import op
from lightwell.optim import optimizer as optimizers


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    monkeypatch.setattr(observer, "_STRICT", True)


def _pieces():
    lw.manual_seed(0)
    x = lw.randn(16, 3)
    net = lw.nn.Linear(3, 1)
    return net, lw.optim.SGD(net.parameters(), lr=0.01), x, x.sum(1)


def codes(found):
    return [f.code for f in found.findings]


def test_warns_at_the_users_line():
    net, _, x, y = _pieces()
    with pytest.warns(LintWarning, match="LW404") as told, lw.lint() as found:
        F.mse_loss(net(x), y.detach()) if False else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            F.mse_loss(net(x), y)
    assert codes(found) == ["LW404"]
    assert told[0].filename == __file__ and found.findings[0].text == "F.mse_loss(net(x), y)"
    assert found.findings[0].line == told[0].lineno


@pytest.mark.filterwarnings("ignore")
def test_sees_functions_that_were_imported_by_name():
    net, _, x, y = _pieces()
    before = mse_loss
    with lw.lint() as found:
        mse_loss(net(x), y)
    assert codes(found) == ["LW404"] and mse_loss is before


@pytest.mark.filterwarnings("ignore")
def test_silenced_by_a_comment_and_by_ignore():
    net, _, x, y = _pieces()
    with lw.lint() as found:
        mse_loss(net(x), y)  # lw: ignore[LW404]
        mse_loss(  # lw: ignore
            net(x),
            y,
        )
    assert codes(found) == []
    with lw.lint(ignore=["LW404"]) as found:
        mse_loss(net(x), y)
    assert codes(found) == []
    with lw.lint() as found:
        mse_loss(net(x), y)  # lw: ignore[LW401]
    assert codes(found) == ["LW404"]


def test_an_unknown_code_is_refused():
    with pytest.raises(ValueError, match="LW999"):
        lw.lint(ignore=["LW999"])


@pytest.mark.filterwarnings("ignore")
def test_filters_of_warnings():
    net, _, x, y = _pieces()
    with pytest.raises(LintWarning, match="LW404"):
        with warnings.catch_warnings():
            warnings.simplefilter("error", LintWarning)
            with lw.lint():
                mse_loss(net(x), y)


@pytest.mark.filterwarnings("ignore")
def test_the_model_and_the_optimizer_that_are_given_are_compared():
    lw.manual_seed(0)
    net = lw.nn.Sequential(lw.nn.Linear(3, 4), lw.nn.Tanh(), lw.nn.Linear(4, 1))
    optimizer = lw.optim.SGD(net[0].parameters(), lr=0.01)
    x = lw.randn(8, 3)
    for given, expected in (((), []), ((net, optimizer), ["LW421"])):
        with lw.lint(*given) as found:
            for _ in range(3):
                optimizer.zero_grad()
                F.mse_loss(net(x), x.sum(1, keepdim=True)).backward()
                optimizer.step()
                net.zero_grad()
        assert codes(found) == expected


def test_a_good_block_is_silent_and_computes_the_same():
    results = []
    for on in (False, True):
        net, optimizer, x, y = _pieces()
        with lw.lint() if on else warnings.catch_warnings():
            for _ in range(3):
                loss = F.mse_loss(net(x).squeeze(1), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        results.append((loss.item(), net.weight.tolist()))
    assert results[0] == results[1]


@pytest.mark.filterwarnings("ignore")
def test_nothing_stays_behind():
    def state():
        classes = (lw.Tensor, lw.nn.Module, lw.nn.Parameter, lw.optim.Optimizer, lw.utils.data.DataLoader, lw.Generator)
        return [dict(vars(c)) for c in classes], vars(F).copy(), lw.tensor, op.active, dict(optimizers._all_pre_hooks)

    net, _, x, y = _pieces()
    F.mse_loss(net(x), y.reshape(-1, 1))
    before = state()
    with pytest.raises(ZeroDivisionError), lw.lint() as found:
        F.mse_loss(net(x), y)
        1 / 0
    assert state() == before
    assert codes(found) == ["LW404"]  # told also where the block fails
    assert not any(name.startswith("_lint") for t in (x, y, net.weight) for name in t.__dict__)


@pytest.mark.filterwarnings("ignore")
def test_tensors_can_be_saved_and_copied_meanwhile():
    net, _, x, _ = _pieces()
    with lw.lint():
        out = net(x)
        file = io.BytesIO()
        lw.save({"out": out.detach(), "net": net.state_dict()}, file)
        file.seek(0)
        assert lw.equal(lw.load(file)["out"], out)
        assert lw.equal(copy.deepcopy(net)(x), out)


def test_a_notebooks_cells_one_after_another():
    net, optimizer, x, y = _pieces()
    with lw.lint() as first:
        loss = F.mse_loss(net(x), y.reshape(-1, 1))
        loss.backward()
        optimizer.step()
    with lw.lint() as second:
        with lw.no_grad():
            F.mse_loss(net(x), y.reshape(-1, 1))
    assert codes(first) == codes(second) == []
