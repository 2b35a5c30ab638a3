"""What is told of an operation's mathematics: its derivation where there is one, else its record's own text."""

from ... import language
from .model import Op


def texts(ops: list[Op]) -> dict:
    """{name of the operation: {"doc": the record's text, "html": (English, Chinese) of its derivation where there is one}}, each once."""
    found: dict = {}
    for op in ops:
        if op.name not in found and op.doc:
            found[op.name] = {"doc": " ".join(op.doc.split()).replace(". ", ".\n")}
            html = _derivation(op.name)
            if html is not None:
                found[op.name]["html"] = html
    return found


def style() -> str:
    """The style of derivations, in the picture's colours."""
    try:
        from ..story.write_html import STYLE
    except ImportError:
        return ""
    return (
        STYLE
        + ".lw-graph .lw-explain{--ink:inherit;--soft:inherit;--paper:inherit;--line:var(--edge-box);--card:var(--frame);font-size:13px}"
    )


_KNOWN: dict = {}


def _derivation(name: str):
    """The derivation as HTML in both languages; None where there is none."""
    if name not in _KNOWN:
        _KNOWN[name] = _derive(name)
    return _KNOWN[name]


def _derive(name: str):
    try:
        from ..story.of_op import derivation_blocks
        from ..story.write_html import blocks_html
    except ImportError:
        return None
    chosen, made = language._chosen, []
    try:
        for each in ("en", "zh"):
            language.set_language(each)
            made.append(blocks_html(derivation_blocks(name)))
    except Exception:  # a picture is not the place to fail for want of a formula: the record's text stands in
        return None
    finally:
        language._chosen = chosen
    return made if all(made) else None
