"""What a compiled function leaves behind: states, gradients, attributes, the random stream, as without compiling."""

import pytest

import lightwell as torch
from lightwell import nn
from tests.compile.worlds import engine, grads, net, same  # noqa: F401  (engine: each test runs by both)

F = nn.functional


# ---- what is left behind ------------------------------------------------------------------------------------------------


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.weights, self.calls = nn.Linear(3, 3), None, ()

    def forward(self, x):
        self.weights = torch.softmax(self.lin(x), -1).detach()
        return self.weights @ x.t()


def test_attributes_set_by_forward():
    def world(wrap):
        m = Attending()
        f = wrap(m)
        for k in range(4):
            yield f(torch.randn(2, 3)), m.weights

    same(world, refused=None)


def test_hidden_state_as_an_attribute():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.h = nn.RNNCell(3, 4), torch.zeros(2, 4)

        def forward(self, x):
            self.h = self.cell(x, self.h).detach()
            return self.h * 2

    def world(wrap):
        m = Recurrent()
        f = wrap(m)
        for k in range(4):
            yield f(torch.randn(2, 3)), m.h
        m.h = torch.ones(2, 4)
        yield f(torch.randn(2, 3)), m.h

    same(world, refused=None)


def test_hidden_state_as_argument_and_result():
    def world(wrap):
        rnn, head = nn.LSTM(3, 4), nn.Linear(4, 3)
        params = [*rnn.parameters(), *head.parameters()]
        opt = torch.optim.SGD(params, 0.1)

        def step(x, y, state):
            state = tuple(s.detach() for s in state)
            out, state = rnn(x, state)
            loss = F.mse_loss(head(out), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(params, 1.0)
            opt.step()
            return loss, state

        f = wrap(step)
        state = (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
        for _ in range(5):
            loss, state = f(torch.randn(5, 2, 3), torch.randn(5, 2, 3), state)
            yield loss, state, params

    same(world)


def test_written_arguments_and_states():
    def world(wrap):
        buffer, out = torch.zeros(3), torch.zeros(3)

        def g(x, y):
            buffer.add_(x)
            y[0] = x.sum()
            torch.mul(x, 2, out=out)
            out[1:].neg_()
            return buffer, y, out

        f = wrap(g)
        y = torch.zeros(3)
        for k in range(3):
            r = f(torch.arange(3.0) + k, y)
            yield r, r[0] is buffer, r[1] is y, r[2] is out, buffer._version > 0, y._version > 0

    same(world, programs=1)


def test_returned_views_share_memory():
    def world(wrap):
        buffer = torch.arange(4.0)
        f = wrap(lambda x: (x.view(-1), x[0], buffer[1:], buffer.detach(), x.t()))
        g = wrap(lambda x: (lambda y: (y, y[0], y.t()))(x * 2))
        x = torch.zeros(2, 3)
        a, b, c, d, e = f(x)
        a.add_(1), b.add_(10), c.add_(100), d.mul_(2), e[0].zero_()
        yield x, buffer, a, b, c, d, e
        y, y0, yt = g(torch.ones(2, 3))
        y0.add_(5), yt.mul_(2)
        yield y, y0, yt
        z = f(x)
        z[0].fill_(7)
        yield x, z

    same(world)


def test_results_are_new_at_each_call():
    def world(wrap):
        m = net(2, 3, 2)
        f = wrap(m)
        outs = [f(torch.ones(1, 2) * k) for k in range(4)]
        with torch.no_grad():
            outs[0].zero_()
        yield outs
        (outs[1].sum() + 2 * outs[2].sum()).backward()
        yield grads(m)

    same(world, programs=1)


def test_data_is_replaced():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)

        def step(x):
            loss = (w * x).sum() ** 2
            w.grad = None
            loss.backward()
            w.data = w.data - 0.1 * w.grad
            return loss

        f = wrap(step)
        for k in range(4):
            yield f(torch.arange(3.0)), w, w.grad
        w.data = torch.zeros(3)
        yield f(torch.arange(3.0)), w

    same(world)


def test_updates_by_hand():
    def world(wrap):
        w, b = torch.randn(3, 2, requires_grad=True), torch.zeros(2, requires_grad=True)

        def step(x, y):
            loss = ((x @ w + b - y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                for p in (w, b):
                    p -= 0.1 * p.grad
                    p.grad.zero_()
            return loss

        f = wrap(step)
        for k in range(5):
            yield f(torch.randn(4, 3), torch.randn(4, 2)), w, b, w.grad, w._version

    same(world, programs=2)


def test_gradients_accumulate():
    def world(wrap):
        m = net(3, 4, 2)
        opt = torch.optim.SGD(m.parameters(), 0.1)
        f = wrap(lambda x: m(x).square().sum().backward())
        for k in range(4):
            f(torch.randn(2, 3))
            yield grads(m)
            if k == 1:
                opt.step()
                opt.zero_grad()
                yield list(m.parameters()), grads(m)
        opt.zero_grad(set_to_none=False)
        f(torch.randn(2, 3))
        yield grads(m)

    same(world)


def test_gradients_of_arguments():
    def world(wrap):
        f = wrap(lambda x: (x * x).sum().backward())
        for k in range(3):
            x = torch.arange(3.0).requires_grad_()
            f(x), f(x)
            yield x.grad
        g = wrap(lambda x, m: torch.autograd.grad(m(x).sum(), x)[0])
        m = net(3, 2)
        x = torch.ones(1, 3, requires_grad=True)
        yield g(x, m), x.grad, grads(m)

    same(world)


def test_gradients_held_elsewhere():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)
        f = wrap(lambda x: (w * x).sum().backward())
        f(torch.ones(3))
        kept = w.grad
        f(torch.ones(3) * 2)
        yield kept, w.grad, kept is w.grad
        w.grad = None
        f(torch.ones(3))
        yield kept, w.grad, kept is w.grad

    same(world)


def test_zero_grad_first_is_one_program():
    def world(wrap):
        m = net(3, 2)
        opt = torch.optim.Adam(m.parameters(), 0.1)

        def step(x):
            opt.zero_grad()
            m(x).sum().backward()
            opt.step()

        f = wrap(step)
        for _ in range(4):
            f(torch.randn(2, 3))
            yield list(m.parameters()), grads(m), opt.state_dict()

    owner = same(world)[0]
    assert owner.count <= 2  # Adam's first step begins its states


def test_several_optimizers():
    def world(wrap):
        g, d = net(2, 4, 2), net(2, 4, 1)
        og, od = torch.optim.Adam(g.parameters(), 1e-2, betas=(0.5, 0.999)), torch.optim.Adam(d.parameters(), 1e-2)

        def step(real):
            noise = torch.randn(real.shape[0], 2)
            fake = g(noise)
            od.zero_grad()
            ld = F.binary_cross_entropy_with_logits(d(real), torch.ones(real.shape[0], 1)) + F.binary_cross_entropy_with_logits(
                d(fake.detach()), torch.zeros(real.shape[0], 1)
            )
            ld.backward()
            od.step()
            og.zero_grad()
            lg = F.binary_cross_entropy_with_logits(d(fake), torch.ones(real.shape[0], 1))
            lg.backward()
            og.step()
            return ld, lg

        f = wrap(step)
        for _ in range(5):
            yield f(torch.randn(4, 2)), list(g.parameters()), list(d.parameters()), grads(g), grads(d)

    same(world)


def test_learning_rates_are_inputs():
    def world(wrap):
        m = net(3, 4, 1)
        opt = torch.optim.SGD(m.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)

        def step(x, y):
            loss = F.mse_loss(m(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        f = wrap(step)
        for k in range(8):
            yield f(torch.randn(4, 3), torch.randn(4, 1)), list(m.parameters())
            schedule.step()
            if k == 5:
                opt.param_groups[0]["weight_decay"] = 0.0

    owner = same(world)[0]
    assert owner.count <= 3, owner.count  # the first step begins the momentum; a weight decay of 0 is another rule


def test_scheduler_within_the_step():
    def world(wrap):
        m = net(3, 1)
        opt = torch.optim.SGD(m.parameters(), 0.1)
        schedule = torch.optim.lr_scheduler.StepLR(opt, 2, 0.5)

        def step(x):
            opt.zero_grad()
            m(x).sum().backward()
            opt.step()
            schedule.step()

        f = wrap(step)
        for _ in range(5):
            f(torch.ones(2, 3))
            yield list(m.parameters()), opt.param_groups[0]["lr"]

    same(world, refused=None)


@pytest.mark.parametrize(
    "name, options",
    [
        ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)), ("SGD", dict(lr=0.1, maximize=True, weight_decay=0.1)),
        ("Adam", dict(lr=0.01)), ("Adam", dict(lr=0.01, amsgrad=True, weight_decay=0.1)), ("AdamW", dict(lr=0.01)),
        ("RMSprop", dict(lr=0.01)), ("RMSprop", dict(lr=0.01, momentum=0.9, centered=True)), ("Adagrad", dict(lr=0.1, lr_decay=0.1)),
        ("Adadelta", dict()), ("Adamax", dict()), ("NAdam", dict()), ("RAdam", dict()), ("ASGD", dict()), ("Rprop", dict()),
        ("Adafactor", dict()), ("LBFGS", dict()),
    ],
)  # fmt: skip
def test_every_optimizer(name, options):
    def world(wrap):
        m = net(3, 4, 2)
        opt = getattr(torch.optim, name)(m.parameters(), **options)

        def step(x):
            def closure():
                opt.zero_grad()
                loss = m(x).square().mean()
                loss.backward()
                return loss

            return opt.step(closure) if name == "LBFGS" else (closure(), opt.step())[0]

        f = wrap(step)
        x = torch.randn(4, 3)
        for k in range(8):
            yield f(x), list(m.parameters()), opt.state_dict()["state"]
            if k == 3:
                opt.param_groups[0]["lr"] *= 0.5

    same(world, refused=True if name in ("Adafactor", "LBFGS") else None)


def test_an_optimizer_of_ones_own():
    class Descend(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, dict(lr=lr))

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    if "m" not in state:
                        state["m"] = torch.zeros_like(p)
                    state["m"].mul_(0.9).add_(p.grad)
                    p.add_(state["m"], alpha=-group["lr"])

    def world(wrap):
        m = net(3, 2)
        opt = Descend(m.parameters(), 0.1)

        def step(x):
            opt.zero_grad()
            m(x).square().sum().backward()
            opt.step()

        f = wrap(step)
        for k in range(5):
            f(torch.ones(2, 3))
            yield list(m.parameters()), [s["m"] for s in opt.state.values()]
            if k == 2:
                opt.param_groups[0]["lr"] = 0.01

    same(world, refused=None)


def test_states_are_loaded_between_calls():
    def world(wrap):
        m = net(3, 4, 2)
        opt = torch.optim.Adam(m.parameters(), 0.05)

        def step(x):
            opt.zero_grad()
            loss = m(x).square().mean()
            loss.backward()
            opt.step()
            return loss

        f = wrap(step)
        x = torch.randn(4, 3)
        saved = None
        for k in range(7):
            yield f(x), list(m.parameters()), opt.state_dict()["state"]
            if k == 1:
                saved = {n: v.clone() for n, v in m.state_dict().items()}, _copied(opt.state_dict())
            if k == 3:
                m.load_state_dict(saved[0])
                opt.load_state_dict(saved[1])

    same(world)


def _copied(state):
    if isinstance(state, torch.Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {k: _copied(v) for k, v in state.items()}
    return [_copied(v) for v in state] if isinstance(state, list) else state


def test_parameters_are_replaced_frozen_and_tied():
    def world(wrap):
        m = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
        m[2].weight = m[0].weight

        def step(x):
            m.zero_grad()
            m(x).square().sum().backward()

        f = wrap(step)
        x = torch.randn(2, 3)
        f(x)
        yield grads(m)
        m[1].weight = nn.Parameter(torch.eye(3))
        f(x)
        yield grads(m)
        m[0].requires_grad_(False)
        m[1].bias.requires_grad_(False)
        f(x)
        yield grads(m)
        m[0].requires_grad_(True)
        f(x)
        yield grads(m)
        m[2].weight = nn.Parameter(torch.ones(3, 3))
        f(x)
        yield grads(m), len(list(m.parameters()))
        m[1] = nn.Linear(3, 3)
        f(x)
        yield grads(m)

    same(world)


def test_averages_and_clipping():
    def world(wrap):
        m, ema = net(3, 4, 2), net(3, 4, 2)
        ema.load_state_dict(m.state_dict())
        opt = torch.optim.SGD(m.parameters(), 0.5)

        def step(x):
            loss = m(x).square().mean()
            opt.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(m.parameters(), 0.1)
            nn.utils.clip_grad_value_(m.parameters(), 0.05)
            opt.step()
            with torch.no_grad():
                for a, b in zip(ema.parameters(), m.parameters()):
                    a.mul_(0.9).add_(b, alpha=0.1)
                    a.lerp_(b, 0.01)
            return loss, norm

        f = wrap(step)
        for _ in range(4):
            yield f(torch.randn(4, 3)), list(m.parameters()), list(ema.parameters())

    same(world, programs=1)


def test_batch_norm_momenta():
    def world(wrap):
        m = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3, momentum=None), nn.BatchNorm1d(3, affine=False, track_running_stats=False))
        f = wrap(m)
        for k in range(5):
            m.train(k != 3)
            yield f(torch.randn(4, 3)), m.state_dict()

    same(world, refused=None)


def test_dropout_and_draws():
    def world(wrap):
        f = wrap(
            lambda x: (F.dropout(x, 0.5), torch.randn(3), torch.rand_like(x), torch.bernoulli(torch.full((4,), 0.3)), torch.randperm(5))
        )
        x = torch.ones(4, 5)
        yield f(x)
        torch.manual_seed(5)
        yield f(x), f(x)
        torch.manual_seed(5)
        yield f(x), torch.rand(2)
        g = wrap(lambda x, gen: x + torch.randn(3, generator=gen))
        a, b = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
        yield g(torch.zeros(3), a), g(torch.zeros(3), a), g(torch.zeros(3), b), torch.randn(2, generator=a)

    same(world, refused=None)


def test_draws_by_tensors_are_refused_with_the_stream_put_back():
    def world(wrap):
        f = wrap(lambda p: (torch.rand(2), torch.bernoulli(p), torch.multinomial(p, 1)))
        yield f(torch.tensor([0.2, 0.7]))
        yield f(torch.tensor([0.7, 0.2]))

    same(world, refused=True)
