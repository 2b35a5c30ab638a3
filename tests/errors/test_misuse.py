"""Mistakes that Python itself meets in the user's line, and arguments that no variable holds: each has its code, and says what went in."""

import pytest

import lightwell
from lightwell.errors.pages import output_of, speaking

T = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
OPT = T + "opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)\n"

# name: (program, exception, code, pieces of what is printed)
CASES = {
    "text and a tensor": (T + "x = torch.ones(3)\n'loss: ' + x.sum()", "TypeError", "LW313", []),
    "a list": (T + "x = torch.ones(3)\nx + [1, 2, 3]", "TypeError", "LW313", ["x: Tensor [3] float32"]),
    "a layer's class": (T + "x = nn.ReLU(torch.ones(3))\nx + 1", "TypeError", "LW313", []),
    "values and indices": (T + "m = torch.ones(2, 2).max(1)\nm + 1", "TypeError", "LW313", []),
    "no gradient yet": (T + "w = torch.ones(3, requires_grad=True)\nw - 0.1 * w.grad", "TypeError", "LW223", []),
    "no gradient to clear": (T + "w = torch.ones(3)\nw.grad.zero_()", "AttributeError", "LW223", []),
    "the number of a loss": (T + "loss = torch.ones(3).sum().item()\nloss.backward()", "AttributeError", "LW204", ["loss: 3.0"]),
    "a misspelt attribute": (T + "x = torch.ones(3)\nx.shpae", "AttributeError", "LW233", ["x: Tensor [3] float32"]),
    "a misspelt function": (T + "torch.ons(3)", "AttributeError", "LW307", ["perhaps  ones"]),
    "capitals": (T + "nn.Conv2D(3, 6, 3)", "AttributeError", "LW307", ["perhaps  Conv2d"]),
    "a shape called": (T + "x = torch.ones(2)\nx.shape()", "TypeError", "LW312", []),
    "a tensor called": (T + "x = torch.ones(2)\nx(0)", "TypeError", "LW312", []),
    "a module called": (T + "torch.optim.adam([torch.ones(1)])", "TypeError", "LW312", []),
    "a loader indexed": (T + "from torch.utils.data import DataLoader\ndl = DataLoader([1, 2])\ndl[0]", "TypeError", "LW314", []),
    "a method indexed": (T + "net = nn.Linear(2, 1)\nnet.state_dict['weight']", "TypeError", "LW314", []),
    "a layer indexed": (T + "net = nn.Linear(2, 1)\nnet[0]", "TypeError", "LW314", []),
    "a shape unpacked": (T + "x = torch.ones(4)\nn, d = x.shape", "ValueError", "LW315", []),
    "a tensor unpacked": (T + "a, b = torch.ones(3, 2)", "ValueError", "LW315", []),
    "a scheduler's argument": (
        OPT + "s = torch.optim.lr_scheduler.ReduceLROnPlateau(opt)\ns.step()", "TypeError", "LW303", ["s.step()"]
    ),
    "a mode of compile": (T + "torch.compile(nn.Linear(2, 1), mode='fastest')", "RuntimeError", "LW305", []),
    "a learning rate in quotation marks": (T + "torch.optim.SGD(nn.Linear(2, 1).parameters(), lr='0.1')", "TypeError", "LW302", []),
    "prediction and target swapped": (
        T + "y_hat, y = torch.ones(4, 3), torch.tensor([0, 1, 2, 0])\nF.cross_entropy(y, y_hat)", "NotImplementedError", "LW146", ["swapped"]
    ),
    "one-hot targets of ints": (
        T + "F.cross_entropy(torch.ones(2, 3), F.one_hot(torch.tensor([0, 2]), 3))", "RuntimeError", "LW153", ["target.float()"]
    ),
    "targets in a column": (T + "F.cross_entropy(torch.ones(2, 3), torch.tensor([[0], [2]]))", "RuntimeError", "LW113", ["multi-target"]),
    "a loss made of tensors": (T + "nn.CrossEntropyLoss(torch.ones(2, 3), torch.tensor([0, 2]))", "RuntimeError", "LW244", []),
    "an LSTM with one state": (
        T + "lstm = nn.LSTM(10, 20)\nlstm(torch.ones(5, 3, 10), torch.zeros(1, 3, 20))", "RuntimeError", "LW119", ["a pair of tensors"]
    ),
    "a GRU with two states": (
        T + "h = torch.zeros(1, 3, 20)\nnn.GRU(10, 20)(torch.ones(5, 3, 10), (h, h))", "RuntimeError", "LW119", ["one tensor, h_0"]
    ),
    "attention over other batches": (
        T + "q, k = torch.ones(5, 2, 8), torch.ones(7, 3, 8)\nnn.MultiheadAttention(8, 2)(q, k, k)", "RuntimeError", "LW120", ["batch sizes"]
    ),
    "a file's name as a state": (T + "nn.Linear(2, 1).load_state_dict('model.pt')", "TypeError", "LW243", []),
    "lists stacked": (T + "torch.stack([[1, 2], [3, 4]])", "TypeError", "LW301", []),
    "an index into a number": (T + "loss = torch.tensor(3.)\nloss[0]", "IndexError", "LW136", []),
    "text written into a tensor": (T + "x = torch.ones(2)\nx[0] = 'a'", "TypeError", "LW141", []),
    "three numbers to pad": (T + "F.pad(torch.ones(1, 3, 4), (1, 1, 1))", "RuntimeError", "LW116", []),
    "a system that doesn't fit": (T + "torch.linalg.solve(torch.eye(3), torch.ones(4))", "RuntimeError", "LW118", ["3x3 and 4x1"]),
    "a lambda saved": (T + "import io\ntorch.save({'f': lambda x: x}, io.BytesIO())", "PicklingError", "LW343", []),
    "a file that is text": (T + "import io\ntorch.load(io.BytesIO(b'hello world, this is text'))", "UnpicklingError", "LW341", []),
    "save's arguments swapped": (T + "torch.save('model.pt', nn.Linear(2, 1).state_dict())", "AttributeError", "LW302", ["save(obj, f)"]),
    "a folder that isn't there": (T + "torch.save(torch.ones(1), '/no/such/folder/x.pt')", "RuntimeError", "LW342", []),
    "a data set without length": (
        T + "from torch.utils.data import DataLoader, Dataset\nclass D(Dataset):\n    def __getitem__(self, i): return i\n"
        "DataLoader(D(), shuffle=True)", "TypeError", "LW310", [],
    ),
    "an empty data set": (T + "from torch.utils.data import DataLoader\nDataLoader([], shuffle=True)", "ValueError", "LW324", []),
    "keys that differ": (
        T + "from torch.utils.data import DataLoader\nnext(iter(DataLoader([{'a': 1, 'b': 2}, {'a': 1}], 2)))", "KeyError", "LW327", ["'b'"]
    ),
    "arrays in a TensorDataset": (
        T + "import numpy as np\nfrom torch.utils.data import TensorDataset\nTensorDataset(np.ones((4, 2)))", "TypeError", "LW301", ["ndarray"]
    ),
    "a name that isn't there": (T + "from lightwell.nn import Linaer", "ImportError", "LW307", ["perhaps  Linear"]),
    "a module that isn't there": (T + "import torch.nn.funtional", "ModuleNotFoundError", "LW307", []),
    "a layer that isn't there": (T + "net = nn.Sequential(nn.ReLU())\nnet[2]", "IndexError", "LW239", []),
    "groups that don't divide": (T + "nn.Conv2d(10, 20, 3, groups=3)", "ValueError", "LW237", []),
    "dropout beyond 1": (T + "nn.Dropout(1.5)", "ValueError", "LW304", []),
    "an array that runs backwards": (T + "import numpy as np\ntorch.from_numpy(np.arange(3)[::-1])", "ValueError", "LW145", []),
    "a dtype in quotation marks": (T + "torch.ones(3).to('float32')", "RuntimeError", "LW159", ["torch.float32"]),
    "a negative class": (T + "F.one_hot(torch.tensor([0, -1]))", "RuntimeError", "LW133", []),
    "no optimizer": (T + "torch.optim.lr_scheduler.StepLR(0.1, 10)", "TypeError", "LW302", []),
    "a mode of interpolate": (T + "F.interpolate(torch.ones(1, 3, 4, 4), scale_factor=2, mode='cubic')", "NotImplementedError", "LW305", []),
    "lengths out of order": (
        T + "nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1), [1, 3])", "RuntimeError", "LW124", []
    ),
    "a mask of ints": (
        T + "torch.ones(3).masked_fill(torch.tensor([1, 0, 1]), -1e9)", "RuntimeError", "LW151",
        ["torch.ones(3): Tensor [3] float32; torch.tensor([1, 0, 1]): Tensor [3] int64"],
    ),
    "no operand by the text of another": (
        T + "torch.rand(2, 3).gather(1, torch.tensor([[0], [3]]))", "RuntimeError", "LW130",
        ["input: Tensor [2, 3] float32"],
    ),
    "arguments by keyword": (
        T + "torch.add(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.int))", "RuntimeError", "LW156",
        ["torch.ones(2): Tensor [2] float32; torch.zeros(2, dtype=torch.int): Tensor [2] int32"],
    ),
    "a list where a tensor should be": (
        T + "nn.MSELoss()(torch.ones(3), [1., 2., 3.])", "TypeError", "LW301", ["target: [1.0, 2.0, 3.0]"]
    ),
    "a sparse tensor": (T + "torch.eye(2).to_sparse().view(4)", "NotImplementedError", "LW630", []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake(name):
    program, kind, code, pieces = CASES[name]
    with speaking("en"):
        said = output_of(program, "script")
    assert f"{kind}: " in said and f"── {code} " in said, said
    lesson = said[said.index("── ") :]
    last = program.splitlines()[-1]
    assert f"line {len(program.splitlines())}" in lesson and last[:60] in lesson and len(lesson.splitlines()) <= 8, said
    for piece in pieces:
        assert piece in said, said


def test_an_error_that_is_none_of_ours_is_left_alone():
    for program in ("[1] + 'a'", "x = 3\nx()", "a, b = (1, 2, 3)", "None.grad", "x = {}\nx.shape", "import json\njson.loads('{')"):
        with speaking("en"):
            said = output_of("import torch\n" + program, "script")
        assert "Error" in said and "──" not in said, said


def test_an_error_in_compiled_code_stands_alone():
    @lightwell.compile
    def f(x, y):
        return x @ y

    with pytest.raises(RuntimeError) as caught:
        f(lightwell.ones(2, 3), lightwell.ones(4, 5))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["no dtype", "cuda", "gpu"])
def test_only_a_dtype_is_called_one(text):
    with pytest.raises((RuntimeError, AssertionError)) as caught:
        lightwell.ones(1).to(text)
    assert "dtype" not in str(caught.value).replace(repr(text), "")
