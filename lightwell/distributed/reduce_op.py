"""ReduceOp: how values of several ranks become one."""

import enum

import numpy as np

from ..errors.teaching import AttributeError, RuntimeError, TypeError, ValueError


class RedOpType(enum.Enum):
    """The kinds of reduction."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8


class _Meta(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, RedOpType) or type.__instancecheck__(cls, obj)


class ReduceOp(metaclass=_Meta):
    """SUM, AVG, PRODUCT, MIN, MAX, and for integers the bitwise BAND, BOR, BXOR.

    >>> import lightwell.distributed as dist
    >>> dist.ReduceOp.SUM, isinstance(dist.ReduceOp.MAX, dist.ReduceOp)
    (<RedOpType.SUM: 0>, True)
    """

    RedOpType = RedOpType
    SUM, AVG, PRODUCT, MIN, MAX = RedOpType.SUM, RedOpType.AVG, RedOpType.PRODUCT, RedOpType.MIN, RedOpType.MAX
    BAND, BOR, BXOR, PREMUL_SUM = RedOpType.BAND, RedOpType.BOR, RedOpType.BXOR, RedOpType.PREMUL_SUM

    def __init__(self, op, factor=None):
        self.op, self.factor = kind(op), factor

    def __eq__(self, other):
        return self.op == kind(other) if isinstance(other, ReduceOp) else NotImplemented

    def __hash__(self):
        return hash(self.op)

    def __repr__(self):
        return f"<torch.distributed.ReduceOp {self.op.name}>"


class _Old(type):
    def __getattr__(cls, name):
        if name in RedOpType.__members__:
            return RedOpType[name]
        raise AttributeError(name)


class reduce_op(metaclass=_Old):
    """The older name of ReduceOp's members."""


def kind(op) -> RedOpType:
    """The RedOpType behind an op; TypeError for what is none."""
    if isinstance(op, RedOpType):
        return op
    if type(op) is ReduceOp:
        return op.op
    raise TypeError(f"a reduction is one of torch.distributed.ReduceOp.SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR; not {op!r}")


COMBINE = {
    RedOpType.SUM: np.add,
    RedOpType.AVG: np.add,
    RedOpType.PREMUL_SUM: np.add,
    RedOpType.PRODUCT: np.multiply,
    RedOpType.MIN: np.minimum,
    RedOpType.MAX: np.maximum,
    RedOpType.BAND: np.bitwise_and,
    RedOpType.BOR: np.bitwise_or,
    RedOpType.BXOR: np.bitwise_xor,
}
"""What is done with the values of two ranks."""


def check(name: str, op, dtype) -> RedOpType:
    """The op's kind, if values of `dtype` can be reduced by it; ValueError or RuntimeError otherwise."""
    found = kind(op)
    if dtype.is_complex and found not in (RedOpType.SUM, RedOpType.AVG, RedOpType.PREMUL_SUM):
        raise ValueError(f"{name} does not support {found} on complex tensors")
    if found in (RedOpType.BAND, RedOpType.BOR, RedOpType.BXOR) and dtype.is_floating_point:
        raise RuntimeError(f"{name}: Cannot use ReduceOp.{found.name} with non-integral dtype {dtype}")
    if found is RedOpType.AVG and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}: ReduceOp.AVG: result type Float can't be cast to {dtype}; use SUM, or convert it first, with .float()")
    if found is RedOpType.PREMUL_SUM:
        raise RuntimeError(f"{name}: ReduceOp.PREMUL_SUM is for NCCL alone: multiply first, then use SUM")
    return found


def finish(op: RedOpType, array, size: int):
    """The last step of a reduction over `size` ranks."""
    if op is RedOpType.AVG:
        np.divide(array, array.dtype.type(size), out=array)
    return array
