"""What a function must not hold to be scripted, found in its source."""

import ast
import builtins
import inspect
import textwrap

from ..errors.teaching import OSError

__all__ = ["FrontendError", "NotSupportedError", "UnsupportedNodeError", "check_source", "source_of"]


class FrontendError(Exception):
    """A function can't be scripted."""


class NotSupportedError(FrontendError):
    """A function holds what TorchScript doesn't know; the message tells the line."""


class UnsupportedNodeError(NotSupportedError):
    """A statement or expression that TorchScript doesn't know."""


_REFUSED = {
    ast.Try: "try blocks", ast.Yield: "yield", ast.YieldFrom: "yield from", ast.Global: "global variables", ast.Nonlocal: "nonlocal variables",
    ast.ClassDef: "class definitions", ast.AsyncFunctionDef: "async functions", ast.Await: "await", ast.Import: "import statements",
    ast.ImportFrom: "import statements", ast.NamedExpr: "assignment expressions", ast.GeneratorExp: "generator expressions",
    ast.Set: "set displays", ast.SetComp: "set comprehensions", ast.Starred: None, ast.Lambda: "lambda expressions", ast.Match: "match statements",
}  # fmt: skip


def source_of(fn):
    """(syntax tree of a function, file, first line); OSError-free: RuntimeError where there is no source."""
    try:
        lines, first = inspect.getsourcelines(fn)
    except (builtins.OSError, TypeError) as error:
        raise OSError(
            f"Can't get source for {fn}. TorchScript needs a function's source: define it in a file or a notebook cell"
        ) from error
    text = textwrap.dedent("".join(lines))
    try:
        tree = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        return None, inspect.getsourcefile(fn), first
    return (tree if isinstance(tree, ast.FunctionDef) else None), inspect.getsourcefile(fn), first


def check_source(fn) -> None:
    """NotSupportedError where the function holds what TorchScript doesn't know, with the line."""
    if getattr(fn, "_torchscript_modifier", None) in ("ignore", "unused"):
        return
    tree, file, first = source_of(fn)
    if tree is None:
        return

    def refuse(node, what):
        line = ast.unparse(node).split("\n")[0]
        raise UnsupportedNodeError(
            f"{what} aren't supported by TorchScript:\n  File {file!r}, line {first + node.lineno - 1}, in {fn.__name__}\n    {line}\n"
            "Take them out, or mark the function with @torch.jit.ignore"
        )

    if tree.args.kwarg is not None or tree.args.vararg is not None:
        raise NotSupportedError(
            f"Compiled functions can't take variable number of arguments or use keyword-only arguments with defaults:\n"
            f"  File {file!r}, line {first + tree.lineno - 1}, in {fn.__name__}"
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node is not tree:
            refuse(node, "function definitions")
        what = _REFUSED.get(type(node))
        if what is not None:
            refuse(node, what)
