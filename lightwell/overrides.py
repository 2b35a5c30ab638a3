"""`__torch_function__`: how a call of a public function reaches objects that only stand for tensors.

PyTorch asks every argument of every call whether it overrides functions. Here that question costs nothing until somebody
needs it: while overriding objects are about (`interception`), the code of each public function is exchanged for a stub that
asks; every reference to the function, wherever it is held, sees the stub, and the plain code comes back afterwards.
"""

import builtins
import functools
import importlib
import threading
import types
import warnings

from .errors.teaching import NotImplementedError, TypeError
from .tensor import Tensor

__all__ = [
    "DisableTorchFunctionSubclass", "TorchFunctionMode", "enable_reentrant_dispatch", "get_default_nowrap_functions", "get_ignored_functions",
    "get_overridable_functions", "get_testing_overrides", "handle_torch_function", "has_torch_function",
    "is_tensor_inheritable", "is_tensor_like", "is_tensor_method_or_property", "resolve_name", "wrap_torch_function",
]  # fmt: skip

_HOMES = {"lightwell": "torch", **{f"lightwell.{n}": f"torch.{n}" for n in ("nn.functional", "linalg", "fft", "special", "sparse")}}
# Methods through which Tensor itself works: no function ever overrides them.
_CORE = frozenset(
    "__new__ __init__ __repr__ __str__ __format__ __dir__ __hash__ __deepcopy__ __reduce_ex__ __array__ __array_wrap__ _refresh "
    "__iter__ _cell_now _bump _storage_owner _is_view _scalar __setstate__ __getstate__ __init_subclass__ __class_getitem__ explain lw plot".split()
)
_NOT_OPS = frozenset(
    "compile set_default_dtype set_default_device get_default_dtype get_default_device manual_seed seed initial_seed get_rng_state "
    "set_rng_state is_grad_enabled is_inference_mode_enabled save load typename set_printoptions is_tensor is_storage promote_types "
    "can_cast set_default_tensor_type".split()
)
# Functions of nn.functional that PyTorch has in C: these hand on their arguments as they came.
_AS_GIVEN = frozenset(
    "adaptive_avg_pool1d avg_pool1d avg_pool2d avg_pool3d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_tbc "
    "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity elu_ gelu hardshrink hardtanh_ leaky_relu_ linear logsigmoid "
    "native_channel_shuffle one_hot pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu relu_ rrelu_ "
    "scaled_dot_product_attention selu_ softplus softshrink threshold_".split()
)


# ---- which functions there are --------------------------------------------------------------------------------------


@functools.cache
def _table() -> tuple[dict, dict, dict]:
    """(function -> public name, Tensor method or property getter -> name, public name -> function)."""
    import lightwell

    importlib.import_module("lightwell.nn.functional.native")
    names: dict = {}
    back: dict = {}
    # nn.functional first: PyTorch's functions there are its own; what is one object with the front door's is named below
    for home in sorted(_HOMES, key=lambda h: (h != "lightwell.nn.functional", h)):
        module = importlib.import_module(home)
        listed = getattr(module, "__all__", None) if home != "lightwell" else None
        for name in listed or dir(module):
            if name.startswith("_") or (home == "lightwell" and (name in _NOT_OPS or name in lightwell._LAZY)):
                continue
            try:
                value = getattr(module, name)
            except AttributeError:  # a lazy subpackage that isn't there
                continue
            if (
                isinstance(value, types.FunctionType)
                and value.__module__.startswith("lightwell")
                and value.__module__ != "lightwell.ops.op"
                and not value.__module__.startswith("lightwell.explain")  # what looks at tensors is no operation on them
            ):
                full = f"{_HOMES[home]}.{name}"
                back[full] = value
                known = names.get(value)
                # the first short name wins, one that is the function's own before an alias, the front door's for what C has
                if (
                    known is None
                    or (known.rpartition(".")[2] != value.__name__ == name)
                    or (home == "lightwell" and known.startswith("torch.nn.functional.") and name in _AS_GIVEN)
                ):
                    names[value] = full
    recurrent = importlib.import_module("lightwell.nn.functional.recurrent")
    names[recurrent.run] = "torch.nn.functional.recurrent.run"  # what the recurrent layers call
    methods: dict = {}
    for name, value in vars(Tensor).items():
        if name in _CORE:
            continue
        if isinstance(value, property):
            if isinstance(value.fget, types.FunctionType):
                methods[value.fget] = name
        elif isinstance(value, types.FunctionType):
            methods.setdefault(value, name)
    return names, methods, back


def public_name(function) -> str | None:
    """The name under which users know a function, such as "torch.nn.functional.relu"; None where it has none."""
    try:
        return _table()[0].get(function)
    except builtins.TypeError:
        return None


def resolve_name(f) -> str | None:
    """The name of a public function or method as text; None where it has none.

    >>> import lightwell as torch
    >>> torch.overrides.resolve_name(torch.nn.functional.dropout)
    'torch.nn.functional.dropout'
    """
    names, methods, _ = _table()
    if isinstance(f, property):
        f = f.fget
    if f in names:
        return names[f]
    if f in methods:
        return f"torch.Tensor.{methods[f]}"
    return None


def get_overridable_functions() -> dict:
    """The functions that `__torch_function__` can override, by the namespace that holds them.

    >>> import lightwell as torch
    >>> torch.add in torch.overrides.get_overridable_functions()[torch]
    True
    """
    import lightwell

    out: dict = {}
    for full, function in _table()[2].items():
        space = functools.reduce(getattr, full.split(".")[1:-1], lightwell)
        out.setdefault(space, []).append(function)
    out[Tensor] = list(_table()[1])
    return out


def get_ignored_functions() -> set:
    """Public functions that `__torch_function__` never sees: those that take no tensors."""
    import lightwell

    return {getattr(lightwell, name) for name in _NOT_OPS}


def get_default_nowrap_functions() -> set:
    """Getters whose results stay plain tensors in subclasses."""
    return {Tensor.__dict__[name].fget for name in ("_base", "grad", "_grad") if isinstance(Tensor.__dict__.get(name), property)}


def get_testing_overrides() -> dict:
    """For each overridable function a function of the same signature that does nothing but return -1."""
    import inspect

    out = {}
    for functions in get_overridable_functions().values():
        for function in functions:
            try:
                signature = inspect.signature(function)
            except ValueError:
                continue

            def nothing(*args, **kwargs):
                return -1

            nothing.__signature__ = signature  # type: ignore[attr-defined]
            out[function] = nothing
    return out


def is_tensor_method_or_property(func) -> bool:
    """Whether `func` is a method of Tensor, or the getter of one of its properties, and no function besides."""
    names, methods, _ = _table()
    return func in methods and func not in names


# ---- who overrides --------------------------------------------------------------------------------------------------


def is_tensor_like(inp) -> bool:
    """Whether `inp` is a Tensor or has `__torch_function__`.

    >>> import lightwell as torch
    >>> torch.overrides.is_tensor_like(torch.ones(1)), torch.overrides.is_tensor_like([1.0])
    (True, False)
    """
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_inheritable(cls) -> bool:
    """Whether `cls` is a subclass of Tensor."""
    return isinstance(cls, type) and issubclass(cls, Tensor)


def overrides(kind: type) -> bool:
    """Whether objects of a type are asked: those with a `__torch_function__`; not this package's own tensors that have only Tensor's."""
    handler = getattr(kind, "__torch_function__", None)
    return handler is not None and (getattr(handler, "__func__", None) is not _keep_class or _outside(kind))


def _outside(kind) -> bool:
    """A user's subclass of Tensor; one of Parameter gives plain results, as PyTorch's."""
    return not kind.__module__.startswith("lightwell.") and not any(base.__name__ == "Parameter" for base in kind.__mro__[1:])


def _keep_class(cls, func, types, args=(), kwargs=None):
    """What `Tensor.__torch_function__` is: run the function as it is, and give its results the subclass.

    NotImplemented where another type among `types` isn't `cls` or a base of it.
    """
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if func in get_default_nowrap_functions() else _of_class(result, cls)


def _of_class(result, cls):
    """Tensors of a result, in lists and tuples too, as `cls`."""
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (list, tuple)):
        kept = [_of_class(r, cls) for r in result]
        return type(result)(*kept) if hasattr(result, "_fields") else type(result)(kept)
    return result


class DisableTorchFunctionSubclass:
    """A context in which subclasses of Tensor are not asked."""

    def __enter__(self):
        _local.off = getattr(_local, "off", 0) + 1

    def __exit__(self, *exc):
        _local.off -= 1


def subclassed(cls) -> None:
    """A user has derived a class from Tensor: from now on its objects are asked, and keep their class."""
    if overrides(cls):
        hold()


def overridden(function, args, kwargs, error):
    """A public function refused its arguments: the answer of one that overrides functions; `error` where there is none."""
    if not _overloaded(_flat(args, kwargs)):
        raise error
    if not _plain:
        hold()  # there are such objects about
    return function(*args, **kwargs)


def _overloaded(values) -> list:
    """The first argument of each overriding type, subclasses before their bases, else in order."""
    found: list = []
    kinds: list = []
    for value in values:
        kind = type(value)
        if kind in kinds or kind is Tensor or not overrides(kind):
            continue
        place = next((i for i, known in enumerate(kinds) if issubclass(kind, known)), len(kinds))
        kinds.insert(place, kind)
        found.insert(place, value)
    return found


def _flat(args, kwargs):
    """The arguments, and what lists and tuples among them hold."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, (list, tuple)):
            yield from value
        else:
            yield value


def has_torch_function(relevant_args) -> bool:
    """Whether any of the arguments overrides functions, or a TorchFunctionMode is on.

    >>> import lightwell as torch
    >>> torch.overrides.has_torch_function((torch.ones(1), 2))
    False
    """
    return bool(_modes()) or bool(_overloaded(relevant_args))


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """What the overriding arguments make of `public_api(*args, **kwargs)`.

    The innermost TorchFunctionMode is asked first, then each argument with `__torch_function__`, subclasses before
    their bases; the first answer that isn't NotImplemented counts. TypeError where there is none.
    """
    overloaded = _overloaded(relevant_args)
    kinds = tuple(type(value) for value in overloaded)
    modes = _modes()
    if modes:
        mode = modes.pop()
        try:
            result = mode.__torch_function__(public_api, kinds, args, kwargs)
        finally:
            modes.append(mode)
        if result is not NotImplemented:
            return result
    for value in overloaded:
        result = type(value).__torch_function__(public_api, kinds, args, kwargs)
        if result is not NotImplemented:
            return result
    name = resolve_name(public_api) or getattr(public_api, "__name__", repr(public_api))
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {[k.__name__ for k in kinds]}")


def wrap_torch_function(dispatcher):
    """A decorator: the function asks what `dispatcher(*args, **kwargs)` returns, an iterable of arguments, for overrides."""

    def decorate(function):
        @functools.wraps(function)
        def asking(*args, **kwargs):
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(asking, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return asking

    return decorate


# ---- the exchange of code -------------------------------------------------------------------------------------------

_local = threading.local()
_lock = threading.RLock()
_held = 0  # how many want interception
_plain: dict = {}  # function -> its own code, while it is exchanged
_originals: dict = {}  # function -> a function that runs its own code


def _modes() -> list:
    return _local.__dict__.setdefault("modes", [])


def _recorders() -> list:
    return _local.__dict__.setdefault("recorders", [])


def _stub_code(function, dispatch):
    """The code of a stub that calls `dispatch(function, args, kwargs)`, fit for the function's closure."""
    code = function.__code__
    source = _stub(len(code.co_freevars))
    consts = tuple(dispatch if c == "<dispatch>" else function if c == "<function>" else c for c in source.co_consts)
    # the stub goes under the function's name and file: a frame of it is one of this package's
    return source.replace(co_consts=consts, co_freevars=code.co_freevars, co_name=code.co_name, co_filename=code.co_filename)


@functools.lru_cache
def _stub(n: int):
    """The code of a function whose constants "<dispatch>" and "<function>" are to be exchanged for objects, with a closure of `n` cells.

    It must have them from the compiler: whoever reads the locals of a frame whose code never took its closure's cells crashes Python.
    """
    cells = [f"cell{i}" for i in range(n)]
    text = f"""
def make({", ".join(cells)}):
    def stub(*args, **kwargs):
        return '<dispatch>'('<function>', args, kwargs)
        {"; ".join(cells)}
"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # "str" is not callable: what it is exchanged for is
        make = compile(text, __file__, "exec").co_consts[0]
    return next(c for c in make.co_consts if isinstance(c, types.CodeType))


def original(function):
    """A function that runs `function`'s own code, whatever stands in its place now."""
    found = _originals.get(function)
    if found is None:
        code = _plain.get(function, function.__code__)
        found = types.FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
        found.__kwdefaults__ = function.__kwdefaults__
        _originals[function] = found
    return found


def _dispatch(function, args, kwargs):
    """A public function was called while interception is on."""
    recorders = _recorders()
    if recorders:
        return recorders[-1](function, args, kwargs)
    relevant = () if getattr(_local, "off", 0) else tuple(_flat(args, kwargs))
    if _modes() or _overloaded(relevant):
        name = _table()[0].get(function, "")
        if name.startswith("torch.nn.functional.") and function.__name__ not in _AS_GIVEN:
            args, kwargs = spelled(function, args, kwargs)
        return handle_torch_function(function, relevant, *args, **kwargs)
    return original(function)(*args, **kwargs)


def spelled(function, args, kwargs) -> tuple:
    """A call's arguments as nn.functional hands them on: required ones by position, all others by keyword, defaults filled in."""
    import inspect

    try:
        signature = inspect.signature(original(function) if function in _plain else function)
        if hasattr(function, "__wrapped__"):
            signature = inspect.signature(function.__wrapped__)
        bound = signature.bind(*args, **kwargs)
    except (builtins.TypeError, ValueError):
        return args, kwargs
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values()):
        return args, kwargs
    bound.apply_defaults()
    positional, named = [], {}
    for name, parameter in signature.parameters.items():
        if parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(bound.arguments[name])
        else:
            named[name] = bound.arguments[name]
    return tuple(positional), named


def hold() -> None:
    """Turn interception on until as many `release()` have come."""
    global _held
    with _lock:
        _held += 1
        if _held == 1 and not _plain:
            names, methods, _ = _table()
            for function in {**names, **methods}:
                if function not in _plain:
                    _plain[function] = function.__code__
                    original(function)
                    function.__code__ = _stub_code(function, _dispatch)


def release() -> None:
    """Undo one `hold()`."""
    global _held
    with _lock:
        _held -= 1
        if _held == 0:
            while _plain:
                function, code = _plain.popitem()
                function.__code__ = code


class interception:
    """A context in which public functions ask their arguments for `__torch_function__`.

    With a `recorder(function, args, kwargs)`, all calls of this thread go to it instead; `original(function)` runs one.
    """

    def __init__(self, recorder=None):
        self.recorder = recorder

    def __enter__(self):
        hold()
        if self.recorder is not None:
            _recorders().append(self.recorder)
        return self

    def __exit__(self, *exc):
        if self.recorder is not None:
            _recorders().remove(self.recorder)
        release()


class unrecorded:
    """A context in which this thread's calls run plainly although a recorder is set."""

    def __enter__(self):
        self.kept = list(_recorders())
        _recorders().clear()

    def __exit__(self, *exc):
        _recorders()[:] = self.kept


class TorchFunctionMode:
    """Within it, every public function called goes to `__torch_function__(func, types, args, kwargs)` of the mode.

    >>> import lightwell as torch
    >>> class Count(torch.overrides.TorchFunctionMode):
    ...     calls = 0
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         self.calls += 1
    ...         return func(*args, **(kwargs or {}))
    >>> x = torch.ones(2)
    >>> with Count() as mode:
    ...     _ = torch.relu(x)
    >>> mode.calls
    1
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError(f"{type(self).__name__} has no __torch_function__: define it")

    def __enter__(self):
        hold()
        _modes().append(self)
        return self

    def __exit__(self, *exc):
        _modes().remove(self)
        release()

    @classmethod
    def push(cls, *args, **kwargs):
        """An instance: `with Mode.push():` is the older spelling of `with Mode():`."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that lets every call through."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class enable_reentrant_dispatch:
    """A context manager without effect: calls made inside an override are always dispatched anew here."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


Tensor.__torch_function__ = classmethod(_keep_class)
