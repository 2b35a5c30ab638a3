"""What goes wrong with a checkpoint on some ranks, told on all."""

from ...errors.teaching import RuntimeError


class CheckpointException(RuntimeError):
    """Ranks failed to save or load; `failures` maps rank to what it said."""

    def __init__(self, msg: str, failures: dict):
        self._failures = failures
        super().__init__(
            "\n".join([f"{msg} failed on ranks {sorted(failures)}:", *(f"  rank {r}: {e}" for r, e in sorted(failures.items()))])
        )

    @property
    def failures(self) -> dict:
        """Rank to what went wrong there."""
        return self._failures
