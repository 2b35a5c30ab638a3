"""Memory: who shares it (maps, copies), what a training step keeps of it (kept, step), what a model takes (summary)."""

from .copies import CopyReport, explain_copy
from .kept import KeptReport, kept_for_backward
from .maps import MemoryMap, memory
from .step import StepReport, step_memory
from .storages import shares_memory
from .summary import Summary, summary

__all__ = [
    "CopyReport", "KeptReport", "MemoryMap", "StepReport", "Summary", "explain_copy", "kept_for_backward", "memory", "shares_memory",
    "step_memory", "summary",
]  # fmt: skip
