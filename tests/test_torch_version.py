"""Versions in order."""

import pytest

from lightwell.torch_version import TorchVersion


def test_order_is_by_numbers():
    v = TorchVersion("2.13.0+lightwell.0.1.0")
    assert v > "2.9" and v >= "2.13" and v != "2.13" and v < "2.13.1" and v < "10" and TorchVersion("2.13.0") == (2, 13) and not v < "2.2"
    assert TorchVersion("2.0.0rc1") < "2.0" and TorchVersion("2.0.0") > "2.0.0a5"
    assert v == "2.13.0+lightwell.0.1.0" and hash(v) == hash(str(v)) and v.split("+")[0] == "2.13.0"
    assert TorchVersion("parrot") == "parrot" and TorchVersion("parrot") != "2.0"


def test_as_pytorchs():
    theirs = pytest.importorskip("torch").torch_version.TorchVersion
    for text in ("1.4", "2.13.0+cpu", "2.0.0a0", "10.0"):
        for other in ("1.4.0", "2", (2, 13), (10,), "2.13.0"):
            for name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
                assert getattr(TorchVersion(text), name)(other) == getattr(theirs(text), name)(other), (text, name, other)
