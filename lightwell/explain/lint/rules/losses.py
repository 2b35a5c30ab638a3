"""LW401-LW410: what goes into a loss, and its sign."""

from ....errors.entry import Entry

_START = """import torch
from torch import nn

torch.manual_seed(0)
X, y = torch.randn(64, 5), torch.randint(0, 3, (64,))
"""
_LOOP = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(5):
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
_NET = "net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, {n}){more})"


def _program(loss, n=3, more="", data="", body=""):
    return _START + data + body + _NET.format(n=n, more=more) + _LOOP.format(loss=loss)


ENTRIES = [
    Entry(
        "LW401",
        ("softmax before CrossEntropyLoss", "CrossEntropyLoss 之前又做了 softmax"),
        (
            "`CrossEntropyLoss` computes log softmax of its input itself. Given probabilities, it takes softmax of numbers between 0 and 1: the "
            "result is nearly uniform, the loss cannot come near 0, and the gradients are small. No error is raised, and the network even learns, slowly.",
            "`CrossEntropyLoss` 自己会对输入做 log softmax。如果输入已经是概率，就等于对 0 到 1 之间的数再做一次 softmax：结果几乎是均匀的，"
            "损失降不到 0 附近，梯度也很小。程序不报错，网络甚至还能学，只是学得很慢。",
        ),
        (
            "Give `CrossEntropyLoss` the scores of the last linear layer, without softmax; use `softmax` only where probabilities are shown.",
            "把最后一个线性层的得分直接交给 `CrossEntropyLoss`，不要做 softmax；只在需要展示概率时才用 `softmax`。",
        ),
        _program("nn.CrossEntropyLoss()(net(X), y)", more=", nn.Softmax(dim=1)"),
        _program("nn.CrossEntropyLoss()(net(X), y)"),
        related=("nn.CrossEntropyLoss", "torch.softmax"),
    ),
    Entry(
        "LW402",
        ("sigmoid or softmax twice", "sigmoid 或 softmax 做了两次"),
        (
            "`BCEWithLogitsLoss` applies sigmoid itself; a second sigmoid, or softmax of softmax, squeezes all numbers into a small range (sigmoid of "
            "0…1 is 0.5…0.73), so that no confident answer is possible any more.",
            "`BCEWithLogitsLoss` 自己会做 sigmoid；再做一次 sigmoid（或者对 softmax 的结果再做 softmax）会把所有的数挤进很小的范围"
            "（对 0…1 做 sigmoid 得到 0.5…0.73），再也给不出有把握的答案。",
        ),
        (
            "Apply it once: give `BCEWithLogitsLoss` the scores themselves, or use `BCELoss` with probabilities.",
            "只做一次：把得分直接交给 `BCEWithLogitsLoss`，或者对概率使用 `BCELoss`。",
        ),
        _program("nn.BCEWithLogitsLoss()(torch.sigmoid(net(X)), t)", n=1, data="t = (y > 0).float().reshape(-1, 1)\n"),
        _program("nn.BCEWithLogitsLoss()(net(X), t)", n=1, data="t = (y > 0).float().reshape(-1, 1)\n"),
        related=("nn.BCEWithLogitsLoss", "nn.BCELoss"),
    ),
    Entry(
        "LW403",
        ("a loss of log-probabilities given something else", "要对数概率的损失得到了别的东西"),
        (
            "`NLLLoss` picks the number of the right class and changes its sign; `kl_div` takes log-probabilities first, too. With raw scores or "
            "probabilities the loss is no likelihood: scores grow without end, the loss falls below 0, and nothing says so.",
            "`NLLLoss` 只是取出正确类别的那个数再变号；`kl_div` 的第一个参数也要对数概率。如果给的是原始得分或概率，损失就不是似然："
            "得分可以无限增大，损失会降到 0 以下，却没有任何提示。",
        ),
        (
            "Apply `log_softmax(x, dim=1)` before; in place of `NLLLoss`, `CrossEntropyLoss` takes the scores themselves.",
            "先做 `log_softmax(x, dim=1)`；也可以不用 `NLLLoss`，改用 `CrossEntropyLoss`，它直接接收得分。",
        ),
        _program("nn.NLLLoss()(net(X), y)"),
        _program("nn.NLLLoss()(torch.log_softmax(net(X), 1), y)"),
        related=("nn.NLLLoss", "torch.log_softmax", "nn.functional.kl_div"),
    ),
    Entry(
        "LW404",
        ("shapes that broadcast in a loss", "损失里的形状发生了广播"),
        (
            "(N, 1) with (N,) broadcasts to (N, N): the loss compares each prediction with every target, and its minimum is the mean of the targets. "
            "The network learns to say the mean, and the loss looks reasonable.",
            "(N, 1) 和 (N,) 会广播成 (N, N)：损失把每个预测和每个目标都比较了一遍，最小值在目标的均值处。网络只学会输出均值，而损失看起来还挺正常。",
        ),
        (
            "Give both the same shape: `y.reshape(-1, 1)`, or `net(X).squeeze(1)`. Class numbers against the scores of several classes: `CrossEntropyLoss`.",
            "让两者形状相同：`y.reshape(-1, 1)`，或者 `net(X).squeeze(1)`。如果是类别编号对多个类别的得分，用 `CrossEntropyLoss`。",
        ),
        _program("nn.L1Loss()(net(X), t)", n=1, data="t = X.sum(1)\n", body="import warnings\nwarnings.simplefilter('ignore')\n"),
        _program("nn.L1Loss()(net(X), t.reshape(-1, 1))", n=1, data="t = X.sum(1)\n"),
        related=("nn.MSELoss", "nn.L1Loss"),
    ),
    Entry(
        "LW405",
        ("(N, 1) meets (N,)", "(N, 1) 遇上了 (N,)"),
        (
            "A difference or comparison of (N, 1) with (N,) has N² elements: a squared error written by hand, or an accuracy, is about all pairs instead "
            "of the N examples.",
            "(N, 1) 与 (N,) 相减或比较，得到 N² 个元素：手写的平方误差、准确率算的是所有配对，而不是 N 个样本。",
        ),
        (
            "Give both the same shape: `y_hat - y.reshape(y_hat.shape)`.",
            "让两者形状相同：`y_hat - y.reshape(y_hat.shape)`。",
        ),
        _program("((net(X) - t) ** 2).mean()", n=1, data="t = X.sum(1)\n"),
        _program("((net(X) - t.reshape(-1, 1)) ** 2).mean()", n=1, data="t = X.sum(1)\n"),
        related=("torch.Tensor.reshape",),
    ),
    Entry(
        "LW406",
        ("the loss has the wrong sign", "损失的符号反了"),
        (
            "Optimizers go downhill. Minimising minus a loss, or a log-likelihood without the minus, makes the model worse with every step, while the "
            "printed loss falls as it should.",
            "优化器走的是下坡路。最小化“负的损失”，或者忘了给对数似然加负号，会让模型一步步变差，而打印出来的损失却在“正常”下降。",
        ),
        (
            "Minimise the loss itself, `criterion(y_hat, y)`; a log-likelihood is maximised by minimising its negative.",
            "最小化损失本身，`criterion(y_hat, y)`；要最大化对数似然，就最小化它的相反数。",
        ),
        _program("-nn.CrossEntropyLoss()(net(X), y)"),
        _program("nn.CrossEntropyLoss()(net(X), y)"),
        related=("nn.CrossEntropyLoss",),
    ),
    Entry(
        "LW407",
        ("targets that do not suit the loss", "目标与损失不匹配"),
        (
            "Class numbers are names, not quantities: a squared error thinks that class 9 is far from class 0. Binary cross-entropy wants targets between 0 "
            "and 1 and takes 2 or -1 without a word; floating-point targets of `CrossEntropyLoss` are class probabilities, each row adding up to 1.",
            "类别编号只是名字，不是数量：平方误差会认为类别 9 离类别 0 很远。二元交叉熵要求目标在 0 到 1 之间，给它 2 或 -1 也不吭声；"
            "`CrossEntropyLoss` 的浮点目标是类别概率，每一行之和应为 1。",
        ),
        (
            "Classes: `CrossEntropyLoss` with int64 class numbers. Several labels at once: `BCEWithLogitsLoss` with 0 and 1. Labels -1 and 1: (y + 1) / 2.",
            "分类：`CrossEntropyLoss` 配 int64 类别编号。多标签：`BCEWithLogitsLoss` 配 0 和 1。标签是 -1 和 1 时：(y + 1) / 2。",
        ),
        _program("nn.BCEWithLogitsLoss()(net(X), t)", n=1, data="t = ((y > 0).float() * 2 - 1).reshape(-1, 1)\n"),
        _program("nn.BCEWithLogitsLoss()(net(X), (t + 1) / 2)", n=1, data="t = ((y > 0).float() * 2 - 1).reshape(-1, 1)\n"),
        related=("nn.CrossEntropyLoss", "nn.BCEWithLogitsLoss", "nn.MSELoss"),
    ),
    Entry(
        "LW408",
        ("cross-entropy over one class", "只有一个类别的交叉熵"),
        (
            "With one output per example the softmax is 1 whatever the network says: the loss is 0 from the first step, and all gradients are 0.",
            "每个样本只有一个输出时，无论网络给出什么，softmax 都是 1：损失从第一步起就是 0，梯度全是 0。",
        ),
        (
            "Two classes: two outputs with `CrossEntropyLoss`, or one output with `BCEWithLogitsLoss`.",
            "二分类：两个输出配 `CrossEntropyLoss`，或者一个输出配 `BCEWithLogitsLoss`。",
        ),
        _program("nn.CrossEntropyLoss()(net(X), t)", n=1, data="t = (y > 0).float().reshape(-1, 1)\n"),
        _program("nn.BCEWithLogitsLoss()(net(X), t)", n=1, data="t = (y > 0).float().reshape(-1, 1)\n"),
        related=("nn.CrossEntropyLoss", "nn.BCEWithLogitsLoss"),
    ),
    Entry(
        "LW409",
        ("softmax or argmax over the batch", "softmax 或 argmax 跨了批量维"),
        (
            "Dimension 0 is the batch. Softmax over it lets the examples of a batch compete with each other, and what an example gets depends on its "
            "neighbours.",
            "第 0 维是批量。沿它做 softmax，是让一个批量里的样本互相竞争：一个样本的结果取决于和它放在一起的样本。",
        ),
        ("Take the dimension of the classes: `dim=1`, or `dim=-1`.", "用类别所在的维：`dim=1` 或 `dim=-1`。"),
        _program("nn.NLLLoss()(torch.log_softmax(net(X), dim=0), y)", body="import warnings\n").replace(
            "nn.NLLLoss()(torch.log_softmax(net(X), dim=0), y)", "-torch.log_softmax(net(X), dim=0)[range(64), y].mean()"
        ),
        _program("-torch.log_softmax(net(X), dim=1)[range(64), y].mean()"),
        related=("torch.softmax", "torch.argmax"),
    ),
    Entry(
        "LW410",
        ("ReLU between the last layer and the loss", "最后一层和损失之间多了 ReLU"),
        (
            "Scores may have any sign. ReLU sets the negative ones to 0, where their gradient is 0 too: classes whose score falls below 0 stop learning.",
            "得分可正可负。ReLU 把负的得分变成 0，那里的梯度也是 0：得分降到 0 以下的类别就不再学习。",
        ),
        ("Leave out the activation behind the last layer.", "去掉最后一层后面的激活函数。"),
        _program("nn.CrossEntropyLoss()(net(X), y)", more=", nn.ReLU()"),
        _program("nn.CrossEntropyLoss()(net(X), y)"),
        related=("nn.ReLU", "nn.CrossEntropyLoss"),
    ),
]
