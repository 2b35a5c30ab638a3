"""Recurrent layers RNN, LSTM, GRU over sequences, padded or packed, and their single cells."""

from __future__ import annotations

import builtins
import math
import numbers
import warnings

from ...errors.level import users_level
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...ops.precision import lowering
from ...tensor import Tensor
from .. import init
from ..core import empty, factory, zeros
from ..functional import recurrent
from ..module import Module
from ..parameter import Parameter
from ..utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _no_state(layer: str, hx) -> RuntimeError:
    """The error of a state that isn't what a layer's state is."""
    wanted = "a pair of tensors, (h_0, c_0)" if layer == "LSTM" else "one tensor, h_0"
    got = f"{type(hx).__name__} of {len(hx)}" if isinstance(hx, (list, tuple)) else type(hx).__name__
    return RuntimeError(f"{layer}: the hidden state should be {wanted}, but got {got}")


class RNNBase(Module):
    """Weights, checks and the call of all recurrent layers; `mode` names the cell.

    Raises ValueError for sizes that are not positive, a dropout outside [0, 1], a proj_size that is not smaller than
    hidden_size; TypeError for sizes that are no int.
    """

    __constants__ = [
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional",
        "proj_size",
    ]  # fmt: skip

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device=None,
        dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                f"dropout should be a number in range [0, 1] representing the probability of an element being zeroed, got {dropout!r}"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=users_level(),
            )
        for name, value, kind in (("bias", bias, bool), ("batch_first", batch_first, bool)):
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero, got {value}")
        if num_layers <= 0:
            raise ValueError(f"num_layers must be greater than zero, got {num_layers}")
        if proj_size < 0:
            raise ValueError(f"proj_size should be a positive integer or zero to disable projections, got {proj_size}")
        if proj_size >= hidden_size:
            raise ValueError(f"proj_size has to be smaller than hidden_size, got {proj_size} and {hidden_size}")
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size

        made, gates, out = factory(device, dtype), _GATES[mode] * hidden_size, proj_size or hidden_size
        directions = 2 if bidirectional else 1
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else out * directions
            for suffix in ("", "_reverse")[:directions]:
                shapes = {"weight_ih": (gates, width), "weight_hh": (gates, out)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = [f"{kind}_l{layer}{suffix}" for kind in shapes]
                for name, shape in zip(names, shapes.values(), strict=True):
                    setattr(self, name, Parameter(empty(shape, **made)))
                self._all_weights.append(names)
        self._flat_weights_names = [name for names in self._all_weights for name in names]
        self.reset_parameters()

    @property
    def _flat_weights(self) -> list:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing on the CPU: the weights are used where they are."""

    def reset_parameters(self) -> None:
        """Draw every weight and bias from U(-k, k), k = 1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input, batch_sizes=None) -> None:
        """ValueError for a dtype other than the weights'; RuntimeError for another number of dimensions or features."""
        weight = getattr(self, self._flat_weights_names[0])
        if input.dtype != weight.dtype and not lowering():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        dims = 2 if batch_sizes is not None else 3
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}")

    def _states(self, input, batch: int) -> list[tuple[int, int, int]]:
        """The shapes of the states the cell carries."""
        rows = self.num_layers * (2 if self.bidirectional else 1)
        shapes = [(rows, batch, self.proj_size or self.hidden_size)]
        if self.mode == "LSTM":
            shapes.append((rows, batch, self.hidden_size))
        return shapes

    def get_expected_hidden_size(self, input, batch_sizes=None) -> tuple[int, int, int]:
        """The shape of the hidden state for `input`."""
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        return self._states(input, batch)[0]

    def check_hidden_size(self, hx, expected_hidden_size, msg: str = "Expected hidden size {}, got {}") -> None:
        """RuntimeError unless a state has the shape."""
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input, hidden, batch_sizes=None) -> None:
        """RuntimeError where the input, or a state, has another shape than the layer's."""
        self.check_input(input, batch_sizes)
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        shapes = self._states(input, batch)
        if self.mode != "LSTM":
            self.check_hidden_size(hidden, shapes[0])
            return
        for i, (state, shape) in enumerate(zip(hidden, shapes, strict=True)):
            self.check_hidden_size(state, shape, f"Expected hidden[{i}] size {{}}, got {{}}")

    def permute_hidden(self, hx, permutation):
        """The states with their batch dimension reordered; as they are where the permutation is None."""
        if permutation is None:
            return hx
        return tuple(s.index_select(1, permutation) for s in hx) if self.mode == "LSTM" else hx.index_select(1, permutation)

    def forward(self, input, hx=None):
        """(output, h_n), h_n the last states: a tensor, or (h_n, c_n) of an LSTM."""
        packed = isinstance(input, PackedSequence)
        lstm = self.mode == "LSTM"
        order = back = sizes = None
        single = False
        if packed:
            x, sizes, order, back = input
            batch = int(sizes[0])
        else:
            x = input
            if x.dim() not in (2, 3):
                raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {x.dim()}D instead")
            single = x.dim() == 2
            if single:
                x = x.unsqueeze(0 if self.batch_first else 1)
            batch = x.size(0 if self.batch_first else 1)
        self.check_input(x, sizes)
        shapes = self._states(x, batch)
        if hx is None:
            states = tuple(zeros(shape, dtype=x.dtype, device=x.device) for shape in shapes)
        else:
            states = tuple(hx) if lstm else (hx,)
            if not packed:
                wanted = 2 if single else 3
                try:
                    wrong = any(s.dim() != wanted for s in states)
                except builtins.AttributeError:
                    raise _no_state(self._get_name(), hx) from None
                if wrong:
                    if lstm and isinstance(hx, Tensor):
                        raise _no_state(self._get_name(), hx)
                    what = "hx and cx" if lstm else "hx"
                    raise RuntimeError(
                        f"For {'unbatched 2-D' if single else 'batched 3-D'} input, {what} should also be {wanted}-D "
                        f"but got ({', '.join(f'{s.dim()}-D' for s in states)}) tensor{'s' * lstm}"
                    )
                if single:
                    states = tuple(s.unsqueeze(1) for s in states)
            if len(states) != len(shapes):
                raise _no_state(self._get_name(), hx)
            for i, (state, shape) in enumerate(zip(states, shapes)):
                if tuple(state.shape) != shape:
                    name = f"hidden[{i}]" if lstm else "hidden"
                    raise RuntimeError(f"Expected {name} size {shape}, got {list(state.shape)}")
            if order is not None:
                states = tuple(s.index_select(1, order) for s in states)
        output, *states = recurrent.run(
            self.mode, x, states, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training,
            self.bidirectional, self.batch_first and not packed, sizes,
        )  # fmt: skip
        if packed:
            output = PackedSequence(output, sizes, order, back)
            if back is not None:
                states = [s.index_select(1, back) for s in states]
        elif single:
            output = output.squeeze(0 if self.batch_first else 1)
            states = [s.squeeze(1) for s in states]
        return output, (tuple(states) if lstm else states[0])

    def extra_repr(self) -> str:
        """The sizes, and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size != 0:
            parts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if self.batch_first is not False:
            parts.append(f"batch_first={self.batch_first}")
        if self.dropout != 0:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional is not False:
            parts.append(f"bidirectional={self.bidirectional}")
        return ", ".join(parts)


class RNN(RNNBase):
    r"""hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), stacked num_layers times (Elman, 1990).

    Input (T, N, I), (N, T, I) if batch_first, (T, I), or a PackedSequence; h_0 (L·D, N, H), zeros if absent. Returns the
    output (T, N, D·H) of the last layer and h_n (L·D, N, H), D = 2 if bidirectional. `nonlinearity` may be "relu".

    >>> import lightwell as torch
    >>> y, h = torch.nn.RNN(10, 20, 2)(torch.zeros(5, 3, 10))
    >>> y.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device=None, dtype=None,
        proj_size: int = 0,
    ) -> None:  # fmt: skip
        if proj_size:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    r"""cₜ = σ(f) cₜ₋₁ + σ(i) tanh g, hₜ = σ(o) tanh cₜ; (i, f, g, o) = W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh.

    Takes and returns (h, c), both (L·D, N, H); with `proj_size` P, h is projected to (L·D, N, P). Shapes as in RNN
    (Hochreiter & Schmidhuber, 1997).

    >>> import lightwell as torch
    >>> y, (h, c) = torch.nn.LSTM(10, 20, batch_first=True)(torch.zeros(3, 5, 10))
    >>> y.shape, c.shape
    (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]))
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    r"""hₜ = (1 - z) n + z hₜ₋₁; r, z = σ(…), n = tanh(W_in xₜ + b_in + r (W_hn hₜ₋₁ + b_hn)) (Cho et al., 2014).

    Shapes as in RNN.

    >>> import lightwell as torch
    >>> y, h = torch.nn.GRU(10, 20, bidirectional=True)(torch.zeros(5, 3, 10))
    >>> y.shape
    torch.Size([5, 3, 40])
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """Weights and checks of the single cells."""

    __constants__ = ["input_size", "hidden_size", "bias"]

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        made, gates = factory(device, dtype), num_chunks * hidden_size
        self.weight_ih = Parameter(empty((gates, input_size), **made))
        self.weight_hh = Parameter(empty((gates, hidden_size), **made))
        self.register_parameter("bias_ih", Parameter(empty(gates, **made)) if bias else None)
        self.register_parameter("bias_hh", Parameter(empty(gates, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every weight and bias from U(-k, k), k = 1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _run(self, cell, input, hx, states: int):
        """`cell` on a batch, made from and turned back into a single example where `input` is one."""
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        given = () if hx is None else tuple(hx) if states == 2 else (hx,)
        for i, state in enumerate(given):
            if state.dim() not in (1, 2):
                what = f"hx[{i}]" if states == 2 else "hidden"
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {state.dim()}D instead")
        single = input.dim() == 1
        if single:
            input, given = input.unsqueeze(0), tuple(s.unsqueeze(0) for s in given)
        if input.size(1) != self.input_size:
            raise RuntimeError(f"{name}: input has inconsistent input_size: got {input.size(1)} expected {self.input_size}")
        if not given:
            given = (zeros((input.size(0), self.hidden_size), dtype=input.dtype, device=input.device),) * states
        for state in given:
            if tuple(state.shape) != (input.size(0), self.hidden_size):
                raise RuntimeError(f"{name}: hidden has shape {list(state.shape)}, expected {[input.size(0), self.hidden_size]}")
        out = cell(input, given if states == 2 else given[0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if not single:
            return out
        return tuple(s.squeeze(0) for s in out) if states == 2 else out.squeeze(0)

    def extra_repr(self) -> str:
        """The sizes, and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            parts.append(f"nonlinearity={self.nonlinearity}")
        return ", ".join(parts)


class RNNCell(RNNCellBase):
    """One step of an RNN: (N, I) and h (N, H) to h' (N, H); RuntimeError for a nonlinearity but "tanh" or "relu".

    >>> import lightwell as torch
    >>> torch.nn.RNNCell(10, 20)(torch.zeros(3, 10)).shape
    torch.Size([3, 20])
    """

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        """The next hidden state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = recurrent.rnn_tanh_cell if self.nonlinearity == "tanh" else recurrent.rnn_relu_cell
        return self._run(cell, input, hx, 1)


class LSTMCell(RNNCellBase):
    """One step of an LSTM: (N, I) and (h, c) to (h', c').

    >>> import lightwell as torch
    >>> h, c = torch.nn.LSTMCell(10, 20)(torch.zeros(3, 10))
    >>> c.shape
    torch.Size([3, 20])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input, hx=None):
        """The next hidden and cell states."""
        return self._run(recurrent.lstm_cell, input, hx, 2)


class GRUCell(RNNCellBase):
    """One step of a GRU: (N, I) and h (N, H) to h' (N, H).

    >>> import lightwell as torch
    >>> torch.nn.GRUCell(10, 20)(torch.zeros(3, 10)).shape
    torch.Size([3, 20])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input, hx=None):
        """The next hidden state."""
        return self._run(recurrent.gru_cell, input, hx, 1)
