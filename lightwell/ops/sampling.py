"""Random tensors: PyTorch's CPU streams (see random.py and docs/random.md) as tensor functions and in-place fills."""

import numpy as np

from .. import dtypes, random
from ..autograd import modes
from ..errors.teaching import RuntimeError, TypeError
from ..meta import hollow
from ..tensor import Tensor, _cpu, make
from .creation import laid_out
from .fresh import finish, np_dtype, place, shape_of
from .inplace import check_writable, copy, hang, note, rebase, writing
from .op import draws

__all__ = [
    "bernoulli", "binomial", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
]  # fmt: skip

random.Generator._wrap = staticmethod(make)


def _gen(generator, device=None):
    """The generator to draw from, once it is known that the device is there: a refused call draws nothing."""
    place(device)
    return random.default_generator if generator is None else generator


def _drawn(draw, generator, device, shape, kind, *options):
    """An array of draws; on the meta device an array without numbers, and nothing is drawn."""
    if place(device):
        return hollow((shape,) if isinstance(shape, int) else shape, kind)
    return draw(random.default_generator if generator is None else generator, shape, kind, *options)


def _shape(op, size, sizes_keyword):
    return shape_of(op, size if size or sizes_keyword is None else (sizes_keyword,))


def _finish(op, array, out, device, requires_grad, layout):
    t = finish(array, device, requires_grad, layout)
    if out is None:
        return t
    from .public import write_out

    return write_out(op, out, t)


@draws
def rand(
    *args, size=None, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None
):
    """Numbers drawn uniformly from [0, 1): (mt19937 mod 2²⁴)/2²⁴ in float32, 53 bits in float64.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0); torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    array = _drawn(random.uniform, generator, device, _shape("rand", args, size), np_dtype(dtype))
    return _finish("rand", array, out, device, requires_grad, layout)


@draws
def randn(
    *args, size=None, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None
):
    """Numbers drawn from the standard normal distribution, by Box and Muller's method.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0); torch.randn(2)
    tensor([ 1.5410, -0.2934])
    """
    array = _drawn(random.normal, generator, device, _shape("randn", args, size), np_dtype(dtype))
    return _finish("randn", array, out, device, requires_grad, layout)


@draws
def rand_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """`rand` in the shape and dtype of `input`."""
    return _drawn_like(
        rand,
        input,
        memory_format,
        generator=generator,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


def _drawn_like(draw, input, memory_format, **options):
    """`draw(shape)` laid out in memory as `input` is: the numbers follow each other in memory, as PyTorch draws them."""
    to = laid_out("empty", input._a, dtypes.bool.np, memory_format)
    if to.flags.c_contiguous:
        return draw(to.shape, **options)
    order = sorted(range(to.ndim), key=lambda k: -to.strides[k])
    wanted = options.pop("requires_grad")
    drawn = draw(tuple(to.shape[k] for k in order), **options)
    return make(drawn._a.transpose(np.argsort(order))).requires_grad_(wanted)


@draws
def randn_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """`randn` in the shape and dtype of `input`."""
    return _drawn_like(
        randn,
        input,
        memory_format,
        generator=generator,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


@draws
def randint(
    low=None, high=None, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """Integers drawn uniformly from low (0 where left out) up to, without, high.

    RuntimeError where low ≥ high or the bounds don't fit the dtype.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0); torch.randint(10, (3,))
    tensor([4, 9, 3])
    """
    if size is None and isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None or low is None:
        low, high = 0, low if high is None else high
    if size is None or high is None:
        raise TypeError("randint() received an invalid combination of arguments: give a size, as in randint(low, high, (2, 3))")
    shape, kind = shape_of("randint", (size,)), np_dtype(dtype, dtypes.int64)
    array = _drawn(random.integers, generator, device, shape, kind, int(low), int(high))
    return _finish("randint", array, out, device, requires_grad, layout)


@draws
def randint_like(input, low, high=None, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """`randint` in the shape and dtype of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@draws
def randperm(n, *, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """The numbers 0 … n-1 in random order.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0); torch.randperm(4)
    tensor([0, 1, 3, 2])
    """
    if n < 0:
        raise RuntimeError(f"randperm(): n must be non-negative, got {n}")
    array = _drawn(random.permutation, generator, device, int(n), np_dtype(dtype, dtypes.int64))
    return _finish("randperm", array, out, device, requires_grad, layout)


@draws
def normal(
    mean=0.0, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """Normal numbers with the given means and standard deviations, numbers (with `size`) or tensors.

    RuntimeError for a negative standard deviation.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0); torch.normal(0, 1, (2,))
    tensor([ 1.5410, -0.2934])
    """
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        m = mean._a if isinstance(mean, Tensor) else float(mean)
        s = std._a if isinstance(std, Tensor) else float(std)
        shape = np.broadcast_shapes(np.shape(m), np.shape(s))
        kind = mean._a.dtype if isinstance(mean, Tensor) else std._a.dtype
        return _finish("normal", random.normal(_gen(generator, device), shape, kind, m, s), out, device, requires_grad, layout)
    if size is None:
        raise TypeError("normal() received an invalid combination of arguments: numbers for mean and std need a size=")
    array = _drawn(random.normal, generator, device, shape_of("normal", (size,)), np_dtype(dtype), mean, std)
    return _finish("normal", array, out, device, requires_grad, layout)


@draws
def bernoulli(input, p=None, *, generator=None, out=None):
    """0 or 1 for each element, 1 with the probability that the element (or `p`) says.

    RuntimeError for probabilities outside [0, 1].

    >>> import lightwell as torch
    >>> torch.bernoulli(torch.tensor([0., 1.]))
    tensor([0., 1.])
    """
    if input.dtype.category != dtypes.FLOAT and p is None:
        raise RuntimeError(f"bernoulli_tensor_cpu_p_ not implemented for '{input.dtype.name}': probabilities must be floating-point")
    array = random.bernoulli(_gen(generator), input._a if p is None else p, input._a.shape, input._a.dtype)
    return _finish("bernoulli", array, out, _cpu, False, None)


@draws
def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Indices drawn with probabilities proportional to the (rows of) weights in `input`.

    RuntimeError for negative, infinite or all-zero weights, or more samples than non-zero weights without replacement.

    >>> import lightwell as torch
    >>> torch.multinomial(torch.tensor([0., 1., 0.]), 2, replacement=True)
    tensor([1, 1])
    """
    if input.dtype.category != dtypes.FLOAT:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype.name}")
    return _finish("multinomial", random.multinomial(_gen(generator), input._a, num_samples, replacement), out, _cpu, False, None)


@draws
def poisson(input, generator=None):
    """Counts drawn from Poisson distributions with the rates in `input`."""
    return make(random.poisson(_gen(generator), input._a))


@draws
def binomial(count, prob, generator=None):
    """Numbers of successes among `count` trials of probability `prob`."""
    return make(random.binomial(_gen(generator), count._a, prob._a))


def _fill(self, name, draw):
    """Write random values over the tensor; the graph sees a constant."""
    recording = modes.state.grad
    check_writable(self, name, recording)
    old = (self._node or self) if recording and self._rg else None
    self._a[...] = draw()
    writing(self, name)
    if old is not None:
        rebase(self, hang(copy.record, (old, None), (None,) * 3 + (self._a.shape, self._a.shape)))
    return self


def _needs_float(self, name):
    if self.dtype.category < dtypes.FLOAT:
        raise RuntimeError(f"\"{name}\" not implemented for '{self.dtype.tensor_type[:-6]}': the tensor must be floating-point")


@draws
def uniform_(self, from_=0.0, to=1.0, *, generator=None, **kwargs):
    """Fill with numbers drawn uniformly from [from, to); RuntimeError where from > to."""
    low = kwargs.pop("from", from_)
    _needs_float(self, "check_uniform_bounds")
    if low > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    return _fill(self, "uniform_", lambda: random.uniform(_gen(generator), self._a.shape, self._a.dtype, low, to))


@draws
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fill with normal numbers of the given mean and standard deviation; RuntimeError for a negative one."""
    _needs_float(self, "normal_kernel_cpu")
    contiguous = self._a.flags.c_contiguous
    return _fill(self, "normal_", lambda: random.normal(_gen(generator), self._a.shape, self._a.dtype, mean, std, contiguous=contiguous))


@draws
def random_(self, from_=None, to=None, *, generator=None, **kwargs):
    """Fill with integers drawn uniformly from [from, to), or from all the dtype's (exactly representable) values."""
    low = kwargs.pop("from", from_)
    if low is None and to is None:
        return _fill(self, "random_", lambda: random.random_full(_gen(generator), self._a.shape, self._a.dtype))
    if to is None:
        low, to = 0, low
    return _fill(self, "random_", lambda: random.integers(_gen(generator), self._a.shape, self._a.dtype, low, to))


@draws
def bernoulli_(self, p=0.5, *, generator=None):
    """Fill with 0 and 1, 1 with probability `p` (a number or a tensor); RuntimeError outside [0, 1]."""
    p = p._a if isinstance(p, Tensor) else p
    return _fill(self, "bernoulli_", lambda: random.bernoulli(_gen(generator), p, self._a.shape, self._a.dtype))


def _filler(name, draw, *parameters):
    def method(self, *args, generator=None, **kwargs):
        values = dict(parameters)
        values.update(zip(values, args))
        values.update(kwargs)
        return _fill(self, name, lambda: draw(_gen(generator), self._a.shape, self._a.dtype, *values.values()))

    method.__name__ = method.__qualname__ = name
    method = draws(method)
    method.__doc__ = f"Fill with numbers drawn from the {name[:-1].replace('_', '-')} distribution."
    return method


Tensor.uniform_, Tensor.normal_, Tensor.random_, Tensor.bernoulli_ = uniform_, normal_, random_, bernoulli_
Tensor.exponential_ = _filler("exponential_", random.exponential, ("lambd", 1.0))
Tensor.geometric_ = _filler("geometric_", random.geometric, ("p", 0.5))
Tensor.cauchy_ = _filler("cauchy_", random.cauchy, ("median", 0.0), ("sigma", 1.0))
Tensor.log_normal_ = _filler("log_normal_", random.log_normal, ("mean", 1.0), ("std", 2.0))
Tensor.bernoulli, Tensor.multinomial = bernoulli, multinomial


def fill_(self, value, _name="fill_"):
    """Write one number (or 0-dim tensor) into every element; returns the tensor."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
        return self.copy_(value)
    a = self._a
    if a.dtype.kind != "f" or not -1e4 < value < 1e4:
        value = dtypes.fitted(value, self.dtype)
    if a.flags.c_contiguous and not (modes.state.grad and (self._rg or self._base is not None)):
        a.fill(value)
        writing(self, _name) if modes.state.grad else note(self)
        return self
    return _fill(self, _name, lambda: value)


def zero_(self):
    """Write zeros; returns the tensor."""
    return fill_(self, 0, "zero_")


def fill_diagonal_(self, fill_value, wrap=False):
    """Write a number on the main diagonal; returns the tensor. RuntimeError below two dimensions."""
    if self.ndim < 2:
        raise RuntimeError(f"dimensions must larger than 1: fill_diagonal_() of shape {list(self.shape)}")

    def draw():
        a = self._a.copy()
        np.fill_diagonal(a, fill_value, wrap=wrap)
        return a

    return _fill(self, "fill_diagonal_", draw)


Tensor.fill_, Tensor.zero_, Tensor.fill_diagonal_ = fill_, zero_, fill_diagonal_
