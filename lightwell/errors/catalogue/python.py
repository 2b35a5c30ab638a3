"""LW312–LW315: what Python itself says of a tensor, a layer or a loader that is used like something else (`lightwell.errors.misuse`)."""

from ..entry import Entry

ENTRIES = (
    Entry(
        "LW312",
        ("This can't be called", "它不能被调用"),
        (
            "Brackets stand after something that is no function: a tensor, a shape, a module such as `torch.optim.adam`, or None.",
            "括号前面的东西不是函数：是张量、形状、`torch.optim.adam` 这样的 Python 模块，或者 None。",
        ),
        (
            "Index with `x[0]`; write `x.shape` without brackets, or `x.size()`; mind the capital of a class: `torch.optim.Adam`.",
            "取元素用 `x[0]`；`x.shape` 后面不加括号（或写 `x.size()`）；类名首字母大写：`torch.optim.Adam`。",
        ),
        "import torch\nx = torch.ones(2, 3)\nx.shape()",
        "import torch\nx = torch.ones(2, 3)\nprint(x.shape, x.size())",
        ("object is not callable",),
        related=("Tensor.shape", "torch.optim"),
    ),
    Entry(
        "LW313",
        ("An operator can't combine these two", "运算符两边不能这样组合"),
        (
            "A tensor is combined with tensors and numbers: not with text, a list, None, a layer, or the pair that `max(dim)` gives.",
            "张量只能与张量和数字运算，不能与字符串、列表、None、网络层，或 `max(dim)` 返回的二元组运算。",
        ),
        (
            "Text: `f'loss {x.item():.3f}'`; list: `torch.tensor(list)`; layer: call it, `nn.ReLU()(x)`; pair: `x.max(1).values`.",
            "文字用 `f'loss {x.item():.3f}'`；列表先 `torch.tensor(列表)`；层要先调用 `nn.ReLU()(x)`；二元组取 `x.max(1).values`。",
        ),
        "import torch\nloss = torch.tensor(0.5)\nprint('loss: ' + loss)",
        "import torch\nloss = torch.tensor(0.5)\nprint(f'loss: {loss.item():.3f}')",
        ("unsupported operand type(s) for", "can only concatenate", "bad operand type for", "not supported between instances of"),
        related=("Tensor.item", "torch.tensor", "torch.max"),
    ),
    Entry(
        "LW314",
        ("This has no numbered elements", "它不能用下标"),
        (
            "Square brackets stand after something without elements: a DataLoader, a single layer, or a method whose call brackets are missing.",
            "方括号前面的东西没有元素：DataLoader、单个网络层，或漏写了括号的方法。",
        ),
        (
            "A batch is `next(iter(loader))`, an example `dataset[0]`; call the method, `net.state_dict()['weight']`; layers of a Sequential are `net[0]`.",
            "取一个批量用 `next(iter(loader))`，取一个样本用 `dataset[0]`；方法要先调用：`net.state_dict()['weight']`；Sequential 的层是 `net[0]`。",
        ),
        "import torch\nnet = torch.nn.Linear(2, 1)\nnet.state_dict['weight']",
        "import torch\nnet = torch.nn.Linear(2, 1)\nprint(net.state_dict()['weight'].shape)",
        ("object is not subscriptable", "object does not support item assignment", "does not support indexing"),
        related=("torch.utils.data.DataLoader", "nn.Module.state_dict", "nn.Sequential"),
    ),
    Entry(
        "LW315",
        ("Unpacked into another number of names", "解包的变量个数不符"),
        (
            "On the left stand more or fewer names than there are parts: rows of a tensor, sizes of a shape, or results of a call.",
            "等号左边的变量个数与右边的部分数不同：张量的行数、形状的维数，或函数返回值的个数。",
        ),
        (
            "Print the shape first; `*rest` takes what is left over (`n, *sizes = x.shape`); a model that returns one tensor needs one name.",
            "先打印形状；`*rest` 可以接住其余部分（`n, *sizes = x.shape`）；模型只返回一个张量时只写一个变量。",
        ),
        "import torch\nx = torch.ones(4, 3, 2)\nn, d = x.shape",
        "import torch\nx = torch.ones(4, 3, 2)\nn, *sizes = x.shape\nprint(n, sizes)",
        ("too many values to unpack", "not enough values to unpack", "cannot unpack non-iterable"),
        related=("Tensor.shape", "nn.LSTM"),
    ),
)
