"""What is told of an operation's mathematics: its derivation where there is one, else its record's own text."""

from .model import Op


def texts(ops: list[Op]) -> dict:
    """{name of the operation: {"doc": the record's text}}, each once."""
    found: dict = {}
    for op in ops:
        if op.name not in found and op.doc:
            found[op.name] = {"doc": " ".join(op.doc.split()).replace(".   ", ".\n")}
    return found
