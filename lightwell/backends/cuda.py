"""CUDA's switches: kept as they are set, without effect on the CPU."""

import contextlib
import warnings

from ..errors.level import users_level


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True


matmul = _Matmul()


def is_built() -> bool:
    """Whether this build knows CUDA: False."""
    return False


_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}  # which kernels attention may take


def sdp_usable() -> bool:
    """Whether a kernel that the CPU has may compute scaled_dot_product_attention: math or flash."""
    return _sdp["math"] or _sdp["flash"]


def _sdp_switch(kind: str):
    def enable(enabled: bool) -> None:
        _sdp[kind] = bool(enabled)

    def enabled() -> bool:
        return _sdp[kind]

    enable.__name__ = enable.__qualname__ = f"enable_{kind}_sdp"
    enable.__doc__ = f"Allow or forbid the {kind} kernel of scaled_dot_product_attention."
    enabled.__name__ = enabled.__qualname__ = f"{kind}_sdp_enabled"
    enabled.__doc__ = f"Whether scaled_dot_product_attention may take the {kind} kernel."
    return enable, enabled


enable_flash_sdp, flash_sdp_enabled = _sdp_switch("flash")
enable_mem_efficient_sdp, mem_efficient_sdp_enabled = _sdp_switch("mem_efficient")
enable_math_sdp, math_sdp_enabled = _sdp_switch("math")
enable_cudnn_sdp, cudnn_sdp_enabled = _sdp_switch("cudnn")


def is_flash_attention_available() -> bool:
    """Whether CUDA's flash attention is there: False."""
    return False


@contextlib.contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True):
    """Within it, attention takes only these kernels; an older name of `torch.nn.attention.sdpa_kernel`."""
    warnings.warn(
        "`torch.backends.cuda.sdp_kernel()` is deprecated. Please use `torch.nn.attention.sdpa_kernel()` instead.",
        FutureWarning,
        stacklevel=users_level(),
    )
    before = dict(_sdp)
    _sdp.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield {}
    finally:
        _sdp.update(before)
