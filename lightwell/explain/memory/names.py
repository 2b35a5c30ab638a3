"""What the caller calls the things that it passes: read from the call as it stands in the source, else from its variables."""

import ast
import linecache
import textwrap


def argument_names(values, frame, receiver: str | None = None) -> list[str]:
    """A name for each value: its text in the caller's call, else a variable that holds it, else "tensor 1", "tensor 2", …

    `frame` is the caller's; `receiver` is the function's own name (a call of anything else on that line is not ours).
    """
    texts = _written(frame, receiver)
    if texts is None or len(texts) != len(values):
        texts = [None] * len(values)
    return [text or variable_of(value, frame) or f"tensor {i + 1}" for i, (text, value) in enumerate(zip(texts, values))]


def variable_of(value, frame) -> str | None:
    """The name of a variable of the frame (or of its module) that holds this very object."""
    for space in (frame.f_locals, frame.f_globals):
        for name, found in list(space.items()):
            if found is value and not name.startswith("_"):
                return name
    return None


def source_at(code, place: int) -> str | None:
    """The source text of one instruction of a code object; None where the source isn't at hand."""
    positions = list(code.co_positions())
    if not 0 <= place < len(positions):
        return None
    return _cut(code.co_filename, positions[place])


def source_of(code) -> str | None:
    """The source text of what a code object computes: for a lambda, the expression after its colon."""
    spans = [p for p in code.co_positions() if None not in p and (p[0], p[2]) != (p[1], p[3])]
    if not spans:
        return None
    first = min((line, column) for line, _, column, _ in spans)
    last = max((line, column) for _, line, _, column in spans)
    return _cut(code.co_filename, (first[0], last[0], first[1], last[1]))


def _cut(file: str, span) -> str | None:
    first, last, start, end = span
    if None in span:
        return None
    lines = [linecache.getline(file, n).encode() for n in range(first, last + 1)]  # columns count bytes
    if not all(lines):
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return textwrap.dedent(b"".join(lines).decode())


def _written(frame, receiver) -> list | None:
    """The texts of the positional arguments of the call that the frame is making; None where they can't be read."""
    text = source_at(frame.f_code, frame.f_lasti // 2)
    if text is None:
        return None
    try:
        call = ast.parse(f"({text})", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    if receiver is not None and name != receiver:  # called under another name, or through another function
        return None
    return [ast.unparse(a) for a in call.args]
