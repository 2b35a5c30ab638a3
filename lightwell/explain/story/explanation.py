"""`explain`: a result's story, or an operation's, as an object that prints, and that notebooks and files can show."""

import os
from typing import Any

from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...language import set_language
from ...tensor import Tensor
from ..memory.files import write_text
from . import write_html, write_markup
from . import write_text as plain_text
from .names import Known, callers_frame

__all__ = ["Explanation", "explain"]


class Explanation:
    """What `explain` gives: printed, it is plain text; a notebook shows it as a page.

    `latex()`, `markdown()` and `html()` give it as text, `save(path)` writes a page of its own. It is written in the language
    that is in use when it is asked for (`lightwell.set_language`), or in the one that `explain(lang=...)` was given.
    """

    def __init__(self, build, lang: str | None = None):
        self._build, self._lang = build, lang

    def document(self):
        """The explanation as blocks of text and mathematics (story/document.py)."""
        return self._spoken(lambda document: document)

    def _spoken(self, write):
        """Build and write in the language that was asked for."""
        from ... import language

        before = language._chosen
        if self._lang is not None:
            set_language(self._lang)
        try:
            return write(self._build())
        finally:
            language._chosen = before

    def __str__(self) -> str:
        return self._spoken(plain_text.text)

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        """A LaTeX document (amsmath; in Chinese ctex, for XeLaTeX)."""
        return self._spoken(write_markup.tex)

    def markdown(self) -> str:
        """Markdown with mathematics between dollar signs."""
        return self._spoken(write_markup.markdown)

    def html(self) -> str:
        """An HTML fragment with its own style; mathematics is MathML, so nothing has to be loaded."""
        return self._spoken(write_html.fragment)

    _repr_html_ = html

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def page(self) -> str:
        """A whole HTML page that loads nothing from anywhere."""
        return self._spoken(write_html.page)

    def save(self, path) -> None:
        """Write it to a file, by the ending of its name: .html (a page of its own), .md, .tex or .txt.

        ValueError: another ending.
        """
        name = os.fspath(path)
        ending = os.path.splitext(name)[1].lower()
        ways = {".html": self.page, ".htm": self.page, ".md": self.markdown, ".tex": self.latex, ".txt": lambda: str(self) + "\n"}
        if ending not in ways:
            raise ValueError(f"save(): argument 'path' must end in .html, .md, .tex or .txt, not {name!r}")
        write_text(path, ways[ending]())


def explain(
    loss, wrt=None, numbers: bool = False, *, model=None, limit: int | None = 40, partial: bool = False, derivations: bool = True,
    lang: str | None = None,
) -> Explanation:  # fmt: skip
    """Tell how a result was computed and how its gradient comes back: each step's formula, its derivative, the chain rule.

    `loss` is a tensor with a graph; or an operation (its name, a function such as `torch.tanh`, a layer's class such as `nn.LSTM`),
    whose own derivation is told then. `wrt`: the leaf (a tensor, a name, or a list of them) to which the chain rule is written out.
    `numbers=True` adds values and gradients: the engine is run, no `.grad` is touched. `model` names the parameters by their
    module paths (else the caller's variables do). `limit`: about how many steps are told before repeated ones are folded (None: all).
    `partial=True` writes gradients as ∂L/∂x instead of gx. `derivations=False` leaves out the operations' own derivations.

    RuntimeError: the tensor has no graph, or `wrt` took no part. ValueError: a name that is not known.

    >>> import lightwell as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> L = (x * x).sum()
    >>> why = torch.explain(L, lang="en")
    >>> why.markdown().splitlines()[0]
    '# How L was computed, and how its gradient comes back'
    """
    if not isinstance(loss, Tensor):
        return of_operation(loss, lang)
    if loss._base is not None:
        loss._refresh()
    if loss._node is None:
        raise RuntimeError(_no_graph(loss))
    from .tell import Telling
    from .walk import Story

    story = Story(loss, Known(callers_frame(2), model), numbers, wrt)
    return Explanation(lambda: Telling(story, partial, limit, derivations).document(), lang)


def _no_graph(t) -> str:
    if t.requires_grad:
        return "explain(): this tensor is a leaf: it was made by nobody, so there is nothing to explain. Pass what was computed from it, such as the loss."
    if t._a.dtype.kind in "iub":
        return (
            f"explain(): this tensor has no graph: gradients flow through floating-point numbers only, and it is {t.dtype}. Pass the loss."
        )
    return (
        "explain(): this tensor has no graph: nothing in its computation required grad. Was it detached, made under torch.no_grad(), or computed "
        "from tensors without requires_grad=True?"
    )


def of_operation(op: Any, lang: str | None = None) -> Explanation:
    """The explanation of an operation itself."""
    from .of_op import document_of, find

    names = find(op)
    if not names:
        if isinstance(op, str):
            raise ValueError(_unknown(op))
        if callable(op):
            raise TypeError(
                f"explain(): {getattr(op, '__name__', type(op).__name__)} is no operation with a derivation of its own: explain a result that was "
                "computed with it, such as explain(loss)"
            )
        raise TypeError(
            f"explain(): argument 'loss' must be a Tensor with a graph, or an operation (a name, a function, a layer's class), not {type(op).__name__}"
        )
    return Explanation(lambda: document_of(names), lang)


def _unknown(name: str) -> str:
    import difflib

    from .of_op import registered

    near = difflib.get_close_matches(name, registered(), 3)
    return f"explain(): no operation is called {name!r}." + (f" Did you mean {' or '.join(map(repr, near))}?" if near else "")
