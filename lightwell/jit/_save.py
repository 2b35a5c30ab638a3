"""`jit.save`: a traced or scripted program as a TorchScript archive, which PyTorch's `torch.jit.load` reads too."""

import copyreg
import io
import os
import pickle
import sys
from types import FunctionType

from .. import nn
from ..errors.teaching import RuntimeError
from ..fx.proxy import TraceError
from ..nn import Module
from ..serialization.archive import ZipWriter, folder_name
from ..serialization.atomic import atomic_file
from ..serialization.pickling import Pickler, StorageBook
from ..serialization.storages import bytes_of
from ..tensor import Tensor, make
from ._load import LoadedModule, LoadedObject, TaggedDict, TaggedList
from ._script import ScriptFunction, ScriptModule
from ._text import Writer

__all__ = ["save"]


class _Zip(ZipWriter):
    """The container, with the version number of today's programs."""

    def write(self, name: str, data) -> None:
        """A record."""
        super().write(name, b"10\n" if name == "version" else data)


class _Pickler(Pickler):
    """Writes stand-ins of modules under the names of their TorchScript classes."""

    def reducer_override(self, obj):
        """A stand-in as a new object with a state."""
        if hasattr(type(obj), "_torchscript_class"):
            return copyreg.__newobj__, (type(obj),), obj.state
        if isinstance(obj, (TaggedList, TaggedDict)):
            if obj.tag.startswith("build_"):
                return _BUILD[obj.tag], (list(obj),)
            return _restore, (list(obj) if isinstance(obj, list) else dict(obj), obj.tag)
        return super().reducer_override(obj)

    def save_global(self, obj, name=None):
        """A stand-in's class by its TorchScript name."""
        qualified = getattr(obj, "_torchscript_class", None)
        if qualified is None:
            return super().save_global(obj, name)
        module, _, name = qualified.rpartition(".")
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)
        return None

    dispatch = {**Pickler.dispatch, type: save_global, FunctionType: save_global}


def _stand_in_function(name: str):
    def call(*args):
        return args

    call._torchscript_class = f"torch.jit._pickle.{name}"  # type: ignore[attr-defined]
    return call


_restore = _stand_in_function("restore_type_tag")
_BUILD = {name: _stand_in_function(name) for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")}


class _Archive:
    """Collects the classes and the state of a tree of modules."""

    def __init__(self, writer):
        self.writer, self.files, self.done, self.count = writer, {}, {}, 0

    def stand_in(self, module: Module, graphs: dict, top: bool):
        """The object that the pickle holds for a module."""
        if id(module) in self.done:
            return self.done[id(module)]
        name = getattr(module, "original_name", None) or type(module).__name__
        name = name if name.isidentifier() else "Module"
        if top:
            qualified, path = f"__torch__.{name}", "__torch__.py"
        else:
            qualified, path = f"__torch__.___torch_mangle_{self.count}.{name}", f"__torch__/___torch_mangle_{self.count}.py"
            self.count += 1
        kind = type(name, (), {"_torchscript_class": qualified})
        out = self.done[id(module)] = kind()
        state: dict = {"training": bool(module.training), "_is_full_backward_hook": None}
        fields = ["training : bool", "_is_full_backward_hook : Optional[bool]"]
        names = {}
        for table in ("_parameters", "_buffers"):
            held = module.__dict__[table]
            names[table] = [n for n in held if held[n] is not None]
            for n, t in held.items():
                state[n] = None if t is None else _plain(t)
                fields.append(f"{n} : {'NoneType' if t is None else 'Tensor'}" if n.isidentifier() else f'__annotations__["{n}"] = Tensor')
        for n, t in module.__dict__.items():  # constants of a frozen module
            if isinstance(t, Tensor) and n not in state:
                state[n] = _plain(t)
                fields.append(f"{n} : Tensor")
        head = ["class " + name + "(Module):"]
        head += [
            f"  __{t[1:]}__ = [{''.join(f'{n!r}, '.replace(chr(39), chr(34)) for n in names[t])}]" for t in ("_parameters", "_buffers")
        ]
        if not top and not fields:
            fields.append("pass")
        for n, child in module._modules.items():
            if child is not None:
                state[n] = self.stand_in(child, {}, False)
                typed = (
                    f"{n} : {type(state[n])._torchscript_class}"
                    if n.isidentifier()
                    else f'__annotations__["{n}"] = {type(state[n])._torchscript_class}'
                )
                fields.append(typed)
        body = [self.writer.method(method, graph, qualified) for method, graph in graphs.items()]
        self.files[path] = "\n".join([*head, *("  " + f for f in fields), *body]) + "\n"
        out.state = state
        return out


def _plain(t: Tensor) -> Tensor:
    """A plain tensor on the same memory."""
    out = make(t._a)
    out._rg = bool(t.requires_grad) and t.is_leaf
    return out


def _program(m) -> tuple:
    """(module, graphs of its methods) of what is to be saved."""
    from ..fx import Tracer

    if isinstance(m, ScriptFunction):
        graph = getattr(m, "_traced_graph", None)
        if graph is not None:
            root = m._root
        else:
            tracer = Tracer()
            graph = tracer.trace(m._fn)
            root = tracer.root
        root.__dict__.setdefault("_original_name", "".join(c for c in m.name if c.isidentifier()) or "Program")
        return root, {"forward": graph}
    graphs = m.__dict__.get("_traced_graphs")
    if graphs:
        return m, graphs

    class Deep(Tracer):
        def is_leaf_module(self, module, module_qualified_name):
            return False

        def call_module(self, module, forward, args, kwargs):
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # its forward asks for the input's rank
                stats = module.running_mean, module.running_var
                batch = module.training or stats[0] is None
                rest = (batch, module.momentum if module.momentum is not None else 0.0, module.eps)
                return nn.functional.batch_norm(*args, *stats, module.weight, module.bias, *rest)
            return super().call_module(module, forward, args, kwargs)

    return m, {"forward": Deep().trace(m)}


def save(m, f, _extra_files=None) -> None:
    """Write a scripted or traced module or function with its code to a file that `jit.load` reads, here and in PyTorch.

    `f` is a path, written all or nothing, or an object with `write`; `_extra_files` is a dict of names and texts (or bytes) to keep
    beside. RuntimeError for what isn't scripted or traced, for an operation that TorchScript has no name for, and for a
    scripted program whose control flow depends on values: trace it, or save its state_dict.

    >>> import io, lightwell as torch
    >>> f = io.BytesIO(); net = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)); torch.jit.save(net, f)
    >>> _ = f.seek(0); x = torch.ones(3, 2); torch.equal(torch.jit.load(f)(x), net(x))
    True
    """
    if not isinstance(m, (ScriptModule, ScriptFunction)):
        raise RuntimeError(
            f"jit.save: expected a scripted or traced program, got {type(m).__name__}: make one with torch.jit.trace or torch.jit.script"
        )
    out = io.BytesIO()
    name = folder_name(f) if isinstance(f, (str, os.PathLike)) else "archive"
    _write(m, out, name, _extra_files or {})
    if isinstance(f, (str, os.PathLike)):
        with atomic_file(f) as file:
            file.write(out.getbuffer())
    else:
        f.write(out.getvalue())


def _write(m, file, folder: str, extra: dict) -> None:
    if isinstance(m, LoadedModule):
        files, data = m._program.files, _again(m)
    else:
        try:
            root, graphs = _program(m)
        except (TraceError, TypeError, NotImplementedError) as error:
            raise RuntimeError(
                f"jit.save: the program's control flow depends on values, so that it can't be written as a list of operations ({error}). "
                "Trace it with torch.jit.trace on example inputs, or save its state_dict()"
            ) from error
        archive = _Archive(Writer())
        data = archive.stand_in(root, graphs, True)
        files = archive.files
    book, kept = StorageBook(), io.BytesIO()

    def reference(ref):
        return ("storage", ref.kind, ref.key, "cpu", ref.numel)

    _Pickler(kept, 2, book, reference).dump(data)
    z = _Zip(file, folder)
    z.write("data.pkl", kept.getbuffer())
    for i, owner in enumerate(book.owners):
        z.write(f"data/{i}", bytes_of(owner) if owner.nbytes else b"")
    for path, text in files.items():
        z.write(f"code/{path}", text.encode())
    for name, value in extra.items():
        z.write(f"extra/{name}", value.encode() if isinstance(value, str) else bytes(value))
    z.write("constants.pkl", pickle.dumps((), 2))
    z.write("byteorder", sys.byteorder.encode())
    z.close()


def _again(module, done=None):
    """The stand-in of a module that was loaded."""
    done = {} if done is None else done
    if id(module) in done:
        return done[id(module)]
    kind = type(module._qualified.rpartition(".")[2], (), {"_torchscript_class": module._qualified})
    out = done[id(module)] = kind()

    def value(v):
        if isinstance(v, (LoadedModule, LoadedObject)):
            return _again(v, done)
        if isinstance(v, TaggedList):
            new = TaggedList(map(value, v))
            new.tag = v.tag
            return new
        if isinstance(v, (list, tuple)):
            return type(v)(map(value, v)) if type(v) in (list, tuple) else v
        return _plain(v) if isinstance(v, Tensor) else v

    if isinstance(module, LoadedObject):
        out.state = {k: value(v) for k, v in module._fields.items()}
        return out
    fields = module._program.classes[module._qualified].order
    own = module.__dict__
    state = {}
    for name in fields:
        for table in (own["_parameters"], own["_buffers"], own["_modules"], own):
            if name in table:
                state[name] = value(table[name])
                break
    out.state = state
    return out
