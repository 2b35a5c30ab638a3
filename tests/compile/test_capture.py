"""What a compiled function depends on and what it leaves behind: guards, states, results, side effects, all as without compiling.

Each test builds a small world twice from one seed, runs it eagerly and compiled, and compares what comes out after every call.
"""

import functools
import gc
import itertools
import threading
import warnings
import weakref
from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np
import pytest

import lightwell as torch
from lightwell import nn
from lightwell.compile import CompileWarning, compile
from tests.compile.same import check, compiled_whole, flat

F = nn.functional


@pytest.fixture(autouse=True, params=["interpreter", "native"])
def engine(request, monkeypatch):
    if request.param == "interpreter":
        monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    else:
        pytest.importorskip("llvmlite")
        monkeypatch.delenv("LIGHTWELL_NATIVE", raising=False)


def follow(world, wrap, refusals):
    """Every tensor that a world yields, as it is at that time: worlds are generators of nested results."""
    torch.manual_seed(1)
    seen = []
    with compiled_whole(refusals):
        for made in world(wrap):
            seen.append([v.detach().clone() if isinstance(v, torch.Tensor) else v for v in flat(made)])
    seen.append([torch.rand(2)])  # the random stream goes on from the same place
    return seen


def same(world, programs=None, refused=False, loose=10.0):
    """The world compiled is the world run eagerly; `programs`: how many were made of the functions in it."""
    made = []

    def wrap(f, **options):
        made.append(compile(f, **options))
        return made[-1]

    expected = follow(world, lambda f, **options: f, True)
    found = follow(world, wrap, refused is not False)
    assert len(found) == len(expected)
    for k, (a, b) in enumerate(zip(found, expected)):
        assert len(a) == len(b), (k, a, b)
        for i, (x, y) in enumerate(zip(a, b)):
            if isinstance(y, torch.Tensor):
                check(x, y, f"yield {k}, value {i}", loose)
            else:
                assert x == y, f"yield {k}, value {i}: {x}, expected {y}"
    owners = [getattr(f, "compiled", None) or f.__dict__["_compiled"] for f in made]
    if refused:
        assert any(o.reasons for o in owners), "nothing was refused"
    if programs is not None:
        assert sum(o.count for o in owners) == programs, f"{[o.count for o in owners]} programs"
    return owners


def net(*sizes, act=nn.Tanh):
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers[:-1])


def grads(m):
    return [p.grad for p in m.parameters()]


# ---- guards: forms of arguments, modes -------------------------------------------------------------------------------


def test_shapes_dtypes_and_scalars():
    def world(wrap):
        f = wrap(lambda x, k=2, flag=True: (x * k + 1).sum(0) if flag else x - k)
        for x in (torch.ones(2, 3), torch.ones(4, 3), torch.arange(6.0, dtype=torch.float64).reshape(2, 3), torch.arange(6).reshape(2, 3)):
            yield f(x), f(x, 3), f(x, 3.5), f(x, flag=False), f(x, k=-1)

    same(world)


def test_equal_scalars_of_other_types_are_other_programs():
    def world(wrap):
        f = wrap(lambda x, k: x * k)
        x = torch.arange(3)
        yield f(x, 1), f(x, 1.0), f(x, True)

    same(world)


def test_layouts():
    def world(wrap):
        f = wrap(lambda x: (x * 2, x.t(), x.reshape(-1), x.contiguous(), x.stride()))
        x = torch.arange(6.0).reshape(2, 3)
        yield f(x), f(x.t()), f(x.t().contiguous()), f(torch.arange(12.0).reshape(2, 6)[:, ::2]), f(x)

    same(world)


def test_train_and_eval():
    def world(wrap):
        m = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        c = wrap(m)
        x = torch.randn(8, 4)
        for train in (True, True, False, True, False):
            m.train(train)
            yield c(x), m[1].running_mean, m[1].running_var, m[1].num_batches_tracked

    same(world, programs=2)


def test_requires_grad_of_arguments_and_grad_mode():
    def world(wrap):
        m = net(3, 2)
        f = wrap(lambda x: m(x).exp())
        x = torch.randn(4, 3)
        yield f(x).requires_grad
        z = x.clone().requires_grad_()
        f(z).sum().backward()
        yield z.grad, grads(m)
        with torch.no_grad():
            yield f(x), f(z), f(z).requires_grad
        with torch.inference_mode():
            yield f(x)

    same(world)


def test_grad_mode_inside():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)

        def g(x):
            with torch.no_grad():
                a = x * w
            b = (x * w).detach()
            with torch.enable_grad():
                c = x * w
            return a, b, c

        f = wrap(g)
        out = f(torch.arange(3.0))
        yield out, [t.requires_grad for t in out], torch.is_grad_enabled()
        f(torch.arange(3.0))[2].sum().backward()
        yield w.grad

    same(world, programs=1)


def test_default_dtype():
    def world(wrap):
        f = wrap(lambda x: x.sum() + torch.ones(2))
        x = torch.ones(3, dtype=torch.int64)
        yield f(x)
        torch.set_default_dtype(torch.float64)
        try:
            yield f(x)
        finally:
            torch.set_default_dtype(torch.float32)
        yield f(x)

    same(world)


def test_the_last_smaller_batch_is_one_program_more():
    def world(wrap):
        m = net(3, 4, 2)
        opt = torch.optim.SGD(m.parameters(), 0.1)

        def step(x, y):
            loss = F.cross_entropy(m(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        f = wrap(step)
        for epoch in range(3):
            for n in (4, 4, 3):
                yield f(torch.randn(n, 3), torch.randint(0, 2, (n,))), list(m.parameters())

    same(world, programs=2)


def test_one_tensor_given_twice():
    def world(wrap):
        f = wrap(lambda x, y: x * 2 + y)
        a, b = torch.ones(2), torch.zeros(2)
        yield f(a, a), f(a, b), f(b, a), f(a, a)

    same(world, programs=2)


def test_arguments_that_share_memory():
    def world(wrap):
        f = wrap(lambda x, y: x.sum(1) * y.sum(1))
        table = torch.arange(48.0).reshape(8, 6)
        for i in (0, 4):
            yield f(table[i : i + 4, :3], table[i : i + 4, 3:]), f(table[i : i + 2], table[i + 2 : i + 4])
        yield f(table[:2], table[1:3]), f(table[2:4], table[2:4])

    same(world)


def test_writing_into_memory_that_is_shared():
    def world(wrap):
        def g(x, y):
            x.add_(1)
            return y * 2

        f = wrap(g)
        table = torch.zeros(6)
        yield f(table[:3], table[3:]), table
        yield f(table[:3], table[1:4]), table
        yield f(table[:3], table[:3]), table
        yield f(table[:3], table[3:]), table

    same(world, refused=True)


def test_a_state_given_as_an_argument():
    state = {}

    def world(wrap):
        state["y"] = torch.zeros(2)

        def g(x):
            x.add_(1)
            return state["y"] * 2

        f = wrap(g)
        z = torch.zeros(2)
        yield f(z), z, state["y"]
        yield f(state["y"]), state["y"]
        yield f(z), f(state["y"]), state["y"]

    same(world, refused=None)


def test_structures_of_arguments_and_results():
    def world(wrap):
        f = wrap(lambda batch, *rest, **named: {"a": [batch["x"] + rest[0], (named["z"],)], "b": None, "c": "text", "d": batch["n"]})
        x, y, z = torch.ones(2), torch.arange(2.0), torch.zeros(1)
        out = f({"x": x, "n": 3}, y, z=z)
        yield list(out), out, out["a"][1][0] is z, out["b"] is None
        yield f({"x": x, "n": 4}, y, z=z)

    same(world)


# ---- what stands outside -----------------------------------------------------------------------------------------------

SCALE = torch.tensor([1.0, 2.0])
FACTOR, TABLE, NAMES = 2.0, [1.0, 2.0], {"k": 1}


def by_globals(x):
    return x * SCALE * FACTOR + TABLE[0] + NAMES["k"]


def test_globals():
    def world(wrap):
        global SCALE, FACTOR, TABLE
        SCALE, FACTOR, TABLE = torch.tensor([1.0, 2.0]), 2.0, [1.0, 2.0]
        NAMES["k"] = 1
        f = wrap(by_globals)
        x = torch.ones(2)
        yield f(x)
        SCALE = torch.tensor([5.0, 5.0])
        yield f(x)
        SCALE.add_(1)
        yield f(x)
        FACTOR = 3.0
        yield f(x)
        TABLE[0] = 7.0
        yield f(x)
        NAMES["k"] = 4
        yield f(x)
        SCALE = torch.tensor(1)
        yield f(x)
        SCALE = 3
        yield f(x)

    same(world)


def test_closures():
    def world(wrap):
        t, k, items, more = torch.ones(2), 1, [torch.ones(2), 3], {"deep": (torch.ones(2), [torch.zeros(2)])}

        def g(x):
            return x + t * k + items[0] * items[1] + more["deep"][1][0] - more["deep"][0]

        f = wrap(g)
        x = torch.arange(2.0)
        yield f(x)
        t = torch.zeros(2)
        yield f(x)
        k = 5
        yield f(x)
        items[0] = torch.full((2,), 9.0)
        yield f(x)
        items[1] = 2
        yield f(x)
        more["deep"][1][0] = torch.full((2,), 4.0)
        yield f(x)
        more["deep"] = (torch.zeros(2), [torch.zeros(2)])
        yield f(x)
        more["deep"][0].fill_(3)
        yield f(x)

    same(world)


@dataclass
class Config:
    scale: float
    shift: torch.Tensor


class Slotted:
    __slots__ = ("shift", "times")

    def __init__(self, shift, times):
        self.shift, self.times = shift, times


class Classed:
    shift, times = torch.ones(2), 2

    @property
    def both(self):
        return self.shift * self.times

    def __call__(self, x):
        return x + self.both


class Derived(Classed):
    pass


def test_objects():
    def world(wrap):
        config, slotted, other = Config(2.0, torch.ones(2)), Slotted(torch.ones(2), 3), Derived()
        Classed.shift, Classed.times = torch.ones(2), 2
        f = wrap(lambda x: x * config.scale + config.shift + slotted.shift * slotted.times + other.both)
        h = wrap(Derived())
        x = torch.arange(2.0)
        yield f(x), h(x)
        config.scale = 3.0
        yield f(x), h(x)
        config.shift = torch.full((2,), 5.0)
        yield f(x), h(x)
        slotted.shift = torch.full((2,), 7.0)
        yield f(x), h(x)
        slotted.times = 1
        yield f(x), h(x)
        Classed.shift = torch.full((2,), 11.0)
        yield f(x), h(x)
        Classed.times = 1
        yield f(x), h(x)
        other.times = 4
        yield f(x), h(x)

    same(world)


def test_partial_defaults_and_bound_methods():
    def world(wrap):
        t, d = torch.ones(2), torch.full((2,), 2.0)

        def g(a, x, k=d, *, z=t):
            return a + x * k - z

        class Owner:
            def __init__(self):
                self.w = torch.ones(2)

            def call(self, x):
                return self.helper(x) + 1

            def helper(self, x):
                return x * self.w

        owner = Owner()
        f, h = wrap(functools.partial(g, t)), wrap(owner.call)
        x = torch.arange(2.0)
        yield f(x), h(x)
        t.add_(1), d.add_(1), owner.w.add_(1)
        yield f(x), h(x)
        owner.w = torch.full((2,), 5.0)
        yield f(x), h(x)

    same(world)


def test_tensors_in_lists_queues_and_sets_of_closures():
    def world(wrap):
        def make(t):
            return lambda x: x + t

        functions = [make(torch.ones(2)), make(torch.full((2,), 2.0))]
        queue, ordered = deque([torch.ones(2)]), OrderedDict(a=torch.ones(2))

        def g(x):
            for fn in functions:
                x = fn(x)
            return x * queue[0] + ordered["a"]

        f = wrap(g)
        x = torch.arange(2.0)
        yield f(x)
        functions[1] = make(torch.full((2,), 7.0))
        yield f(x)
        queue[0] = torch.full((2,), 3.0)
        yield f(x)
        ordered["a"] = torch.full((2,), 4.0)
        yield f(x)
        functions.append(make(torch.zeros(2)))
        queue.appendleft(torch.zeros(2))
        yield f(x)

    same(world)


def test_functions_that_are_replaced():
    def world(wrap):
        def helper(x):
            return x + 1

        f = wrap(lambda x: helper(x))
        x = torch.ones(2)
        yield f(x)
        for k in range(20):  # a new function may lie where an old one lay

            def helper(x, k=k):
                return x * k

            gc.collect()
            yield f(x)

    same(world)


def test_numbers_of_states_are_refused():
    holder = {"hidden": lambda: HIDDEN}

    def world(wrap):
        HIDDEN.fill_(1.0)
        f = wrap(lambda x: x * holder["hidden"]().item())
        x = torch.ones(2)
        yield f(x)
        HIDDEN.fill_(2.0)
        yield f(x)

    same(world, refused=True)


HIDDEN = torch.tensor(1.0)


def test_numpy_arrays_of_states_are_refused_or_traced():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)
        a = w.detach().numpy()
        f = wrap(lambda x: x * torch.from_numpy(w.detach().numpy() * 2))
        g = wrap(lambda x: x * float(a[0]))
        x = torch.ones(3)
        yield f(x), g(x)
        with torch.no_grad():
            w.fill_(4.0)
        yield f(x), g(x)

    same(world, refused=True)


def test_iterators_and_random_numbers_of_python():
    def world(wrap):
        source = iter([torch.ones(2), torch.zeros(2), torch.full((2,), 5.0)])
        f = wrap(lambda x: x + next(source))
        yield f(torch.ones(2))
        yield f(torch.ones(2))
        yield f(torch.ones(2))

    same(world, refused=True)

    def chance(wrap):
        import random

        random.seed(0), np.random.seed(0)
        rng = np.random.default_rng(0)
        f, g = wrap(lambda x: x * (1 if random.random() < 0.5 else 2)), wrap(lambda x: x * float(np.random.rand()))
        h = wrap(lambda x: x * float(rng.random()))
        for _ in range(6):
            yield f(torch.ones(2)), g(torch.ones(2)), h(torch.ones(2))

    same(chance, refused=True)


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

    with pytest.warns(CompileWarning, match=r"g runs eagerly.*test_capture\.py, line \d+"):
        compile(g)(torch.ones(()))
    with pytest.raises(RuntimeError, match=r"test_capture\.py, line"):
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


# ---- backward behind a compiled forward ---------------------------------------------------------------------------------


def test_backward_of_some_results():
    def world(wrap):
        m = net(3, 4)
        f = wrap(lambda x: (m(x), m(x).sum(), x * 2, m(x).detach()))
        x = torch.randn(2, 3, requires_grad=True)
        for use in ([0], [1], [0, 1], [2], [0, 2]):
            m.zero_grad()
            x.grad = None
            out = f(x)
            sum((k + 1) * out[k].sum() for k in use).backward()
            yield grads(m) if use != [2] else None, x.grad, [o.requires_grad for o in out]

    same(world, programs=1)


def test_retain_graph():
    def world(wrap):
        m = net(3, 2)
        f = wrap(m)
        y = f(torch.ones(1, 3)).sum()
        y.backward(retain_graph=True)
        y.backward()
        yield grads(m)
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()
        step = wrap(lambda x: (lambda loss: (loss.backward(retain_graph=True), loss.backward(), loss)[2])(m(x).sum()))
        loss = step(torch.ones(1, 3))
        yield loss, grads(m)
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()

    same(world)


def test_double_backward_is_refused():
    f = compile(lambda x: (x**3).sum())
    x = torch.ones(2, requires_grad=True)
    g = torch.autograd.grad(f(x), x, create_graph=False)[0]
    check(g, torch.full((2,), 3.0))
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        torch.autograd.grad(f(x), x, create_graph=True)


def test_gradients_of_gradients_within_a_step():
    def world(wrap):
        m = net(2, 4, 1)

        def step(x):
            x = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(m(x).sum(), x, create_graph=True)
            penalty = ((g.norm(dim=1) - 1) ** 2).mean()
            m.zero_grad()
            penalty.backward()
            return penalty

        f = wrap(step)
        for _ in range(3):
            yield f(torch.randn(3, 2)), grads(m)

    same(world)


def test_values_overwritten_before_backward():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)
        f = wrap(lambda x: ((w * x).exp(), w * x))
        x = torch.ones(3)
        y = f(x)[0].sum()
        x.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()
        y = f(x)[0]
        with torch.no_grad():
            y.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
        y = f(x)[1]
        with torch.no_grad():
            y.zero_()
        y.sum().backward()
        yield w.grad

    same(world, programs=1)


def test_states_written_by_forward_and_read_by_backward():
    def world(wrap):
        scale = torch.full((3,), 2.0)

        def g(x):
            y = x * scale.clone()
            with torch.no_grad():
                scale.add_(1)
            return y

        f = wrap(g)
        for _ in range(3):
            x = torch.ones(3, requires_grad=True)
            f(x).sum().backward()
            yield x.grad, scale

    same(world, programs=1)


def test_hooks():
    def world(wrap):
        m = net(2, 3, 1)
        seen = []
        m[0].register_forward_hook(lambda mod, args, out: out * 2)
        m[0].weight.register_hook(lambda g: g * 10)
        f = wrap(m)
        f(torch.ones(1, 2)).sum().backward()
        yield grads(m), seen
        m[2].register_forward_pre_hook(lambda mod, args: (args[0] + 1,))
        m.zero_grad()
        f(torch.ones(1, 2)).sum().backward()
        yield grads(m)

    same(world, refused=None)


def test_custom_functions():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x * 3

    def world(wrap):
        f = wrap(lambda x: Square.apply(x).sum())
        step = wrap(lambda x: Square.apply(x).sum().backward())
        x = torch.arange(3.0).requires_grad_()
        f(x).backward()
        yield x.grad
        x.grad = None
        step(x)
        yield x.grad

    same(world, refused=None)


def test_checkpointing():
    def world(wrap):
        m = net(3, 4, 2)
        f = wrap(lambda x: torch.utils.checkpoint.checkpoint(m, x, use_reentrant=False).sum())
        f(torch.ones(1, 3)).backward()
        yield grads(m)

    same(world, refused=None)


# ---- compile and OptimizedModule ------------------------------------------------------------------------------------------


def test_options():
    def f(x):
        return x + 1

    assert compile(f, disable=True) is f
    assert compile(f, backend="eager") is f
    for g in (
        torch.compile(f, mode="reduce-overhead"),
        torch.compile(f, dynamic=True),
        torch.compile(f, backend="inductor", fullgraph=True),
    ):
        check(g(torch.ones(2)), torch.full((2,), 2.0))
        assert g.__name__ == "f"

    @torch.compile(fullgraph=True, dynamic=False)
    def h(x):
        """Words."""
        return x * 2

    @torch.compile
    def plain(x):
        return x * 2

    check(h(torch.ones(2)), plain(torch.ones(2)))
    assert h.__name__ == "h" and h.__doc__ == "Words."
    with pytest.raises(RuntimeError, match="Either mode or options"):
        torch.compile(f, mode="default", options={"a": 1})
    with pytest.raises(TypeError):
        torch.compile(3)


def test_optimized_module():
    m = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bn=nn.BatchNorm1d(3)))
    c = torch.compile(m)
    assert isinstance(c, nn.Module) and c._orig_mod is m and torch.compile(c) is c
    assert list(c.state_dict()) == ["_orig_mod." + k for k in m.state_dict()]
    assert all(a is b for a, b in zip(c.parameters(), m.parameters()))
    assert [n for n, _ in c.named_parameters()] == ["_orig_mod." + n for n, _ in m.named_parameters()]
    assert c.first is m.first and c[0] is m.first and len(c) == 2
    assert c.train(False) is c and not m.training and not m.bn.training and not c.training
    c.eval(), c.train()
    assert m.training and c.training
    m2 = torch.compile(nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bn=nn.BatchNorm1d(3))))
    m2.load_state_dict(c.state_dict())
    x = torch.randn(4, 2)
    with compiled_whole():
        check(c.eval()(x), m2.eval()(x))
        c.train(), m2.train()
        c.zero_grad()
        c(x).sum().backward()
        assert all(p.grad is not None for p in m.parameters())
        c.first = nn.Linear(2, 3)
        assert m.first is c.first and "first" in m._modules
        check(c(x), m(x), loose=10)
    c.extra = 5
    assert m.extra == 5
    assert "OptimizedModule" in type(c).__name__ and "Linear" in repr(c)


def test_copies_of_compiled_modules():
    import copy
    import pickle

    m = net(2, 3)
    c = torch.compile(m)
    x = torch.ones(1, 2)
    with compiled_whole():
        before = c(x)
        d = copy.deepcopy(c)
        with torch.no_grad():
            for p in m.parameters():
                p.zero_()
        check(d(x), before, loose=10)
        check(c(x), torch.zeros(1, 3).requires_grad_() * 1, loose=10)
    p = pickle.loads(pickle.dumps(c))
    check(p(x).detach(), torch.zeros(1, 3))


def test_memory_is_freed():
    class Big(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            return self.lin(x).tanh()

    m = Big()
    c = compile(m)
    x = torch.ones(2, 4)
    y = c(x)
    y.sum().backward()
    kept = [weakref.ref(v) for v in (m, m.lin.weight, x, y, c)]
    del m, c, x, y
    gc.collect()
    assert [k() for k in kept] == [None] * len(kept)

    def step(x):
        return (x * 2).sum()

    c = compile(step)
    x = torch.ones(2, 4)
    y = c(x)
    kept = [weakref.ref(x), weakref.ref(y)]
    del x, y
    gc.collect()
    assert [k() for k in kept] == [None, None], "a compiled function keeps its arguments or its results"


def test_backward_keeps_nothing_that_is_not_needed():
    m = nn.Linear(4, 4)
    c = compile(lambda x: m(x).tanh())
    c(torch.ones(2, 4)).sum().backward()
    y = c(torch.ones(2, 4))
    node = weakref.ref(y.grad_fn)
    y.sum().backward()
    del y
    gc.collect()
    assert node() is None


def test_no_warnings_of_its_own():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = net(3, 2)
        f = compile(m)
        f(torch.ones(1, 3)).sum().backward()
