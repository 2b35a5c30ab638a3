"""Bad calls: the exception that PyTorch raises, and a message that says what was wrong and how to mend it."""

import re
import warnings

import numpy as np
import pytest

import lightwell as lw

try:
    import torch
except ImportError:
    torch = None


def leaf(f):
    return f.ones(2, 3, requires_grad=True)


def written_over(f):
    x = leaf(f)
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def twice(f):
    y = leaf(f).exp().sum()
    y.backward()
    y.backward()


def refuse_state(f, **changes):
    m = f.nn.Linear(3, 2)
    state = dict(m.state_dict())
    for key, value in changes.items():
        state.pop(key) if value is None else state.__setitem__(key, value)
    m.load_state_dict(state)


def load_garbage(f, path):
    path.write_bytes(b"\x00")
    f.load(path)


class Raises:
    def __getitem__(self, i):
        raise IndexError if i > 3 else ValueError("no sample")

    def __len__(self):
        return 3


# name: (call, exception, fragments of our message)
CASES = {
    # shapes
    "add": (lambda f: f.ones(2, 3) + f.ones(4), RuntimeError, ["add", "[2, 3]", "[4]", "dimension 1", "(3)", "(4)"]),
    "mul in place": (lambda f: f.ones(3).mul_(f.ones(2, 3)), RuntimeError, ["mul_", "[3]", "[2, 3]"]),
    "matmul": (lambda f: f.ones(2, 3) @ f.ones(2, 3), RuntimeError, ["matmul", "2x3", "last dimension"]),
    "mm rank": (lambda f: f.mm(f.ones(2), f.ones(2, 2)), RuntimeError, ["mm", "[2]", "matrix"]),
    "bmm": (lambda f: f.bmm(f.ones(2, 3, 4), f.ones(2, 3, 4)), RuntimeError, ["[2, 4]", "[2, 3]"]),
    "dot": (lambda f: f.dot(f.ones(2), f.ones(3)), RuntimeError, ["[2]", "[3]", "same number of elements"]),
    "dot rank": (lambda f: f.dot(f.ones(2, 2), f.ones(2, 2)), RuntimeError, ["1D", "2D", "dot()"]),
    "mv": (lambda f: f.mv(f.ones(2, 3), f.ones(2)), RuntimeError, ["mv", "2x3"]),
    "view": (lambda f: f.ones(2, 3).view(4), RuntimeError, ["[4]", "6", "view"]),
    "view of transposed": (lambda f: f.ones(2, 3).t().view(6), RuntimeError, ["view", "[3, 2]", "reshape"]),
    "reshape": (lambda f: f.ones(2, 3).reshape(-1, 4), RuntimeError, ["[-1, 4]", "6"]),
    "reshape twice -1": (lambda f: f.ones(2, 3).reshape(-1, -1), RuntimeError, ["one dimension"]),
    "expand": (lambda f: f.ones(2, 3).expand(4, 3), RuntimeError, ["expand", "(4)", "(2)", "dimension 0"]),
    "cat": (lambda f: f.cat([f.ones(2, 3), f.ones(3, 2)]), RuntimeError, ["cat", "3", "2", "dimension"]),
    "cat nothing": (lambda f: f.cat([]), ValueError, ["cat", "non-empty"]),
    "cat of a tensor": (lambda f: f.cat(f.ones(2)), TypeError, ["cat", "tuple of Tensors"]),
    "stack": (lambda f: f.stack([f.ones(2), f.ones(3)]), RuntimeError, ["stack", "[2]", "[3]", "equal size"]),
    "split": (lambda f: f.ones(5).split([2, 2]), RuntimeError, ["split", "5", "[2, 2]"]),
    "broadcast_to": (lambda f: f.broadcast_to(f.ones(3), (2, 2)), RuntimeError, ["(3)", "(2)"]),
    "masked_fill": (lambda f: f.ones(3).masked_fill(f.tensor([True, False]), 1), RuntimeError, ["(3)", "(2)"]),
    "where": (lambda f: f.where(f.ones(3) > 0, f.ones(2), f.ones(3)), RuntimeError, ["must match", "dimension 0"]),
    "linear": (lambda f: f.nn.Linear(3, 2)(f.ones(4, 5)), RuntimeError, ["[4, 5]", "[2, 3]", "in_features"]),
    "conv": (lambda f: f.nn.Conv2d(3, 4, 3)(f.ones(1, 2, 8, 8)), RuntimeError, ["3 channels", "2 channels"]),
    "conv kernel": (lambda f: f.nn.Conv2d(1, 1, 5)(f.ones(1, 1, 3, 3)), RuntimeError, ["Kernel size", "5", "3"]),
    "inverse": (lambda f: f.linalg.inv(f.ones(2, 3)), RuntimeError, ["square", "inv"]),
    "cross entropy": (lambda f: f.nn.functional.cross_entropy(f.ones(2, 3), f.tensor([0, 1, 2])), ValueError, ["batch", "2", "3"]),
    # dimensions and indices
    "sum dim": (lambda f: f.ones(2, 3).sum(2), IndexError, ["Dimension out of range", "[-2, 1]", "2"]),
    "softmax dim": (lambda f: f.ones(2).softmax(1), IndexError, ["Dimension out of range", "[-1, 0]"]),
    "sum twice": (lambda f: f.ones(2, 3).sum((0, 0)), RuntimeError, ["dim 0", "multiple"]),
    "permute": (lambda f: f.ones(2, 3).permute(0, 0), RuntimeError, ["permute", "duplicate"]),
    "permute few": (lambda f: f.ones(2, 3).permute(0), RuntimeError, ["permute", "2"]),
    "index": (lambda f: f.ones(2, 3)[2], IndexError, ["index 2", "out of bounds", "dimension 0", "size 2"]),
    "too many": (lambda f: f.ones(2, 3)[0, 0, 0], IndexError, ["too many indices", "2"]),
    "0-dim index": (lambda f: f.tensor(1.0)[0], IndexError, ["0-dim", "item()"]),
    "mask": (lambda f: f.ones(3)[f.tensor([True, False])], IndexError, ["mask", "[2]", "[3]"]),
    "float index": (lambda f: f.ones(3)[f.ones(1)], IndexError, ["long", "bool"]),
    "index_select": (lambda f: f.ones(3).index_select(0, f.tensor([5])), (IndexError, RuntimeError), ["5", "index_select"]),
    "gather": (lambda f: f.ones(2, 2).gather(1, f.tensor([[3]])), RuntimeError, ["gather", "index 3", "size 2"]),
    "gather dtype": (lambda f: f.ones(2).gather(0, f.ones(1)), RuntimeError, ["gather", "int64"]),
    "assignment": (lambda f: f.ones(3).__setitem__(slice(0, 2), f.ones(3)), RuntimeError, ["[2]", "[3]"]),
    "embedding": (lambda f: f.nn.Embedding(3, 2)(f.tensor([3])), IndexError, ["index", "3"]),
    "topk": (lambda f: f.ones(2).topk(3), RuntimeError, ["k", "3", "2"]),
    "squeeze name": (lambda f: f.ones(2).unsqueeze(3), IndexError, ["Dimension out of range", "[-2, 1]"]),
    "empty max": (lambda f: f.ones(0).max(), RuntimeError, ["max", "dim"]),
    "iterate 0-dim": (lambda f: list(f.tensor(1.0)), TypeError, ["0-d tensor"]),
    # dtypes
    "mm dtypes": (lambda f: f.ones(2, 2) @ f.ones(2, 2, dtype=f.float64), RuntimeError, ["dtype", "float32", "float64", "matmul", ".to(dtype)"]),
    "int mean": (lambda f: f.tensor([1, 2]).mean(), RuntimeError, ["mean", "float"]),
    "int softmax in place": (lambda f: f.tensor([1, 2]).mul_(1.5), RuntimeError, ["Float", "Long", "mul_"]),
    "bool minus": (lambda f: f.tensor([True]) - f.tensor([True]), RuntimeError, ["^", "logical_xor"]),
    "bool negative": (lambda f: -f.tensor([True]), RuntimeError, ["~", "logical_not"]),
    "int power": (lambda f: f.tensor([2]) ** -1, RuntimeError, ["negative integer powers"]),
    "int division": (lambda f: f.tensor([1]) // f.tensor([0]), RuntimeError, ["ZeroDivisionError", "floor_divide"]),
    "int requires grad": (lambda f: f.tensor([1, 2], requires_grad=True), RuntimeError, ["floating point", "complex"]),
    "bits of floats": (lambda f: f.ones(2) & f.ones(2), RuntimeError, ["bitwise_and", "float"]),
    "truth": (lambda f: bool(f.ones(2)), RuntimeError, ["ambiguous", "more than one value"]),
    "item": (lambda f: f.ones(2).item(), RuntimeError, ["2 elements", "Scalar"]),
    "sum of strings": (lambda f: f.ones(2) + "a", TypeError, ["str"]),
    "tensor of strings": (lambda f: f.tensor(["a"]), (ValueError, TypeError), ["str"]),
    "ragged": (lambda f: f.tensor([[1, 2], [3]]), ValueError, ["expected sequence of length 2", "length 1", "dim 1"]),
    "not a tensor": (lambda f: f.sin(1.0), TypeError, ["sin", "input", "Tensor", "float"]),
    "list for tensor": (lambda f: f.exp([1.0]), TypeError, ["exp", "list", "torch.tensor"]),
    "unknown keyword": (lambda f: f.ones(2).sum(dims=0), TypeError, ["dims"]),
    "numpy strings": (lambda f: f.from_numpy(np.array(["a"])), TypeError, ["<U1", "float64"]),
    "not numpy": (lambda f: f.from_numpy([1]), TypeError, ["ndarray", "list"]),
    "numpy of a leaf": (lambda f: leaf(f).numpy(), RuntimeError, ["requires grad", "detach().numpy()"]),
    "negative size": (lambda f: f.zeros(-1), RuntimeError, ["negative dimension -1", "[-1]"]),
    "full range": (lambda f: f.arange(0, 3, -1), RuntimeError, ["arange", "step"]),
    "randint": (lambda f: f.randint(5, 2, (3,)), RuntimeError, ["from", "5", "2"]),
    "multinomial": (lambda f: f.multinomial(f.ones(2), 3), RuntimeError, ["multinomial", "replacement"]),
    "bernoulli": (lambda f: f.bernoulli(f.full((2,), 1.5)), RuntimeError, ["0", "1"]),
    # devices
    "cuda": (lambda f: f.ones(1, device="cuda"), AssertionError, ["CUDA", "cpu"]),
    "to cuda": (lambda f: f.ones(1).cuda(), AssertionError, ["CUDA"]),
    "device name": (lambda f: f.device("gpu"), RuntimeError, ["cpu", "cuda", "gpu"]),
    # in-place and backward
    "leaf in place": (lambda f: leaf(f).add_(1), RuntimeError, ["leaf", "add_", "no_grad"]),
    "view of leaf": (lambda f: leaf(f)[0].zero_(), RuntimeError, ["view of a leaf", "zero_", "clone"]),
    "expanded": (lambda f: f.zeros(1).expand(3).add_(1), RuntimeError, ["add_", "single memory location", "clone()"]),
    "out grad": (lambda f: f.exp(leaf(f), out=f.empty(2, 3)), RuntimeError, ["exp", "out=", "no_grad"]),
    "written over": (written_over, RuntimeError, ["ExpBackward0", "add_", "test_bad_input.py", "clone()"]),
    "backward twice": (twice, RuntimeError, ["second time", "retain_graph=True"]),
    "backward of a vector": (lambda f: (leaf(f) * 2).backward(), RuntimeError, ["scalar", "[2, 3]", ".sum()"]),
    "backward of data": (lambda f: f.ones(1).backward(), RuntimeError, ["does not require grad"]),
    "gradient shape": (lambda f: (leaf(f) * 2).backward(f.ones(2)), RuntimeError, ["[2]", "[2, 3]", "grad_output[0]"]),
    "unused": (lambda f: f.autograd.grad(leaf(f).sum(), leaf(f)), RuntimeError, ["not have been used", "allow_unused"]),
    "grad of data": (lambda f: f.autograd.grad(leaf(f).sum(), f.ones(1)), RuntimeError, ["inputs[0]", "require grad"]),
    "grad shape": (lambda f: setattr(leaf(f), "grad", f.ones(3)), RuntimeError, ["[3]", "[2, 3]"]),
    "grad type": (lambda f: setattr(leaf(f), "grad", 1.0), TypeError, ["Tensor", "float"]),
    "turn off": (lambda f: (leaf(f) * 2).requires_grad_(False), RuntimeError, ["leaf", "detach()"]),
    "hook": (lambda f: f.ones(1).register_hook(print), RuntimeError, ["hook", "require"]),
    "deepcopy": (lambda f: __import__("copy").deepcopy(leaf(f) * 2), RuntimeError, ["leaves", "detach()"]),
    # modules
    "state missing": (lambda f: refuse_state(f, weight=None), RuntimeError, ["Linear", "Missing key", "weight"]),
    "state extra": (lambda f: refuse_state(f, more=f.ones(1)), RuntimeError, ["Linear", "Unexpected key", "more"]),
    "state shape": (lambda f: refuse_state(f, weight=f.ones(3, 3)), RuntimeError, ["size mismatch", "weight", "[3, 3]", "[2, 3]"]),
    "no forward": (lambda f: f.nn.Module()(1), NotImplementedError, ["Module", "forward"]),
    "no attribute": (lambda f: f.nn.Linear(1, 1).wieght, AttributeError, ["Linear", "wieght"]),
    "parameter type": (lambda f: setattr(f.nn.Linear(1, 1), "weight", f.ones(1, 1)), TypeError, ["weight", "Parameter"]),
    "dropout": (lambda f: f.nn.Dropout(1.5), ValueError, ["dropout", "between 0 and 1", "1.5"]),
    "batch norm": (lambda f: f.nn.BatchNorm1d(3)(f.ones(1, 3)), ValueError, ["more than 1 value", "[1, 3]"]),
    "lstm input": (lambda f: f.nn.LSTM(3, 4)(f.ones(2, 2, 5)), RuntimeError, ["3", "5"]),
    "sequential index": (lambda f: f.nn.Sequential(f.nn.ReLU())[3], IndexError, ["3"]),
    # optimizers
    "no parameters": (lambda f: f.optim.SGD([], lr=0.1), ValueError, ["empty parameter list"]),
    "a tensor": (lambda f: f.optim.SGD(leaf(f), lr=0.1), TypeError, ["iterable", "Tensor"]),
    "learning rate": (lambda f: f.optim.Adam([leaf(f)], lr=-1.0), ValueError, ["learning rate", "-1.0"]),
    "beta": (lambda f: f.optim.Adam([leaf(f)], betas=(1.5, 0.9)), ValueError, ["beta", "1.5"]),
    "non-leaf": (lambda f: f.optim.SGD([leaf(f) * 2], lr=0.1), ValueError, ["leaf"]),
    "nesterov": (lambda f: f.optim.SGD([leaf(f)], lr=0.1, nesterov=True), ValueError, ["Nesterov", "momentum"]),
    # data
    "dataset sizes": (lambda f: f.utils.data.TensorDataset(f.ones(2), f.ones(3)), AssertionError, ["2", "3"]),
    "batch size": (lambda f: f.utils.data.DataLoader([1], batch_size=0), ValueError, ["batch_size", "0"]),
    "workers": (lambda f: f.utils.data.DataLoader([1], num_workers=-1), ValueError, ["num_workers", "non-negative"]),
    "two orders": (lambda f: f.utils.data.DataLoader([1], shuffle=True, sampler=[0]), ValueError, ["sampler", "shuffle"]),
    "random split": (lambda f: f.utils.data.random_split([1, 2, 3], [1, 1]), ValueError, ["length"]),
    "collate": (lambda f: next(iter(f.utils.data.DataLoader([f.ones(2), f.ones(3)], batch_size=2))), RuntimeError, ["[2]", "[3]"]),
    "sample error": (lambda f: list(f.utils.data.DataLoader(Raises())), ValueError, ["no sample"]),
    # files
    "garbage file": (load_garbage, Exception, ["Weights only load failed"]),
    "no file": (lambda f, path: f.load(path / "none.pt"), OSError, ["none.pt"]),
}  # fmt: skip


def call(f, make, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(f, path) if make.__code__.co_argcount == 2 else make(f)


@pytest.mark.parametrize("name", CASES)
def test_bad_call(name, tmp_path):
    make, kind, fragments = CASES[name]
    path = tmp_path / "file" if make is load_garbage else tmp_path
    with pytest.raises(kind) as info:
        call(lw, make, path)
    message = str(info.value)
    if torch is not None:
        with pytest.raises(Exception) as theirs:
            call(torch, make, path)
        assert isinstance(info.value, theirs.type), f"PyTorch raises {theirs.type.__name__}: {theirs.value}"
    missing = [text for text in fragments if text.lower() not in message.lower()]
    assert not missing, f"{missing} not in: {message}"


def test_messages_are_not_raw_numpy():
    for name, (make, _, _) in CASES.items():
        try:
            call(lw, make, __import__("pathlib").Path("/nonexistent/x"))
        except Exception as error:
            assert not re.search(
                r"operands could not be|ufunc '|axis \d+ is out of bounds for array|shapes \(\d.*not aligned", str(error)
            ), name
