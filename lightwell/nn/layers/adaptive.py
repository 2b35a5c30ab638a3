"""The adaptive softmax: frequent classes in a head, rare ones in clusters of smaller projections (Grave et al., 2017)."""

from __future__ import annotations

from collections import namedtuple

from ...errors.teaching import RuntimeError, ValueError
from .. import functional as F
from ..containers import ModuleList, Sequential
from ..module import Module
from .linear import Linear

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])
_ASMoutput.__doc__ = "The log-probability of each target, and minus their mean."


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of many classes: log p(head class), or log p(cluster) + log p(class | cluster).

    Classes are numbered by falling frequency; `cutoffs` end the head and the clusters. Cluster i projects the (…, in_features)
    input to in_features // div_value^(i+1) features first. Called with input and target it returns (output, loss): the
    log-probabilities of the targets, and minus their mean. ValueError for cutoffs that don't rise within 1 … n_classes-1;
    RuntimeError for targets outside, or of another batch size.

    >>> import lightwell as torch
    >>> m = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5], div_value=2.0)
    >>> m(torch.zeros(3, 4), torch.tensor([0, 3, 9])).output.shape, m.log_prob(torch.zeros(3, 4)).shape
    (torch.Size([3]), torch.Size([3, 10]))
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs, div_value: float = 4.0, head_bias: bool = False, device=None, dtype=None
    ) -> None:  # fmt: skip
        super().__init__()
        made = {"device": device, "dtype": dtype}
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        rising = all(int(c) == c for c in cutoffs) and cutoffs == sorted(set(cutoffs))
        if not rising or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between "
                f"1 and n_classes-1; got {cutoffs} for {n_classes} classes"
            )
        self.in_features, self.n_classes = in_features, n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            inner = int(in_features // div_value ** (i + 1))
            outer = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(Sequential(Linear(in_features, inner, bias=False, **made), Linear(inner, outer, bias=False, **made)))

    def reset_parameters(self) -> None:
        """Initial weights again."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_, target_):
        """(log-probability of each target, minus their mean)."""
        if target_.dim() == 1:
            if input_.shape[0] != target_.shape[0]:
                raise RuntimeError(
                    f"Input and target should have the same size in the batch dimension; got {input_.shape[0]} and {target_.shape[0]}"
                )
            if input_.dim() != 2:
                raise RuntimeError(f"1D target tensor expects 2D input tensors, but found inputs with size {input_.size()}")
        elif target_.dim() == 0:
            if input_.dim() != 1:
                raise RuntimeError(f"0D target tensor expects 1D input tensors, but found inputs with size {input_.size()}")
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        single = target_.dim() == 0
        x, t = (input_.unsqueeze(0), target_.unsqueeze(0)) if single else (input_, target_)
        if t.numel() and (t.min() < 0 or t.max() >= self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{t.min().item()}, {t.max().item()}] were found. "
            )
        output = x.new_empty(t.shape[0])
        places = t.clone()  # of each target among the head's classes and clusters
        for i, (low, high) in enumerate(zip(self.cutoffs[:-1], self.cutoffs[1:])):
            rows = ((t >= low) & (t < high)).nonzero().squeeze(1)
            if rows.numel():
                within = F.log_softmax(self.tail[i](x.index_select(0, rows)), dim=1)
                output = output.index_copy(0, rows, within.gather(1, (t[rows] - low).unsqueeze(1)).squeeze(1))
                places = places.index_fill(0, rows, self.shortlist_size + i)
        rest = (t < self.shortlist_size).nonzero().squeeze(1)
        output = output.index_fill(0, rest, 0.0)
        output = output + F.log_softmax(self.head(x), dim=1).gather(1, places.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output.squeeze(0) if single else output, loss)

    def _get_full_log_prob(self, input, head_output):
        head = F.log_softmax(head_output, dim=1)
        out = input.new_empty((head_output.size(0), self.n_classes))
        out[:, : self.shortlist_size] = head[:, : self.shortlist_size]
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            within = F.log_softmax(self.tail[i](input), dim=1)
            out[:, low:high] = within + head[:, self.shortlist_size + i].unsqueeze(1)
        return out

    def log_prob(self, input):
        """Log-probabilities of all classes: (N, n_classes)."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input):
        """The most probable class of each row; full probabilities are computed only where the head points to a cluster."""
        head = self.head(input)
        output = head.argmax(dim=1)
        far = output >= self.shortlist_size
        if far.all():
            return self._get_full_log_prob(input, head).argmax(dim=1)
        if far.any():
            output[far] = self._get_full_log_prob(input[far], head[far]).argmax(dim=1)
        return output
