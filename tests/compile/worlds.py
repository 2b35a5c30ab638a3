"""Worlds: what a test builds twice from one seed, to run it eagerly and compiled and to compare all that comes out after every call."""

import itertools

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.compile import compile
from tests.compile.same import check, compiled_whole, flat


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
