"""What can go wrong in an export."""

from ..errors.teaching import RuntimeError

__all__ = ["OnnxExporterError", "OnnxExporterWarning", "SymbolicValueError", "UnsupportedOperatorError"]


class OnnxExporterWarning(UserWarning):
    """Something about the exported file that its user should know."""


class OnnxExporterError(RuntimeError):
    """The module can't be exported."""


class UnsupportedOperatorError(OnnxExporterError):
    """The module computes something that has no translation."""


class SymbolicValueError(OnnxExporterError):
    """The module does something with a dynamic size, or with a tensor's numbers, that can't be written down in a graph."""
