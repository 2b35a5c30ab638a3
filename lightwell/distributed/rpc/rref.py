"""Remote references: a value that lives on one worker and is named on others; it goes when the last of them is gone."""

import builtins

from ...errors.teaching import RuntimeError
from ...futures import Future
from .agent import WorkerInfo, _forget, _note, agent, outcome, settle

_UNSET = -1


class RRef:
    """A reference to a value on some worker: `RRef(value)` for one here, `rpc.remote(...)` for one elsewhere.

    It can be sent in calls; the value stays with its owner. `to_here()` fetches a copy, `rpc_sync()`, `rpc_async()` and `remote()`
    call the value's methods where it lives.
    """

    def __init__(self, value, type_hint=None):
        here = agent()
        self._owner, self._id, self._name = here.me, here.new_id(), here.new_id()
        here.note(self._id, self._name)
        here.value(self._id).set_result(value)
        self._made = Future()
        self._made.set_result(None)

    @classmethod
    def _arrived(cls, owner: int, rref, fork) -> "RRef":
        """The reference that a message named."""
        self = cls.__new__(cls)
        self._owner, self._id, self._name = agent().workers[owner], rref, fork
        self._made = Future()
        self._made.set_result(None)
        return self

    def _fork(self, to: int):
        """A name for a copy of this reference on worker `to`, told to the owner before the copy can end."""
        here = agent()
        fork = here.new_id()
        if self.is_owner():
            here.note(self._id, fork)
        else:
            here.call(self._owner, _note, (self._id, fork), inline=True)
        return self._owner.id, self._id, fork

    def __del__(self):
        try:
            agent().drop(self._owner.id, self._id, self._name)
        except (builtins.RuntimeError, AttributeError, TypeError):
            pass  # after shutdown, or half made

    def owner(self) -> WorkerInfo:
        """The worker that has the value."""
        return self._owner

    def owner_name(self) -> str:
        """The owner's name."""
        return self._owner.name

    def is_owner(self) -> bool:
        """Whether the value is in this process."""
        return self._owner.id == agent().rank

    def confirmed_by_owner(self) -> bool:
        """Whether the owner is known to have the value."""
        return self._made.done()

    def local_value(self):
        """The value itself; RuntimeError anywhere but on the owner, where `to_here` gives a copy."""
        if not self.is_owner():
            raise RuntimeError(
                f"Can't call localValue() on {self}: it is not the owner. Call it on {self._owner}, or fetch a copy with to_here()"
            )
        return agent().value(self._id).wait()

    def to_here(self, timeout: float = _UNSET):
        """A copy of the value, fetched from the owner (the value itself on the owner); waits until it is there."""
        if self.is_owner():
            return agent().value(self._id).wait()
        return agent().call(self._owner, _fetch, (self._id,), timeout=timeout).wait()

    def rpc_sync(self, timeout: float = _UNSET):
        """A proxy: `rref.rpc_sync().method(...)` runs the method on the owner and returns its result."""
        return _Proxy(self, lambda *call: agent().call(self._owner, *call, timeout=timeout).wait())

    def rpc_async(self, timeout: float = _UNSET):
        """A proxy: `rref.rpc_async().method(...)` runs the method on the owner and returns a Future."""
        return _Proxy(self, lambda *call: agent().call(self._owner, *call, timeout=timeout))

    def remote(self, timeout: float = _UNSET):
        """A proxy: `rref.remote().method(...)` runs the method on the owner and returns an RRef to the result."""
        return _Proxy(self, lambda *call: make_remote(self._owner, *call, timeout=timeout))

    def backward(self, dist_autograd_ctx_id: int = -1, retain_graph: bool = False) -> None:
        """`backward` from the value, a 0-dim tensor, on its owner: distributed where a context's id is given."""
        agent().call(self._owner, _backward, (self._id, dist_autograd_ctx_id, retain_graph)).wait()

    def _get_future(self) -> Future:
        return self._made

    def __reduce__(self):
        raise RuntimeError("Can not pickle rref in python pickler, rref can only be pickled when using RPC")

    def __repr__(self):
        if self.is_owner() and agent().value(self._id).done():
            return f"OwnerRRef({agent().value(self._id).value()})"
        return f"{'Owner' if self.is_owner() else 'User'}RRef(RRefId = GloballyUniqueId{self._id}, owner = {self._owner})"


class _Proxy:
    """Turns method calls into remote ones."""

    def __init__(self, rref, invoke):
        self._rref, self._invoke = rref, invoke

    def __getattr__(self, name):
        return lambda *args, **kwargs: self._invoke(_method, (self._rref, name, args, kwargs))


def make_remote(to: WorkerInfo, function, args=(), kwargs=None, timeout: float = _UNSET) -> RRef:
    """A reference to what `function(*args, **kwargs)` will give on worker `to`."""
    here = agent()
    rref, fork = here.new_id(), here.new_id()
    made = RRef._arrived(to.id, rref, fork)
    made._made = here.call(to, _create, (rref, fork, function, tuple(args), kwargs or {}), timeout=timeout)
    return made


# ---- what runs on the owner -------------------------------------------------------------------------------------------


def _create(rref, fork, function, args, kwargs):
    here = agent()
    here.note(rref, fork)
    future = here.value(rref)
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        future.set_exception(error)
        return
    if getattr(function, "_answers_later", False):
        result.add_done_callback(lambda f: settle(future, *outcome(f)))
    elif type(result).__name__ == "Pending":
        result.future.add_done_callback(lambda f: settle(future, *outcome(f)))
    else:
        future.set_result(result)


def _fetch(rref):
    from .agent import Pending

    return Pending(agent().value(rref))


def _method(rref, name, args, kwargs):
    from .agent import Pending

    method = getattr(rref.local_value(), name)
    result = method(*args, **kwargs)
    return Pending(result) if getattr(method, "_answers_later", False) else result


def _backward(rref, context_id, retain_graph):
    from .. import autograd

    value = agent().value(rref).wait()
    if context_id == -1:
        value.backward(retain_graph=retain_graph)
    else:
        autograd.backward(context_id, [value], retain_graph)


__all__ = ["RRef", "_forget", "make_remote"]
