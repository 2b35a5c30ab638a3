"""Typical mistakes of beginners, as scripts in both languages: the code, the line, the module, what went in and where it came from."""

import pytest

from lightwell.errors.pages import output_of, speaking

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(400, 10)
    def forward(self, x):
        x = self.features(x)
        x = x.flatten(1)
        return self.fc(x)
model = Net()
"""

# name: (program, code, pieces in both languages, pieces in English, pieces in Chinese)
CASES = {
    "a layer inside a model": (
        NET + "images = torch.randn(8, 1, 28, 28)\nout = model(images)",
        "LW103",
        [
            "return self.fc(x)",
            "model.fc = Linear(in_features=400, out_features=10, bias=True)",
            "x: Tensor [8, 864] float32",
            "x = x.flatten(1)",
        ],
        ["line 11 (forward)", "from line 10"],
        ["第 11 行 (forward)", "来自第 10 行"],
    ),
    "a layer of a Sequential": (
        "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(6, 2))\nX = torch.randn(3, 4)\nloss = net(X).sum()",
        "LW103",
        ["net.2 = Linear(in_features=6, out_features=2, bias=True)", "input: Tensor [3, 8] float32", "loss = net(X).sum()"],
        [],
        [],
    ),
    "NumPy's floats, handed over as an argument": (
        "import numpy as np\nimport torch\nfrom torch import nn\ndata = np.ones((5, 4))\nX = torch.from_numpy(data)\nnet = nn.Linear(4, 1)\n"
        "def train(features):\n    for epoch in range(3):\n        pred = net(features)\ntrain(X)",
        "LW150",
        ["features: Tensor [5, 4] float64", "X = torch.from_numpy(data)"],
        ["line 9 (train)", "from line 5", "NumPy's floats are float64"],
        ["第 9 行 (train)", "来自第 5 行", "NumPy 的小数默认是 float64"],
    ),
    "two assignments back": (
        "import torch\nfrom torch import nn\nout = torch.randn(3, 5)\ny = torch.tensor([1., 0., 4.])\nlabels = y.view(-1)\nnn.CrossEntropyLoss()(out, labels)",
        "LW153",
        ["labels: Tensor [3] float32", "y = torch.tensor([1., 0., 4.])"],
        ["from line 4", "Python's floats give the default dtype, float32"],
        ["来自第 4 行", "Python 的小数得到默认的 dtype：float32"],
    ),
    "ints as targets": (
        "import torch\nimport torch.nn.functional as F\np = torch.rand(4)\ny = torch.tensor([0, 1, 1, 0])\nF.binary_cross_entropy(p, y)",
        "LW153",
        ["y: Tensor [4] int64", "y = torch.tensor([0, 1, 1, 0])"],
        ["Python's ints give int64"],
        ["Python 的整数得到 int64"],
    ),
    "a batch of a DataLoader": (
        "import torch\nimport torch.nn.functional as F\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "ds = TensorDataset(torch.rand(8), torch.randint(0, 2, (8,)))\nloader = DataLoader(ds, batch_size=4)\n"
        "for X, y in loader:\n    l = F.binary_cross_entropy(X, y)",
        "LW153",
        ["for X, y in loader:", "TensorDataset", "y: Tensor [4] int64"],
        ["a batch of `loader`, whose TensorDataset gives int64"],
        ["`loader` 的一个批量，它的 TensorDataset 给出 int64"],
    ),
    "a cast": (
        "import torch\nx = torch.rand(3).double()\nw = torch.rand(3)\ntorch.dot(x, w)",
        "LW150",
        ["x: Tensor [3] float64", "x = torch.rand(3).double()"],
        [".double() makes it float64"],
        [".double() 把它变成了 float64"],
    ),
    "shapes that don't broadcast": (
        "import torch\na = torch.ones(3, 4)\nb = torch.ones(5)\nprint(a + b)",
        "LW101",
        ["a: Tensor [3, 4] float32", "b: Tensor [5] float32", "print(a + b)"],
        ["from line 2: a = torch.ones(3, 4)"],
        ["来自第 2 行：a = torch.ones(3, 4)"],
    ),
    "a list of tensors": (
        "import torch\na = torch.ones(2, 3)\nb = torch.ones(3, 3)\ntorch.cat([a, b], dim=1)",
        "LW111",
        ["a: Tensor [2, 3]", "b: Tensor [3, 3]"],
        [],
        [],
    ),
    "calls within calls": (
        "import torch\ntorch.ones(3) + torch.ones(2)",
        "LW101",
        ["torch.ones(3): Tensor [3] float32", "torch.ones(2): Tensor [2] float32"],
        [],
        [],
    ),
    "a missing argument of a layer": (
        "import torch\nfrom torch import nn\nnn.Linear(3)",
        "LW303",
        ["nn.Linear(3)"],
        ["line 3"],
        ["第 3 行"],
    ),
    "too many arguments of forward": (
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x\nNet()(torch.ones(1), torch.ones(1))",
        "LW303",
        ["Net()(torch.ones(1), torch.ones(1))"],
        [],
        [],
    ),
    "a forgotten super().__init__()": (
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        self.fc = torch.nn.Linear(2, 1)\nNet()",
        "LW234",
        ["self.fc = torch.nn.Linear(2, 1)"],
        ["(__init__)"],
        ["(__init__)"],
    ),
    "an attribute that isn't there": (NET + "model.fc2", "LW233", ["model.fc2"], [], []),
    "a vocabulary that is too small": (
        "import torch\nemb = torch.nn.Embedding(10, 4)\ntokens = torch.tensor([[1, 10]])\nemb(tokens)",
        "LW132",
        ["emb = Embedding(10, 4)", "tokens: Tensor [1, 2] int64"],
        [],
        [],
    ),
    "a batch of one": (
        "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))\nnet(torch.randn(1, 4))",
        "LW240",
        ["net.1 = BatchNorm1d(8"],
        [],
        [],
    ),
    "a file that isn't there": ("import torch\ntorch.load('no_such_model.pth')", "LW342", ["torch.load('no_such_model.pth')"], [], []),
    "no GPU": ("import torch\nx = torch.ones(3).to('cuda')", "LW601", ["x = torch.ones(3).to('cuda')"], [], []),
    "a class in place of a layer": ("import torch\nfrom torch import nn\nnn.Sequential(nn.Linear(2, 2), nn.ReLU)", "LW239", [], [], []),
    "other names in the file": (
        "import torch\nnet = torch.nn.Linear(2, 1)\nnet.load_state_dict({'module.weight': torch.ones(1, 2)})",
        "LW231",
        ["net = Linear(in_features=2, out_features=1, bias=True)"],
        [],
        [],
    ),
    "another size in the file": (
        "import torch\na, b = torch.nn.Linear(4, 10), torch.nn.Linear(4, 2)\nb.load_state_dict(a.state_dict())",
        "LW232",
        ["b = Linear(in_features=4, out_features=2, bias=True)"],
        [],
        [],
    ),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", CASES)
def test_a_beginners_mistake(name, language):
    program, code, both, en, zh = CASES[name]
    with speaking(language):
        said = output_of(program.strip(), "script")
    lesson = said[said.index("── ") :]
    assert lesson.startswith(f"── {code} "), said
    assert len(lesson.splitlines()) <= 8, said
    for piece in [*both, *(en if language == "en" else zh), "script.py", f"lightwell explain {code}"]:
        assert piece in lesson, said


# ---- nothing that isn't certain -----------------------------------------------------------------------------------------

UNCERTAIN = {
    "a branch": "import torch\nflag = True\nx = torch.ones(2)\nif flag:\n    x = torch.zeros(2)\ntorch.dot(x, torch.ones(3))",
    "a loop that binds it later": "import torch\nx = torch.ones(2)\nfor i in range(2):\n    torch.dot(x, torch.ones(2 + i))\n    x = x + 1",
    "an update in place": "import torch\nx = torch.ones(2)\nx += 1\ntorch.dot(x, torch.ones(3))",
    "exec": "import torch\nexec('x = torch.ones(2)')\ntorch.dot(x, torch.ones(3))",
    "a try": "import torch\ntry:\n    x = torch.ones(2)\nexcept ValueError:\n    x = torch.zeros(2)\ntorch.dot(x, torch.ones(3))",
    "globals changed by a function": "import torch\nx = torch.ones(2)\ndef change():\n    global x\n    x = torch.zeros(2)\nchange()\ntorch.dot(x, torch.ones(3))",
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_no_origin_where_it_is_not_certain(name):
    with speaking("en"):
        said = output_of(UNCERTAIN[name], "script")
    assert "x: Tensor [2] float32" in said and "from line" not in said, said


def test_the_origin_is_the_last_assignment_before():
    program = "import torch\nx = torch.ones(2)\nx = x.double()\nif True:\n    torch.dot(x, torch.ones(3).double())"
    with speaking("en"):
        said = output_of(program, "script")
    assert "from line 3: x = x.double()" in said, said


def test_an_attribute_of_self():
    program = "import torch\nclass Model:\n    def __init__(self):\n        self.w = torch.ones(4)\n    def run(self, x):\n        return x @ self.w\nModel().run(torch.ones(2, 3))"
    with speaking("en"):
        said = output_of(program, "script")
    assert "self.w: Tensor [4] float32, from line 4: self.w = torch.ones(4)" in said, said


def test_user_values_are_never_computed_again():
    """Looking for values runs nothing of the user's: no property, no __getattr__, no __repr__."""
    program = (
        "import torch\nclass Bag:\n    @property\n    def x(self):\n        print('looked')\n        return torch.ones(2)\n"
        "    def __repr__(self):\n        print('shown')\n        return 'Bag'\nbag = Bag()\ntorch.dot(bag.x, torch.ones(3))"
    )
    with speaking("en"):
        said = output_of(program, "script")
    assert said.count("looked") == 1 and "shown" not in said and "── LW" in said, said


def test_a_frame_without_source_is_still_told_of():
    scope: dict = {}
    import lightwell

    with speaking("en"):
        try:
            exec("import lightwell as torch\na = torch.ones(2)\na.view(3)", scope)
        except RuntimeError as error:
            text = lightwell.explain_error(error)
    assert "── LW106" in text


def test_cells_of_a_notebook():
    """A variable that another cell made is traced to it; two cells that make it are not certain."""
    import linecache

    import lightwell

    scope: dict = {"__name__": "__main__"}

    def cell(number, text):
        file = f"<ipython-input-{number}-x>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), scope)

    try:
        cell(1, "import lightwell as torch\ny = torch.tensor([1, 2, 3])")
        with pytest.raises(NotImplementedError) as caught, speaking("en"):
            cell(2, "y.softmax(dim=0)")
        with speaking("en"):
            text = lightwell.explain_error(caught.value)
        assert "from line 2 of another cell: y = torch.tensor([1, 2, 3]) — Python's ints give int64" in text, text
        with speaking("zh"):
            assert "来自另一个单元格第 2 行：y = torch.tensor([1, 2, 3])" in lightwell.explain_error(caught.value)
        cell(3, "y = torch.arange(3)")
        with pytest.raises(NotImplementedError) as caught:
            cell(4, "y.softmax(dim=0)")
        with speaking("en"):
            assert "another cell" not in lightwell.explain_error(caught.value)
    finally:
        for file in [f for f in linecache.cache if f.startswith("<ipython-input")]:
            del linecache.cache[file]
