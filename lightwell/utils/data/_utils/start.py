"""How a DataLoader's workers are started: by which method, and how what they need reaches them."""

import multiprocessing
import sys
import warnings

from ....errors.level import users_level


def way_to_start(chosen, given: tuple):
    """The multiprocessing context to start workers in, and `given` as they can receive it.

    `chosen` is the loader's own context, or None: then the method that the program has set, or fork on Linux, where
    Python 3.14 would take forkserver, which runs a script without ``if __name__ == "__main__"`` again in every worker.
    """
    if chosen is not None:
        context = chosen
    elif multiprocessing.get_start_method(allow_none=True) is None and sys.platform == "linux":
        context = multiprocessing.get_context("fork")
    else:
        context = multiprocessing.get_context()
    if context.get_start_method() == "fork" or not _typed_in():
        return context, given
    try:
        import cloudpickle
    except ImportError:
        if "fork" not in multiprocessing.get_all_start_methods():
            return context, given
        warnings.warn(
            f"DataLoader: what is defined in a notebook cannot be imported by workers started with {context.get_start_method()!r}; "
            "they are forked instead (or: pip install cloudpickle)",
            stacklevel=users_level(),
        )
        return multiprocessing.get_context("fork"), given
    return context, _ByValue(cloudpickle.dumps(given))


def _typed_in() -> bool:
    """Is the main module a notebook or a prompt, which another process cannot import?"""
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is None and getattr(main, "__file__", None) is None:
        return True
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


class _ByValue:
    """Objects pickled together with the classes and functions of the main module; unpickled, the objects themselves."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        import cloudpickle

        return cloudpickle.loads, (self.data,)
