"""Normalisation over the batch, or over each example, channel or group, with running statistics where they are kept."""

from __future__ import annotations

import numbers
import warnings

from ...errors.level import users_level
from ...errors.teaching import ValueError
from .. import functional as F
from .. import init
from ..core import empty, factory, ones, tensor, zeros
from ..module import Module
from ..parameter import Parameter, UninitializedBuffer, UninitializedParameter
from .lazy import LazyModuleMixin

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "CrossMapLRN2d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LocalResponseNorm", "RMSNorm", "SyncBatchNorm",
]  # fmt: skip


def _count(device):
    """The counter of batches: an int64 zero."""
    import lightwell as lw

    return tensor(0, dtype=lw.int64, device=device)


def _start(weight, bias=None) -> None:
    """Scale 1 and shift 0, where they exist."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)


class _NormBase(Module):
    """Scale, shift and running statistics: what batch and instance normalisation share."""

    _version = 2
    __constants__ = ["track_running_stats", "momentum", "eps", "num_features", "affine"]
    _dims: tuple[int, ...] = ()

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        made = factory(device, dtype)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter("weight", Parameter(empty(num_features, **made)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_features, **made)) if affine and bias else None)
        kept = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if kept else None)
        self.register_buffer("running_var", ones(num_features, **made) if kept else None)
        self.register_buffer("num_batches_tracked", _count(device) if kept else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the running variance to 1, the batch counter to 0."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Reset the statistics; set the scale to 1 and the shift to 0."""
        self.reset_running_stats()
        _start(self.weight, self.bias)

    def _check_input_dim(self, input) -> None:
        if self._dims and input.dim() not in self._dims:
            wanted = " or ".join(f"{d}D" for d in self._dims)
            raise ValueError(f"expected {wanted} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest) -> None:
        version, key = local_metadata.get("version"), prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            state_dict[key] = _count(None) if self.num_batches_tracked is None else self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """The call of batch normalisation."""

    def forward(self, input):
        """The input normalised: by the batch's statistics in training, else by the running ones if they are kept."""
        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        training, kept = self.training, self.track_running_stats
        counted = self.num_batches_tracked if training and kept else None
        if counted is not None and self.momentum is None:
            factor = 1.0 / (float(counted) + 1)
        mean, var = self.running_mean, self.running_var
        by_batch = training or (mean is None and var is None)
        if training and not kept:
            mean = var = None
        out = F.batch_norm(input, mean, var, self.weight, self.bias, by_batch, factor, self.eps)
        if counted is not None:  # last, so that a batch that was refused isn't counted
            counted.add_(1)
        return out


class BatchNorm1d(_BatchNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β for each channel of (N, C) or (N, C, L) (Ioffe & Szegedy, 2015).

    In training E and Var are the batch's (biased variance), and the running ones move towards them (unbiased) by
    `momentum`: r ← (1 - momentum) r + momentum·s; None means the mean over all batches. In evaluation the running
    ones are used. Raises ValueError for an input of another number of dimensions.

    >>> import lightwell as torch
    >>> torch.nn.BatchNorm1d(2, affine=False)(torch.tensor([[0., 1.], [2., 5.]]))
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β for each channel of (N, C, H, W); see BatchNorm1d.

    >>> import lightwell as torch
    >>> torch.nn.BatchNorm2d(3)(torch.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β for each channel of (N, C, D, H, W); see BatchNorm1d.

    >>> import lightwell as torch
    >>> torch.nn.BatchNorm3d(3)(torch.zeros(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """

    _dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of any (N, C, *) input, in training with the statistics of all processes' batches together.

    Without a process group of more than one rank, plain batch normalisation.

    >>> import lightwell as torch
    >>> torch.nn.SyncBatchNorm(3)(torch.zeros(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, process_group=None, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    def forward(self, input):
        """The input normalised: by all ranks' batches in training, else by the running statistics if they are kept."""
        import sys

        groups = sys.modules.get("lightwell.distributed.process_group")  # not even imported where one process trains alone
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        if groups is None or not by_batch or not groups.is_initialized() or groups.get_world_size(self.process_group) < 2:
            return super().forward(input)
        from ..parallel.sync_norm import synchronized

        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        kept = self.training and self.track_running_stats
        if kept and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(self.num_batches_tracked)
        mean, var = (self.running_mean, self.running_var) if kept else (None, None)
        return synchronized(input, self.weight, self.bias, mean, var, factor, self.eps, self.process_group)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group=None) -> Module:
        """`module` with every batch normalisation in it replaced by a SyncBatchNorm of the same state."""
        out = module
        if isinstance(module, _BatchNorm) and not isinstance(module, cls):
            out = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group, bias=module.bias is not None,
            )  # fmt: skip
            for table in ("_parameters", "_buffers"):
                out.__dict__[table].update(module.__dict__[table])
            out.training = module.training
        for name, child in module.named_children():
            out.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return out


class _InstanceNorm(_NormBase):
    """The constructor's defaults and the call of instance normalisation; `_dims` is (unbatched, batched)."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing, unexpected, errors) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            old = [prefix + n for n in ("running_mean", "running_var") if prefix + n in state_dict]
            if old:
                errors.append(
                    f"Unexpected running stats buffer(s) {' and '.join(map(repr, old))} for {type(self).__name__} with "
                    "track_running_stats=False: remove them from state_dict, or set track_running_stats=True."
                )
                for key in old:
                    del state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing, unexpected, errors)

    def forward(self, input):
        """The input normalised, each example and channel by itself."""
        self._check_input_dim(input)
        single = input.dim() == self._dims[0]
        at = 0 if single else 1
        if input.shape[at] != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={at} to match num_features ({self.num_features}), but got: {input.shape[at]}."
                )
            warnings.warn(
                f"input's size at dim={at} does not match num_features, which is not used because affine=False",
                stacklevel=users_level(),
            )
        out = F.instance_norm(
            input.unsqueeze(0) if single else input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, 0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β over L, for each example and channel of (N, C, L) or (C, L).

    Scale and shift, and running statistics, are off by default (Ulyanov et al., 2016).

    >>> import lightwell as torch
    >>> torch.nn.InstanceNorm1d(1)(torch.tensor([[[0., 2.]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β over H and W, for each example and channel; see InstanceNorm1d.

    >>> import lightwell as torch
    >>> torch.nn.InstanceNorm2d(3)(torch.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β over D, H and W, for each example and channel; see InstanceNorm1d.

    >>> import lightwell as torch
    >>> torch.nn.InstanceNorm3d(3)(torch.zeros(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """

    _dims = (4, 5)


class _LazyNorm(LazyModuleMixin):
    """A normalisation whose num_features is read from its first input."""

    _defaults = (True, True)

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool | None = None,
        track_running_stats: bool | None = None, device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        made = factory(device, dtype)
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = self._defaults[0] if affine is None else affine
        self.track_running_stats = self._defaults[1] if track_running_stats is None else track_running_stats
        if self.affine:
            self.weight = UninitializedParameter(**made)
            if bias:
                self.bias = UninitializedParameter(**made)
        if self.track_running_stats:
            self.running_mean = UninitializedBuffer(**made)
            self.running_var = UninitializedBuffer(**made)
            self.num_batches_tracked = _count(device)

    def reset_parameters(self) -> None:
        """Reset statistics, scale and shift, once they exist."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input) -> None:
        """Give parameters and statistics the channel count of `input`."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for t in (self.weight, self.bias, self.running_mean, self.running_var):
                if t is not None:
                    t.materialize((self.num_features,))
            self.reset_parameters()


def _lazy(name: str, cls: type, defaults: tuple[bool, bool]) -> type:
    """The lazy form of `cls`."""
    doc = f"""A {cls.__name__} whose num_features is the channel count of its first input.

    >>> import lightwell as torch
    >>> torch.nn.{name}().num_features
    0
    """
    return type(name, (_LazyNorm, cls), {"__doc__": doc, "__module__": __name__, "cls_to_become": cls, "_defaults": defaults})


LazyBatchNorm1d = _lazy("LazyBatchNorm1d", BatchNorm1d, (True, True))
LazyBatchNorm2d = _lazy("LazyBatchNorm2d", BatchNorm2d, (True, True))
LazyBatchNorm3d = _lazy("LazyBatchNorm3d", BatchNorm3d, (True, True))
LazyInstanceNorm1d = _lazy("LazyInstanceNorm1d", InstanceNorm1d, (True, True))
LazyInstanceNorm2d = _lazy("LazyInstanceNorm2d", InstanceNorm2d, (True, True))
LazyInstanceNorm3d = _lazy("LazyInstanceNorm3d", InstanceNorm3d, (True, True))


class LayerNorm(Module):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β over the last dimensions, of shape normalized_shape (Ba et al., 2016).

    >>> import lightwell as torch
    >>> torch.nn.LayerNorm(2)(torch.tensor([[0., 2.]])).detach()
    tensor([[-1.0000,  1.0000]])
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(
        self, normalized_shape, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True, device=None,
        dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        one = isinstance(normalized_shape, numbers.Integral)
        self.normalized_shape = (normalized_shape,) if one else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        made, shape = factory(device, dtype), self.normalized_shape
        self.register_parameter("weight", Parameter(empty(shape, **made)) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(empty(shape, **made)) if elementwise_affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        _start(self.weight, self.bias)

    def forward(self, input):
        """The normalised input."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"


class RMSNorm(Module):
    r"""y = γ x/√(E[x²] + ε) over the last dimensions, of shape normalized_shape (Zhang & Sennrich, 2019).

    `eps=None` means the machine epsilon of the input's dtype.

    >>> import lightwell as torch
    >>> torch.nn.RMSNorm(2)(torch.tensor([[3., 3.]])).detach()
    tensor([[1., 1.]])
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(self, normalized_shape, eps: float | None = None, elementwise_affine: bool = True, device=None, dtype=None) -> None:
        super().__init__()
        one = isinstance(normalized_shape, numbers.Integral)
        self.normalized_shape = (normalized_shape,) if one else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        made = factory(device, dtype)
        weight = Parameter(empty(self.normalized_shape, **made)) if elementwise_affine else None
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1."""
        _start(self.weight)

    def forward(self, x):
        """The normalised input."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    r"""y = γ (x - E[x])/√(Var[x] + ε) + β over each of num_groups groups of channels of (N, C, *) (Wu & He, 2018).

    Raises ValueError when num_groups does not divide num_channels.

    >>> import lightwell as torch
    >>> torch.nn.GroupNorm(3, 6)(torch.zeros(20, 6, 10, 10)).shape
    torch.Size([20, 6, 10, 10])
    """

    __constants__ = ["num_groups", "num_channels", "eps", "affine"]

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device=None, dtype=None, *,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        made = factory(device, dtype)
        self.register_parameter("weight", Parameter(empty(num_channels, **made)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_channels, **made)) if affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        _start(self.weight, self.bias)

    def forward(self, input):
        """The normalised input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class CrossMapLRN2d(Module):
    r"""y = x (k + α/n Σ x²)^{-β}, the sum over the (n-1)//2 channels before and behind: `LocalResponseNorm` of old, for (N, C, H, W).

    The formula itself; PyTorch's running sum keeps channel 0 too long, and its backward takes a shifted window.

    >>> import lightwell as torch
    >>> torch.nn.CrossMapLRN2d(3)(torch.zeros(1, 5, 7, 7)).shape
    torch.Size([1, 5, 7, 7])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        """The normalised input."""
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        reach = (self.size - 1) // 2
        squares = F.pad(input * input, [0, 0, 0, 0, reach, reach])
        total = sum(squares.narrow(1, i, input.shape[1]) for i in range(2 * reach + 1))
        return input * (total * (self.alpha / self.size) + self.k) ** -self.beta

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LocalResponseNorm(Module):
    r"""y = x (k + α/n Σ x²)^{-β}, the sum over n neighbouring channels (Krizhevsky et al., 2012).

    >>> import lightwell as torch
    >>> torch.nn.LocalResponseNorm(2)(torch.zeros(1, 5, 7)).shape
    torch.Size([1, 5, 7])
    """

    __constants__ = ["size", "alpha", "beta", "k"]

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        """The normalised input."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
