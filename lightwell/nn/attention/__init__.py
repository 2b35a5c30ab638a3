"""torch.nn.attention: which kernel computes attention, biases (`bias`), attention with programmable scores (`flex_attention`)."""

import contextlib
import enum

from ...backends import cuda as _switches
from ...errors.teaching import AssertionError

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.IntEnum):
    """The kernels of scaled_dot_product_attention; a CPU has MATH and FLASH_ATTENTION, which give the same numbers here."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __repr__(self):
        return f"<SDPBackend.{self.name}: {self.value}>"

    def __str__(self):
        return f"SDPBackend.{self.name}"


_KINDS = {"MATH": "math", "FLASH_ATTENTION": "flash", "EFFICIENT_ATTENTION": "mem_efficient", "CUDNN_ATTENTION": "cudnn"}


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority: bool = False):
    """Within it, `scaled_dot_product_attention` takes only these kernels; without one that a CPU has, it raises RuntimeError.

    `backends` is a member of SDPBackend or a list of them (AssertionError for anything else); `set_priority` is accepted.

    >>> import lightwell as torch
    >>> from lightwell.nn.attention import SDPBackend, sdpa_kernel
    >>> q = torch.ones(1, 1, 2, 4)
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     print(torch.nn.functional.scaled_dot_product_attention(q, q, q).sum())
    tensor(8.)
    """
    wanted = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(wanted, (list, tuple)) or not all(isinstance(b, SDPBackend) for b in wanted):
        raise AssertionError(f"Backend must be an instance of SDPBackend or a list of SDPBackend instances, got {type(backends).__name__}")
    before = dict(_switches._sdp)
    _switches._sdp.update({kind: any(b.name == name for b in wanted) for name, kind in _KINDS.items()})
    try:
        yield {}
    finally:
        _switches._sdp.update(before)
