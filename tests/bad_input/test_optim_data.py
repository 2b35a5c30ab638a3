"""Bad calls of optimizers, schedulers, data loading, states and files: all or nothing."""

import io
import pickle

import numpy as np
import pytest

import lightwell as lw
from tests.bad_input.harness import check, do, failure, snapshot


def leaf(f, *shape):
    return f.ones(shape or (2,), requires_grad=True)


def new(name, **options):
    """A faulty optimizer of one parameter."""
    return lambda f: do(getattr(f.optim, name), [leaf(f)], **options)


def stepped(f, name="Adam", n=1, **options):
    """An optimizer of n parameters that has taken a step."""
    ps = [leaf(f) for _ in range(n)]
    o = getattr(f.optim, name)(ps, **{"lr": 0.1, **options})
    sum((p * p).sum() for p in ps).backward()
    o.step()
    return o


def sgd(f, **options):
    return f.optim.SGD([leaf(f)], lr=0.1, **options)


def schedule(name, *args, **options):
    return lambda f: do(getattr(f.optim.lr_scheduler, name), sgd(f), *args, **options)


def nested(f):
    f.manual_seed(0)
    return f.nn.Sequential(f.nn.Linear(3, 4), f.nn.Sequential(f.nn.BatchNorm1d(4), f.nn.Linear(4, 2)))


def state(change):
    """load_state_dict of a nested module with a changed state."""

    def prepare(f):
        m, s = nested(f), dict(nested(f).state_dict())
        s = {k: v + 1 for k, v in s.items()}  # other values: whatever is written half-way shows
        change(f, s)
        return do(m.load_state_dict, s)

    return prepare


def saved(f):
    b = io.BytesIO()
    f.save({"w": f.ones(100), "n": 1}, b)
    return b.getvalue()


def file(make):
    """torch.load of bytes."""
    return lambda f, path: do(f.load, written(path / "file.pt", make(f)))


def written(path, data):
    path.write_bytes(data)
    return path


class Items:
    """A data set of three samples."""

    def __getitem__(self, i):
        return i

    def __len__(self):
        return 3


class Broken(Items):
    def __getitem__(self, i):
        raise ValueError("no sample here")


def loader(**options):
    return lambda f: do(f.utils.data.DataLoader, Items(), **options)


def everything_wrong(f, s):
    del s["0.weight"]
    s["more"] = f.ones(1)
    s["1.0.running_mean"] = f.ones(7)
    s["1.1.weight"] = f.ones(9, 9)


def refused_extra(f):
    class Extra(f.nn.Linear):
        def get_extra_state(self):
            return 1

        def set_extra_state(self, state):
            raise ValueError("no such state")

    m = f.nn.Sequential(f.nn.Linear(2, 2), Extra(2, 2))
    return do(m.load_state_dict, {k: v + 1 for k, v in m.state_dict().items()})


CASES = {
    # optimizers
    "sgd: nothing": (ValueError, "empty parameter list", lambda f: do(f.optim.SGD, [], lr=0.1)),
    "sgd: a tensor": (TypeError, "iterable Tensor", lambda f: do(f.optim.SGD, leaf(f), lr=0.1)),
    "sgd: numbers": (TypeError, "float", lambda f: do(f.optim.SGD, [1.0], lr=0.1)),
    "sgd: strings": (TypeError, "str", lambda f: do(f.optim.SGD, ["a"], lr=0.1)),
    "sgd: module": (TypeError, "Linear", lambda f: do(f.optim.SGD, f.nn.Linear(1, 1), lr=0.1)),
    "sgd: non-leaf": (ValueError, "leaf", lambda f: do(f.optim.SGD, [leaf(f) * 2], lr=0.1)),
    "sgd: twice": (ValueError, "more than one parameter group", lambda f: (lambda p: do(f.optim.SGD, [{"params": [p]}, {"params": [p]}], lr=0.1))(leaf(f))),
    "sgd: set": (TypeError, "set", lambda f: do(f.optim.SGD, [{"params": {leaf(f)}}], lr=0.1)),
    "sgd: no params key": (KeyError, "params", lambda f: do(f.optim.SGD, [{"lr": 0.1}], lr=0.1)),
    "sgd: lr": (ValueError, "learning rate -1", new("SGD", lr=-1.0)),
    "sgd: momentum": (ValueError, "momentum -0.5", new("SGD", lr=0.1, momentum=-0.5)),
    "sgd: decay": (ValueError, "weight_decay -1", new("SGD", lr=0.1, weight_decay=-1)),
    "sgd: nesterov": (ValueError, "Nesterov momentum dampening", new("SGD", lr=0.1, nesterov=True)),
    "sgd: keyword": (TypeError, "learning_rate", new("SGD", learning_rate=0.1)),
    "adam: lr": (ValueError, "learning rate -1", new("Adam", lr=-1.0)),
    "adam: eps": (ValueError, "epsilon -1", new("Adam", eps=-1.0)),
    "adam: beta": (ValueError, "beta index 0 1.5", new("Adam", betas=(1.5, 0.9))),
    "adam: beta 1": (ValueError, "beta index 1 1.0", new("Adam", betas=(0.9, 1.0))),
    "adam: decay": (ValueError, "weight_decay -1", new("Adam", weight_decay=-1)),
    "adam: lr tensor": (ValueError, "Tensor lr 1-element", lambda f: do(f.optim.Adam, [leaf(f)], lr=f.ones(2))),
    "adamw: beta": (ValueError, "beta", new("AdamW", betas=(-0.1, 0.9))),
    "adadelta: rho": (ValueError, "rho 2", new("Adadelta", rho=2.0)),
    "adagrad: decay": (ValueError, "lr_decay -1", new("Adagrad", lr_decay=-1.0)),
    "adamax: eps": (ValueError, "epsilon", new("Adamax", eps=-1.0)),
    "nadam: momentum": (ValueError, "momentum_decay", new("NAdam", momentum_decay=-1.0)),
    "radam: lr": (ValueError, "learning rate", new("RAdam", lr=-1.0)),
    "rmsprop: alpha": (ValueError, "alpha", new("RMSprop", alpha=-1.0)),
    "rprop: etas": (ValueError, "etas", new("Rprop", etas=(1.5, 1.2))),
    "asgd: lr": (ValueError, "learning rate", new("ASGD", lr=-1.0)),
    "lbfgs: groups": (ValueError, "LBFGS parameter groups", lambda f: do(f.optim.LBFGS, [{"params": [leaf(f)]}, {"params": [leaf(f)]}])),
    "lbfgs: no closure": (TypeError, "closure", lambda f: do(f.optim.LBFGS([leaf(f)]).step)),
    "sparse adam: eps": (ValueError, "epsilon", new("SparseAdam", eps=-1.0)),
    "adafactor: lr": (ValueError, "learning rate", new("Adafactor", lr=-1.0)),
    "load: groups": (ValueError, "parameter groups", lambda f: do(stepped(f).load_state_dict, f.optim.Adam([{"params": [leaf(f)]}, {"params": [leaf(f)]}]).state_dict())),
    "load: sizes": (ValueError, "size group", lambda f: do(stepped(f).load_state_dict, stepped(f, n=2).state_dict())),
    "load: no dict": (TypeError, "dict", lambda f: do(stepped(f).load_state_dict, [1, 2]), "it indexes the list"),
    "load: keys": (KeyError, "param_groups", lambda f: do(stepped(f).load_state_dict, {"state": {}})),
    "add group: twice": (ValueError, "parameter group", lambda f: (lambda o: do(o.add_param_group, {"params": o.param_groups[0]["params"]}))(sgd(f))),
    "add group: list": (TypeError, "dict", lambda f: do(sgd(f).add_param_group, [leaf(f)])),
    "add group: str": (TypeError, "str", lambda f: do(sgd(f).add_param_group, {"params": ["a"]})),
    "clip: str": (ValueError, "max_norm number", lambda f: do(f.nn.utils.clip_grad_norm_, [leaf(f)], "a")),
    "vector to parameters": (TypeError, "Tensor list", lambda f: do(f.nn.utils.vector_to_parameters, [1.0], [leaf(f)])),
    # schedulers
    "scheduler: no optimizer": (TypeError, "Optimizer str", lambda f: do(f.optim.lr_scheduler.StepLR, "sgd", 1)),
    "scheduler: missing": (TypeError, "step_size", schedule("StepLR")),
    "scheduler: keyword": (TypeError, "gama", schedule("StepLR", 1, gama=0.1)),
    "lambda: count": (ValueError, "1 2 lr_lambda", schedule("LambdaLR", [lambda e: 1.0, lambda e: 1.0])),
    "linear: factor": (ValueError, "factor", schedule("LinearLR", start_factor=2.0)),
    "constant: factor": (ValueError, "factor", schedule("ConstantLR", factor=2.0)),
    "onecycle: nothing": (ValueError, "total_steps", schedule("OneCycleLR", max_lr=0.1)),
    "onecycle: pct": (ValueError, "pct_start", schedule("OneCycleLR", max_lr=0.1, total_steps=10, pct_start=2.0)),
    "onecycle: anneal": (ValueError, "anneal_strategy", schedule("OneCycleLR", max_lr=0.1, total_steps=10, anneal_strategy="sin")),
    "cyclic: mode": (ValueError, "mode", schedule("CyclicLR", 0.1, 0.2, mode="round", cycle_momentum=False)),
    "cyclic: momentum": (ValueError, "momentum", lambda f: do(f.optim.lr_scheduler.CyclicLR, f.optim.Adagrad([leaf(f)]), 0.1, 0.2)),
    "warm restarts: T_0": (ValueError, "T_0 0", schedule("CosineAnnealingWarmRestarts", 0)),
    "plateau: mode": (ValueError, "mode most", schedule("ReduceLROnPlateau", "most")),
    "plateau: factor": (ValueError, "factor", schedule("ReduceLROnPlateau", factor=1.5)),
    "plateau: threshold": (ValueError, "threshold", schedule("ReduceLROnPlateau", threshold_mode="both")),
    "plateau: no metric": (TypeError, "metrics", lambda f: do(f.optim.lr_scheduler.ReduceLROnPlateau(sgd(f)).step)),
    "chained: nothing": (ValueError, "scheduler", lambda f: do(f.optim.lr_scheduler.ChainedScheduler, [])),
    "sequential: milestones": (
        ValueError, "milestones",
        lambda f: (lambda o: do(f.optim.lr_scheduler.SequentialLR, o, [f.optim.lr_scheduler.StepLR(o, 1)], milestones=[1, 2]))(sgd(f)),
    ),
    "resume: no initial_lr": (KeyError, "initial_lr", lambda f: do(f.optim.lr_scheduler.StepLR, sgd(f), 1, last_epoch=3)),
    # states of modules
    "state: no dict": (TypeError, "dict list", lambda f: do(nested(f).load_state_dict, [1])),
    "state: a module": (TypeError, "dict Linear", lambda f: do(nested(f).load_state_dict, f.nn.Linear(1, 1))),
    "state: missing": (RuntimeError, 'Sequential Missing "1.1.bias"', state(lambda f, s: s.pop("1.1.bias"))),
    "state: unexpected": (RuntimeError, 'Unexpected "1.1.more"', state(lambda f, s: s.update({"1.1.more": f.ones(1)}))),
    "state: shape": (RuntimeError, "mismatch 1.1.weight [2, 3] [2, 4]", state(lambda f, s: s.update({"1.1.weight": f.ones(2, 3)}))),
    "state: buffer shape": (RuntimeError, "mismatch 1.0.running_var [5] [4]", state(lambda f, s: s.update({"1.0.running_var": f.ones(5)}))),
    "state: number": (RuntimeError, "1.1.bias Tensor float", state(lambda f, s: s.update({"1.1.bias": 1.0}))),
    "state: array": (RuntimeError, "1.1.bias ndarray", state(lambda f, s: s.update({"1.1.bias": np.ones(2)})), "arrays are copied there"),
    "state: None": (RuntimeError, "1.1.bias None", state(lambda f, s: s.update({"1.1.bias": None}))),
    "state: layout": (RuntimeError, "1.1.weight sparse_coo to_dense", state(lambda f, s: s.update({"1.1.weight": f.ones(2, 4).to_sparse()})), "it copies"),
    "state: everything": (
        RuntimeError, 'Missing "0.weight" Unexpected "more" 1.0.running_mean [7] 1.1.weight [9, 9]', state(everything_wrong),
    ),
    "state: parallel prefix": (
        RuntimeError, "Missing Unexpected module.0.weight",
        lambda f: do(nested(f).load_state_dict, {"module." + k: v for k, v in nested(f).state_dict().items()}),
    ),
    # data
    "tensors: sizes": (AssertionError, "2 3", lambda f: do(f.utils.data.TensorDataset, f.ones(2), f.ones(3))),
    "tensors: index": (IndexError, "5", lambda f: do(f.utils.data.TensorDataset(f.ones(2)).__getitem__, 5)),
    "subset: index": (IndexError, "range", lambda f: do(f.utils.data.Subset([1, 2], [0]).__getitem__, 3)),
    "concat: nothing": (AssertionError, "empty", lambda f: do(f.utils.data.ConcatDataset, [])),
    "concat: index": (ValueError, "-9 out of range 3", lambda f: do(f.utils.data.ConcatDataset([Items()]).__getitem__, -9)),
    "split: lengths": (ValueError, "length", lambda f: do(f.utils.data.random_split, [1, 2, 3], [1, 1])),
    "split: fractions": (ValueError, "-0.5", lambda f: do(f.utils.data.random_split, [1, 2, 3], [0.9, -0.5, 0.6])),
    "loader: batch": (ValueError, "batch_size 0", loader(batch_size=0)),
    "loader: batch str": (ValueError, "batch_size", loader(batch_size="4")),
    "loader: workers": (ValueError, "num_workers", loader(num_workers=-1)),
    "loader: timeout": (ValueError, "timeout", loader(timeout=-1)),
    "loader: prefetch": (ValueError, "prefetch_factor", loader(prefetch_factor=2)),
    "loader: persistent": (ValueError, "persistent_workers", loader(persistent_workers=True)),
    "loader: sampler and shuffle": (ValueError, "sampler shuffle", loader(shuffle=True, sampler=[0])),
    "loader: batch sampler": (ValueError, "batch_sampler", loader(batch_sampler=[[0]], batch_size=2)),
    "loader: drop_last": (ValueError, "drop_last", loader(batch_size=None, drop_last=True)),
    "loader: keyword": (TypeError, "batchsize", loader(batchsize=2)),
    "loader: context": (ValueError, "multiprocessing_context", loader(num_workers=1, multiprocessing_context="thread")),
    "loader: set batch": (ValueError, "batch_size DataLoader", lambda f: do(setattr, f.utils.data.DataLoader(Items()), "batch_size", 3)),
    "loader: sample": (ValueError, "no sample here", lambda f: do(next, iter(f.utils.data.DataLoader(Broken())))),
    "loader: collate": (RuntimeError, "[2] [3]", lambda f: do(next, iter(f.utils.data.DataLoader([f.ones(2), f.ones(3)], batch_size=2)))),
    "loader: kinds": (TypeError, "collate object", lambda f: do(next, iter(f.utils.data.DataLoader([object()] * 2, batch_size=2)))),
    "loader: uneven": (RuntimeError, "equal size", lambda f: do(next, iter(f.utils.data.DataLoader([[1, 2], [1]], batch_size=2)))),
    "loader: shuffle empty": (ValueError, "num_samples", lambda f: do(f.utils.data.RandomSampler, Items(), num_samples=-1)),
    "sampler: replacement": (TypeError, "replacement", lambda f: do(f.utils.data.RandomSampler, Items(), replacement=1)),
    "sampler: weights": (ValueError, "1d", lambda f: do(f.utils.data.WeightedRandomSampler, f.ones(2, 2), 2)),
    "sampler: weighted count": (ValueError, "num_samples", lambda f: do(f.utils.data.WeightedRandomSampler, [1.0, 2.0], 0)),
    "sampler: batch": (ValueError, "batch_size", lambda f: do(f.utils.data.BatchSampler, [1, 2], 0, False)),
    "sampler: drop": (ValueError, "drop_last", lambda f: do(f.utils.data.BatchSampler, [1, 2], 1, 1)),
    "sampler: rank": (ValueError, "rank 5", lambda f: do(f.utils.data.DistributedSampler, Items(), num_replicas=2, rank=5)),
    "default_convert: collate nothing": (TypeError, "default_collate", lambda f: do(f.utils.data.default_collate, [object()])),
    # files
    "load: empty": (EOFError, "", file(lambda f: b"")),
    "load: text": (pickle.UnpicklingError, "Weights only", file(lambda f: b"hello, this is no checkpoint at all"), "KeyError of a pickle code"),
    "load: zeros": (pickle.UnpicklingError, "Weights only", file(lambda f: b"\0" * 100)),
    "load: cut": (RuntimeError, "", file(lambda f: saved(f)[: len(saved(f)) // 2])),
    "load: cut early": (RuntimeError, "", file(lambda f: saved(f)[:40])),
    "load: a function": (pickle.UnpicklingError, "Weights only", file(lambda f: pickle.dumps(print))),
    "load: a picture": (pickle.UnpicklingError, "Weights only", file(lambda f: b"\x89PNG\r\n\x1a\n" + b"x" * 50)),
    "load: missing": (FileNotFoundError, "none.pt", lambda f, path: do(f.load, str(path / "none.pt"))),
    "load: number": (AttributeError, "seek", lambda f: do(f.load, 3)),
    "load: mmap": (ValueError, "mmap", lambda f: do(f.load, io.BytesIO(saved(f)), mmap=True)),
    "save: number": (AttributeError, "write", lambda f: do(f.save, f.ones(1), 3)),
    "save: no folder": (RuntimeError, "directory", lambda f, path: do(f.save, f.ones(1), str(path / "none" / "a.pt"))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_call(name, tmp_path):
    prepare = CASES[name][2]
    check(CASES[name], *[tmp_path] * (prepare.__code__.co_argcount - 1))


@pytest.mark.parametrize("name", ["state: shape", "state: everything", "state: number"])
def test_not_strict_changes_nothing_either(name):
    """Without strict, what has no place is passed over; what doesn't fit is still refused, before anything is written."""

    def prepare(f):
        load, (s,), _ = CASES[name][2](f)
        return do(load, s, strict=False)

    error, changed = failure(lw, prepare)
    assert isinstance(error, RuntimeError) and not changed, error
    assert "Missing" not in str(error) and "Unexpected" not in str(error)


def test_a_file_half_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "model.pt"
    lw.save({"w": lw.ones(3)}, path)
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"Local|lambda|pickle"):
        lw.save({"w": lw.ones(3), "f": lambda: 1}, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


def test_every_optimizer_keeps_its_state_when_a_load_fails():
    for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"):
        o, other = stepped(lw, name), stepped(lw, name, n=2)
        before = snapshot(o)
        with pytest.raises(ValueError, match="group"):
            o.load_state_dict(other.state_dict())
        assert snapshot(o) == before, name


def test_a_refused_extra_state_puts_the_parameters_back():
    load, (state,), _ = refused_extra(lw)
    before = {k: v.clone() for k, v in load.__self__.named_parameters()}
    with pytest.raises(ValueError, match="no such state"):
        load(state)
    assert all(lw.equal(before[k], v) for k, v in load.__self__.named_parameters())
