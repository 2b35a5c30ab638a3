"""What travels: any picklable object, its tensors as raw memory beside the pickle, its remote references by their names."""

import io
import pickle

import numpy as np

from ... import dtypes
from ...tensor import Tensor, wrap


class _Pickler(pickle.Pickler):
    """Keeps tensors and remote references out of the pickle; each is known there by its number."""

    def __init__(self, stream, to):
        super().__init__(stream, 5)
        self.to, self.tensors, self.references, self._seen = to, [], [], {}

    def persistent_id(self, obj):
        if type(obj) is Tensor and obj.layout is _strided():
            kept = self.tensors
        elif type(obj).__name__ == "RRef" and hasattr(obj, "_fork"):
            number = len(self.references)
            self.references.append(obj._fork(self.to))
            return "reference", number
        else:
            return None
        number = self._seen.get(id(obj))
        if number is None:
            number = self._seen[id(obj)] = len(kept)
            kept.append(obj)
        return "tensor", number


def _strided():
    from ...layouts import strided

    return strided


def encode(obj, to: int):
    """(pickle, tensors, references) of an object on its way to worker `to`."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, to)
    pickler.dump(obj)
    return stream.getvalue(), pickler.tensors, pickler.references


def decode(body: bytes, tensors: list, references: list):
    """The object of a pickle, with the given tensors and references in their places."""
    unpickler = pickle.Unpickler(io.BytesIO(body))
    unpickler.persistent_load = lambda pid: (tensors if pid[0] == "tensor" else references)[pid[1]]
    return unpickler.load()


def pack(t: Tensor):
    """(description, contiguous bytes) of a tensor."""
    a = np.ascontiguousarray(t._a)
    return (dtypes.from_np(a.dtype).name, t._a.shape, t.requires_grad), a.reshape(-1).view(np.uint8).data


def unpack(told, memory) -> Tensor:
    """The tensor of a description and its bytes, whose memory it takes."""
    name, shape, requires_grad = told
    t = wrap(np.frombuffer(bytearray(memory), getattr(dtypes, name).np).reshape(shape))
    return t.requires_grad_() if requires_grad else t
