"""Tensors to and from several devices. Here every device is the CPU, so that parts and copies are what is left of it."""

from ...device import device as Device
from ...errors.teaching import RuntimeError, ValueError


def _devices(devices, what: str) -> list:
    """The devices; RuntimeError for those that are not here."""
    found = []
    for d in devices:
        if isinstance(d, int):
            raise RuntimeError(f"{what}: device {d} is a GPU's number, and tensors are on the CPU here: write 'cpu'")
        d = Device(d)
        if d.type != "cpu":
            raise RuntimeError(f"{what}: device {d} is not available: tensors are on the CPU here")
        found.append(d)
    return found


def broadcast(tensor, devices=None, *, out=None):
    """A copy of the tensor for each device (the first is the tensor itself), or written into the tensors `out`."""
    if (devices is None) == (out is None):
        raise RuntimeError("Exactly one of 'devices' and 'out' must be specified.")
    if out is not None:
        for t in out:
            t.copy_(tensor)
        return tuple(out)
    return tuple(tensor if i == 0 else tensor.clone() for i, _ in enumerate(_devices(devices, "broadcast")))


def broadcast_coalesced(tensors, devices, buffer_size: int = 10485760):
    """For each device a list of copies of the tensors (the first device's are the tensors themselves)."""
    return [[t if i == 0 else t.clone() for t in tensors] for i, _ in enumerate(_devices(devices, "broadcast_coalesced"))]


def reduce_add(inputs, destination=None):
    """The sum of tensors of one shape; RuntimeError where shapes differ."""
    total = inputs[0].clone()
    for t in inputs[1:]:
        if t.shape != total.shape:
            raise ValueError(f"input 1 has invalid size: got {list(t.shape)}, but expected {list(total.shape)}")
        total += t
    return total


def reduce_add_coalesced(inputs, destination=None, buffer_size: int = 10485760):
    """The sums over lists of tensors, entry by entry."""
    return tuple(reduce_add(list(column)) for column in zip(*inputs))


def scatter(tensor, devices=None, chunk_sizes=None, dim: int = 0, streams=None, *, out=None):
    """The tensor's parts along `dim`, one for each device (of `chunk_sizes`, where given), or written into the tensors `out`."""
    if out is not None:
        if devices is not None:
            raise RuntimeError(f"'devices' must not be specified when 'out' is specified, but got devices={devices}")
        for t, part in zip(out, tensor.split([t.shape[dim] for t in out], dim)):
            t.copy_(part)
        return tuple(out)
    n = len(_devices(devices, "scatter"))
    return tuple(tensor.chunk(n, dim) if chunk_sizes is None else tensor.split(list(chunk_sizes), dim))


def gather(tensors, dim: int = 0, destination=None, *, out=None):
    """The tensors joined along `dim`."""
    import lightwell as lw

    joined = lw.cat(list(tensors), dim)
    return joined if out is None else out.copy_(joined)
