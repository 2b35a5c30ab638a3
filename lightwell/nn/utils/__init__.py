"""Helpers around modules: gradient clipping, parameters as vectors, sequences of different lengths."""

from . import clip_grad, convert_parameters, rnn
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad", "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
    "convert_parameters", "get_total_norm", "parameters_to_vector", "rnn", "skip_init", "vector_to_parameters",
]  # fmt: skip


def skip_init(module_cls: type, *args, **kwargs):
    """`module_cls(*args, **kwargs)` without drawing its parameters: their values are undefined."""
    from ... import random

    state = random.default_generator.get_state()
    module = module_cls(*args, **kwargs)
    random.default_generator.set_state(state)
    return module
