"""`torch.distributed.autograd`: gradients through calls on other workers.

Within `context()`, a call that carries tensors which require grad leaves a pair of marks: the sender keeps what it sent, the receiver
knows the leaves that arrived. `backward` runs the local part of the graph; the gradients of what arrived go back to the senders, who
run theirs, and so on. A derivative is linear in the gradient that comes in, so each worker may run its part once per message and add
up. Gradients land in the context, not in `.grad`: several contexts can be under way at once (hogwild).

>>> import lightwell as torch                                                    # doctest: +SKIP
>>> with torch.distributed.autograd.context() as context_id:                      # doctest: +SKIP
...     loss = torch.distributed.rpc.rpc_sync("worker1", torch.add, (a, b)).sum()
...     torch.distributed.autograd.backward(context_id, [loss])
...     torch.distributed.autograd.get_gradients(context_id)
"""

import contextlib
import itertools
import threading

from ...autograd import modes
from ...errors.teaching import RuntimeError
from ...tensor import Tensor

__all__ = ["backward", "context", "get_gradients", "is_available"]

_contexts: dict = {}
_guard = threading.Lock()
_numbers = itertools.count()
_local = threading.local()
_pass = threading.RLock()  # one local backward at a time: gradients pass through `.grad`, so that hooks on it run


def is_available() -> bool:
    """Whether distributed autograd can be used: it can."""
    return True


class _Context:
    """What one worker knows of a context: what it sent, what arrived, the gradients, whom it concerns."""

    def __init__(self, number):
        self.number, self.sent, self.leaves, self.grads, self.known = number, {}, {}, {}, set()
        self.lock = threading.Lock()


def _find(number, make=False) -> _Context:
    with _guard:
        found = _contexts.get(number)
        if found is None:
            if not make:
                raise RuntimeError(f"Could not find autograd context with id: {number}: it has ended, or its id comes from elsewhere")
            found = _contexts[number] = _Context(number)
        return found


class context:
    """Within it, calls by `torch.distributed.rpc` record what `backward` needs; gives the context's id, an int."""

    def __enter__(self) -> int:
        from ..rpc.agent import agent

        if getattr(_local, "number", None) is not None:
            raise RuntimeError("Already have an autograd context id for this thread.")
        self.number = agent().rank << 48 | next(_numbers)
        _find(self.number, make=True)
        _local.number = self.number
        return self.number

    def __exit__(self, *exc):
        _local.number = None
        _release(self.number)


def _release(number):
    """Forget a context, here and wherever calls of it went."""
    from ..rpc.agent import agent

    with _guard:
        ended = _contexts.pop(number, None)
    if ended is not None:
        for rank in ended.known:
            agent().call(agent().workers[rank], _release, (number,), inline=True)


@contextlib.contextmanager
def within(linked):
    """The context in which a request is run: its sender's."""
    before = getattr(_local, "number", None)
    _local.number = linked[0] if linked else None
    if linked:
        _find(linked[0], make=True)
    try:
        yield
    finally:
        _local.number = before


def send(to: int, tensors: list):
    """Note what is sent to a worker within a context; (context, message, which of the tensors require grad) for the message's head."""
    number = getattr(_local, "number", None)
    if number is None:
        return None
    here = _find(number, make=True)
    from ..rpc.agent import agent

    links = [i for i, t in enumerate(tensors) if t.requires_grad] if modes.is_grad_enabled() else []
    message = agent().new_id()
    with here.lock:
        if to != agent().rank:
            here.known.add(to)
        if links:
            here.sent[message] = {i: tensors[i] for i in links}
    return number, message, links


def receive(rank: int, linked, tensors: list) -> list:
    """What arrived within a context: the tensors that require grad become leaves whose gradients go back to `rank`."""
    number, message, links = linked
    here = _find(number, make=True)
    for i in links:
        leaf = tensors[i]
        with here.lock:
            here.leaves[id(leaf)] = (leaf, rank, message, i)
        with modes.enable_grad():
            tensors[i] = leaf.clone()  # the user may write into it
    return tensors


def _leaves(roots) -> list:
    """The leaves that the graph behind some tensors leads to."""
    found, seen, todo = {}, set(), [t.grad_fn if t.grad_fn is not None else t for t in roots]
    while todo:
        at = todo.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        if isinstance(at, Tensor):
            found[id(at)] = at
        else:
            todo.extend(at.edges)
    return list(found.values())


def _propagate(here: _Context, roots, gradients) -> None:
    """One worker's part: gradients of its parameters into the context, those of what arrived on to where it came from; waits for all."""
    from ..rpc.agent import agent

    leaves, onward = _leaves(roots), {}
    with _pass:
        kept = [t.grad for t in leaves]
        try:
            for t in leaves:
                t.grad = None
            _backward(roots, gradients)
            for t in leaves:
                got = t.grad
                if got is None:
                    continue
                with here.lock:
                    arrived = here.leaves.get(id(t))
                    if arrived is None:
                        before = here.grads.get(t)
                        here.grads[t] = got if before is None else before + got
                if arrived is not None:
                    _, rank, message, i = arrived
                    onward.setdefault((rank, message), {})[i] = got
        finally:
            for t, before in zip(leaves, kept):
                t.grad = before
    before, _local.number = getattr(_local, "number", None), None
    try:
        sent = [agent().call(agent().workers[rank], _take, (here.number, message, grads)) for (rank, message), grads in onward.items()]
    finally:
        _local.number = before
    for future in sent:
        future.wait()


def _backward(roots, gradients):
    from ...autograd import backward as run

    run(roots, gradients, retain_graph=True)  # another message may need the same part; it all goes with the context


def _take(number, message, grads):
    """Gradients of what this worker sent: its part runs on a thread of its own, so that no chain of workers can use up the pool."""
    from ...futures import Future
    from ..rpc.agent import Pending

    here, future = _find(number), Future()

    def run():
        try:
            sent = here.sent[message]
            _propagate(here, [sent[i] for i in grads], list(grads.values()))
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, daemon=True, name="lightwell-backward").start()
    return Pending(future)


def backward(context_id: int, roots, retain_graph: bool = False) -> None:
    """Gradients of the sum of `roots` (0-dim tensors) for every leaf on every worker of the context, added to the context's gradients.

    The graph lives until the context ends, so `retain_graph` is accepted without effect. RuntimeError for an unknown context, roots
    that aren't scalars or don't require grad, and for what fails on another worker.
    """
    here = _find(context_id)
    roots = list(roots)
    if not roots:
        raise RuntimeError("No tensors provided for gradient computation.")
    for i, root in enumerate(roots):
        if not root.requires_grad:
            raise RuntimeError(f"distributed autograd: requires_grad not set on root {i}: its graph was cut, or built under no_grad()")
        if root.numel() != 1:
            raise RuntimeError(
                f"distributed autograd: root {i} of shape {list(root.shape)} is not a scalar, all roots need to be scalar: reduce it, e.g. by .sum()"
            )
    _propagate(here, roots, [root.detach().new_ones(root.shape) for root in roots])


def get_gradients(context_id: int) -> dict:
    """The gradients that `backward` found for this worker's leaves: {tensor: gradient}."""
    here = _find(context_id)
    with here.lock:
        return dict(here.grads)
