"""utils.weak: references and dictionaries by identity."""

import gc

import pytest

import lightwell as lw
from lightwell.utils import weak


def test_dictionary_by_identity():
    a, b = lw.ones(2), lw.ones(2)
    d = weak.WeakTensorKeyDictionary({a: 1})
    d[b] = 2
    d[a] = 3
    assert d[a] == 3 and d[b] == 2 and len(d) == 2 and lw.ones(2) not in d and 1 not in d
    assert {id(k): v for k, v in d.items()} == {id(a): 3, id(b): 2} and sorted(d.values()) == [2, 3] and len(d.keyrefs()) == 2
    other = d.copy()
    del b
    gc.collect()
    assert len(d) == 1 and len(other) == 1 and d.pop(a) == 3 and not d and other[a] == 3
    with pytest.raises(KeyError):
        d[a]
    assert hash(weak.WeakIdRef(a)) == id(a) and weak.WeakIdRef(a) == weak.WeakIdRef(a)
    c = lw.ones(2)
    assert weak.WeakIdRef(a) != weak.WeakIdRef(c)


def test_reference():
    a = lw.ones(2)
    ref = weak.TensorWeakRef(a)
    assert ref() is a
    del a
    gc.collect()
    assert ref() is None
    with pytest.raises(AssertionError, match="Tensor"):
        weak.TensorWeakRef(3)
