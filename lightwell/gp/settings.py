"""Switches and numbers in force within a `with` block. Inference here is exact: of GPyTorch's switches between exact and
approximate algorithms those that tutorials use are taken, and change nothing."""

import lightwell as lw

__all__ = [
    "cholesky_jitter", "cholesky_max_tries", "debug", "detach_test_caches", "fast_computations", "fast_pred_samples",
    "fast_pred_var", "lazily_evaluate_kernels", "max_cg_iterations", "max_cholesky_size", "max_preconditioner_size",
    "max_root_decomposition_size", "memory_efficient", "min_variance", "num_trace_samples", "prior_mode",
    "skip_posterior_variances", "trace_mode", "verbose_linalg",
]  # fmt: skip


class _Setting:
    """A value of a class, put in its place on entry and taken back on exit."""

    _state: object = None

    def __init__(self, state):
        self._new = state

    @classmethod
    def _set(cls, state):
        cls._state = state

    def __enter__(self):
        self._old = type(self)._state
        self._set(self._new)
        return self

    def __exit__(self, *error):
        self._set(self._old)
        return False


class _Flag(_Setting):
    """On or off."""

    _state = False

    def __init__(self, state: bool = True):
        super().__init__(state)

    @classmethod
    def on(cls) -> bool:
        """Whether it is on."""
        return cls._state

    @classmethod
    def off(cls) -> bool:
        """Whether it is off."""
        return not cls._state


class _Value(_Setting):
    """A number."""

    @classmethod
    def value(cls, dtype=None):
        """The number in force."""
        return cls._state


class _PerType(_Setting):
    """A number for each floating-point type; those not given stay."""

    def __init__(self, float_value=None, double_value=None, half_value=None):
        given = {lw.float32: float_value, lw.float64: double_value, lw.float16: half_value}
        super().__init__({**type(self)._state, **{k: v for k, v in given.items() if v is not None}})

    @classmethod
    def value(cls, dtype=None):
        """The number in force for a dtype, or a tensor's."""
        return cls._state[getattr(dtype, "dtype", dtype)]


class cholesky_jitter(_PerType):
    """What is first added to the diagonal of a matrix that has no Cholesky factor; then ten times as much, and so on."""

    _state = {lw.float32: 1e-6, lw.float64: 1e-8, lw.float16: 1e-3}


class min_variance(_PerType):
    """The smallest variance that a prediction may have; rounding can bring it below zero."""

    _state = {lw.float32: 1e-9, lw.float64: 1e-10, lw.float16: 1e-6}


class cholesky_max_tries(_Value):
    """How many sizes of jitter are tried."""

    _state = 3


class debug(_Flag):
    """Check that a model is trained on its training inputs, and warn where it predicts at them."""

    _state = True


class prior_mode(_Flag):
    """Evaluate a model's prior, as if it had no data."""


class skip_posterior_variances(_Flag):
    """Predict means only: variances are zero."""


def _accepted(base, name, state):
    """A setting of approximate or lazy algorithms, without effect here."""
    return type(
        name,
        (base,),
        {"_state": state, "__doc__": f"{name.replace('_', ' ').capitalize()}: accepted, without effect.", "__module__": __name__},
    )


fast_pred_var = _accepted(_Flag, "fast_pred_var", False)
fast_pred_samples = _accepted(_Flag, "fast_pred_samples", False)
detach_test_caches = _accepted(_Flag, "detach_test_caches", True)
lazily_evaluate_kernels = _accepted(_Flag, "lazily_evaluate_kernels", True)
memory_efficient = _accepted(_Flag, "memory_efficient", False)
trace_mode = _accepted(_Flag, "trace_mode", False)
verbose_linalg = _accepted(_Flag, "verbose_linalg", False)
max_cholesky_size = _accepted(_Value, "max_cholesky_size", 800)
max_cg_iterations = _accepted(_Value, "max_cg_iterations", 1000)
max_preconditioner_size = _accepted(_Value, "max_preconditioner_size", 15)
max_root_decomposition_size = _accepted(_Value, "max_root_decomposition_size", 100)
num_trace_samples = _accepted(_Value, "num_trace_samples", 10)


class fast_computations:
    """Approximate algorithms for parts of the computation: accepted, without effect."""

    def __init__(self, covar_root_decomposition: bool = True, log_prob: bool = True, solves: bool = True):
        self.covar_root_decomposition, self.log_prob, self.solves = covar_root_decomposition, log_prob, solves

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False
