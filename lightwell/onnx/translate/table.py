"""The table from a record's name to its translation."""

TABLE: dict = {}


def to_onnx(*names: str):
    """Register a translation f(g, step, *arguments): the name of the result, or a list of names where there are several."""

    def register(function):
        for name in names:
            TABLE[name] = function
        return function

    return register
