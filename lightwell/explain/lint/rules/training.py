"""LW411-LW418: the training loop."""

from ....errors.entry import Entry

_START = """import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(64, 5)
y = X.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
"""
_GOOD = """optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(6):
    loss = criterion(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
_SCHEDULE = _GOOD.replace("for epoch", "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)\nfor epoch")

ENTRIES = [
    Entry(
        "LW411",
        ("zero_grad() is missing", "缺少 zero_grad()"),
        (
            "`backward()` adds to `.grad`. Without `zero_grad()` each step uses the sum of all gradients since the beginning: training swings or "
            "explodes, as with far too large a momentum.",
            "`backward()` 是把梯度累加到 `.grad` 上。不清零的话，每一步用的都是从头到现在所有梯度之和：训练会来回摆动甚至发散，就像动量大得离谱。",
        ),
        (
            "Call `optimizer.zero_grad()` before each `backward()`; by hand: `param.grad.zero_()` after the update. Gradients of several batches may be "
            "added on purpose, with one step and one zero_grad for all of them.",
            "每次 `backward()` 之前调用 `optimizer.zero_grad()`；手写更新时，更新之后 `param.grad.zero_()`。有意累积几个批量的梯度也可以，"
            "只要它们共用一次 step 和一次 zero_grad。",
        ),
        _START + _GOOD.replace("    optimizer.zero_grad()\n", ""),
        _START + _GOOD,
        related=("torch.optim.Optimizer.zero_grad",),
        short=("Call `optimizer.zero_grad()` before `backward()`.", "在 `backward()` 之前调用 `optimizer.zero_grad()`。"),
    ),
    Entry(
        "LW412",
        ("zero_grad() between backward() and step()", "zero_grad() 放在了 backward() 和 step() 之间"),
        (
            "`backward()` computes the gradients, `zero_grad()` forgets them, and `step()` finds none: the parameters stay as they are. Where `step()` stands "
            "behind the loop over the batches and `zero_grad()` in it, only the last batch counts.",
            "`backward()` 算出梯度，`zero_grad()` 把它们清掉，`step()` 就什么也没拿到：参数原地不动。如果 `step()` 写在批量循环之外，而 `zero_grad()` 在循环之内，"
            "就只有最后一个批量起作用。",
        ),
        (
            "The order is `zero_grad()`, `backward()`, `step()`, all three for each batch.",
            "每个批量都依次调用 `zero_grad()`、`backward()`、`step()`。",
        ),
        _START + _GOOD.replace("    optimizer.zero_grad()\n    loss.backward()\n", "    loss.backward()\n    optimizer.zero_grad()\n"),
        _START + _GOOD,
        related=("torch.optim.Optimizer.zero_grad",),
    ),
    Entry(
        "LW413",
        ("step() is never called", "从未调用 step()"),
        ("Gradients are computed and nothing uses them: the loss stays where it was.", "梯度算出来了，却没有人用：损失一直不变。"),
        ("Call `optimizer.step()` after `backward()`.", "在 `backward()` 之后调用 `optimizer.step()`。"),
        _START + _GOOD.replace("    optimizer.step()\n", ""),
        _START + _GOOD,
        related=("torch.optim.Optimizer.step",),
    ),
    Entry(
        "LW414",
        ("step() without gradients", "没有梯度就调用了 step()"),
        (
            "`step()` leaves parameters without a gradient alone. Where `backward()` is missing, or belongs to another model, it does nothing at all.",
            "`step()` 会跳过没有梯度的参数。如果忘了 `backward()`，或者 `backward()` 属于另一个模型，它就什么也不做。",
        ),
        (
            "Call `loss.backward()` before `step()`, with a loss of this optimizer's parameters.",
            "在 `step()` 之前调用 `loss.backward()`，而且损失要由这个优化器的参数算出。",
        ),
        _START + _GOOD.replace("    loss.backward()\n", ""),
        _START + _GOOD,
        related=("torch.Tensor.backward",),
    ),
    Entry(
        "LW415",
        ("the schedule's step() before the optimizer's", "学习率调度器的 step() 先于优化器"),
        (
            "A schedule's `step()` sets the learning rate of the next steps. Called first, it skips the first value: a warm-up or decay is one epoch early.",
            "调度器的 `step()` 设定的是接下来的学习率。先调用它，就跳过了第一个值：预热或衰减都提前了一个周期。",
        ),
        (
            "Call `schedule.step()` at the end of the epoch, after `optimizer.step()`.",
            "在一个周期结束时、`optimizer.step()` 之后再调用 `schedule.step()`。",
        ),
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + _START
        + _SCHEDULE.replace("in range(6):\n", "in range(6):\n    schedule.step()\n"),
        _START + _SCHEDULE + "    schedule.step()\n",
        related=("torch.optim.lr_scheduler.StepLR",),
    ),
    Entry(
        "LW416",
        ("a learning rate that cannot work", "学习率不可能管用"),
        (
            "With 0 nothing is learned; far too large a rate jumps over the minimum farther and farther: the loss grows to inf or NaN.",
            "学习率为 0，什么也学不到；学习率太大，每一步都越过最小值，而且越跳越远：损失会涨到 inf 或 NaN。",
        ),
        (
            "Try 0.1 or 0.01 for SGD, 0.001 for Adam, and change by factors of 3.",
            "SGD 先试 0.1 或 0.01，Adam 先试 0.001，再以 3 倍左右的幅度调整。",
        ),
        _START + _GOOD.replace("lr=0.01", "lr=0.0"),
        _START + _GOOD,
        related=("torch.optim.SGD",),
    ),
    Entry(
        "LW417",
        ("losses are added up with their graphs", "累加损失时连计算图一起留住了"),
        (
            "`total += loss` keeps a tensor that knows its whole history, so the graph of every step stays in memory: slower and slower, until memory is out.",
            "`total += loss` 留住的张量记得自己的全部来历，于是每一步的计算图都留在内存里：越来越慢，直到内存用完。",
        ),
        (
            "Add the number: `total += loss.item()`; keep `loss.detach()` in lists.",
            "累加数值：`total += loss.item()`；放进列表时用 `loss.detach()`。",
        ),
        _START + "total = 0\n" + _GOOD + "    total += loss\n",
        _START + "total = 0\n" + _GOOD + "    total += loss.item()\n",
        related=("torch.Tensor.item", "torch.Tensor.detach"),
    ),
    Entry(
        "LW418",
        ("a method named but not called", "写了方法名却没有调用"),
        (
            "`model.eval` without parentheses is an expression whose value is thrown away; Python says nothing.",
            "`model.eval` 不带括号，只是一个值被丢弃的表达式；Python 不会提示。",
        ),
        ("Write the parentheses: `model.eval()`.", "加上括号：`model.eval()`。"),
        _START + _GOOD + "net.eval\n",
        _START + _GOOD + "net.eval()\n",
        related=("nn.Module.eval",),
    ),
]
