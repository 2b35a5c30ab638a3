"""Where a loss explodes: `watch` follows a training, names the first operation whose result is no number, and why.

watching.py   Watch: what it hangs on, steps, what happens when something is found
detect.py     the search: each operation forward, each node backward
safe.py       operations that need no look;   scaling.py: a gradient scaler's steps
diagnose.py   from operands to the cause; codes.py: the causes, their mends
training.py   losses, norms, divergence;   health.py: activations, dead and saturated units
data.py       batches and the items in them;   sites.py: the user's line
finding.py    what was found, as text;   report.py: the layers' table, HTML, plots
capsule.py    a step in a file;   replaying.py: that step again, operation by operation
"""

from ...errors.teaching import AttributeError
from .finding import Exploded, Finding, HealthWarning
from .watching import Watch, watch

__all__ = ["Exploded", "Finding", "HealthWarning", "Watch", "replay", "watch"]


def __getattr__(name: str):
    if name == "replay":
        from .replaying import replay

        globals()["replay"] = replay
        return replay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
