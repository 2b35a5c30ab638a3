"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict: each step beside PyTorch's."""

import copy
import pickle
from collections import OrderedDict

import pytest

import lightwell as lw

torch = pytest.importorskip("torch")


def both(program):
    """What `program(lib)` returns for lightwell and for PyTorch, tensors left out: reprs and plain values only."""
    ours, theirs = program(lw), program(torch)
    assert ours == theirs
    return ours


def test_sequential_list_api():
    def program(lib):
        nn = lib.nn
        net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        out = [repr(net), len(net), repr(net[1]), repr(net[-1]), repr(net[:2]), repr(net[::2])]
        net[1] = nn.Tanh()
        net.append(nn.Sigmoid()).insert(0, nn.Identity())
        out.append(repr(net))
        out.append(repr(net.pop(0)))
        del net[0]
        out += [repr(net), list(net.state_dict()), repr(net + nn.Sequential(nn.ELU())), repr(nn.Sequential(nn.ELU()) * 2)]
        net += nn.Sequential(nn.GELU())
        net.extend([nn.SELU()])
        out += [repr(net), [repr(m) for m in net], repr(nn.Sequential())]
        del net[1:3]
        out.append(repr(net))
        return out

    both(program)


def test_sequential_of_names():
    def program(lib):
        nn = lib.nn
        net = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 2)), ("act", nn.ReLU())]))
        net.add_module("last", nn.Linear(2, 1))
        return [repr(net), repr(net.fc), repr(net[:2]), list(net.state_dict()), tuple(net(lib.zeros(4, 2)).shape)]

    both(program)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lambda nn: nn.Sequential(nn.ReLU())[1], IndexError),
        (lambda nn: nn.Sequential(nn.ReLU())[-2], IndexError),
        (lambda nn: nn.Sequential(nn.ReLU()).insert(5, nn.ReLU()), IndexError),
        (lambda nn: nn.Sequential(nn.ReLU()).insert(0, 3), AssertionError),
        (lambda nn: nn.Sequential(nn.ReLU()) + 3, ValueError),
        (lambda nn: nn.Sequential(nn.ReLU()) * 0, ValueError),
        (lambda nn: nn.Sequential(nn.ReLU()) * "a", TypeError),
        (lambda nn: nn.ModuleList([nn.ReLU()])[3], IndexError),
        (lambda nn: nn.ModuleList([nn.ReLU()])(1), NotImplementedError),
        (lambda nn: nn.ModuleList([3]), TypeError),
        (lambda nn: nn.ModuleDict({"a": nn.ReLU()})["b"], KeyError),
        (lambda nn: nn.ModuleDict({"a.b": nn.ReLU()}), KeyError),
        (lambda nn: nn.ModuleDict({"keys": nn.ReLU()}), KeyError),
        (lambda nn: nn.ParameterList([])[0], IndexError),
        (lambda nn: nn.ParameterList(3), TypeError),
        (lambda nn: nn.ParameterList([])(), RuntimeError),
        (lambda nn: nn.ParameterDict({1: 2}), TypeError),
        (lambda nn: nn.ParameterDict({})["a"], AttributeError),
        (lambda nn: nn.ParameterDict([(1,)]), (TypeError, ValueError)),
    ],
)
def test_errors(program, error):
    for lib in (torch, lw):
        with pytest.raises(error):
            program(lib.nn)


def test_module_list():
    def program(lib):
        nn = lib.nn
        ml = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
        out = [repr(ml), len(ml), list(ml.state_dict())]
        ml.append(nn.ReLU())
        ml.insert(1, nn.Tanh())
        ml.extend(nn.ModuleList([nn.ReLU(), nn.ReLU()]))
        ml += [nn.ELU()]
        out += [repr(ml), repr(ml[1:3]), repr(ml[-1]), repr(ml + [nn.GELU()]), repr(ml.pop(-1))]
        ml[0] = nn.Sequential(nn.ReLU(), nn.Linear(1, 1))
        del ml[1]
        out += [repr(ml), [n for n, _ in ml.named_modules()], repr(nn.ModuleList())]
        del ml[0:2]
        out += [repr(ml), list(ml._modules)]
        return out

    both(program)


def test_module_dict():
    def program(lib):
        nn = lib.nn
        md = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Linear(1, 1)})
        md["c"] = nn.Tanh()
        md.update([("d", nn.ELU()), ("a", nn.GELU())])
        out = [repr(md), list(md), "a" in md, len(md), list(md.keys()), [repr(v) for v in md.values()]]
        out += [repr(md.pop("b")), [(k, repr(v)) for k, v in md.items()]]
        del md["c"]
        other = nn.ModuleDict(md)
        md.clear()
        return [*out, repr(md), repr(other)]

    both(program)


def test_parameter_list():
    def program(lib):
        nn = lib.nn
        pl = nn.ParameterList([lib.zeros(2, 3), nn.Parameter(lib.ones(1))])
        out = [repr(pl), len(pl), type(pl[0]).__name__, pl[0].requires_grad]
        pl.append(lib.zeros(()))
        pl += [lib.ones(2), "text"]
        pl[0] = lib.ones(4)
        out += [repr(pl), [n for n, _ in pl.named_parameters()], list(pl.state_dict()), repr(pl[1:3]), len(list(pl))]
        return [*out, repr(nn.ParameterList())]

    both(program)


def test_parameter_dict():
    def program(lib):
        nn = lib.nn
        pd = nn.ParameterDict({"b": lib.zeros(2, 3), "a": nn.Parameter(lib.ones(1))})
        pd["c"] = lib.zeros(())
        out = [repr(pd), list(pd), "a" in pd, len(pd), list(pd.keys()), [tuple(v.shape) for v in pd.values()]]
        pd.update({"e": lib.ones(1), "d": lib.ones(2)})
        out += [list(pd), list(reversed(pd)), pd.get("zz", 5), pd.popitem()[0], tuple(pd.pop("b").shape), list(pd)]
        out += [tuple(pd.setdefault("q", lib.ones(7)).shape), pd.setdefault("r") is None, sorted(dict(pd.items()))]
        made = pd.fromkeys(["x", "y"], 3)
        out += [list(made), made["x"], list(pd | made), list(pd.copy())]
        pd |= made
        out.append(list(pd))
        del pd["x"]
        out += [list(pd), list(pd.state_dict())]
        pd.clear()
        return [*out, len(pd)]

    both(program)


def test_copies():
    net = lw.nn.Sequential(lw.nn.Linear(2, 2), lw.nn.ModuleList([lw.nn.Linear(2, 1)]), lw.nn.ParameterList([lw.ones(2)]))
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(twin) == repr(net)
        for a, b in zip(net.parameters(), twin.parameters(), strict=True):
            assert a is not b
            assert type(b) is lw.nn.Parameter
            assert lw.equal(a, b)
            assert b.requires_grad
