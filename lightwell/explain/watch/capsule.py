"""A step in a file: everything that running it again takes, as plain values and tensors that `torch.load` reads safely."""

import os
import sys
import tempfile
from typing import Any

import numpy as np

from ...errors.teaching import ValueError
from ...serialization import load as load_file
from ...serialization import save as save_file
from ...tensor import Tensor, make

FORMAT = 1
LIMIT = 1 << 28  # bytes of a batch that are still written


def _path(watch, finding, chosen) -> str:
    """The file's name: the one chosen, or one made of the script's name and the step's number."""
    if chosen is not True:
        return os.fspath(chosen)
    script = (watch.script or {}).get("argv", [""])[0] or sys.argv[0]
    stem = os.path.splitext(os.path.basename(script))[0]
    stem = stem if stem and not stem.startswith("-") else "training"
    return f"exploded-{stem}-step{finding.step}.pt"


def plain(value: Any, depth: int = 0) -> Any:
    """A batch, or a state, as what may be written: tensors, numbers, texts, lists, dicts; anything else as its repr."""
    if isinstance(value, Tensor):
        return make(np.array(value._a)) if type(value._a) is np.ndarray else None
    if isinstance(value, np.ndarray):
        return make(np.array(value)) if value.dtype.kind in "fiubc" else value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if depth < 12 and isinstance(value, dict):
        return {(k if isinstance(k, str | int) else str(k)): plain(v, depth + 1) for k, v in value.items()}
    if depth < 12 and isinstance(value, list | tuple):
        out = [plain(v, depth + 1) for v in value]
        return tuple(out) if type(value) is tuple else out
    return {"__repr__": repr(value)[:200]}


def _size(value) -> int:
    if isinstance(value, Tensor):
        return value._a.nbytes
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(_size(v) for v in values)


def _state_of(watch, module, after: bool) -> dict:
    """A module's state before the step: `after` says that the update has run already."""
    out = {}
    for name, t in module.state_dict(keep_vars=True).items():
        if not isinstance(t, Tensor):
            continue
        old = watch.training.before(t) if after else None
        old = watch._buffers.get(id(t)) if old is None else old
        out[name] = make(np.array(t._a if old is None else old))
    return out


def _optimizer_state(watch, optimizer, after: bool) -> dict:
    packed = optimizer.state_dict()
    state = packed["state"]
    if after:
        shadow, number, state = watch._shadow.get(id(optimizer), {}), 0, {}
        for group in optimizer.param_groups:
            for p in group["params"]:
                if id(p) in shadow:
                    state[number] = shadow[id(p)]
                number += 1
    groups = [{k: v for k, v in group.items() if not callable(v)} for group in packed["param_groups"]]
    return {"state": plain(state), "param_groups": plain(groups)}


def _variables() -> dict:
    """The tensors among the local variables of the user's frames: the targets of a batch that no loader made are there."""
    from .sites import users

    out: dict[str, Any] = {}
    frame = users(sys._getframe(1))
    while frame is not None:
        for name, v in list(frame.f_locals.items()):
            if isinstance(v, Tensor) and v._node is None and not v._rg and type(v._a) is np.ndarray and v._a.nbytes < LIMIT // 8:
                if not name.startswith("_") and name not in out and len(out) < 32:
                    out[name] = plain(v)
        frame = users(frame.f_back)
    return out


def save(watch, finding, chosen, after: bool) -> str:
    """Write the step that a watch is in; gives the path. The file is there whole or not at all."""
    path = _path(watch, finding, chosen)
    models, seen = [], set()
    for module, name in watch._roots:
        if id(module) in seen:
            continue
        seen.add(id(module))
        models.append(
            {"name": name, "kind": type(module).__name__, "state": _state_of(watch, module, after), "training": bool(module.training)}
        )
    held = {id(t) for module, _ in watch._roots for t in module.parameters()}
    leaves = []
    for f in watch.training.followed.values():
        if id(f.tensor) not in held:
            leaves.append({"name": f.name, "value": make(np.array(f.before if after else f.tensor._a))})
    batch = plain(watch.data.batch) if watch.data.loader_number is not None else None
    if batch is not None and _size(batch) > LIMIT:
        batch = None
    capsule = {
        "lightwell watch": FORMAT,
        "finding": plain({**finding.to_dict(), "file": os.path.abspath(path)}),
        "text": str(finding),
        "script": plain(watch.script) if watch.script else None,
        "step": watch.training.step - (finding.reached == "training"),  # a divergence is seen when its step has been counted
        "models": models,
        "leaves": leaves,
        "optimizers": [{"kind": type(o).__name__, **_optimizer_state(watch, o, after)} for o in watch.optimizers],
        "batch": batch,
        "loader": watch.data.loader_number if batch is not None else None,
        "inputs": [plain(t) for t in watch.data.inputs],
        "variables": _variables(),
        "random": plain(watch.random_before()),
        "first_random": plain(watch.first_random),
    }  # fmt: skip
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".exploded-", suffix=".pt")
    os.close(handle)
    try:
        with watch.paused():
            save_file(capsule, temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def load(path) -> dict:
    """What `save` wrote; ValueError for another file."""
    try:
        found = load_file(path, weights_only=True)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict) or found.get("lightwell watch") != FORMAT:
        raise ValueError(f"{path} was not written by lightwell's watch")
    return found
