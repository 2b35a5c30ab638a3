"""A saved step, run again: `replay(FILE)` for a script, `replay(FILE, model, loss_fn)` within a program.

A script runs again under the same command line. Where a DataLoader gave the batch, the script runs up to that loader's first batch: there
models, optimizers and random streams are put into the state of the step, and the saved batch is handed out in place of the first one. Where
the batch came otherwise, the script runs from the beginning, with the random streams it began with, up to the step.
"""

import gc
import os
import sys
from typing import Any

from ... import random as randoms
from ...autograd import modes
from ...errors.teaching import ValueError
from ...language import say
from ...nn.module import Module
from ...optim.optimizer import Optimizer
from ...tensor import Tensor
from .capsule import load
from .finding import Exploded, Finding
from .tape import Tape
from .watching import Watch

__all__ = ["describe", "replay"]


class _Done(BaseException):
    """The step is over: the script need not go on. No Exception, so that no `except` of the script stops it."""


def describe(capsule: dict) -> str:
    """What is in a file, and what was found."""
    out = [capsule["text"]]
    for m in capsule["models"]:
        n = sum(t.numel() for t in m["state"].values())
        out.append(say(f"  model {m['name']} ({m['kind']}): {n} numbers", f"  模型 {m['name']}（{m['kind']}）：{n} 个数"))
    for o in capsule["optimizers"]:
        out.append(say(f"  optimizer {o['kind']}", f"  优化器 {o['kind']}"))
    shapes = [list(t.shape) for t in (capsule["inputs"] or [])]
    out.append(say(f"  inputs {shapes}, step {capsule['step']}", f"  输入 {shapes}，第 {capsule['step']} 步"))
    return "\n".join(out)


def _set_random(state: dict | None) -> None:
    if not state:
        return
    import random

    import numpy as np

    randoms.set_rng_state(state["torch"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, place, has, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), place, has, cached))


def _finding(capsule: dict) -> Finding:
    return Finding.from_dict(capsule["finding"])


# ---- within a program -----------------------------------------------------------------------------------------------


def replay(file, model=None, loss_fn=None, *, batch=None, optimizer=None) -> Tape:
    """Run a saved step again and give its operations, forward and backward, with the ranges of their values: print it.

    For a step saved by `lightwell run --watch` the file is enough. Within a program give the model, whose parameters are put into the
    state before the step, and `loss_fn(output, target)`; `batch` = (inputs, target) stands for the saved one; with an `optimizer` its step
    runs too. ValueError for a file that a watch didn't write, a model that doesn't fit, a batch that wasn't saved.

    >>> import lightwell as torch, tempfile, os
    >>> net = torch.nn.Linear(2, 1)
    >>> x, y = torch.tensor([[1., 2.], [float("nan"), 0.]]), torch.zeros(2, 1)
    >>> path = os.path.join(tempfile.mkdtemp(), "step.pt")
    >>> with torch.watch(net, on="report", save=path):
    ...     torch.nn.functional.mse_loss(net(x), y).backward()
    >>> from lightwell.explain.watch import replay
    >>> tape = replay(path, net, torch.nn.functional.mse_loss)
    >>> tape.entries[tape.first].name
    'linear'
    """
    capsule = load(file)
    if model is None:
        if not capsule["script"]:
            raise ValueError(
                "replay(): the step was saved within a program, not by `lightwell run --watch`: give its model and loss, "
                "replay(file, model, loss_fn)"
            )
        return _replay_script(capsule)
    models = list(model) if isinstance(model, list | tuple) else [model]
    for module in models:
        _restore_model(module, capsule)
    if optimizer is not None:
        _restore_optimizer(optimizer, capsule)
    inputs, targets = _batch(capsule, batch)
    _set_random(capsule["random"])
    tape = Tape()
    w = Watch(models, on="stop", save=False)
    w.tape, tape.path = tape, w.path  # type: ignore[method-assign]
    try:
        with w:
            out = models[0](*inputs)
            loss = out if loss_fn is None else loss_fn(out, *targets)
            loss.backward()
            if optimizer is not None:
                optimizer.step()
    except Exploded as error:
        tape.finding = error.finding
    return tape


def _batch(capsule: dict, batch) -> tuple[list, list]:
    """(inputs of the model, targets) of the step."""
    from .data import tensors_in

    if batch is not None:
        values = list(batch) if isinstance(batch, list | tuple) else [batch]
        n = max(1, len(capsule["inputs"] or []))
        return values[:n], values[n:]
    inputs = capsule["inputs"]
    if not inputs:
        raise ValueError("replay(): the file holds no inputs of a model: give them, replay(file, model, loss_fn, batch=(x, y))")
    others = tensors_in(capsule["batch"]) if capsule["batch"] is not None else list(capsule["variables"].values())
    n = inputs[0].shape[0] if inputs[0].ndim else 1

    def same(a, b):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a._a == b._a).all() | ((a._a != a._a) == (b._a != b._a)).all())

    targets = [t for t in others if t.ndim and t.shape[0] == n and not any(same(t, x) for x in inputs)]
    return list(inputs), targets[:1]


def _restore_model(module, capsule: dict, used: set | None = None) -> bool:
    """Put a module into its state before the step; whether one of the saved ones fits."""
    keys = set(module.state_dict())
    for i, saved in enumerate(capsule["models"]):
        if (used is None or i not in used) and saved["kind"] == type(module).__name__ and set(saved["state"]) == keys:
            module.load_state_dict(saved["state"])
            if used is not None:
                used.add(i)
            return True
    if used is None:
        kinds = ", ".join(f"{m['name']} ({m['kind']})" for m in capsule["models"])
        raise ValueError(f"replay(): {type(module).__name__} has other parameters than the saved models: {kinds or 'none was saved'}")
    return False


def _restore_optimizer(optimizer, capsule: dict, used: set | None = None) -> None:
    for i, saved in enumerate(capsule["optimizers"]):
        if (
            (used is None or i not in used)
            and saved["kind"] == type(optimizer).__name__
            and len(saved["param_groups"]) == len(optimizer.param_groups)
        ):
            if [len(g["params"]) for g in saved["param_groups"]] == [len(g["params"]) for g in optimizer.param_groups]:
                optimizer.load_state_dict({"state": saved["state"], "param_groups": saved["param_groups"]})
                if used is not None:
                    used.add(i)
                return


# ---- a script -------------------------------------------------------------------------------------------------------


def _restore_all(capsule: dict) -> None:
    """Put every model, optimizer and loose parameter of this process that fits into its state before the step."""
    found = [o for o in gc.get_objects() if isinstance(o, Module | Optimizer)]
    modules = [o for o in found if isinstance(o, Module) and "_modules" in o.__dict__]
    inner = {id(child) for m in modules for child in m._modules.values() if child is not None}
    main = vars(sys.modules["__main__"])
    named = {id(v): k for k, v in main.items() if isinstance(v, Module)}
    wanted = {m["name"]: i for i, m in enumerate(capsule["models"])}
    roots = [m for m in modules if id(m) not in inner]
    roots.sort(key=lambda m: wanted.get(named.get(id(m), ""), len(wanted)))
    used: set[int] = set()
    with modes.no_grad():
        for module in roots:
            _restore_model(module, capsule, used)
        if len(used) < len(capsule["models"]):  # a part of a larger one
            for module in modules:
                _restore_model(module, capsule, used)
        for leaf in capsule["leaves"]:
            t = main.get(leaf["name"])
            if isinstance(t, Tensor) and t._a.shape == leaf["value"]._a.shape:
                t._a[...] = leaf["value"]._a
        taken: set[int] = set()
        for optimizer in (o for o in found if isinstance(o, Optimizer)):
            _restore_optimizer(optimizer, capsule, taken)
    _set_random(capsule["random"])


def _begin_at(step: int, w: Watch, begin, loose: bool) -> None:
    """Have `begin` called where a step begins: after the last update; after the last backward for `loose` parameters, of no optimizer."""
    close, ended = w._end_step, w._ended

    def counted(by_hand: bool = False) -> None:
        early, w.tape = (w.tape, None) if by_hand and w.training.step == step else (None, w.tape)
        close(by_hand)
        if early is not None:  # the step before it has ended only now, where the backward of this one begins
            w.tape = early
        elif w.training.step == step and w.tape is None:
            begin()

    def backward_ended() -> None:
        ended()
        if w.training.step == step - 1 and w.tape is None:
            begin()

    w._end_step = counted  # type: ignore[method-assign]
    if loose:
        w._ended = backward_ended  # type: ignore[method-assign]


def _replay_script(capsule: dict) -> Tape:
    """Run the script up to the step, and the step itself with a tape."""
    from .command import run_watched

    script, tape = capsule["script"], Tape()
    w = Watch(on="stop", save=False, script=script)
    tape.path = w.path  # type: ignore[method-assign]

    def begin() -> None:
        w.tape = tape

    def ended() -> None:
        raise _Done

    tape.on_step_end = ended
    if capsule["batch"] is not None:

        def replace(loader, batch) -> Any:
            if w.tape is None and loader == capsule["loader"]:
                _restore_all(capsule)
                begin()
                return capsule["batch"]
            return batch

        w.data.replace = replace
        print(
            say("replay: the script runs up to its first batch, then the saved step", "重放：脚本运行到第一个批量，然后重跑保存的那一步"),
            file=sys.stderr,
        )
    else:
        _set_random(capsule["first_random"])
        if capsule["step"] == 0:
            begin()
        else:
            _begin_at(capsule["step"], w, begin, not capsule["optimizers"])
        print(
            say(f"replay: the script runs from its beginning up to step {capsule['step']}", f"重放：脚本从头运行到第 {capsule['step']} 步"),
            file=sys.stderr,
        )
    before, folder, argv, path = os.getcwd(), script["folder"], list(sys.argv), list(sys.path)
    try:
        if os.path.isdir(folder):
            os.chdir(folder)
        run_watched(script["argv"], watch=w)
    except _Done:
        pass
    finally:
        os.chdir(before)
        sys.argv, sys.path[:] = argv, path
    again, was = next((f for f in w.findings if f.fatal), None), _finding(capsule)
    same = again is None or (again.op, str(again.place)) == (was.op, str(was.place))
    tape.finding = was if same else again  # the first run knows the step, the epoch and the history
    return tape
