"""A result's story: its formulas, the way of its gradient, the chain rule; as text, Markdown, LaTeX, HTML.

names.py, values.py, walk.py      what can be known of the graph that was built, taken down as facts
tell.py, chain.py, fold.py        the facts as a document, in the language in use
of_op.py                          an operation's own derivation as a document
document.py, write_*.py           what documents are made of, and how each target writes them
explanation.py                    the front: `explain(loss)`
"""

from .explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
