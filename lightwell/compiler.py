"""`torch.compiler`: what programs written for compilation say about themselves."""

import functools

from .errors.teaching import AssertionError, RuntimeError

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling", "is_dynamo_compiling",
    "is_exporting", "list_backends", "reset", "set_stance", "substitute_in_graph", "wrap_numpy",
]  # fmt: skip


def compile(*args, **kwargs):
    """`torch.compile`."""
    import lightwell

    return lightwell.compile(*args, **kwargs)


def reset() -> None:
    """Forget what was compiled: the next call of each compiled function compiles anew."""
    from .compile import api

    for compiled in list(api.everything):
        compiled.forget()


def allow_in_graph(fn):
    """The function, or the list of functions, as it is: every function may stand in a compiled program here.

    AssertionError for what isn't callable.

    >>> import lightwell as torch
    >>> torch.compiler.allow_in_graph(abs)(-1)
    1
    """
    if isinstance(fn, (list, tuple)):
        return [allow_in_graph(f) for f in fn]
    if not callable(fn):
        raise AssertionError("allow_in_graph expects a callable")
    return fn


def disable(fn=None, recursive: bool = True, *, reason: str | None = None):
    """Leave a function out of compilation (also as a decorator): it runs as Python, and so does a program that calls it.

    >>> import lightwell as torch
    >>> @torch.compiler.disable
    ... def f(x):
    ...     return x + 1
    >>> f(1)
    2
    """
    if fn is None:
        return lambda f: disable(f, recursive, reason=reason)
    if not callable(fn):
        raise AssertionError(f"torch.compiler.disable expects a callable, got {type(fn).__name__}")
    if isinstance(fn, type) or not hasattr(fn, "__name__"):
        return fn

    @functools.wraps(fn)
    def plain(*args, **kwargs):
        if is_dynamo_compiling():
            from .errors import Untraceable

            raise Untraceable(reason or f"{fn.__name__}(), which torch.compiler.disable leaves out,")
        return fn(*args, **kwargs)

    plain._torchdynamo_disable = True  # type: ignore[attr-defined]
    return plain


def is_compiling() -> bool:
    """Whether a program is being traced for compilation or export now.

    >>> import lightwell as torch
    >>> torch.compiler.is_compiling()
    False
    """
    return is_dynamo_compiling() or is_exporting()


def is_dynamo_compiling() -> bool:
    """Whether `torch.compile` captures a program now."""
    import sys

    trace = sys.modules.get("lightwell.compile.trace")
    return trace is not None and trace.current() is not None


def is_exporting() -> bool:
    """Whether `torch.export` traces a program now."""
    import sys

    export = sys.modules.get("lightwell.export")
    return bool(export is not None and export._exporting)


def cudagraph_mark_step_begin() -> None:
    """Tell CUDA graphs that a new step begins; there are none on a CPU."""


def assume_constant_result(fn):
    """The function as it is: it is called whenever its result is needed."""
    return fn


def substitute_in_graph(original_fn, *, can_constant_fold_through: bool = False, skip_signature_check: bool = False):
    """A decorator that gives the replacement back: compiled programs call the original function here."""
    return lambda replacement: replacement


def wrap_numpy(fn):
    """A function of NumPy arrays as one of tensors.

    >>> import numpy as np, lightwell as torch
    >>> torch.compiler.wrap_numpy(np.cumsum)(torch.tensor([1, 2]))
    tensor([1, 3])
    """
    import numpy as np

    from .tensor import Tensor

    def array(x):
        return x.numpy() if isinstance(x, Tensor) else x

    @functools.wraps(fn)
    def wrapped(*args, **kwargs):
        import lightwell

        out = fn(*map(array, args), **{k: array(v) for k, v in kwargs.items()})
        return lightwell.from_numpy(out) if isinstance(out, np.ndarray) else out

    return wrapped


def list_backends(exclude_tags=("debug", "experimental")) -> list:
    """The compilers to choose from: "inductor" is PyTorch's name for the usual one, which is lightwell's own here; "eager" is Python."""
    return ["eager", "inductor"]


_STANCES = ("default", "force_eager", "eager_on_recompile", "fail_on_recompile", "eager_then_compile", "aot_eager_then_compile")


class set_stance:
    """Say how compiled functions are to run, for good, or within a `with` block, or as a decorator.

    "default": compiled. "force_eager": as Python. "eager_on_recompile": what is compiled already runs compiled, new forms of
    arguments as Python. "fail_on_recompile": new forms are a RuntimeError. The others act as "default". RuntimeError for a stance
    that PyTorch doesn't know.

    >>> import lightwell as torch
    >>> f = torch.compile(lambda x: x + 1)
    >>> with torch.compiler.set_stance("force_eager"):
    ...     f(torch.ones(1))
    tensor([2.])
    """

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend=None):
        from .compile import api

        if stance not in _STANCES:
            raise RuntimeError(f"invalid torch.compile stance '{stance}': expected one of {', '.join(_STANCES)}")
        self.stance, self.before = stance, api.stance[0]
        api.stance[0] = stance

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        from .compile import api

        api.stance[0] = self.before

    def __call__(self, fn):
        self.__exit__()

        @functools.wraps(fn)
        def call(*args, **kwargs):
            with set_stance(self.stance):
                return fn(*args, **kwargs)

        return call
