"""`jit.script`: functions and modules that keep their Python, checked, with PyTorch's scripted interface around them."""

import ast
import builtins
import enum
import functools
import inspect
import types

from ..errors.teaching import AttributeError, RuntimeError, TypeError
from ..errors.unpickling import PickleError
from ..nn import Module
from ..tensor import Tensor
from ._annotations import running
from .frontend import check_source, source_of

__all__ = ["CompilationUnit", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "script"]


def _type_error(name: str, position: int, parameter: str, wanted: str, value) -> RuntimeError:
    return RuntimeError(
        f"{name}() Expected a value of type '{wanted}' for argument '{parameter}' but instead found type '{type(value).__name__}'.\n"
        f"Position: {position}\nValue: {value!r:.100}\nDeclaration: unannotated parameters are Tensors in TorchScript; say another type, as in "
        f"`{parameter}: {type(value).__name__}`"
    )


class _Checked:
    """Checks the arguments of a call against the annotations, as far as they are plain."""

    def __init__(self, fn, name: str, skip: int = 0):
        self.name = name
        self.signature = signature = inspect.signature(fn)
        self.wanted: list = []
        names = list(signature.parameters.values())[skip:]
        for i, p in enumerate(names):
            kind = p.annotation
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                continue
            if kind is p.empty:
                wanted = Tensor if p.default is p.empty else None
            else:
                if isinstance(kind, str):
                    kind = {"int": int, "float": float, "bool": bool, "str": str, "Tensor": Tensor, "torch.Tensor": Tensor}.get(kind)
                wanted = kind if isinstance(kind, type) and kind in (int, float, bool, str, Tensor) else None
            self.wanted.append((i, p.name, wanted))
        self.skip = skip

    def __call__(self, args, kwargs) -> None:
        for i, parameter, wanted in self.wanted:
            if wanted is None or (i >= len(args) and parameter not in kwargs):
                continue
            value = args[i] if i < len(args) else kwargs[parameter]
            kind = type(value)
            if kind is wanted or builtins.isinstance(value, Tensor) or hasattr(kind, "__torch_function__"):
                if wanted is Tensor or kind is wanted:
                    continue
                if value.numel() == 1 if builtins.isinstance(value, Tensor) else True:
                    continue
            elif wanted is float and kind is int:
                continue
            raise _type_error(self.name, i, parameter, wanted.__name__, value)


class ScriptFunction:
    """A scripted (or traced) function: called as the function is; with `code`, `graph` and `save`."""

    def __init__(self, fn, name: str | None = None):
        functools.update_wrapper(self, fn)
        self._fn, self.name = fn, name or fn.__name__
        self.qualified_name = f"__torch__.{self.name}"
        self._check = _Checked(fn, self.name)
        self._torchdynamo_inline = fn

    def __call__(self, *args, **kwargs):
        self._check(args, kwargs)
        with running("scripting"):
            return self._fn(*args, **kwargs)

    @property
    def code(self) -> str:
        """The program's text."""
        return _text(self._fn)

    @property
    def graph(self):
        """The program as a graph of operations, where its control flow doesn't depend on values; else its text."""
        from ._ir import graph_of

        return graph_of(self._fn, self.code)

    inlined_graph = graph

    @property
    def schema(self) -> str:
        """Name and signature."""
        return f"{self.name}{inspect.signature(self._fn)}"

    def save(self, f, _extra_files=None) -> None:
        """Write it to a file; see `jit.save`."""
        from ._save import save

        save(self, f, _extra_files)

    def save_to_buffer(self, _extra_files=None) -> bytes:
        """What `save` would write."""
        import io

        out = io.BytesIO()
        self.save(out, _extra_files)
        return out.getvalue()

    def get_debug_state(self):
        """The executor's state: there is no executor beside Python here."""
        return None

    def __repr__(self):
        return f"<torch.jit.ScriptFunction object {self.name}>"


def _text(fn) -> str:
    """A function as text without comments; the empty text where there is no source."""
    try:
        tree = source_of(fn)[0]
    except OSError:
        return ""
    if tree is None:
        return ""
    tree.decorator_list = []
    if tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(getattr(tree.body[0], "value", None), ast.Constant):
        tree.body = tree.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"


class ScriptModule(Module):
    """The base of scripted and traced modules, and of modules written with `@jit.script_method`.

    A module all the same: parameters, sub-modules, state_dict, train and eval, hooks. `code` is forward's text, `graph`
    its operations, `save(f)` writes it with its code.
    """

    @property
    def original_name(self) -> str:
        """The name of the class it was made from."""
        return self.__dict__.get("_original_name") or type(self).__name__

    @property
    def code(self) -> str:
        """The text of forward."""
        return _text(type(self).forward)

    @property
    def code_with_constants(self) -> tuple:
        """The text of forward, and the constants that it names."""
        return self.code, {}

    @property
    def graph(self):
        """The operations of forward, where its control flow doesn't depend on values; else its text."""
        from ._ir import graph_of

        return graph_of(self, self.code)

    @property
    def inlined_graph(self):
        """The operations of forward and of all modules that it calls."""
        from ._ir import graph_of

        return graph_of(self, self.code, inline=True)

    def save(self, f, _extra_files=None, **kwargs) -> None:
        """Write the module with its code to a file; see `jit.save`."""
        from ._save import save

        save(self, f, _extra_files)

    def save_to_buffer(self, _extra_files=None) -> bytes:
        """What `save` would write."""
        import io

        out = io.BytesIO()
        self.save(out, _extra_files)
        return out.getvalue()

    def define(self, src: str) -> None:
        """Add methods from their text: `m.define("def double(self, x): return x * 2")`."""
        import textwrap

        import lightwell

        space: dict = {"torch": lightwell, "Tensor": Tensor}
        exec(compile(textwrap.dedent(src), "<ScriptModule.define>", "exec"), space)
        for name, value in list(space.items()):
            if builtins.isinstance(value, types.FunctionType):
                self.__dict__[name] = types.MethodType(value, self)


class RecursiveScriptModule(ScriptModule):
    """What `jit.script(module)` gives: the module's own methods, on the same parameters, its children scripted too."""

    def __call__(self, *args, **kwargs):
        check = self.__dict__.get("_check")
        if check is not None:
            check(args, kwargs)
        with running("scripting"):
            return super().__call__(*args, **kwargs)

    def extra_repr(self) -> str:
        """The original class's name."""
        return f"original_name={self.original_name}"

    def _get_name(self) -> str:
        return "RecursiveScriptModule"

    def __repr__(self) -> str:
        return Module.__repr__(self)

    def __reduce_ex__(self, protocol):
        import copyreg

        if protocol == 4 or not self.__dict__.get("_copying"):
            raise PickleError("ScriptModules cannot be pickled: save them with torch.jit.save(module, file)")
        return copyreg.__reduce_ex__(self, protocol)

    def __deepcopy__(self, memo):
        import copy

        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update({k: v if k == "_check" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return new

    def __copy__(self):
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new


_classes: dict = {}


def wrapper_class(base: type, cls: type) -> type:
    """A class that is `base` first and `cls` behind it, so that methods and super() find their places."""
    found = _classes.get((base, cls))
    if found is None:
        # forward must be the module's own, not Module's that comes in through the base
        forward = {} if issubclass(cls, ScriptModule) else {"forward": cls.forward}
        bases = (cls,) if issubclass(cls, base) else (base, cls)
        found = type(base.__name__, bases, {**forward, "__module__": base.__module__})
        _classes[base, cls] = found
    return found


def wrap_module(module: Module, base: type, checked: bool):
    """A module of `wrapper_class` on the same parameters and buffers, its children wrapped too."""
    done: dict = {}

    def wrap(m):
        if m is None or builtins.isinstance(m, ScriptModule):
            return m
        if m in done:
            return done[m]
        cls = type(m)
        own = checked and not cls.__module__.startswith("lightwell.")
        if own:
            _check_class(cls)
        new = object.__new__(wrapper_class(base, cls))
        done[m] = new
        state = dict(m.__dict__)
        for table in ("_parameters", "_buffers"):
            state[table] = type(state[table])(state[table])
        state["_modules"] = type(state["_modules"])((name, wrap(child)) for name, child in state["_modules"].items())
        state["_original_name"] = cls.__name__
        for name, value in list(state.items()):
            if type(value).__name__ == "Attribute" and builtins.isinstance(value, tuple):
                state[name] = value[0]
        new.__dict__.update(state)
        if own:
            new.__dict__["_check"] = _Checked(cls.forward, "forward", 1)
        return new

    return wrap(module)


def _check_class(cls: type) -> None:
    forward = cls.__dict__.get("forward")
    for name, value in vars(cls).items():
        if builtins.isinstance(value, types.FunctionType) and (value is forward or getattr(value, "_torchscript_modifier", "") == "export"):
            try:
                check_source(value)
            except OSError:
                if name == "forward" and not value.__code__.co_filename.startswith("<"):
                    raise


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """Make a scripted function, module or class of `obj`: it runs as Python does and gives what it gave.

    Refused with NotSupportedError and the line: what TorchScript can't hold (try, yield, lambda, nested functions,
    *args, ...). Calls check plain argument types: unannotated parameters without default must be tensors, RuntimeError
    otherwise. A module's parameters are shared with the original, its children are scripted too. Classes, enums and
    what is scripted already come back as they are. TypeError for anything else.

    >>> import lightwell as torch
    >>> @torch.jit.script
    ... def clip(x, top: float):
    ...     if bool(x.max() > top):
    ...         x = x.clamp(max=top)
    ...     return x
    >>> clip(torch.tensor([1.0, 5.0]), 2.0)
    tensor([1., 2.])
    """
    if builtins.isinstance(obj, (ScriptFunction, ScriptModule)) and type(obj) is not ScriptModule:
        return obj
    if builtins.isinstance(obj, Module):
        from ..fx import GraphModule

        if builtins.isinstance(obj, GraphModule):
            return wrap_module(obj, RecursiveScriptModule, False)
        return wrap_module(obj, RecursiveScriptModule, True)
    if builtins.isinstance(obj, type):
        if issubclass(obj, Module):
            raise RuntimeError(f"Type '{obj}' cannot be compiled since it inherits from nn.Module, consider passing an instance instead")
        if not issubclass(obj, (enum.Enum, tuple)):
            for value in vars(obj).values():
                if builtins.isinstance(value, types.FunctionType):
                    check_source(value)
        return obj
    if builtins.isinstance(obj, types.MethodType):
        raise RuntimeError(f"{obj} is a bound method: script the module, and mark the method with @torch.jit.export")
    if builtins.isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        if getattr(obj, "__script_if_tracing_wrapper", False):
            obj = obj.__original_fn
        if builtins.isinstance(obj, types.FunctionType) and not obj.__module__.startswith("lightwell."):
            check_source(obj)
        return ScriptFunction(obj)
    if builtins.isinstance(obj, (dict, list)):
        return obj
    raise TypeError(f"script: expected a function, a module or a class, got {type(obj).__name__}")


class CompilationUnit:
    """Functions from their text: `CompilationUnit("def f(x): return x + 1").f`."""

    def __init__(self, lang=None, _frames_up=0):
        self._functions: dict = {}
        if lang is not None:
            self.define(lang)

    def define(self, lang: str) -> None:
        """Add the functions of a text."""
        import lightwell

        space: dict = {"torch": lightwell, "Tensor": Tensor}
        import textwrap

        exec(compile(textwrap.dedent(lang), "<CompilationUnit>", "exec"), space)
        for name, value in space.items():
            if builtins.isinstance(value, types.FunctionType):
                self._functions[name] = ScriptFunction(value)

    def __getattr__(self, name: str):
        found = self.__dict__.get("_functions", {}).get(name)
        if found is None:
            raise AttributeError(f"'CompilationUnit' has no attribute '{name}'")
        return found
