"""`jit.load`: a TorchScript archive, ours or PyTorch's, as a module that runs; nothing in the file is run unchecked. Long: what may run is checked where it is made.

An archive holds the program as text in TorchScript's subset of Python (`code/`), the objects (`data.pkl`) and constants
(`constants.pkl`). The pickles are read by the machine that executes nothing. The text is parsed, every node is compared with
a short list of what TorchScript writes, names and attributes are bound to tensor operations, the archive's own functions and
the archive's objects, and only then is it compiled: no name leads to Python's builtins, the file system or our internals.
"""

import ast
import builtins
import os
import pickle

from ..errors.teaching import AttributeError, RuntimeError, ValueError
from ..errors.unpickling import PickleError, UnpicklingError
from ..nn import Module
from ..nn.parameter import Parameter
from ..serialization.archive import ZipReader, is_zip
from ..serialization.loading import _Records, _restorer
from ..serialization.vm import SafeUnpickler
from ..tensor import Tensor
from . import _aten
from ._script import ScriptModule

__all__ = ["load"]


class LoadedModule(ScriptModule):
    """A module read from an archive: parameters, buffers, sub-modules and methods are those that the file holds."""

    def _get_name(self) -> str:
        return "RecursiveScriptModule"

    def extra_repr(self) -> str:
        """The original class's name."""
        return f"original_name={self.original_name}"

    @property
    def _input_names(self) -> list:
        """The names of forward's inputs."""
        method = self._program.classes[self._qualified].methods.get("forward")
        return [] if method is None else [arg.arg for arg in method.args.args[1:]]

    @property
    def code(self) -> str:
        """The text of forward, as the file has it."""
        return self._program.text(self._qualified, "forward")

    @property
    def graph(self):
        """The program's text: its operations are called by name there."""
        from ._ir import IR

        return IR(None, self.code)

    def forward(self, *args, **kwargs):
        """What the file's forward computes."""
        # a recurrent layer's forward has two forms in PyTorch's archives: the first is for padded sequences
        name = "forward" if self._program.has(self._qualified, "forward") else "forward__0"
        return self._program.method(self._qualified, name)(self, *args, **kwargs)

    def __getattr__(self, name: str):
        try:
            return super().__getattr__(name)
        except builtins.AttributeError:
            program = self.__dict__.get("_program")
            if program is None or not program.has(self.__dict__["_qualified"], name):
                raise
            method = program.method(self._qualified, name)
            return lambda *args, **kwargs: method(self, *args, **kwargs)

    def __deepcopy__(self, memo):
        import copy

        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update({k: v if k == "_program" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return new

    def __reduce_ex__(self, protocol):
        raise PickleError("ScriptModules cannot be pickled: save them with torch.jit.save(module, file)")


class LoadedObject:
    """An object of a TorchScript class."""

    def __init__(self, program, qualified: str):
        self._program, self._qualified, self._fields = program, qualified, {}


class LoadedFunction:
    """A function read from an archive."""

    def __init__(self, module: LoadedModule):
        self._module = module

    def __call__(self, *args, **kwargs):
        return self._module(*args, **kwargs)


# ---- the objects ----------------------------------------------------------------------------------------------------


class _Shell:
    """What a pickle's NEWOBJ makes: an object to be, with its class's name and state."""

    __slots__ = ("name", "state")

    def __init__(self, name):
        self.name, self.state = name, None


class TaggedList(list):
    """A list whose type the file says: `tag` is TorchScript's text of it, or the name of the function that builds it."""

    tag = ""


class TaggedDict(dict):
    """A dict whose type the file says."""

    tag = ""


def _tagged(value, tag: str):
    if isinstance(value, (list, dict)):
        out = TaggedList(value) if isinstance(value, list) else TaggedDict(value)
        out.tag = tag
        return out
    return value


class _Class:
    """The name of a class in the archive, as it stands on the pickle's stack."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


class _Unpickler(SafeUnpickler):
    """The safe machine, which also knows the archive's own classes and TorchScript's marked lists."""

    def name(self, module: str, name: str) -> None:
        if module.startswith("__torch__"):
            self.stack.append(_Class(f"{module}.{name}"))
        elif module == "torch.jit._pickle" and name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist"):
            self._call(lambda values: _tagged(list(values), name))
        elif module == "torch.jit._pickle" and name == "restore_type_tag":
            self._call(lambda value, tag: _tagged(value, str(tag)))
        elif module == "torch.jit._pickle" and name == "build_tensor_from_id":
            raise UnpicklingError("jit.load: the archive keeps tensors outside itself; it was made by torch.package")
        else:
            super().name(module, name)

    def _call(self, function) -> None:
        mark = object()
        self.calls[id(mark)] = mark, lambda *args: function(*args)
        self.stack.append(mark)

    def new_object(self, args, kwargs, cls) -> None:
        if type(cls) is _Class:
            self.stack.append(_Shell(cls.name))
        else:
            super().new_object(args, kwargs, cls)

    def reduce(self) -> None:
        if type(self.stack[-2]) is _Class:  # a NamedTuple, or an enum's value
            args, cls = self.stack.pop(), self.stack.pop()
            shell = _Shell(cls.name)
            shell.state = args
            self.stack.append(shell)
        else:
            super().reduce()

    def build(self) -> None:
        if type(self.stack[-2]) is _Shell:
            state = self.stack.pop()
            self.stack[-1].state = state
        else:
            super().build()


_Unpickler.ops = {**SafeUnpickler.ops, ord("b"): _Unpickler.build, ord("R"): _Unpickler.reduce}


def _revive(value, program, seen: dict):
    """Shells in a nest turned into modules and objects."""
    if type(value) is _Shell:
        if id(value) in seen:
            return seen[id(value)]
        info = program.classes.get(value.name)
        if info is None:
            raise RuntimeError(
                f"jit.load: the archive's data names the class {value.name}, which its code doesn't define; the file is damaged"
            )
        if info.kind == "NamedTuple":
            return info.tuple_type()(*(_revive(v, program, seen) for v in value.state))
        if info.kind != "Module":
            made = seen[id(value)] = LoadedObject(program, value.name)
            state = value.state if isinstance(value.state, dict) else {}
            made._fields.update({k: _revive(v, program, seen) for k, v in state.items()})
            return made
        return _module(value, info, program, seen)
    if isinstance(value, tuple):
        return tuple(_revive(v, program, seen) for v in value)
    if isinstance(value, list):
        value[:] = [_revive(v, program, seen) for v in value]
    elif isinstance(value, dict):
        for k, v in list(value.items()):
            value[k] = _revive(v, program, seen)
    return value


def _module(shell, info, program, seen) -> LoadedModule:
    made = seen[id(shell)] = LoadedModule.__new__(LoadedModule)
    Module.__init__(made)
    made.__dict__.update(_program=program, _qualified=shell.name, _original_name=info.name)
    for key, value in (shell.state or {}).items():
        if type(key) is not str:
            raise RuntimeError("jit.load: an attribute's name isn't text; the file is damaged")
        value = _revive(value, program, seen)
        if isinstance(value, Module):
            made._modules[key] = value
        elif key in info.parameters and (value is None or isinstance(value, Tensor)):
            made._parameters[key] = None if value is None else _parameter(value)
        elif isinstance(value, Tensor) and (key in info.buffers or not info.known):
            made._buffers[key] = value
        elif key == "training":
            made.training = bool(value)
        elif not key.startswith("__") and key not in _RESERVED:
            made.__dict__[key] = value
    return made


_RESERVED = (
    frozenset(vars(Module))
    | (frozenset(Module().__dict__) - {"training"})
    | {"_program", "_qualified", "_original_name", "_parameters", "_buffers", "_modules", "_is_full_backward_hook"}
)


def _parameter(t: Tensor) -> Parameter:
    p = Parameter(t.detach(), requires_grad=t.requires_grad)
    return p


# ---- the program ----------------------------------------------------------------------------------------------------


class _ClassInfo:
    """A class statement of the archive."""

    def __init__(self, qualified: str, node: ast.ClassDef):
        self.qualified, self.name = qualified, node.name
        self.kind = node.bases[0].id if node.bases and isinstance(node.bases[0], ast.Name) else "object"
        self.methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        lists = {
            n.targets[0].id: ast.literal_eval(n.value)
            for n in node.body
            if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name) and n.targets[0].id in ("__parameters__", "__buffers__")
        }
        self.known = "__parameters__" in lists
        self.parameters, self.buffers = set(lists.get("__parameters__", ())), set(lists.get("__buffers__", ()))
        self.fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        annotated = [
            n.targets[0].slice.value
            for n in node.body
            if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Subscript) and isinstance(n.targets[0].slice, ast.Constant)
        ]
        self.order = [*self.fields, *annotated]  # every attribute of the class
        self._tuple = None

    def tuple_type(self):
        """The named tuple of these fields."""
        from collections import namedtuple

        if self._tuple is None:
            self._tuple = namedtuple(self.name, self.fields)
        return self._tuple


class Program:
    """The code of an archive: classes and functions, compiled one by one when they are first called."""

    def __init__(self, files: dict, constants: tuple):
        self.constants, self.files = constants, files
        self.classes: dict = {}
        self.functions: dict = {}
        self._done: dict = {}
        for path, text in files.items():
            package = path[: -len(".py")].replace("/", ".")
            try:
                tree = ast.parse(text)
            except (SyntaxError, builtins.ValueError, RecursionError, MemoryError) as error:
                raise RuntimeError(f"jit.load: {path} can't be parsed ({error}); the file is damaged") from error
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    self.classes[f"{package}.{node.name}"] = _ClassInfo(f"{package}.{node.name}", node)
                elif isinstance(node, ast.FunctionDef):
                    self.functions[f"{package}.{node.name}"] = node

    def has(self, qualified: str, name: str) -> bool:
        """Whether a class has a method."""
        return name in self.classes[qualified].methods

    def text(self, qualified: str, name: str) -> str:
        """A method's text."""
        return ast.unparse(self.classes[qualified].methods[name]) + "\n" if self.has(qualified, name) else ""

    def method(self, qualified: str, name: str):
        """A method as a function."""
        key = (qualified, name)
        if key not in self._done:
            info = self.classes.get(qualified)
            if info is None or name not in info.methods:
                raise AttributeError(f"jit.load: {qualified} has no method {name!r} in the archive")
            self._done[key] = _compile(info.methods[name], self)
        return self._done[key]

    def function(self, qualified: str):
        """A function."""
        if qualified not in self._done:
            self._done[qualified] = _compile(self.functions[qualified], self)
        return self._done[qualified]

    def resolve(self, path: str):
        """What a dotted name in the code calls; RuntimeError for anything that isn't known."""
        head, _, rest = path.partition(".")
        if head == "__torch__":
            if path in self.functions:
                return lambda *args, **kwargs: self.function(path)(*args, **kwargs)
            info = self.classes.get(path)
            if info is not None and info.kind == "NamedTuple":
                return info.tuple_type()
            if info is not None:
                return lambda *args: self._make(path, args)
        elif head == "CONSTANTS" and rest[:1] == "c" and rest[1:].isdigit() and int(rest[1:]) < len(self.constants):
            return self.constants[int(rest[1:])]
        else:
            if head == "ops":
                space, _, name = rest.partition(".")
                if space == "prim" and name == "RaiseException":
                    return _raise
                found = _aten.find(name) if space in ("aten", "prim") else _operation(space, name)
            else:
                found = _aten.find(rest)
            if found is not None:
                return found
        raise RuntimeError(
            f"jit.load: the program calls {path}, which isn't known here; save the state_dict with PyTorch and load that instead"
        )

    def _make(self, path: str, args):
        made = LoadedObject(self, path)
        self.method(path, "__init__")(made, *args)
        return made


def _operation(space: str, name: str):
    from ..library import _find, known_namespace

    return _find(space, name) if known_namespace(space) else None


class TorchScriptError(RuntimeError):
    """A scripted program raised."""


def _raise(message, kind=None):
    raise TorchScriptError(str(message))


_NODES = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If, ast.Expr, ast.Pass,
    ast.Break, ast.Continue, ast.Raise, ast.Assert, ast.BoolOp, ast.And, ast.Or, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.List, ast.Tuple,
    ast.Compare, ast.Call, ast.keyword, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Load, ast.Store, ast.operator,
    ast.unaryop, ast.cmpop, ast.With, ast.withitem, ast.Starred, ast.ListComp, ast.comprehension, ast.JoinedStr,
)  # fmt: skip
_ROOTS = ("torch", "ops", "__torch__", "CONSTANTS")
_BUILTINS = {
    "int": int, "float": float, "bool": bool, "str": str, "len": len, "range": range, "abs": abs, "min": min, "max": max, "list": list,
    "tuple": tuple, "dict": dict, "enumerate": enumerate, "zip": zip, "sorted": sorted, "sum": sum, "ord": ord, "chr": chr, "complex": complex,
    "True": True, "False": False, "None": None, "inf": float("inf"), "nan": float("nan"), "isinstance": None,
}  # fmt: skip


def _get(obj, name: str):
    """An attribute of a value that a program may read."""
    if isinstance(obj, LoadedModule):
        own = obj.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            if name in own[table]:
                return own[table][name]
        if name == "training" or (name in own and name not in _RESERVED):
            return own[name]
        if obj._program.has(obj._qualified, name):
            method = obj._program.method(obj._qualified, name)
            return lambda *args, **kwargs: method(obj, *args, **kwargs)
    elif isinstance(obj, LoadedObject):
        if name in obj._fields:
            return obj._fields[name]
        method = obj._program.method(obj._qualified, name)
        return lambda *args, **kwargs: method(obj, *args, **kwargs)
    elif isinstance(obj, tuple) and name in getattr(type(obj), "_fields", ()):
        return getattr(obj, name)
    elif isinstance(obj, Tensor) and name in ("dtype", "device", "shape", "requires_grad", "is_cuda", "T", "data", "layout", "grad"):
        return _aten.find(name)(obj) if name != "grad" else obj.grad
    raise AttributeError(f"jit.load: the program reads {name!r} of a {type(obj).__name__}, which has no such attribute")


def _set(obj, name: str, value) -> None:
    """An attribute of a module or object that a program writes."""
    if isinstance(obj, LoadedObject):
        obj._fields[name] = value
        return
    if not isinstance(obj, LoadedModule) or name in _RESERVED or name.startswith("__"):
        raise AttributeError(f"jit.load: the program may not write {name!r} of a {type(obj).__name__}")
    for table in ("_parameters", "_buffers"):
        if name in obj.__dict__[table]:
            obj.__dict__[table][name] = value
            return
    obj.__dict__[name] = value


def _annotate(kind, value=None):
    return value


class _Binder(ast.NodeTransformer):
    """Checks a function and binds its names: dotted paths to objects, attributes to `_get`."""

    def __init__(self, program: Program):
        self.program, self.bound = program, {}

    def generic_visit(self, node):
        if not isinstance(node, _NODES):
            raise RuntimeError(
                f"jit.load: the program holds a {type(node).__name__}, which TorchScript never does; the file is damaged or forged"
            )
        return super().generic_visit(node)

    def bind(self, value) -> ast.expr:
        """A name for an object."""
        name = f"_bound_{len(self.bound)}"
        self.bound[name] = value
        return ast.Name(name, ast.Load())

    def visit_FunctionDef(self, node):
        for arg in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
            arg.annotation = None
            self._check_name(arg.arg)
        if node.args.vararg is not None or node.args.kwarg is not None or node.decorator_list:
            raise RuntimeError("jit.load: a function takes * arguments or is decorated, which TorchScript never writes; the file is forged")
        node.returns = None
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [None if d is None else self.visit(d) for d in node.args.kw_defaults]
        node.name = "_program"
        node.body = [self.visit(n) for n in node.body] or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node):
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign([node.target], node.value))

    def visit_Attribute(self, node):
        path = _path(node)
        if path is not None and path.partition(".")[0] in _ROOTS:
            if not isinstance(node.ctx, ast.Load):
                raise RuntimeError(f"jit.load: the program writes to {path}; the file is forged")
            return self.bind(self.program.resolve(path))
        if not isinstance(node.ctx, ast.Load):
            raise RuntimeError("jit.load: an attribute is written in a way that TorchScript never does; the file is forged")
        return ast.Call(self.bind(_get), [self.visit(node.value), ast.Constant(node.attr)], [])

    def visit_Assign(self, node):
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute):
            target = node.targets[0]
            return ast.Expr(ast.Call(self.bind(_set), [self.visit(target.value), ast.Constant(target.attr), self.visit(node.value)], []))
        return self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id in ("annotate", "unchecked_cast", "uninitialized"):
            rest = [self.visit(a) for a in node.args[1:]] or [ast.Constant(None)]
            return rest[0]
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            kinds = self.bind(_kinds(node.args[1]))
            return ast.Call(self.bind(_is), [self.visit(node.args[0]), kinds], [])
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
            return ast.Call(self.bind(_get), [self.visit(node.args[0]), ast.Constant(str(node.args[1].value))], [])
        return self.generic_visit(node)

    def visit_Raise(self, node):
        message = node.exc.args[0] if isinstance(node.exc, ast.Call) and node.exc.args else ast.Constant("the program raised")
        return ast.Expr(ast.Call(self.bind(_raise), [self.visit(message)], []))

    @staticmethod
    def _check_name(name: str) -> None:
        if name.startswith(("__", "_bound_")):
            raise RuntimeError(f"jit.load: the program uses the name {name!r}, which TorchScript never writes; the file is forged")

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in _ROOTS:
            raise RuntimeError(f"jit.load: the program uses {node.id} alone; the file is forged")
        self._check_name(node.id)
        return node


def _is(value, kinds) -> bool:
    from ._annotations import isinstance as check

    return any(check(value, kind) for kind in kinds)


def _kinds(node) -> tuple:
    """The types that a program's isinstance names."""
    import typing

    plain = {"Tensor": Tensor, "int": int, "float": float, "bool": bool, "str": str, "NoneType": type(None), "None": type(None)}
    outer = {"List": typing.List, "Dict": typing.Dict, "Tuple": typing.Tuple, "Optional": typing.Optional}  # noqa: UP006

    def one(n):
        if isinstance(n, ast.Constant) and n.value is None:
            return type(None)
        if isinstance(n, ast.Name) and n.id in plain:
            return plain[n.id]
        if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name) and n.value.id in outer:
            inner = n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice]
            return outer[n.value.id][tuple(map(one, inner)) if len(inner) > 1 or n.value.id == "Tuple" else one(inner[0])]
        raise RuntimeError(f"jit.load: isinstance with {ast.unparse(n)} isn't known here")

    return tuple(map(one, node.elts)) if isinstance(node, (ast.Tuple, ast.List)) else (one(node),)


def _path(node) -> str | None:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _compile(node: ast.FunctionDef, program: Program):
    """A checked function of the archive as a Python function whose only globals are what was bound."""
    import copy

    binder = _Binder(program)
    tree = ast.fix_missing_locations(ast.Module([binder.visit(copy.deepcopy(node))], []))
    space = {"__builtins__": {}, **_BUILTINS, **binder.bound}
    exec(compile(tree, f"<TorchScript {node.name}>", "exec"), space)
    return space["_program"]


# ---- the file -------------------------------------------------------------------------------------------------------


class _Archive(ZipReader):
    """The records of a TorchScript archive."""

    program = True


def load(f, map_location=None, _extra_files=None, _restore_shapes: bool = False):
    """A module (or function) from an archive that `jit.save`, here or in PyTorch, wrote.

    `f` is a path or a seekable binary file; `map_location` as in `load`; `_extra_files` is a dict whose keys name further
    records, read into its values. No code is run unchecked: see this module. FileNotFoundError, RuntimeError for what is
    no archive, is damaged, or calls what isn't known here.

    >>> import io, lightwell as torch
    >>> f = io.BytesIO(); torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.ones(1, 2)), f)
    >>> _ = f.seek(0); torch.jit.load(f)(torch.ones(3, 2)).shape
    torch.Size([3, 1])
    """
    if isinstance(f, (str, os.PathLike)):
        if not os.path.exists(f):
            raise ValueError(f"The provided filename {os.fspath(f)} does not exist")
        if os.path.isdir(f):
            raise ValueError(f"The provided filename {os.fspath(f)} is a directory")
        with open(f, "rb") as file:
            return load(file, map_location, _extra_files)
    if not is_zip(f):
        raise RuntimeError("jit.load: the file is no TorchScript archive (it doesn't begin as a zip file does)")
    reader = _Archive(f)
    if "constants.pkl" not in reader:
        raise RuntimeError("jit.load: the archive holds no program; it was written by torch.save: read it with torch.load")
    try:
        return _read(reader, map_location, _extra_files)
    except (pickle.UnpicklingError, EOFError) as error:
        raise RuntimeError(f"jit.load: {error}") from error


def _read(reader, map_location, extra):
    prefix = reader.folder + "/"
    names = [name[len(prefix) :] for name in reader.infos]
    files = {name[len("code/") :]: reader.read(name).decode("utf-8") for name in names if name.startswith("code/") and name.endswith(".py")}
    restore = _restorer(map_location)
    program = Program(files, ())
    seen: dict = {}
    values = []
    for record, folder in (("constants.pkl", "constants"), ("data.pkl", "data")):
        shelf = _Shelf(reader, restore, False, False, folder)
        values.append(_revive(_Unpickler(reader.read(record), 0, shelf.get).run(), program, seen))
    program.constants = values[0]
    if extra is not None:
        for key in extra:
            extra[key] = reader.read(f"extra/{key}") if f"extra/{key}" in reader else extra[key]
    made = values[1]
    if not isinstance(made, LoadedModule):
        raise RuntimeError("jit.load: the archive's data is no module; the file is damaged")
    return made


class _Shelf(_Records):
    """The storages of one of the archive's two pickles."""

    def __init__(self, reader, restore, swap, mapped, folder: str):
        super().__init__(reader, restore, swap, mapped)
        self.reader = _Inside(reader, folder)


class _Inside:
    """The reader with `data/` meaning another folder."""

    def __init__(self, reader, folder: str):
        self._reader, self._folder = reader, folder

    def _name(self, name: str) -> str:
        return self._folder + name[len("data") :] if name.startswith("data/") else name

    def size(self, name):
        """Bytes of a record."""
        return self._reader.size(self._name(name))

    def array(self, name):
        """A record."""
        return self._reader.array(self._name(name))

    def stored(self, name):
        """Whether a record is uncompressed."""
        return self._reader.stored(self._name(name))

    def where(self, name):
        """Where a record lies."""
        return self._reader.where(self._name(name))
