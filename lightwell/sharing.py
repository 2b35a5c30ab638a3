"""Tensors in memory that several processes map: how it is made, recognised and handed on.

The memory is a file without a name: what travels to another process is its descriptor (on Windows, the name of a block of
memory), so nothing is left behind when a process dies. It lives as long as anyone maps it.
"""

import mmap
import multiprocessing.context
import os
import sys
import weakref
from multiprocessing import reduction

import numpy as np

from . import dtypes
from .errors.teaching import RuntimeError
from .layouts import strided
from .tensor import Tensor, make

_mapped: weakref.WeakValueDictionary = weakref.WeakValueDictionary()  # a block that arrives twice is mapped once


class Block(mmap.mmap):
    """A stretch of memory that other processes can map too."""

    handle: object = None  # the file's descriptor; on Windows the block's name

    def __del__(self, close=os.close):  # at the interpreter's end the module `os` may be gone before the block is
        if isinstance(self.handle, int):
            close(self.handle)


def _open(size: int, handle=None) -> Block:
    """A new block, or the one that `handle` stands for."""
    if sys.platform == "win32":
        import secrets

        name = handle or f"lightwell-{os.getpid()}-{secrets.token_hex(8)}"
        block = _mapped.get(name)
        if block is None:
            block = _mapped[name] = Block(-1, size, tagname=name)
            block.handle = name
        return block
    if handle is None:
        handle = _nameless(size)
    place = os.fstat(handle)
    key = place.st_dev, place.st_ino
    block = _mapped.get(key)
    if block is None:
        block = _mapped[key] = Block(handle, size)
        block.handle = handle
    elif block.handle != handle:
        os.close(handle)
    return block


def _nameless(size: int) -> int:
    """The descriptor of a file of `size` bytes in memory (elsewhere on disk) that has no name."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("lightwell-tensor", os.MFD_CLOEXEC)
    else:
        import tempfile

        handle, path = tempfile.mkstemp(prefix="lightwell-")
        os.unlink(path)
    os.ftruncate(handle, size)
    return handle


def block_of(t: Tensor) -> Block | None:
    """The shared block in which a tensor's memory lies; None where it is the process's own."""
    owner = t._a
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner if isinstance(owner, Block) else None


def share(t: Tensor) -> Tensor:
    """Move a tensor's memory into a block that other processes can map, and return the tensor.

    Tensors and arrays that were views of the old memory keep the old memory.
    """
    if block_of(t) is not None:
        return t
    a = t._a
    fresh = np.ndarray(a.shape, a.dtype, _open(max(a.nbytes, 1)))
    fresh[...] = a
    t._a = fresh
    return t


def _reduce(t: Tensor) -> tuple:
    """How a tensor is handed to another process: by its memory, which is moved into a block first; as a copy where it is a part of
    another's memory."""
    if t.requires_grad and not t.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad: a graph can't cross to another process. "
            "To hand over the values, call detach() first."
        )
    if block_of(t) is None:
        if t._base is not None or t._a.base is not None or t.layout is not strided:
            return t.__reduce_ex__(2)
        share(t)
    block, a = block_of(t), t._a
    start = np.frombuffer(block, np.uint8).__array_interface__["data"][0]
    offset = a.__array_interface__["data"][0] - start if a.size else 0
    handle = block.handle if sys.platform == "win32" else reduction.DupFd(block.handle)
    # A worker may be gone before its result is fetched, and its memory with it: its values travel along.
    mortal = multiprocessing.parent_process() is not None and multiprocessing.context.get_spawning_popen() is None
    values = a.tobytes() if mortal else None
    return _rebuild, (handle, len(block), dtypes.from_np(a.dtype).name, offset, a.shape, a.strides, t.requires_grad, values)


def _rebuild(handle, size: int, dtype: str, offset: int, shape: tuple, strides: tuple, requires_grad: bool, values) -> Tensor:
    """The tensor that `_reduce` described, over the same memory; over its own if the sender is gone and left its values."""
    np_dtype = getattr(dtypes, dtype).np
    try:
        block = _open(size, handle if sys.platform == "win32" else handle.detach())
    except (OSError, EOFError):
        if values is None:
            raise
        t = make(np.frombuffer(bytearray(values), np_dtype).reshape(shape))
    else:
        t = make(np.ndarray(shape, np_dtype, block, offset, strides))
    if requires_grad:
        t.requires_grad = True
    return t


reduction.ForkingPickler.register(Tensor, _reduce)
