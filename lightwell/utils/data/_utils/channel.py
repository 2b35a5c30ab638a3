"""How a batch travels from a worker to the main process: pickled, large arrays beside it in anonymous shared memory.

The memory is a file without a name whose descriptor is sent along, so nothing is left behind when a process dies, and
the receiver's arrays lie in that very memory. Where the system has no such files the arrays go through the pipe.
"""

import io
import os
import pickle
from multiprocessing import reduction

from lightwell.tensor import Tensor, wrap

# below this many bytes a copy through the pipe is quicker than making and mapping a file (measured: break-even 0.1-0.3 MB)
SHARE_FROM = 256 * 1024
_ALIGN = 64


def _tensor(array):
    """A tensor out of the array that travelled."""
    return wrap(array)


def _named(array, name):
    """A tensor of a dtype NumPy does not know by itself, out of its bytes."""
    import ml_dtypes

    return wrap(array.view(getattr(ml_dtypes, name)))


class _Pickler(reduction.ForkingPickler):
    """A pickler that sends plain CPU tensors as their arrays, and the arrays' bytes out of band."""

    def reducer_override(self, obj):
        if type(obj) is Tensor and not obj.requires_grad and obj.device.type == "cpu":
            array = getattr(obj, "_a", None)
            if array is not None and array.dtype.kind != "V":
                return _tensor, (array,)
            if array is not None:
                return _named, (array.view(f"u{array.dtype.itemsize}"), array.dtype.name)
        return NotImplemented


def encode(obj):
    """(pickle, buffers): what to send; raises what pickling raises."""
    stream, buffers = io.BytesIO(), []

    def keep(buffer):
        buffers.append(buffer.raw())

    _Pickler(stream, 5, True, keep).dump(obj)
    return stream.getbuffer(), buffers


def send(conn, tag, data):
    """Send a tagged object; nothing is sent where pickling fails."""
    body, buffers = encode(data)
    sizes = [b.nbytes for b in buffers]
    shared = sum(sizes) >= SHARE_FROM and hasattr(os, "memfd_create")
    conn.send_bytes(pickle.dumps((tag, sizes, shared)))
    conn.send_bytes(body)
    if not shared:
        for b in buffers:
            conn.send_bytes(b)
        return
    fd = os.memfd_create("lightwell-batch", os.MFD_CLOEXEC)
    try:
        places, total = _places(sizes)
        os.ftruncate(fd, total)
        for place, b in zip(places, buffers):
            done = 0
            while done < b.nbytes:
                done += os.pwrite(fd, b[done:], place + done)
        reduction.send_handle(conn, fd, None)
    finally:
        os.close(fd)


def receive(conn):
    """(tag, object) of the next message."""
    import mmap

    tag, sizes, shared = pickle.loads(conn.recv_bytes())
    body = conn.recv_bytes()
    if not shared:
        buffers = [bytearray(conn.recv_bytes()) for _ in sizes]
    else:
        fd = reduction.recv_handle(conn)
        try:
            places, total = _places(sizes)
            memory = memoryview(mmap.mmap(fd, total))
        finally:
            os.close(fd)
        buffers = [memory[place : place + n] for place, n in zip(places, sizes)]
    return tag, pickle.loads(body, buffers=buffers)


def _places(sizes):
    """Aligned offsets of the buffers, and the size of the whole."""
    places, at = [], 0
    for n in sizes:
        places.append(at)
        at += -(-n // _ALIGN) * _ALIGN
    return places, max(at, 1)
