"""What can't be compiled runs as it stands, and compiled functions within other programs and modes."""

import threading

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.compile import CompileWarning, compile
from tests.compile.same import check, compiled_whole
from tests.compile.worlds import engine, grads, net, same  # noqa: F401  (engine: each test runs by both)

F = nn.functional


# ---- what can't be compiled runs as it stands ---------------------------------------------------------------------------


def test_branches_on_numbers():
    def world(wrap):
        def g(x):
            if x.sum().item() > 0:
                return x + 1
            return x - 1

        f, h = wrap(g), wrap(lambda x: x * 2 if x.any() else x)
        for s in (1, -1, 1, 0):
            yield f(torch.ones(2) * s), h(torch.ones(2) * s)

    same(world, refused=True)


def test_sizes_that_depend_on_numbers():
    def world(wrap):
        fs = [
            wrap(lambda x: x[x > 0]),
            wrap(lambda x: torch.nonzero(x)),
            wrap(lambda x: torch.unique(x)),
            wrap(lambda x: torch.where(x > 0)),
            wrap(lambda x: torch.masked_select(x, x > 1)),
            wrap(lambda x: torch.bincount(x.long())),
            wrap(lambda x: x.repeat_interleave(x.long())),
        ]
        for x in (torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.0, 0.0, 3.0]), torch.tensor([2.0, 2.0, 1.0])):
            yield [f(x) for f in fs]

    for owner in same(world, refused=True):
        assert owner.count == 0


def test_printing(capsys):
    def g(x):
        print("here", x)
        return x + 1

    def h(x):
        print("only words")
        return x + 1

    for f in (g, h):
        with pytest.warns(CompileWarning):
            c = compile(f)
            c(torch.ones(2))
        c(torch.ones(2))
        assert len(capsys.readouterr().out.splitlines()) == 2


def test_side_effects():
    def world(wrap):
        count, seen, marks = [0], [], {}

        class Counter:
            calls = 0

        counter = Counter()

        def counting(x):
            count[0] += 1
            return x * count[0]

        def listing(x):
            seen.append(len(seen))
            return x + len(seen)

        def marking(x):
            marks[len(marks)] = True
            return x + len(marks)

        def attribute(x):
            counter.calls += 1
            return x * counter.calls

        def keeping(x):
            y = x * 2
            seen.append(y)
            return y

        fs = [wrap(f) for f in (counting, listing, marking, attribute, keeping)]
        for _ in range(4):
            yield [f(torch.ones(2)) for f in fs], count, [s if isinstance(s, int) else s.sum() for s in seen], len(marks), counter.calls

    same(world, refused=True)


CALLS = 0


def test_nonlocal_and_global_counters():
    def world(wrap):
        global CALLS
        CALLS, mine = 0, 0

        def g(x):
            global CALLS
            nonlocal mine
            CALLS += 1
            mine += 2
            return x + CALLS + mine

        f = wrap(g)
        for _ in range(4):
            yield f(torch.ones(2)), CALLS, mine

    same(world, refused=True)


def test_exceptions_of_the_function():
    def g(x, bad=True):
        y = x @ x
        if bad:
            raise KeyError("mine")
        return y

    f = compile(g)
    with compiled_whole():
        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                f(torch.ones(2, 2))
        check(f(torch.ones(2, 2), bad=False), torch.full((2, 2), 2.0))
        with pytest.raises(RuntimeError):
            f(torch.ones(2, 3), bad=False)
        with pytest.raises(TypeError):
            f()


def test_what_was_done_before_an_exception_is_done():
    def world(wrap):
        w = torch.zeros(2)
        done = []

        def g(x):
            w.add_(1)
            done.append(1)
            raise ValueError("after the write")

        f = wrap(g)
        for _ in range(3):
            with pytest.raises(ValueError, match="after"):
                f(torch.ones(2))
            yield w, len(done)

    same(world)


def test_indices_out_of_range():
    m = nn.Embedding(4, 2)
    f, g = compile(m), compile(lambda x, y: F.cross_entropy(x, y))
    with compiled_whole():
        f(torch.tensor([0, 3])), g(torch.zeros(2, 3), torch.tensor([0, 2]))
        for _ in range(2):
            with pytest.raises(IndexError):
                f(torch.tensor([0, 4]))
            with pytest.raises(IndexError):
                g(torch.zeros(2, 3), torch.tensor([0, 3]))
        f(torch.tensor([0, 3]))
    assert f.__dict__["_compiled"].count == 1


def test_ignored_classes():
    def world(wrap):
        f = wrap(lambda x, y: F.cross_entropy(x, y, ignore_index=-100))
        g = wrap(lambda x, y: F.cross_entropy(x, y, ignore_index=1, label_smoothing=0.1))
        x = torch.randn(4, 3)
        for y in ([0, 1, 2, 1], [0, -100, 2, 1], [2, 2, 2, 0], [-100, 0, 0, -100]):
            y = torch.tensor(y)
            yield f(x, y), g(x, y.clamp(min=0))

    same(world)


def test_names_of_lines():
    def g(x):
        y = x * 2
        return y.item()

    with pytest.warns(CompileWarning, match=r"g runs eagerly.*test_capture_refusals\.py, line \d+"):
        compile(g)(torch.ones(()))
    with pytest.raises(RuntimeError, match=r"test_capture_refusals\.py, line"):
        compile(g, fullgraph=True)(torch.ones(()))


# ---- within other programs and modes ------------------------------------------------------------------------------------


def test_nested_and_recursive():
    def world(wrap):
        inner = wrap(lambda x: x.exp() + 1)
        outer = wrap(lambda x: inner(x) * 2)
        holder = {}
        holder["f"] = wrap(lambda x, n: x if n == 0 else holder["f"](x + 1, n - 1) * 2)
        m = wrap(nn.Linear(2, 2))
        step = wrap(lambda x: m(x).sum())
        x = torch.ones(2, requires_grad=True)
        for _ in range(2):
            yield outer(x), inner(x), holder["f"](x, 3)
            x.grad = None
            (outer(x).sum() + step(x)).backward()
            yield x.grad

    same(world)


def test_no_grad_decorators():
    def world(wrap):
        m = net(2, 2)
        f = wrap(torch.no_grad()(m.forward))
        g = torch.no_grad()(wrap(m.forward))
        yield f(torch.ones(1, 2)), f(torch.ones(1, 2)).requires_grad, g(torch.ones(1, 2)).requires_grad

    same(world)


def test_autocast():
    def world(wrap):
        m = net(4, 4, 2)
        f = wrap(m)
        x = torch.randn(3, 4)
        yield f(x)
        with torch.autocast("cpu", dtype=torch.float16):
            yield f(x).float(), f(x).dtype == torch.float16
        yield f(x)

    same(world, refused=None, loose=1000)


def test_vmap_and_transforms():
    def world(wrap):
        f = wrap(lambda x: (x * x).sum())
        x = torch.arange(6.0).reshape(2, 3)
        yield f(x[0])
        yield torch.func.vmap(f)(x), torch.func.grad(f)(x[0]), torch.func.vmap(torch.func.grad(f))(x)
        yield torch.func.jvp(f, (x[0],), (x[1],))

    same(world)


def test_anomaly_mode():
    def world(wrap):
        m = net(2, 2)
        f = wrap(m)
        x = torch.ones(1, 2)
        yield f(x)
        with torch.autograd.set_detect_anomaly(True):
            f(x).sum().backward()
            yield grads(m)
        yield f(x)

    same(world)


def test_threads():
    m = net(4, 8, 2)
    f = compile(m)
    xs = [torch.randn(k % 3 + 1, 4) for k in range(24)]
    with torch.no_grad():
        expected = [m(x) for x in xs]
        found, errors = [None] * len(xs), []

        def work(part):
            try:
                with torch.no_grad():
                    for i in part:
                        found[i] = f(xs[i])
                        check(m(xs[i]), expected[i], loose=10)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(range(k, len(xs), 4),)) for k in range(4)]
        with compiled_whole():
            for t in threads:
                t.start()
            for t in threads:
                t.join()
    assert not errors, errors
    for a, b in zip(found, expected):
        check(a, b, loose=10)
