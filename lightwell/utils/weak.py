"""Dictionaries whose keys are objects themselves, not what they equal, and which don't keep them alive: tensors, for one."""

import weakref
from collections.abc import MutableMapping

from lightwell.errors.teaching import AssertionError

__all__ = ["TensorWeakRef", "WeakIdKeyDictionary", "WeakIdRef", "WeakTensorKeyDictionary"]


class WeakIdRef(weakref.ref):
    """A weak reference that equals another where both mean the same object; hashable, whatever the object is."""

    __slots__ = ["_id"]

    def __init__(self, key, callback=None):
        super().__init__(key, callback)
        self._id = id(key)

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other) -> bool:
        a, b = self(), other()
        return a is b if a is not None and b is not None else self is other

    def __ne__(self, other) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} to {self()!r}>"


class WeakIdKeyDictionary(MutableMapping):
    """A dictionary by identity: an entry goes when its key does.

    >>> import lightwell as torch
    >>> from lightwell.utils.weak import WeakIdKeyDictionary
    >>> x = torch.ones(2)
    >>> notes = WeakIdKeyDictionary()
    >>> notes[x] = "first"
    >>> notes[x], torch.ones(2) in notes
    ('first', False)
    >>> del x
    >>> len(notes)
    0
    """

    def __init__(self, dict=None, ref_type=WeakIdRef):
        self.data, self.ref_type = {}, ref_type
        self.update(dict or {})

    def _ref(self, key):
        data = weakref.ref(self)

        def gone(ref):
            own = data()
            if own is not None:
                own.data.pop(ref, None)

        return self.ref_type(key, gone)

    def __setitem__(self, key, value):
        self.data.setdefault(self._ref(key), value)
        self.data[self.ref_type(key)] = value  # the stored key, with its callback, stays

    def __getitem__(self, key):
        return self.data[self.ref_type(key)]

    def __delitem__(self, key):
        del self.data[self.ref_type(key)]

    def __contains__(self, key) -> bool:
        try:
            return self.ref_type(key) in self.data
        except TypeError:
            return False

    def __iter__(self):
        for ref in list(self.data):
            key = ref()
            if key is not None:
                yield key

    def __len__(self) -> int:
        return len(self.data)

    def items(self):
        """Pairs of keys that live and their values."""
        return ((key, self[key]) for key in self)

    def keys(self):
        """The keys that live."""
        return iter(self)

    def values(self):
        """The values of the keys that live."""
        return (self[key] for key in self)

    def keyrefs(self) -> list:
        """The weak references to the keys."""
        return list(self.data)

    def copy(self) -> "WeakIdKeyDictionary":
        """Another dictionary with the same entries."""
        return type(self)(self, ref_type=self.ref_type)

    __copy__ = copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x}>"

    __eq__ = object.__eq__
    __hash__ = object.__hash__


WeakTensorKeyDictionary = WeakIdKeyDictionary


class TensorWeakRef:
    """A weak reference to a tensor: `ref()` is the tensor, or None once it is gone.

    AssertionError for what is no tensor.
    """

    def __init__(self, tensor):
        from ..tensor import Tensor

        if not isinstance(tensor, Tensor):
            raise AssertionError(f"expected torch.Tensor, got {type(tensor)}")
        self.ref = weakref.ref(tensor)

    def __call__(self):
        return self.ref()
