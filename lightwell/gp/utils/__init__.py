"""Cholesky factors that bear rounding errors, and the warnings and errors about them."""

from lightwell.gp.utils import cholesky, errors, warnings

__all__ = ["cholesky", "errors", "warnings"]
