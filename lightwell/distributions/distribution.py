"""The base of all distributions: shapes, checks of parameters and samples, expansion, and what derives from the rest."""

import builtins
import warnings

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.utils import broadcast_all, lazy_property
from lightwell.errors.teaching import NotImplementedError, ValueError
from lightwell.tensor import Size, Tensor

from ..errors.level import users_level

__all__ = ["Distribution"]

_HINT = "\n(validate_args=False turns the check off)"


class Distribution:
    """A probability distribution over tensors.

    A sample of shape (*sample_shape, *batch_shape, *event_shape) holds independent draws along sample_shape, draws of
    differently parameterised distributions along batch_shape, and one value of the distribution along event_shape.

    >>> import lightwell as torch
    >>> d = torch.distributions.Normal(torch.zeros(3), 1.0)
    >>> d.sample((2,)).shape, d.batch_shape, d.event_shape
    (torch.Size([2, 3]), torch.Size([3]), torch.Size([]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    # What `expand` does: it widens the tensors and distributions of these names where set, and takes over the others as
    # they are. A class with its own __init__ must say so, or define `expand` itself.
    _batched: tuple = ()
    _kept: tuple = ()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Check arguments by default, or not; ValueError for anything but True and False."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):
        self._batch_shape, self._event_shape = batch_shape, event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _validate_parameters(self):
        """ValueError where a parameter breaks its constraint."""
        try:
            known = self.arg_constraints
        except builtins.NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=users_level(),
            )
            return
        for name, constraint in known.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # follows from a parameter that is checked
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {self!r} "
                    f"to satisfy the constraint {constraint!r}, but found invalid values:\n{value}{_HINT}"
                )

    def _place(self, **parameters):
        """Set parameters, tensors or numbers, brought to one shape; returns that shape."""
        for name, tensor in zip(parameters, broadcast_all(*parameters.values())):
            setattr(self, name, tensor)
        return tensor.size()

    # ---- shapes ------------------------------------------------------------------------------------------------

    def expand(self, batch_shape, _instance=None):
        """The same distribution over a larger batch, without copying parameters."""
        owner = next(c for c in type(self).__mro__ if "__init__" in c.__dict__)
        if owner is Distribution or (_instance is None and "_batched" not in owner.__dict__):
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {owner.__mro__[1].__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        new = self.__new__(type(self)) if _instance is None else _instance
        batch_shape, old = Size(batch_shape), len(self._batch_shape)
        for name in self._batched:
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                setattr(new, name, value.expand(batch_shape + value.shape[old:]))
            elif value is not None:
                setattr(new, name, value.expand(batch_shape + value.batch_shape[old:]))
        for name in self._kept:
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name])
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _get_checked_instance(self, cls, _instance=None):
        """A new object to fill in `expand`; NotImplementedError where a subclass changed __init__ but not `expand`."""
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also define a "
                "custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    @property
    def batch_shape(self) -> Size:
        """The shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape

    def _extended_shape(self, sample_shape=Size()) -> Size:
        """sample_shape + batch_shape + event_shape."""
        return Size(tuple(sample_shape) + tuple(self._batch_shape) + tuple(self._event_shape))

    # ---- what each distribution says ---------------------------------------------------------------------------

    def _lacks(self, what):
        return NotImplementedError(f"{type(self)} does not implement {what}")

    @property
    def arg_constraints(self) -> dict:
        """The constraint of each parameter."""
        raise self._lacks("arg_constraints")

    @property
    def support(self):
        """The constraint that samples satisfy."""
        raise self._lacks("support")

    @property
    def mean(self) -> Tensor:
        """E[x]."""
        raise self._lacks("mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise self._lacks("mode")

    @property
    def variance(self) -> Tensor:
        """E[(x - E[x])²]."""
        raise self._lacks("variance")

    @property
    def stddev(self) -> Tensor:
        """√variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape=Size()) -> Tensor:
        """Draws of shape sample_shape + batch_shape + event_shape, outside any graph."""
        with lw.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()) -> Tensor:
        """Draws as differentiable functions of the parameters."""
        raise self._lacks(
            "rsample: its draws have no gradient; use sample()" if type(self).sample is not Distribution.sample else "rsample"
        )

    def sample_n(self, n: int) -> Tensor:
        """n draws; deprecated in favour of sample((n,))."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=users_level())
        return self.sample(Size((n,)))

    def log_prob(self, value) -> Tensor:
        """The logarithm of the density, or of the probability of a discrete value."""
        raise self._lacks("log_prob")

    def cdf(self, value) -> Tensor:
        """P(x ≤ value)."""
        raise self._lacks("cdf")

    def icdf(self, value) -> Tensor:
        """The value below which lies the probability given."""
        raise self._lacks("icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first dimension; `expand=False` leaves the batch at size 1."""
        raise self._lacks("enumerate_support")

    def entropy(self) -> Tensor:
        """-E[log p(x)]."""
        raise self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return lw.exp(self.entropy())

    # ---- checks ------------------------------------------------------------------------------------------------

    def _check(self, value):
        """`_validate_sample`, where checks are on."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value) -> None:
        """ValueError for a value that no sample can be: of the wrong type or shape, or outside the support."""
        if not isinstance(value, Tensor):
            raise ValueError(f"The value argument to log_prob must be a Tensor, got {type(value).__name__}: write torch.tensor(...)")
        actual, expected = value.size(), self._batch_shape + self._event_shape
        if actual[len(actual) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {actual} vs {self._event_shape}.")
        if any(i != j and i != 1 and j != 1 for i, j in zip(reversed(actual), reversed(expected))):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {actual} vs {expected}.")
        try:
            support = self.support
        except builtins.NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the distribution with "
                "`validate_args=False` to turn off validation.",
                stacklevel=users_level(),
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(actual)}) to be within the support ({support!r}) "
                f"of the distribution {self!r}, but found invalid values:\n{value}{_HINT}"
            )

    def _counting(self, count: int, dtype, expand: bool):
        """0 … count-1 along a new first dimension, for `enumerate_support`."""
        values = lw.arange(count, dtype=dtype).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values

    def __repr__(self):
        known = [(name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__]
        return f"{type(self).__name__}({', '.join(f'{n}: {v if v.numel() == 1 else v.size()}' for n, v in known)})"
