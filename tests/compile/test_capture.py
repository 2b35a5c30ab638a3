"""What a compiled function depends on: the forms of its arguments, modes, and what stands outside; what it refuses."""

import functools
import gc
from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np

import lightwell as torch
from lightwell import nn
from tests.compile.worlds import engine, grads, net, same  # noqa: F401  (engine: each test runs by both)

F = nn.functional


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
