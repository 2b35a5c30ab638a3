"""Functions of functions: gradients, Jacobians, Hessians, and `vmap`, which nest freely."""

from . import rules_index as _rules_index
from . import rules_nn as _rules_nn
from .differentiate import functionalize, grad, grad_and_value, jvp, linearize, vjp
from .jacobians import hessian, jacfwd, jacrev
from .rearranging import rearrange
from .state import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .vmap import debug_unwrap, vmap

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "linearize", "rearrange", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]  # fmt: skip
