"""Little programs that go wrong in one way each: the code, the operation, the phase and what it reached."""

import warnings

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.watch import Exploded
from lightwell.nn import functional as F

inf, nan = float("inf"), float("nan")


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


def train(net, X, y, loss_fn, optimizer=None, steps=5, lr=0.1):
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        loss = loss_fn(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def found(program, **options):
    """The findings of a program under a watch."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.watch(save=False, **options) as w:
                program()
        except Exploded:
            pass
    return w.findings


OPERATIONS = {
    # program: (code, operation, phase)
    "log 0": (lambda: torch.log(leaf(0.0, 1.0)).sum().backward(), "LW510", "log", "forward"),
    "log1p -1": (lambda: torch.log1p(leaf(-1.0)).sum().backward(), "LW510", "log1p", "forward"),
    "log -1": (lambda: torch.log(leaf(-1.0)).sum().backward(), "LW511", "log", "forward"),
    "complex log 0": (lambda: torch.log(leaf(0j, 1 + 1j)).abs().sum().backward(), "LW510", "log", "forward"),
    "1 / 0": (lambda: (1.0 / leaf(0.0, 1.0)).sum().backward(), "LW512", "div", "forward"),
    "reciprocal": (lambda: leaf(0.0).reciprocal().sum().backward(), "LW512", "reciprocal", "forward"),
    "by the number 0": (lambda: (leaf(1.0, 2.0) / 0.0).sum().backward(), "LW512", "div", "forward"),
    "0 / 0": (lambda: (lambda x: x / x.abs())(leaf(0.0, 1.0)).sum().backward(), "LW513", "div", "forward"),
    "x / norm": (lambda: (lambda x: x / x.norm())(leaf(0.0, 0.0)).sum().backward(), "LW513", "div", "forward"),
    "exp": (lambda: leaf(89.0).exp().sum().backward(), "LW514", "exp", "forward"),
    "sqrt -1": (lambda: leaf(-1.0).sqrt().sum().backward(), "LW515", "sqrt", "forward"),
    "rsqrt 0": (lambda: leaf(0.0).rsqrt().sum().backward(), "LW512", "rsqrt", "forward"),
    "0 ** -1": (lambda: (leaf(0.0, 1.0) ** -1.5).sum().backward(), "LW516", "pow", "forward"),
    "-1 ** 0.3": (lambda: (leaf(-1.0) ** 0.3).sum().backward(), "LW516", "pow", "forward"),
    "asin 2": (lambda: torch.asin(leaf(2.0)).sum().backward(), "LW517", "asin", "forward"),
    "acosh 0": (lambda: torch.acosh(leaf(0.0)).sum().backward(), "LW517", "acosh", "forward"),
    "atanh 1": (lambda: torch.atanh(leaf(1.0)).sum().backward(), "LW517", "atanh", "forward"),
    "logit 1": (lambda: torch.logit(leaf(1.0)).sum().backward(), "LW517", "logit", "forward"),
    "softmax of -inf": (lambda: torch.softmax(leaf(1.0, 2.0) + torch.tensor([-inf, -inf]), 0).sum().backward(), "LW518", "softmax", "forward"),
    "log_softmax of inf": (lambda: torch.log_softmax(leaf(1.0, 2.0) * inf, 0).sum().backward(), "LW521", "log_softmax", "forward"),
    "std of one": (lambda: torch.std(leaf(3.0)).backward(), "LW519", "std", "forward"),
    "mean of nothing": (lambda: (lambda x: x[x > 9].mean())(leaf(1.0, 2.0)).backward(), "LW520", "mean", "forward"),
    "all ignored": (
        lambda: F.cross_entropy(torch.randn(4, 3, requires_grad=True), torch.full((4,), -100)).backward(), "LW520", "cross_entropy", "forward",
    ),
    "inf - inf": (lambda: (lambda m: (leaf(1.0) + m) - m)(torch.tensor([inf])).sum().backward(), "LW521", "sub", "forward"),
    "0 * inf": (lambda: (leaf(0.0, 1.0) * inf).sum().backward(), "LW521", "mul", "forward"),
    "times nan": (lambda: (leaf(0.0, 1.0) * nan).sum().backward(), "LW525", "mul", "forward"),
    "product": (lambda: (lambda w: w * w)(leaf(1e30)).sum().backward(), "LW522", "mul", "forward"),
    "square by operator": (lambda: (leaf(1e30) ** 2).sum().backward(), "LW522", "pow", "forward"),
    "cumprod": (lambda: torch.full((60,), 10.0, requires_grad=True).cumprod(0).sum().backward(), "LW522", "cumprod", "forward"),
    "half": (lambda: (torch.full((4,), 60000.0, requires_grad=True).half() * 2).sum().backward(), "LW523", "mul", "forward"),
    "to half": (lambda: torch.full((4,), 70000.0, requires_grad=True).half().sum().backward(), "LW523", "to", "forward"),
    "layer norm": (lambda: nn.LayerNorm(3, eps=0.0)(torch.ones(2, 3)).sum().backward(), "LW524", "native_layer_norm", "forward"),
    "batch norm": (lambda: nn.BatchNorm1d(3, eps=0.0)(torch.ones(4, 3)).sum().backward(), "LW524", "native_batch_norm", "forward"),
    "in-place log": (lambda: (leaf(0.0, 1.0) * 1).log_().sum().backward(), "LW510", "log", "forward"),
    "in-place div": (lambda: (leaf(1.0, 1.0) * 1).div_(torch.tensor([0.0, 1.0])).sum().backward(), "LW512", "div", "forward"),
    "masked by 0": (lambda: (torch.log(leaf(0.0, 1.0)) * torch.tensor([0.0, 1.0])).sum().backward(), "LW510", "log", "forward"),
    "poisson": (lambda: F.poisson_nll_loss(leaf(200.0), torch.ones(1)).backward(), "LW514", "exp", "forward"),
    "kl": (lambda: (lambda p, q: (p * (p / q).log()).sum())(torch.tensor([0.0, 1.0]), leaf(0.5, 0.5)).backward(), "LW510", "log", "forward"),
    "logdet of a negative determinant": (lambda: torch.logdet(torch.eye(2, requires_grad=True) * leaf(1.0, -1.0)).backward(), "LW511", "logdet", "forward"),
    "logdet of a singular matrix": (lambda: torch.logdet(torch.ones(2, 2, requires_grad=True)).backward(), "LW510", "logdet", "forward"),
    "slogdet of singular matrices": (
        lambda: torch.linalg.slogdet(torch.zeros(3, 2, 2, requires_grad=True))[1].sum().backward(), "LW510", "slogdet", "forward",
    ),
    "ctc_loss of repeated labels": (
        lambda: F.ctc_loss(torch.zeros(4, 1, 3, requires_grad=True).log_softmax(2), torch.tensor([[1, 1, 1]]), [4], [3]).backward(),
        "LW526", "ctc_loss", "forward",
    ),
    # backward only
    "sqrt 0": (lambda: leaf(0.0, 1.0).sqrt().sum().backward(), "LW530", "sqrt", "backward"),
    "var sqrt": (lambda: leaf(1.0, 1.0).var().sqrt().backward(), "LW530", "sqrt", "backward"),
    "x ** 0.5": (lambda: (leaf(0.0, 1.0) ** 0.5).sum().backward(), "LW532", "pow", "backward"),
    "x ** 0.3": (lambda: (leaf(0.0, 1.0) ** 0.3).sum().backward(), "LW532", "pow", "backward"),
    "acos 1": (lambda: torch.acos(leaf(0.0, 1.0)).sum().backward(), "LW533", "acos", "backward"),
    "acosh 1": (lambda: torch.acosh(leaf(1.0)).sum().backward(), "LW533", "acosh", "backward"),
    "equal eigenvalues": (lambda: torch.linalg.eigh(torch.eye(2, requires_grad=True))[1].sum().backward(), "LW536", "linalg_eigh", "backward"),
    "where log": (lambda: (lambda x: torch.where(x > 0, x.log(), x))(leaf(0.0, 1.0)).sum().backward(), "LW534", "log", "backward"),
    "where exp": (lambda: (lambda x: torch.where(x > 50, x, x.exp().log1p()))(leaf(1e3, 1.0)).sum().backward(), "LW534", "exp", "backward"),
    "where div": (lambda: (lambda x: torch.where(x > 0, 1 / x, x))(leaf(0.0, 1.0)).sum().backward(), "LW534", "div", "backward"),
    "clamped log": (lambda: leaf(0.0, 1.0).log().clamp(min=-9).sum().backward(), "LW534", "log", "backward"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name):
    program, code, op, phase = OPERATIONS[name]
    fs = [f for f in found(program) if f.fatal]
    assert fs, "nothing was found"
    f = fs[0]
    assert (f.code, f.op, f.phase) == (code, op, phase), str(f)
    assert f.place is not None and f.place.file == __file__
    assert f.reached == ("loss" if phase == "forward" else "gradients")


@pytest.mark.parametrize(
    "argument, note",
    [
        (lambda x: x.softmax(0), ""),
        (lambda x: x.exp() / x.exp().sum(), ""),
        (lambda x: x.relu() ** 2, "relu"),
        (lambda x: x + 200, "no softmax"),
    ],
    ids=["softmax", "softmax by hand", "relu", "sum"],
)
def test_a_log_of_0_tells_what_gave_the_0(argument, note):
    (f,) = found(lambda: argument(leaf(-200.0, 1.0)).log().sum().backward())
    assert f.code == "LW510" and len(f.notes) == bool(note) and note in str(f)


def test_ranges_count_what_is_not_finite():
    (f,) = found(lambda: (torch.tensor([0.0, 0.5]) * leaf(0.0, 3.0).log()).sum().backward())
    assert f.code == "LW510"
    (f,) = found(lambda: (leaf(0.0, 0.5, 0.0) * torch.tensor([-inf, 2.0, inf])).sum().backward())
    assert f.code == "LW521" and "operand y, shape [3]: 2.0 and 1 × inf and 1 × -inf" in str(f)


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum())


def test_findings_of_a_backward_tell_who_called_the_operation():
    def program():
        x = leaf(1.0, 2.0)
        d = distance(x, x.detach())
        d.backward()

    (f,) = found(program)
    assert f.code == "LW530" and "torch.sqrt" in f.place.text
    assert [p.text for p in f.stack][:2] == [f.place.text, "d = distance(x, x.detach())"] and "called from" in str(f)


def test_ctc_loss_names_the_examples_that_are_too_short():
    def program():
        p = torch.randn(9, 3, 5, requires_grad=True).log_softmax(2)
        nn.CTCLoss()(
            p, torch.tensor([[1, 2, 3, 4], [1, 2, 2, 1], [1, 2, 3, 4]]), torch.tensor([9, 4, 3]), torch.tensor([4, 4, 4])
        ).backward()

    (f,) = found(program)
    assert (f.code, f.op, f.count) == ("LW526", "ctc_loss", 2)
    assert [n[0] for n in f.notes] == [
        "example 1: 4 labels need at least 5 frames, and there are 4",
        "example 2: 4 labels need at least 4 frames, and there are 3",
    ]


def test_values_name_operands_and_places():
    (f,) = found(lambda: torch.log(torch.tensor([[1.0, 2.0], [0.0, 3.0]], requires_grad=True)).sum().backward())
    assert f.values == [{"at": (1, 0), "operands": {"x": 0.0}, "result": -inf}] and (f.count, f.size, f.shape) == (1, 4, (2, 2))
    assert "log(0.0) = -inf at [1, 0]" in str(f)


def test_hidden_is_a_warning_only():
    def program():
        x = leaf(1.0, 2.0)
        y = torch.log(torch.tensor([0.0, 1.0]))
        (torch.where(torch.tensor([False, True]), y, torch.zeros(2)) * x).sum().backward()

    (f,) = found(program)
    assert f.code == "LW553" and f.op == "log" and not f.fatal and not f.reached


def test_masks_of_infinity_are_no_fault():
    def program():
        scores = torch.randn(4, 4, requires_grad=True)
        mask = torch.ones(4, 4).tril() == 0
        torch.softmax(scores.masked_fill(mask, -inf), -1).square().sum().backward()
        torch.softmax(scores + torch.full((4, 4), -inf).triu(1), -1).square().sum().backward()

    assert found(program) == []


@pytest.mark.parametrize("need_weights", [True, False])
def test_masks_of_infinity_given_to_attention_are_no_fault(need_weights):
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    padding = torch.tensor([[False, False, False, True], [False, False, False, False]])

    def program():
        causal = nn.Transformer.generate_square_subsequent_mask(4)
        x = torch.randn(2, 4, 8)
        attention(x, x, x, attn_mask=causal, need_weights=need_weights)[0].square().sum().backward()
        encoder(x, mask=causal, src_key_padding_mask=padding).square().sum().backward()

    assert found(program) == []


class Biased(nn.Module):
    """Attention scores with a bias, which is first read by something else than a sum."""

    def __init__(self):
        super().__init__()
        self.key = nn.Linear(4, 4)

    def forward(self, x, bias):
        return torch.softmax(x @ self.key(x).transpose(-2, -1) + torch.stack([bias, bias]), -1)


def test_a_mask_is_known_by_its_values_but_infinite_data_are_not_taken_for_one():
    causal = torch.zeros(3, 3)
    causal[0, 1:] = -inf
    marked = torch.log(torch.tensor([0.0, 1.0]))  # something not finite, so that operations that only move are looked at
    model, x = Biased(), torch.randn(2, 3, 4)
    assert found(lambda: (marked * 1, model(x, causal).square().sum().backward())) == []
    features = torch.zeros(8, 3)
    features[2, 1] = -inf  # the logarithm of one-hot rows
    (f,) = found(lambda: train(nn.Sequential(nn.Flatten(), nn.Linear(3, 1)), features, torch.randn(8, 1), nn.MSELoss()))
    assert (f.code, f.rows) == ("LW502", [2])


def test_masked_attention_names_module_and_examples():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1] = True

    def program():
        x = torch.randn(2, 5, 8)
        attention(x, x, x, key_padding_mask=padding)[0].square().sum().backward()

    (f,) = found(program)
    assert (f.code, f.op, f.module, f.rows) == ("LW518", "softmax", "attention", [1])


# ---- data -------------------------------------------------------------------------------------------------------------


def test_data_and_labels_are_told_apart():
    X, y = torch.randn(8, 3), torch.randn(8, 1)
    y[3] = nan
    (f,) = found(lambda: train(nn.Linear(3, 1), X, y, nn.MSELoss()))
    assert (f.code, f.op, f.phase, f.rows) == ("LW503", "mse_loss", "data", [3])
    X, y = torch.randn(8, 3), torch.randn(8, 1)
    X[2, 1] = inf
    (f,) = found(lambda: train(nn.Linear(3, 1), X, y, nn.MSELoss()))
    assert (f.code, f.op, f.rows) == ("LW502", "linear", [2])
    X[2, 1] = nan
    (f,) = found(lambda: train(nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(3, 1)), X, y, lambda a, b: ((a - b) ** 2).mean()))
    assert f.code == "LW501" and f.rows == [2]


def test_nan_made_while_preparing_data_goes_back_to_its_operation():
    def program():
        X = torch.randn(40, 3)
        X[33] = 0.0
        X = X / X.norm(dim=1, keepdim=True)
        data = torch.utils.data.TensorDataset(X, torch.randn(40, 1))
        net = nn.Linear(3, 1)
        for x, y in torch.utils.data.DataLoader(data, 8):
            F.mse_loss(net(x), y).backward()

    (f,) = [f for f in found(program) if f.fatal]
    assert (f.code, f.op, f.rows, f.items) == ("LW513", "div", [1], [33]) and "X.norm" in f.place.text


def test_time_first_sequences():
    net, x = nn.LSTM(4, 8), torch.randn(5, 2, 4)
    x[3, 1, 0] = nan
    (f,) = found(lambda: net(x)[0].sum().backward())
    assert (f.code, f.op, f.rows) == ("LW501", "lstm", [1])


@pytest.mark.parametrize("workers", [0, 1])
def test_items_of_the_dataset(workers):
    X = torch.randn(40, 3)
    X[17, 0] = nan
    data = torch.utils.data.TensorDataset(X, torch.randn(40, 1))

    def program():
        net = nn.Linear(3, 1)
        for x, y in torch.utils.data.DataLoader(data, 8, shuffle=True, num_workers=workers):
            F.mse_loss(net(x), y).backward()

    (f,) = found(program)
    assert (f.code, f.items) == ("LW501", [17]) and len(f.rows) == 1 and f.epoch == 1


# ---- parameters and training ----------------------------------------------------------------------------------------


def test_parameters_that_were_bad_before():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    net[1].weight.data[0, 2] = nan
    (f,) = found(lambda: train(net, torch.randn(8, 3), torch.randn(8, 1), nn.MSELoss()))
    assert (f.code, f.op, f.module) == ("LW504", "linear", "net.1") and "net.1.weight" in str(f)
    table = nn.Embedding(10, 4)
    table.weight.data[3, 0] = nan
    (f,) = found(lambda: table(torch.tensor([1, 2, 3])).sum().backward())
    assert (f.code, f.op, f.module) == ("LW504", "embedding", "table")


def test_initial_weights_too_large():
    net = nn.Sequential(*[nn.Linear(50, 50) for _ in range(12)])
    for layer in net:
        nn.init.normal_(layer.weight, 0, 1e5)
    (f,) = found(lambda: train(net, torch.randn(8, 50), torch.randn(8, 50), nn.MSELoss()))
    assert (f.code, f.op, f.module) == ("LW505", "linear", "net.6")


@pytest.mark.parametrize(
    "make, steps",
    [
        (lambda p: torch.optim.SGD(p, lr=100.0), 20),
        (lambda p: torch.optim.SGD(p, lr=5.0), 30),
        (lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.99), 100),
        (lambda p: torch.optim.Adam(p, lr=1000.0), 30),
    ],
    ids=["far too large", "too large", "momentum", "Adam"],
)
def test_learning_rate(make, steps):
    X = torch.randn(64, 5) * 3
    net = nn.Linear(5, 1)
    fs = found(lambda: train(net, X, X.sum(1, keepdim=True), F.mse_loss, make(net.parameters()), steps))
    assert fs and fs[0].code == "LW541" and fs[0].op.endswith(".step") and "optimizer.step()" in fs[0].place.text
    assert "start from lr" in str(fs[0])


@pytest.mark.parametrize("settings, note", [({"momentum": 1.05}, "momentum = 1.05"), ({"weight_decay": 25.0}, "lr · weight_decay = 2.5")])
def test_settings_that_diverge_at_any_learning_rate(settings, note):
    X = torch.randn(64, 5)
    net = nn.Linear(5, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, **settings)
    (f,) = found(lambda: train(net, X, X.sum(1, keepdim=True), F.mse_loss, optimizer, 800))
    assert f.code == "LW541" and note in str(f) and "start from" not in str(f)


def test_an_overflow_right_after_a_leap_names_the_step():
    X = torch.randn(64, 5)
    net = nn.Linear(5, 1)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=50.0)
    (f,) = found(lambda: train(net, X, X.sum(1, keepdim=True), lambda a, b: (a - b).square().mean().exp(), optimizer))
    assert (f.code, f.op, f.step) == ("LW514", "exp", 2)
    assert "the update of step 1 took the parameters' norm" in str(f) and "RMSprop, lr = 50" in str(f) and "update/parameter" in str(f)


def test_training_by_hand():
    X = torch.randn(100, 3) * 3
    y = X.sum(1)

    def program():
        w, b = torch.zeros(3, requires_grad=True), torch.zeros(1, requires_grad=True)
        for _ in range(100):
            ((X @ w + b - y) ** 2).mean().backward()
            with torch.no_grad():
                for p in (w, b):
                    p -= 1.5 * p.grad
                    p.grad.zero_()

    (f,) = found(program)
    assert f.code == "LW541" and f.op == "sub" and f.place.text == "p -= 1.5 * p.grad"


@pytest.mark.parametrize("kind", ["Adam", "RMSprop", "AdamW"])
def test_optimizer_without_eps(kind):
    net = nn.Linear(3, 1)
    optimizer = getattr(torch.optim, kind)(net.parameters(), eps=0.0)
    (f,) = found(lambda: train(net, torch.zeros(4, 3), torch.randn(4, 1), F.mse_loss, optimizer))
    assert (f.code, f.op, f.phase, f.module) == ("LW542", f"{kind}.step", "optimizer", "net.weight")
    assert "parameter   net.weight" in str(f)


def test_gradients_from_outside():
    net = nn.Linear(3, 1)

    def program():
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        net(torch.randn(2, 3)).sum().backward()
        net.weight.grad[0, 0] = nan
        optimizer.step()

    (f,) = found(program)
    assert (f.code, f.op, f.module) == ("LW545", "SGD.step", "net.weight") and "of net.weight" in f.headline()

    def hooked():
        y = leaf(1.0, 2.0) * 2
        y.register_hook(lambda g: g * inf)
        y.sum().backward()

    assert found(hooked)[0].code == "LW545"


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_gradients_explode_through_time(kind):
    net = nn.RNN(4, 16, nonlinearity="relu") if kind == "relu" else None

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.eye(8) * 2)

        def forward(self, x):
            h = x[0]
            for _ in range(50):
                h = x[0] + h @ self.w
            return h

    if kind == "relu":
        nn.init.orthogonal_(net.weight_hh_l0, 2.0)
        x, last = torch.randn(100, 2, 4), lambda out: out[0][-1]
    else:
        net, x, last = Loop(), torch.randn(1, 2, 8), lambda out: out

    def program():
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(4):
            loss = last(net(x)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    f = found(program)[0]
    assert f.code == "LW540" and f.op in ("rnn_relu", "mm") and f.module == "net"


def test_own_function_and_second_derivatives():
    class Root(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g / x

    (f,) = found(lambda: Root.apply(leaf(0.0, 1.0) * 1).sum().backward())
    assert (f.code, f.op, f.phase, f.place.text) == ("LW512", "div", "backward", "return g / x")
    critic = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(critic.weight)

    def penalty():
        x = torch.randn(4, 2, requires_grad=True)
        (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        ((torch.sqrt((g**2).sum(1)) - 1) ** 2).mean().backward()

    (f,) = found(penalty)
    assert (f.code, f.op, f.phase) == ("LW530", "sqrt", "backward")


def test_without_a_graph():
    net = nn.Linear(3, 1)

    def program():
        with torch.no_grad():
            torch.log(net(torch.zeros(2, 3)) * 0).mean()

    (f,) = found(program)
    assert (f.code, f.reached) == ("LW510", "evaluation")

    def perplexity():
        with torch.no_grad():
            torch.exp(torch.tensor(1e3)) / 2

    assert [f.code for f in found(perplexity)] == ["LW553"]


def test_gradients_that_the_user_puts_there_are_measured():
    """autograd.grad and `.grad = `: no backward gives them, and they are no gradients of 0."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = torch.randn(16, 4)
    with torch.watch(net, optimizer, save=False) as w:
        for _ in range(30):
            loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
            for p, g in zip(net.parameters(), torch.autograd.grad(loss, list(net.parameters()))):
                p.grad = g
            optimizer.step()
    assert not w.findings
    assert all(gs[-1] > 0 for _, gs, _ in w.training.layers())
    total = sum(p.grad.square().sum().item() for p in net.parameters()) ** 0.5
    assert w.training.gradient == pytest.approx(total, rel=1e-4)


def test_a_backward_within_a_backward_belongs_to_the_outer_one():
    """A re-entrant checkpoint: the head's gradients are not forgotten when the inner backward begins."""
    from lightwell.utils.checkpoint import checkpoint

    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
    head = nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], 1e-2)
    x = torch.randn(32, 10, requires_grad=True)
    with torch.watch(optimizer=optimizer, save=False) as w:
        for _ in range(20):
            loss = (head(checkpoint(body, x, use_reentrant=True)) - 1).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not w.findings
    assert all(gs[-1] > 0 for _, gs, _ in w.training.layers())


def test_an_energy_that_falls_far_is_no_divergence():
    torch.manual_seed(0)
    pairs = torch.randn(300, 300).triu(1)
    h = nn.Parameter(0.01 * torch.randn(300))
    optimizer = torch.optim.Adam([h], lr=0.05)
    with torch.watch(optimizer=optimizer, save=False) as w:
        for _ in range(60):
            s = torch.tanh(h)
            energy = -(s @ pairs @ s)
            optimizer.zero_grad()
            energy.backward()
            optimizer.step()
    assert energy.item() < -1000 and not w.findings
