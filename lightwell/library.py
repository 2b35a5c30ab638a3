"""`torch.library`: operations of one's own, by name; and `torch.ops`, which finds those and the built-in ones by theirs."""

import builtins
import inspect

from .errors.teaching import AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError
from .tensor import Tensor

__all__ = [
    "CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "impl", "opcheck", "register_autograd",
    "register_autocast", "register_fake", "register_kernel", "register_torch_dispatch", "register_vmap", "wrap_triton",
]  # fmt: skip

_registered: dict = {}  # "namespace::name" -> CustomOpDef
_BUILT_IN = ("aten", "prim", "prims", "profiler", "torchvision")


class Overload:
    """One form of an operation, such as `torch.ops.aten.add.Tensor`: called as the function is."""

    def __init__(self, packet, name: str):
        self._packet, self._overload = packet, name
        self.__name__ = f"{packet.__name__}.{name}"
        self.__module__ = packet.__module__

    def __call__(self, *args, **kwargs):
        return self._packet(*args, **kwargs)

    @property
    def overloadpacket(self):
        """The operation in all its forms."""
        return self._packet

    def name(self) -> str:
        """namespace::operation.form"""
        return f"{self._packet._qualified}.{self._overload}" if self._overload != "default" else self._packet._qualified

    def __repr__(self):
        return f"<OpOverload(op='{self._packet._qualified}', overload='{self._overload}')>"

    def __str__(self):
        return f"{self._packet}.{self._overload}"


class Packet:
    """An operation by name, such as `torch.ops.aten.add`: a function; its attributes are its forms."""

    def __init__(self, namespace: str, name: str, function):
        self.__name__, self._qualified, self._function = name, f"{namespace}::{name}", function
        self.__module__ = f"torch.ops.{namespace}"
        self.__doc__ = function.__doc__

    def __call__(self, *args, **kwargs):
        from . import overrides

        if overrides._held:
            relevant = tuple(overrides._flat(args, kwargs))
            if overrides.has_torch_function(relevant):
                return overrides.handle_torch_function(self, relevant, *args, **kwargs)
        return self._function(*args, **kwargs)

    def overloads(self) -> list:
        """The names of its forms that are known."""
        return ["default"]

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        found = self.__dict__[name] = Overload(self, name)
        return found

    def __repr__(self):
        return f"<OpOverloadPacket(op='{self._qualified.replace('::', '.')}')>"

    def __str__(self):
        return self._qualified.replace("::", ".")


class Namespace:
    """`torch.ops.<name>`: operations as attributes; AttributeError for one that isn't known."""

    def __init__(self, name: str):
        self.name = name

    def __getattr__(self, op: str):
        if op.startswith("__"):
            raise AttributeError(op)
        function = _find(self.name, op)
        if function is None:
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{op}'")
        found = self.__dict__[op] = Packet(self.name, op, function)
        return found

    def __repr__(self):
        return f"<torch.ops.{self.name}>"


_namespaces: dict = {}


def namespace(name: str) -> Namespace:
    """The operations of a namespace."""
    if name not in _namespaces:
        _namespaces[name] = Namespace(name)
    return _namespaces[name]


def known_namespace(name: str) -> bool:
    """Whether a namespace is built in, or has operations."""
    return name in _BUILT_IN or name in _namespaces or any(key.startswith(name + "::") for key in _registered)


def _find(space: str, op: str):
    """The function behind an operation's name; None where there is none."""
    if f"{space}::{op}" in _registered:
        return _registered[f"{space}::{op}"]
    if space == "profiler":
        return {"_record_function_enter": _enter, "_record_function_enter_new": _enter, "_record_function_exit": _exit}.get(op)
    if space == "torchvision":
        from .vision import ops

        return getattr(ops, op, None)
    if space not in ("aten", "prim", "prims"):
        return None
    from .jit import _aten

    return _aten.find(op)


class _Range:
    """A running `record_function` range that `torch.ops.profiler` opened."""

    def __init__(self, name):
        from .autograd.profiler import record_function

        self.record = record_function(name)
        self.record.__enter__()


def _enter(name: str, args=None):
    """Open a named range in the running profile; returns its handle."""
    return _Range(name)


def _exit(handle) -> None:
    """Close a range that `_record_function_enter` opened."""
    handle.record.__exit__(None, None, None)


def _mark_exit() -> None:
    for function, name in ((_enter, "_record_function_enter"), (_exit, "_record_function_exit")):
        function.__name__ = name


_mark_exit()


# ---- operations of one's own ----------------------------------------------------------------------------------------


def _detached(value):
    return value.detach() if isinstance(value, Tensor) else value


class CustomOpDef:
    """A function registered under a name; `register_autograd` and its kin add to it.

    `_opoverload` is its entry under `torch.ops`.
    """

    def __init__(self, qualified: str, fn, mutates_args=()):
        space, sep, name = qualified.partition("::")
        if not sep or not space or not name:
            raise ValueError(f"Expected an operator's name of the form 'namespace::name', got {qualified!r}")
        self._qualname, self._name, self._namespace = qualified, name, space
        self._fn, self.mutates_args = fn, mutates_args
        self._kernels: dict = {}
        self._fake = self._backward = self._setup = self._vmap = None
        self.__name__, self.__doc__ = name, getattr(fn, "__doc__", None)
        self.__signature__ = inspect.signature(fn)
        self.__wrapped__ = fn

    @property
    def _opoverload(self):
        return getattr(namespace(self._namespace), self._name).default

    def __call__(self, *args, **kwargs):
        if self._backward is None:
            return self._run(*args, **kwargs)
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._function().apply(*bound.args, *bound.kwargs.values())

    def _run(self, *args, **kwargs):
        return self._kernels.get("cpu", self._fn)(*args, **kwargs)

    def _function(self):
        """The autograd.Function of the formula that was registered."""
        from .autograd import Function

        op = self
        keyword_only = [n for n, p in self.__signature__.parameters.items() if p.kind is p.KEYWORD_ONLY]

        class Custom(Function):
            @staticmethod
            def forward(ctx, *inputs):
                n = len(inputs) - len(keyword_only)
                plain, named = inputs[:n], dict(zip(keyword_only, inputs[n:]))
                out = op._run(*map(_detached, plain), **named)  # the computation runs below autograd
                if op._setup is not None:
                    options = {"keyword_only_inputs": named} if keyword_only else {}
                    op._setup(ctx, plain, out, **options)
                return out

            @staticmethod
            def backward(ctx, *grads):
                out = op._backward(ctx, *grads)
                out = out if isinstance(out, tuple) else (out,)
                return (*out, *[None] * len(keyword_only))

        Custom.__name__ = self._name
        self.__dict__["_function"] = lambda: Custom
        return Custom

    def register_autograd(self, backward, /, *, setup_context=None):
        """Differentiate it by `backward(ctx, *grads)`; `setup_context(ctx, inputs, output)` keeps what that needs."""
        self.__dict__.pop("_function", None)
        self._backward, self._setup = backward, setup_context

    def register_fake(self, fn, /):
        """How the result looks without being computed: shapes and dtypes; used as a check by `opcheck`."""
        self._fake = fn
        return fn

    def register_kernel(self, device_types, fn=None, /):
        """Another computation for devices of these types ("cpu" counts here); also as a decorator."""

        def register(f):
            for kind in (device_types,) if isinstance(device_types, str) else device_types or ("cpu",):
                self._kernels[kind] = f
            return f

        return register if fn is None else register(fn)

    def register_vmap(self, func=None):
        """How it maps over a batch dimension; also as a decorator."""

        def register(f):
            self._vmap = f
            return f

        return register if func is None else register(func)

    def register_autocast(self, device_type: str, cast_inputs):
        """Under autocast, cast floating-point inputs to this dtype."""
        plain = self._fn

        def cast(*args, **kwargs):
            import lightwell as lw

            if lw.is_autocast_enabled(device_type):
                args = tuple(a.to(cast_inputs) if isinstance(a, Tensor) and a.is_floating_point() else a for a in args)
            return plain(*args, **kwargs)

        self._fn = cast

    def __repr__(self):
        return f"<CustomOpDef({self._qualname})>"


def custom_op(name: str, fn=None, /, *, mutates_args, device_types=None, schema=None, tags=None):
    """Register a function as the operation `namespace::name`, callable as `torch.ops.namespace.name` too; also a decorator.

    `mutates_args` names the arguments that it writes to. ValueError for a name without a namespace.

    >>> import lightwell as torch
    >>> @torch.library.custom_op("doc::double", mutates_args=())
    ... def double(x: torch.Tensor) -> torch.Tensor:
    ...     return torch.from_numpy(x.numpy() * 2)
    >>> double.register_autograd(lambda ctx, g: g * 2)
    >>> x = torch.ones(2, requires_grad=True)
    >>> torch.ops.doc.double(x).sum().backward(); x.grad
    tensor([2., 2.])
    """

    def register(f):
        made = _registered[name] = CustomOpDef(name, f, mutates_args)
        namespace(made._namespace).__dict__.pop(made._name, None)
        return made

    return register if fn is None else register(fn)


def _op(op) -> CustomOpDef:
    """The registered operation of this name, definition, or `torch.ops` entry."""
    if isinstance(op, CustomOpDef):
        return op
    name = op if isinstance(op, str) else op.name() if isinstance(op, Overload) else op._qualified
    if name not in _registered:
        raise RuntimeError(f"There is no operator {name!r}: register it first, with torch.library.custom_op or define")
    return _registered[name]


def register_fake(op, func=None, /, *, lib=None, _stacklevel: int = 1, allow_override: bool = False):
    """How a registered operation's result looks without being computed; also a decorator."""
    return _op(op).register_fake if func is None else _op(op).register_fake(func)


def register_kernel(op, device_types, func=None, /, *, lib=None):
    """Another computation of a registered operation for some devices; also a decorator."""
    return _op(op).register_kernel(device_types, func)


def register_autograd(op, backward, /, *, setup_context=None, lib=None):
    """The derivative of a registered operation."""
    _op(op).register_autograd(backward, setup_context=setup_context)


def register_vmap(op, func=None, /, *, lib=None):
    """How a registered operation maps over a batch; also a decorator."""
    return _op(op).register_vmap(func)


def register_autocast(op, device_type: str, cast_inputs, /, *, lib=None):
    """What a registered operation casts its inputs to under autocast."""
    _op(op).register_autocast(device_type, cast_inputs)


def register_torch_dispatch(op, torch_dispatch_class, func=None, /, *, lib=None):
    """RuntimeError: tensor subclasses with `__torch_dispatch__` are not dispatched to here."""
    raise RuntimeError("register_torch_dispatch: __torch_dispatch__ isn't supported here; give the class __torch_function__ instead")


def wrap_triton(kernel, /):
    """RuntimeError: Triton kernels run on GPUs only."""
    raise RuntimeError("wrap_triton: Triton kernels need a GPU and there is none here; write the operation with torch or NumPy")


def fallthrough_kernel(*args, **kwargs):
    """RuntimeError when called: stands for "go on to the next kernel"."""
    raise RuntimeError("fallthrough_kernel isn't to be called: it marks that a key has no kernel of its own")


def get_ctx():
    """RuntimeError outside a fake implementation's run, where sizes that depend on data would be made."""
    raise RuntimeError("get_ctx() may only be called inside a fake implementation while shapes are traced, which isn't done here")


def _schema(text: str) -> tuple:
    """(name, parameters) of `name(Tensor x, int n=1) -> Tensor`."""
    name, paren, rest = text.partition("(")
    if not paren:
        return text.strip(), None
    inside = rest.rpartition(")")[0] if "->" not in rest else rest.split("->")[0].rpartition(")")[0]
    parameters, kind = [], inspect.Parameter.POSITIONAL_OR_KEYWORD
    for part in filter(None, (p.strip() for p in inside.split(","))):
        if part == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
            continue
        declared, _, default = part.partition("=")
        value = inspect.Parameter.empty
        if default:
            import ast

            try:
                value = ast.literal_eval(default.strip())
            except builtins.ValueError:
                value = default.strip()
        parameters.append(inspect.Parameter(declared.split()[-1], kind, default=value))
    return name.strip(), inspect.Signature(parameters)


def define(qualname, schema=None, *, lib=None, tags=()):
    """Declare an operation by its schema: `define("mylib::sin", "(Tensor x) -> Tensor")`; `impl` gives its computation."""
    if lib is not None or (schema is None and "::" not in qualname.partition("(")[0]):
        raise ValueError(f"define: expected a name of the form 'namespace::name', got {qualname!r}")
    name, signature = _schema(qualname + (schema or ""))

    def missing(*args, **kwargs):
        raise NotImplementedError(f"Could not run '{name}': it was declared, but has no implementation; give one with torch.library.impl")

    made = _registered[name] = CustomOpDef(name, missing)
    if signature is not None:
        made.__signature__ = signature


def impl(qualname, types, func=None, *, lib=None):
    """The computation of a declared operation for device types ("cpu", "default", ...); also a decorator."""

    def register(f):
        op = _op(qualname)
        for kind in (types,) if isinstance(types, str) else types:
            if kind.lower() in ("cpu", "default", "compositeexplicitautograd", "compositeimplicitautograd"):
                op._kernels["cpu"] = f
            elif kind.lower() == "meta":
                op._fake = f
            else:
                op._kernels[kind] = f
        return f

    return register if func is None else register(func)


class Library:
    """Operations of one namespace: `define` their schemas, `impl` their computations.

    >>> import lightwell as torch
    >>> lib = torch.library.Library("doc_lib", "DEF")
    >>> _ = lib.define("twice(Tensor x) -> Tensor")
    >>> lib.impl("twice", lambda x: x + x, "CPU")
    >>> torch.ops.doc_lib.twice(torch.ones(1))
    tensor([2.])
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = ""):
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("prim",) and kind != "FRAGMENT":
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._own: list = []

    def define(self, schema: str, alias_analysis: str = "", *, tags=()) -> str:
        """Declare `name(Tensor x) -> Tensor`; returns the name."""
        define(f"{self.ns}::{schema}")
        name = _schema(schema)[0]
        self._own.append(f"{self.ns}::{name}")
        return name

    def impl(self, op_name, fn, dispatch_key: str = "", *, with_keyset: bool = False, allow_override: bool = False) -> None:
        """The computation of an operation, for a dispatch key such as "CPU"."""
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        name = op_name if isinstance(op_name, str) else op_name._qualified
        name = name if "::" in name else f"{self.ns}::{name}"
        key = (dispatch_key or self.dispatch_key or "default").lower()
        op = _op(name)
        if key.startswith("autograd"):
            op._kernels["cpu"] = fn
        else:
            impl(name, key, fn)

    def _destroy(self) -> None:
        for name in self._own:
            _registered.pop(name, None)
            space, _, op = name.partition("::")
            namespace(space).__dict__.pop(op, None)


def opcheck(op, args: tuple, kwargs=None, *, test_utils=None, raise_exception: bool = True, atol=None, rtol=None) -> dict:
    """Run an operation on samples and check it: the fake result's shape and dtype, and the derivative numerically.

    Returns {"test_schema": "SUCCESS", ...}; RuntimeError (or the error's text, if not `raise_exception`) where one fails.
    """
    import lightwell as lw

    kwargs, definition, results = kwargs or {}, _op(op), {}

    def run(name, check):
        try:
            check()
            results[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise RuntimeError(f"opcheck({definition._qualname}): {name} failed: {error}") from error
            results[name] = error

    def schema():
        before = [a._version for a in args if isinstance(a, Tensor)]
        definition(*args, **kwargs)
        if not definition.mutates_args and before != [a._version for a in args if isinstance(a, Tensor)]:
            raise RuntimeError("an argument was written to that mutates_args doesn't name")

    def fake():
        if definition._fake is not None:
            got, want = definition._fake(*args, **kwargs), definition(*args, **kwargs)
            if isinstance(want, Tensor) and (got.shape != want.shape or got.dtype != want.dtype):
                raise RuntimeError(f"the fake result is {list(got.shape)} of {got.dtype}, the real one {list(want.shape)} of {want.dtype}")

    def autograd():
        doubles = [a.detach().double().requires_grad_() if isinstance(a, Tensor) and a.requires_grad else a for a in args]
        if any(isinstance(a, Tensor) and a.requires_grad for a in doubles):
            lw.autograd.gradcheck(lambda *xs: definition(*xs, **kwargs), tuple(doubles))

    for name, check in (("test_schema", schema), ("test_faketensor", fake), ("test_autograd_registration", autograd)):
        run(name, check)
    return results
