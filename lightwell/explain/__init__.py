"""What other frameworks hide: where a formula's gradient comes from, what a graph looks like, who shares memory, why a loss explodes.

The package can be called: `lightwell.explain(loss)` is the function `explain` of story/explanation.py.
"""

from .._lazy import attributes, callable_as

__all__ = ["Explanation", "explain", "formula"]


def _explain(*args, **kwargs):
    from .story import explain

    return explain(*args, **kwargs)


__getattr__, __dir__ = attributes(
    globals(),
    frozenset(("derive", "graph", "lint", "memory", "story", "watch")),
    {"Explanation": "story", "explain": "story", "formula": "story.of_op"},
)
callable_as(__name__, _explain)
