"""A module called with other parameters than its own; `torch.func.functional_call` is the newer name."""

import warnings

from ...errors.level import users_level

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """`torch.func.functional_call`, with a FutureWarning."""
    from ...func import functional_call as call

    warnings.warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version. Please use torch.func.functional_call instead "
        "which is a drop-in replacement for this API.",
        FutureWarning,
        stacklevel=users_level(),
    )
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)


def _functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    from ...func import functional_call as call

    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
