"""Errors that Python itself raises in the user's own line, with nothing of this package running: are they about one of its tensors?

`x.shape()`, `"loss " + loss`, `0.1 * w.grad` where the gradient is None: Python's message is short, and the lesson says what is meant.
"""

import ast

from .frames import Place, is_ours, known, lookup, node_at, tree_of

__all__ = ["code_of"]

_NONE, _NUMBER, _TOO_MANY = "'NoneType'", ("'float'", "'int'"), "values to unpack"


def code_of(error: BaseException, place: Place) -> str | None:
    """The code of a mistake that Python met at a place of the user's; None where no part of this package takes part in it.

    >>> import lightwell as torch
    >>> from lightwell.errors import explain_error
    >>> try:
    ...     torch.ones(2) + "a"
    ... except TypeError as error:
    ...     "LW313" in explain_error(error)
    True
    """
    message = str(error)
    node = _unpacking(place, message) or node_at(place)
    if isinstance(error, AttributeError):
        if error.name == "backward" and isinstance(error.obj, (int, float)):
            return "LW204"
        if error.obj is None and isinstance(node, ast.Attribute):
            return "LW223" if _is_gradient(node.value, place) else None
        return "LW233" if is_ours(error.obj) and not isinstance(error.obj, type(ast)) else None
    if isinstance(error, ImportError):
        return "LW307" if (error.name or "").startswith("lightwell.") else None
    if not isinstance(error, (TypeError, ValueError)):
        return None
    if "unsupported operand" in message and _NONE in message and any(_is_gradient(part, place) for part in _parts(node)):
        return "LW223"
    if not any(_about(part, place) for part in _parts(node)):
        return None
    for piece, code in (
        ("object is not callable", "LW312"), ("unsupported operand", "LW313"), ("can only concatenate", "LW313"),
        ("bad operand type", "LW313"), ("not supported between", "LW313"), ("not subscriptable", "LW314"),
        ("item assignment", "LW314"), (_TOO_MANY, "LW315"), ("cannot unpack non-iterable", "LW315"),
    ):  # fmt: skip
        if piece in message:
            return code
    return None


def _parts(node) -> list:
    """The expressions whose values an error is about: both sides of an operator, what is called, indexed or unpacked."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Call):
        return [node.func]
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return [node.value]
    if isinstance(node, (ast.Assign, ast.For, ast.comprehension)):
        return [node.value if isinstance(node, ast.Assign) else node.iter]
    return []


def _unpacking(place: Place, message: str):
    """The assignment or loop of a line, where its value has another number of parts than there are names."""
    if "unpack" not in message:
        return None
    tree = tree_of(place.file, place.frame.f_globals)
    found = [n for n in ast.walk(tree) if isinstance(n, (ast.Assign, ast.For)) and n.lineno == place.line] if tree is not None else []
    return found[0] if len(found) == 1 else None


def _is_gradient(part, place: Place) -> bool:
    """Whether an expression is the gradient of a tensor: `w.grad`, `p.grad.data`, `-w.grad`, `lr * w.grad`."""
    for n in ast.walk(part):
        if isinstance(n, ast.Attribute) and n.attr == "grad":
            owner = lookup(n.value, place.frame)
            if not known(owner) or is_ours(owner):
                return True
    return False


def _about(part, place: Place) -> bool:
    """Whether a tensor, a layer or anything else of this package gives an expression its value, as far as that can be looked up."""
    value = lookup(part, place.frame)
    if known(value):
        bound = getattr(value, "__self__", None) if type(value).__name__ in ("method", "builtin_function_or_method") else None
        return is_ours(value) or (bound is not None and is_ours(bound))
    if isinstance(part, (ast.Attribute, ast.Subscript)):
        return _about(part.value, place)
    if isinstance(part, ast.Call):
        return _about(part.func, place)
    return any(_about(p, place) for p in _parts(part)) if isinstance(part, (ast.BinOp, ast.UnaryOp)) else False
