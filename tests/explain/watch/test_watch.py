"""What a watch hangs on, and that it takes all of it away again; healthy trainings; ways to use it."""

import threading
import time
import warnings

import numpy as np
import pytest

import lightwell as torch
from lightwell import nn
from lightwell.autograd import engine
from lightwell.explain.watch import Exploded, HealthWarning
from lightwell.nn import functional as F
from lightwell.nn.hooks import everywhere
from lightwell.ops import op
from lightwell.optim import optimizer as optimizers
from lightwell.utils.data import DataLoader, TensorDataset, dataloader

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the faults made here on purpose


def state():
    return (
        op.active, engine.watching, everywhere.follow, everywhere.armed, len(optimizers._all_pre_hooks), len(optimizers._all_post_hooks),
        torch.amp.GradScaler.scale, torch.amp.GradScaler.update, DataLoader.__dict__["_index_sampler"], dataloader._BaseDataLoaderIter.__next__,
        torch.random.drawing, torch.compile.api.told_eager,
    )  # fmt: skip


def test_all_is_as_before():
    before = state()
    with torch.watch(save=False):
        assert state() != before
    assert state() == before
    with pytest.raises(Exploded), torch.watch(save=False):
        torch.zeros(1, requires_grad=True).log().backward()
    assert state() == before
    with pytest.raises(KeyError), torch.watch(save=False):
        raise KeyError("the user's own")
    assert state() == before


def test_arguments():
    with pytest.raises(ValueError, match="'on' must be 'stop', 'warn' or 'report'"):
        torch.watch(on="never")
    with pytest.raises(TypeError, match="'model' must be a Module"):
        torch.watch(3)
    w = torch.watch(save=False)
    with w, pytest.raises(RuntimeError, match="on already"):
        w.__enter__()


# ---- healthy trainings: nothing is said, and the numbers are those of the same training unwatched ---------------------


def mlp():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4))
    return net, torch.optim.SGD(net.parameters(), lr=0.1), lambda x, y: F.cross_entropy(net(x), y), 64, 4


def lenet():
    net = nn.Sequential(
        nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 4, 3, padding=1), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 16), nn.Sigmoid(),
        nn.Linear(16, 4),
    )  # fmt: skip
    return net, torch.optim.SGD(net.parameters(), lr=0.5), lambda x, y: F.cross_entropy(net(x.reshape(-1, 8, 8)), y), 64, 4


def normalised():
    net = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.3), nn.GELU(), nn.Linear(32, 4))
    return net, torch.optim.Adam(net.parameters(), lr=1e-2), lambda x, y: F.cross_entropy(net(x), y), 64, 4


def recurrent():
    rnn, out = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 4)
    net = nn.ModuleList([rnn, out])
    optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-2)

    def loss(x, y):
        found = F.cross_entropy(out(rnn(x.reshape(-1, 8, 8))[0][:, -1]), y)
        return found

    return net, optimizer, loss, 64, 4


def attention():
    layer, out = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.1), nn.Linear(8, 4)
    net = nn.ModuleList([layer, out])
    mask = nn.Transformer.generate_square_subsequent_mask(8)
    return (
        net,
        torch.optim.AdamW(net.parameters(), lr=1e-2),
        lambda x, y: F.cross_entropy(out(layer(x.reshape(-1, 8, 8), mask).mean(1)), y),
        64,
        4,
    )


def regression():
    net = nn.Linear(3, 1)
    nn.init.zeros_(net.weight)
    return net, torch.optim.SGD(net.parameters(), lr=0.03), lambda x, y: F.mse_loss(net(x * 2 + 1), x.sum(1, keepdim=True) * 50), 3, 2


def clipped():
    net = nn.RNN(8, 16)

    def loss(x, y):
        out = net(x.reshape(-1, 8, 8).transpose(0, 1) * 3)[0][-1]
        return (out.sum(1) - y).square().mean() * 1e3

    class Clipping(torch.optim.SGD):
        def step(self, closure=None):
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            return super().step(closure)

    return net, Clipping(net.parameters(), lr=0.1), loss, 64, 4


def entropy():
    net = nn.Linear(6, 3)

    def loss(x, y):
        p = torch.softmax(net(x), 1)
        return F.cross_entropy(net(x), y) - 0.1 * torch.special.entr(p).sum(1).mean()

    return net, torch.optim.Adam(net.parameters(), lr=0.05), loss, 6, 3


def vae():
    net = nn.Linear(6, 4)

    def loss(x, y):
        mean, log_variance = net(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return z.square().mean() + (-0.5 * (1 + log_variance - mean**2 - log_variance.exp())).sum(1).mean()

    return net, torch.optim.Adam(net.parameters(), lr=0.01), loss, 6, 3


def scaled():
    net = nn.Linear(6, 3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30)

    def loss(x, y):
        with torch.autocast("cpu", dtype=torch.float16):
            return F.cross_entropy(net(x), y)

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    optimizer.scaler = scaler
    return net, optimizer, loss, 6, 3


HEALTHY = [mlp, lenet, normalised, recurrent, attention, regression, clipped, entropy, vae, scaled]


def trained(make, watching: bool):
    """The parameters and losses after some epochs, and the watch."""
    torch.manual_seed(1)
    net, optimizer, loss_fn, width, classes = make()
    scaler = getattr(optimizer, "scaler", None)
    x = torch.randn(96, width)
    y = torch.randint(0, classes, (96,))
    losses = []
    w = torch.watch(net, optimizer, save=False)

    def run():
        for _ in range(8):
            for a, b in DataLoader(TensorDataset(x, y), 16, shuffle=True):
                optimizer.zero_grad()
                loss = loss_fn(a, b)
                if scaler is None:
                    loss.backward()
                    optimizer.step()
                else:
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()
                losses.append(loss.item())

    if watching:
        with w:
            run()
    else:
        run()
    return [p.detach().numpy().copy() for p in net.parameters()], losses, w


@pytest.mark.parametrize("make", HEALTHY, ids=lambda f: f.__name__)
def test_healthy(make):
    torch.use_deterministic_algorithms(True)
    try:
        plain, losses, _ = trained(make, False)
        watched, same, w = trained(make, True)
    finally:
        torch.use_deterministic_algorithms(False)
    assert w.findings == [] and losses == same
    assert all(np.array_equal(a, b) for a, b in zip(plain, watched))
    assert len(w.history["loss"]) >= 20 and all(v is not None for v in w.history["norm"])
    assert "nothing unusual" in str(w.report())


# ---- what is reported without a stop ------------------------------------------------------------------------------


def fit(net, X, y, steps=30, lr=0.1):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()


def test_dead_units():
    net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 5))
    nn.init.constant_(net[0].bias, -100.0)
    with pytest.warns(HealthWarning, match="dead units"), torch.watch(net, save=False) as w:
        fit(net, torch.rand(64, 20), torch.randint(0, 5, (64,)))
    (f,) = w.findings
    assert (f.code, f.op, f.module) == ("LW551", "relu", "net.1") and "64 of 64 units" in str(f)
    assert next(r for r in w.report().layers() if r["path"] == "net.1")["dead"] == 1.0


def test_units_that_a_learning_rate_has_killed():
    """The gradient of the layers before is exactly 0: that is no vanishing gradient."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
    X = torch.rand(256, 10)
    with torch.watch(net, on="report", save=False) as w:
        for _ in range(10):
            for x in X.split(32):
                optimizer.zero_grad()
                F.mse_loss(net(x), x[:, :1] * 3).backward()
                optimizer.step()
    assert {f.code for f in w.findings} == {"LW551"} and w.findings[0].module == "net.1"
    assert "32 of 32 units" in str(w.findings[0])


def test_statistics_of_infinities_give_no_warning():
    net = nn.Sequential(nn.Identity())
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with torch.watch(net, save=False) as w:
            net(torch.tensor([[float("inf"), -float("inf"), 1.0]]))
    assert np.isnan(w.report().layers()[0]["mean"])


def test_units_that_die_late():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 5))
    X, y = torch.rand(64, 10), torch.randint(0, 5, (64,))
    with torch.watch(net, on="report", save=False) as w:
        fit(net, X, y, steps=60)
        assert w.findings == [] and next(r for r in w.report().layers() if r["path"] == "net.1")["dead"] < 0.2
        with torch.no_grad():
            net[0].bias -= 100.0
        fit(net, X, y, steps=60)
    assert [(f.code, f.op, f.module) for f in w.findings] == [("LW551", "relu", "net.1")]
    assert next(r for r in w.report().layers() if r["path"] == "net.1")["dead"] == 1.0


def test_a_hinge_loss_that_becomes_0_is_no_dead_layer():
    torch.manual_seed(0)
    w, x = torch.zeros(4, 2, requires_grad=True), torch.randn(64, 4)
    y = (x[:, :2] > 0).float() * 2 - 1
    x[:, :2] += 3 * y
    optimizer = torch.optim.SGD([w], lr=2.0)
    with torch.watch(on="report", save=False) as watched:
        for _ in range(150):
            optimizer.zero_grad()
            loss = torch.relu(1 - y * (x @ w)).mean()
            (loss + 1e-6 * w.square().sum()).backward()
            optimizer.step()
    assert loss.item() == 0 and watched.findings == []


def test_saturated_units():
    net = nn.Sequential(nn.Linear(20, 64), nn.Sigmoid(), nn.Linear(64, 5))
    nn.init.normal_(net[0].weight, 0, 10.0)
    with pytest.warns(HealthWarning, match="saturated"), torch.watch(net, save=False) as w:
        fit(net, torch.randn(64, 20) * 100, torch.randint(0, 5, (64,)))
    assert [(f.code, f.op, f.module) for f in w.findings] == [("LW552", "sigmoid", "net.1")]


# ---- ways to use it -----------------------------------------------------------------------------------------------


def explode(net=None):
    net = net or nn.Linear(3, 1)
    torch.log(net(torch.zeros(2, 3)) * 0).sum().backward()


def test_warn_and_report_go_on():
    with pytest.warns(HealthWarning, match="LW51") as told, torch.watch(on="warn", save=False) as w:
        explode()
    assert [f.code for f in w.findings if f.fatal] == ["LW510"] and next(
        t for t in told if t.category is HealthWarning
    ).filename == __file__
    net = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HealthWarning)
        with torch.watch(net, on="report", save=False) as w:
            for _ in range(5):  # from the second step on everything is NaN: that is said once
                optimizer.zero_grad()
                torch.log(net(torch.zeros(2, 3)) * 0).sum().backward()
                optimizer.step()
    assert [f.code for f in w.findings] == ["LW510"] and w.training.step == 5


def test_exception():
    with pytest.raises(RuntimeError) as caught, torch.watch(save=False):
        explode()
    assert type(caught.value) is Exploded and caught.value.code == "LW510"
    import pickle

    again = pickle.loads(pickle.dumps(caught.value))
    assert again.finding.op == "log" and str(again.finding) == str(caught.value.finding)


def test_chinese():
    torch.set_language("zh")
    try:
        with pytest.raises(Exploded) as caught, torch.watch(save=False):
            explode()
        text = str(caught.value)
        assert "对 0 取对数" in text and "办法" in text and "前向，第 1 步" in text
    finally:
        torch.set_language(None)


def test_nested_and_threads():
    with pytest.raises(Exploded), torch.watch(save=False) as outer, torch.watch(save=False) as inner:
        explode()
    assert len(inner.findings) == 1 and not outer.on
    seen = []

    def work():
        try:
            explode()
        except Exploded as error:
            seen.append(error.code)

    with torch.watch(save=False):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == ["LW510"] and op.active == 0


def test_errors_of_the_users_code(capsys):
    with pytest.raises(KeyError), torch.watch(save=False) as w:
        torch.log(torch.zeros(1, requires_grad=True))
        raise KeyError("mine")
    assert w.findings[0].reached == "error" and "LW510" in capsys.readouterr().err


def test_closures_several_optimizers_and_accumulation():
    p = torch.tensor([2.0, 1.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([p], max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = (p - 1).square().sum()
        loss.backward()
        return loss

    with torch.watch(save=False) as w:
        for _ in range(3):
            optimizer.step(closure)
    assert w.training.step == 3 and w.findings == []
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    first, second = torch.optim.Adam(a.parameters()), torch.optim.Adam(b.parameters())
    with torch.watch([a, b], [first, second], save=False) as w:
        for _ in range(4):
            for o in (first, second):
                for _ in range(2):
                    b(a(torch.randn(4, 2))).square().mean().backward()
                o.step()
                first.zero_grad()
                second.zero_grad()
    assert w.findings == [] and w._counts == {id(first): 4, id(second): 4}


def test_scaler_that_never_finds_a_scale():
    net = nn.Linear(4, 1)
    optimizer, scaler = torch.optim.SGD(net.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
    with pytest.raises(Exploded) as caught, torch.watch(net, save=False):
        for _ in range(40):
            out = net(torch.ones(8, 4))
            loss = torch.sqrt((out - out.detach()).pow(2)).mean()
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    assert (caught.value.code, caught.value.finding.op) == ("LW530", "sqrt") and scaler.get_scale() < 1


def test_compiled_programs_run_eagerly_and_say_so():
    @torch.compile
    def f(x):
        return torch.log(x).sum()

    with pytest.warns(HealthWarning, match="run eagerly"), pytest.raises(Exploded) as caught, torch.watch(save=False):
        f(torch.zeros(2, requires_grad=True)).backward()
    assert caught.value.finding.place.text == "return torch.log(x).sum()"


def test_report_html_and_plot(tmp_path):
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.watch(net, save=False) as w:
        fit(net, torch.randn(16, 4), torch.randint(0, 2, (16,)), steps=5)
    layers = w.report().layers()
    assert [r["path"] for r in layers] == ["net.0", "net.1", "net.2"]
    w0 = net[0].weight.grad.numpy(), net[0].bias.grad.numpy()
    assert layers[0]["gradient"] == pytest.approx(np.sqrt(sum((g.astype("d") ** 2).sum() for g in w0)), rel=1e-5)
    page = w.save_html(tmp_path / "report.html")
    text = open(page, encoding="utf-8").read()
    assert "net.2" in text and "<svg" in text and "http" not in text.replace("http://www.w3.org", "")
    pytest.importorskip("matplotlib")
    assert len(w.plot(tmp_path / "curves.png").axes) == 4 and (tmp_path / "curves.png").stat().st_size > 1000


def test_gradients_of_a_step_are_measured_exactly():
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    before = [p.detach().numpy().copy() for p in net.parameters()]
    with torch.watch(net, optimizer, save=False) as w:
        net(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    row = w.training.rows[0]
    grads = np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])
    change = np.concatenate([(p.detach().numpy() - b).ravel() for p, b in zip(net.parameters(), before)])
    norm = np.sqrt(sum((p.detach().numpy() ** 2).sum() for p in net.parameters()))
    assert row.gradient == pytest.approx(np.linalg.norm(grads), rel=1e-5)
    assert row.ratio == pytest.approx(np.linalg.norm(change) / norm, rel=1e-5)


def test_off_costs_nothing():
    """The interposers' counter, the engine's slot and the modules' flag are all that a program without a watch looks at."""
    with torch.watch(save=False):
        pass
    assert op.active == 0 and engine.watching is None and everywhere.follow is None
    x = torch.ones(10)
    start = time.perf_counter()
    for _ in range(1000):
        x + x
    assert time.perf_counter() - start < 0.5
