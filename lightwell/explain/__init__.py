"""What other frameworks hide. So far the typesetter: an operation's formula and derivatives, read as mathematics."""

from .typeset import derivation, formula

__all__ = ["derivation", "formula"]
