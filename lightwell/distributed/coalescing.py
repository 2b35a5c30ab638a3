"""Several collectives as one wait."""

from contextlib import contextmanager


class _CoalescingManager:
    """The works begun in a `_coalescing_manager` block; `wait()` waits for all."""

    def __init__(self):
        self.works: list = []

    def append(self, work) -> None:
        """Add a work (None is left out)."""
        if work is not None:
            self.works.append(work)

    def wait(self) -> None:
        """Wait for all works."""
        for work in self.works:
            work.wait()


@contextmanager
def _coalescing_manager(group=None, device=None, async_ops: bool = False):
    """Collectives begun inside (with async_op=True, and appended to the manager) are waited for at the end, unless `async_ops`.

    A group's collectives run in order on one thread, so that a last wait for them all costs nothing more.
    """
    from .collectives import launch
    from .process_group import found

    manager = _CoalescingManager()
    yield manager
    manager.append(launch(found(group), "coalescing", lambda: None, (), True))
    if not async_ops:
        manager.wait()
