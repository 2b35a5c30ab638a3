"""``python -m lightwell SCRIPT [ARGS]`` runs a script with lightwell standing for torch and torchvision.

Also ``-m MODULE [ARGS]`` and ``-c CODE [ARGS]``, as with python itself; and every subcommand of ``lightwell``.
"""

import os
import sys


def _fresh_main(spec=None, file=None):
    """A new module __main__ in place of this one."""
    import types

    main = types.ModuleType("__main__")
    main.__dict__.update(__spec__=spec, __builtins__=__builtins__, __annotations__={})
    if file is not None:
        main.__file__ = file
    if spec is not None:
        main.__dict__.update(__loader__=spec.loader, __package__=spec.parent, __cached__=spec.cached)
    else:
        main.__package__ = None
    # kept alive and in place: classes of the script are pickled, and worker processes look it up, by this name
    sys.modules["__main__"] = main
    return main


def _run_code(code, args):
    """-c: the rest of the arguments is the code's."""
    sys.argv, sys.path[0] = ["-c", *args], ""
    exec(compile(code, "<string>", "exec"), _fresh_main().__dict__)


def _run_module(name, args):
    """-m: a module, or a package's __main__."""
    import importlib.util

    from lightwell import standin

    sys.path[0] = os.getcwd()
    name = standin.own_name(name)
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name += ".__main__"
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        sys.exit(f"lightwell: -m {name}: {error}")
    code = spec.loader.get_code(name) if spec is not None and hasattr(spec.loader, "get_code") else None
    if code is None:
        sys.exit(f"lightwell: -m {name}: there is no such module, or it has no Python code")
    sys.argv = [spec.origin, *args]
    exec(code, _fresh_main(spec, spec.origin).__dict__)


def _run_script(path, args):
    """A script file, '-' for standard input, or a folder or zip file with a __main__.py."""
    sys.argv = [path, *args]
    if path == "-":
        sys.path[0] = ""
        return exec(compile(sys.stdin.read(), "<stdin>", "exec"), _fresh_main().__dict__)
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        import runpy

        sys.path.pop(0)
        return runpy.run_path(path, run_name="__main__")
    full = os.path.realpath(path)
    sys.path[0] = os.path.dirname(full)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, _fresh_main(file=path).__dict__)


def _show_from_script(kind, error, trace):
    """Print a traceback without the frames in front of the script's, which are those of the command that runs it."""
    import traceback

    from lightwell.errors.frames import is_runner

    inner = trace
    while inner is not None:
        if not is_runner(inner.tb_frame.f_code.co_filename):
            trace = inner
            break
        inner = inner.tb_next
    if "lightwell.tensor" in sys.modules:
        from lightwell.errors.lesson import teach

        teach(error)
    traceback.print_exception(kind, error, trace)


def main() -> None:
    """Choose what to run by the first argument."""
    args = sys.argv[1:]
    from lightwell import cli

    if not args or (args[0] in cli.first_words() and not os.path.exists(args[0])):
        sys.exit(cli.main(args))
    first = args[0]
    runners = {"-m": _run_module, "-c": _run_code}
    if first in runners and len(args) < 2:
        sys.exit(f"lightwell: {first} needs {'a module' if first == '-m' else 'code'} after it")
    if first not in runners and first != "-" and not os.path.exists(first):
        print(cli.no_such(first), file=sys.stderr)
        sys.exit(2)
    from lightwell import standin

    standin.install()
    sys.excepthook = _show_from_script
    if first in runners:
        runners[first](args[1], args[2:])
    else:
        _run_script(first, args[1:])


if __name__ == "__main__":
    main()
