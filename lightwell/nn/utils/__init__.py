"""Helpers around modules: gradient clipping, parameters as vectors, parametrizations, pruning, sequences of different lengths."""

import importlib

from ...errors.teaching import AttributeError
from . import clip_grad, convert_parameters, rnn
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .init import skip_init
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

_LATER = {  # name: the module it comes from, at its first use
    "fuse_conv_bn_eval": "fusion", "fuse_conv_bn_weights": "fusion", "fuse_linear_bn_eval": "fusion", "fuse_linear_bn_weights": "fusion",
    "convert_conv2d_weight_memory_format": "memory_format", "convert_conv3d_weight_memory_format": "memory_format",
    **dict.fromkeys(("fusion", "memory_format", "parametrizations", "parametrize", "prune", "stateless")),
}  # fmt: skip

__all__ = [
    "clip_grad", "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "convert_parameters",
    "get_total_norm", "parameters_to_vector", "remove_spectral_norm", "remove_weight_norm", "rnn", "skip_init", "spectral_norm",
    "vector_to_parameters", "weight_norm",
]  # fmt: skip
__all__ += list(_LATER)


def __getattr__(name: str):
    if name not in _LATER:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    home = _LATER[name]
    module = importlib.import_module(f".{home or name}", __name__)
    found = module if home is None else getattr(module, name)
    globals()[name] = found  # over the submodule of the same name, as in PyTorch
    return found


def __dir__():
    return sorted({*globals()})
