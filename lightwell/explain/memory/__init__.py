"""Memory: who shares it (maps, copies), what a training step keeps of it (kept, step), what a model takes (summary)."""

from .copies import CopyReport, explain_copy
from .maps import MemoryMap, memory
from .storages import shares_memory

__all__ = ["CopyReport", "MemoryMap", "explain_copy", "memory", "shares_memory"]
