"""The lint's part of the catalogue of mistakes (lightwell/errors): LW401 to LW443."""

from .rules import BY_CODE, ENTRIES

__all__ = ["BY_CODE", "ENTRIES"]
