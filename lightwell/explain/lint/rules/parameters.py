"""LW421-LW428: parameters that do not learn, and layers that are none."""

from ....errors.entry import Entry

_START = """import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
X = torch.randn(64, 5)
y = X.sum(1, keepdim=True)
"""
_NET = "net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))\n"
_OPTIMIZER = "optimizer = torch.optim.SGD(net.parameters(), lr=0.01)\n"
_LOOP = """for epoch in range(5):
    loss = F.mse_loss(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def _module(init, forward, before="super().__init__()"):
    init, forward = "\n        ".join(init), "\n        ".join(forward)
    return (
        f"\nclass Net(nn.Module):\n    def __init__(self):\n        {before}\n        {init}\n\n    def forward(self, x):\n        {forward}\n\n"
        "net = Net()\n"
    )


_TWO = ["self.a = nn.Linear(5, 16)", "self.b = nn.Linear(16, 1)"]

ENTRIES = [
    Entry(
        "LW421",
        ("parameters that are in no optimizer", "参数不在任何优化器里"),
        (
            "An optimizer holds the parameters that were there when it was made. Layers made or replaced afterwards get gradients and are never updated.",
            "优化器只掌管它创建时已有的参数。之后新建或替换的层能得到梯度，却永远不会被更新。",
        ),
        (
            "Make the optimizer last, after all layers; or add the new ones, with `optimizer.add_param_group({'params': layer.parameters()})`. "
            "A tensor that a module shall learn is an `nn.Parameter`.",
            "先建好所有的层，最后再创建优化器；或者用 `optimizer.add_param_group({'params': layer.parameters()})` 把新的层加进去。模块里要学习的张量，应写成 `nn.Parameter`。",
        ),
        _START + _NET + _OPTIMIZER + "net[2] = nn.Linear(16, 1)\n" + _LOOP,
        _START + _NET + "net[2] = nn.Linear(16, 1)\n" + _OPTIMIZER + _LOOP,
        related=("torch.optim.Optimizer.add_param_group",),
    ),
    Entry(
        "LW422",
        ("layers in a plain list or dict", "层放在了普通的列表或字典里"),
        (
            "A module finds the layers that are its attributes, not those inside a Python list or dict: `parameters()`, `to()`, `state_dict()` and "
            "`train()` pass them by, and the optimizer never hears of them.",
            "模块只认得作为属性的层，不认得 Python 列表或字典里的层：`parameters()`、`to()`、`state_dict()`、`train()` 都会漏掉它们，优化器也不知道它们。",
        ),
        ("Use `nn.ModuleList`, `nn.ModuleDict` or `nn.ParameterList`.", "用 `nn.ModuleList`、`nn.ModuleDict` 或 `nn.ParameterList`。"),
        _START
        + _module(
            ["self.layers = [nn.Linear(5, 16), nn.Linear(16, 16)]", "self.out = nn.Linear(16, 1)"],
            ["for layer in self.layers:", "    x = layer(x).relu()", "return self.out(x)"],
        )
        + _OPTIMIZER
        + _LOOP,
        _START
        + _module(
            ["self.layers = nn.ModuleList([nn.Linear(5, 16), nn.Linear(16, 16)])", "self.out = nn.Linear(16, 1)"],
            ["for layer in self.layers:", "    x = layer(x).relu()", "return self.out(x)"],
        )
        + _OPTIMIZER
        + _LOOP,
        related=("nn.ModuleList", "nn.ModuleDict"),
    ),
    Entry(
        "LW423",
        ("parameters that no loss depends on", "没有任何损失依赖的参数"),
        (
            "The optimizer holds them, but `forward` never uses them (or uses another layer twice): they keep their random values and get no gradient.",
            "优化器里有它们，但 `forward` 从来不用（或者把另一层用了两次）：它们一直是随机初值，也没有梯度。",
        ),
        ("Use the layer in `forward`, or remove it.", "在 `forward` 里用上这一层，或者删掉它。"),
        _START + _module([*_TWO, "self.c = nn.Linear(16, 16)"], ["return self.b(self.a(x).relu())"]) + _OPTIMIZER + _LOOP,
        _START + _module([*_TWO, "self.c = nn.Linear(16, 16)"], ["return self.b(self.c(self.a(x).relu()).relu())"]) + _OPTIMIZER + _LOOP,
        related=("nn.Module.parameters",),
    ),
    Entry(
        "LW424",
        ("the graph is cut before the parameters", "计算图在到达参数之前被切断"),
        (
            "`.data`, `.detach()`, `.item()`, `.numpy()` and `torch.tensor(t)` give a value without its history, `argmax` a position, which has no derivative; "
            "what runs under `no_grad()` leaves no history either. "
            "What lies behind gets no gradient. `requires_grad=True` on the loss only hides the error message.",
            "`.data`、`.detach()`、`.item()`、`.numpy()`、`torch.tensor(t)` 给出的值没有来历，`argmax` 给出的是位置，没有导数；`no_grad()` 里的一切也不留来历。它们后面的参数得不到梯度。"
            "给损失设 `requires_grad=True` 只是把报错盖住了。",
        ),
        (
            "Stay with tensors between parameters and loss; use `.item()` and `.detach()` only for what is printed. Parts that shall be frozen: "
            "`requires_grad_(False)`, and out of the optimizer.",
            "从参数到损失一路都用张量运算；`.item()`、`.detach()` 只用于打印。想冻结某一部分，就用 `requires_grad_(False)`，并把它移出优化器。",
        ),
        _START + _module(_TWO, ["h = self.a(x).relu().detach()", "return self.b(h)"]) + _OPTIMIZER + _LOOP,
        _START + _module(_TWO, ["h = self.a(x).relu()", "return self.b(h)"]) + _OPTIMIZER + _LOOP,
        related=("torch.Tensor.detach", "torch.no_grad"),
        short=(
            "Keep the graph: no `.data`, `.detach()`, `.item()`, `argmax` or `no_grad()` on the way from the parameters to the loss.",
            "保住计算图：从参数到损失的路上不要用 `.data`、`.detach()`、`.item()`、`argmax` 或 `no_grad()`。",
        ),
    ),
    Entry(
        "LW425",
        ("a class in the place of an object", "该用对象的地方用了类"),
        (
            "`nn.ReLU` is the class, `nn.ReLU()` a layer. `nn.ReLU(x)` makes a layer with the option inplace=x, and `nn.MSELoss(y_hat, y)` a loss with odd "
            "options: neither computes anything.",
            "`nn.ReLU` 是类，`nn.ReLU()` 才是层。`nn.ReLU(x)` 造出一个选项为 inplace=x 的层，`nn.MSELoss(y_hat, y)` 造出一个选项古怪的损失对象：两者都没有计算。",
        ),
        (
            "Make the object first, then call it: `nn.ReLU()(x)`, `nn.MSELoss()(y_hat, y)`, or `F.relu(x)`.",
            "先造对象再调用：`nn.ReLU()(x)`、`nn.MSELoss()(y_hat, y)`，或者 `F.relu(x)`。",
        ),
        _START + _module([*_TWO, "self.act = nn.ReLU"], ["h = self.a(x)", "self.act(h)", "return self.b(h)"]) + _OPTIMIZER + _LOOP,
        _START + _module([*_TWO, "self.act = nn.ReLU()"], ["return self.b(self.act(self.a(x)))"]) + _OPTIMIZER + _LOOP,
        related=("nn.ReLU", "nn.Sequential"),
    ),
    Entry(
        "LW426",
        ("a layer made inside forward()", "在 forward() 里创建了层"),
        (
            "Each call makes new random weights; those that got the gradient are gone at the next call. The optimizer never saw any of them.",
            "每次调用都会生成新的随机权重；得到梯度的那些，下一次调用时已经不在了。优化器从来没见过它们。",
        ),
        (
            "Make the layer in `__init__`, as `self.layer`, and call it in `forward`.",
            "在 `__init__` 里创建 `self.layer`，在 `forward` 里调用它。",
        ),
        _START + _module(_TWO, ["h = self.a(x).relu()", "h = nn.Linear(16, 16)(h)", "return self.b(h)"]) + _OPTIMIZER + _LOOP,
        _START + _module([*_TWO, "self.c = nn.Linear(16, 16)"], ["return self.b(self.c(self.a(x).relu()))"]) + _OPTIMIZER + _LOOP,
        related=("nn.Linear",),
    ),
    Entry(
        "LW427",
        ("super().__init__() is missing", "缺少 super().__init__()"),
        (
            "`nn.Module.__init__` makes the tables in which layers and parameters are kept. Without it the first layer that is assigned raises an error, and "
            "a module without layers fails later, far from the cause.",
            "`nn.Module.__init__` 会建立存放层和参数的表。没有它，给属性赋第一个层时就会报错；没有层的模块则会在离原因很远的地方出错。",
        ),
        ("Call `super().__init__()` first in `__init__`.", "在 `__init__` 的第一行调用 `super().__init__()`。"),
        _START + _module(["self.size = 5"], ["return x"], before="pass"),
        _START + _module(["self.size = 5"], ["return x"]),
        related=("nn.Module",),
    ),
    Entry(
        "LW428",
        ("a result thrown away", "结果被丢弃"),
        (
            "`F.relu(x)` and `x.reshape(...)` return a new tensor and leave `x` as it is. As a statement by itself the call changes nothing.",
            "`F.relu(x)`、`x.reshape(...)` 返回新的张量，`x` 本身不变。单独写成一句，什么也没有改变。",
        ),
        (
            "Keep the result: `x = F.relu(x)`; or use the in-place form, `x.relu_()`.",
            "把结果接住：`x = F.relu(x)`；或者用原地版本 `x.relu_()`。",
        ),
        _START + _module(_TWO, ["x = self.a(x)", "F.relu(x)", "return self.b(x)"]) + _OPTIMIZER + _LOOP,
        _START + _module(_TWO, ["x = self.a(x)", "x = F.relu(x)", "return self.b(x)"]) + _OPTIMIZER + _LOOP,
        related=("nn.functional.relu",),
    ),
]
