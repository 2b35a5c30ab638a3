"""Errors of backward name both lines: where the value was saved, and where it was changed or freed."""

import pytest

from lightwell.errors.pages import output_of, speaking

HEAD = "import torch\nw = torch.ones(3, requires_grad=True)\n"

# name: (program, line that saved, line that changed or freed)
CHANGED = {
    "a result": (HEAD + "y = torch.sigmoid(w)\ny.add_(1)\ny.sum().backward()", 3, 4),
    "a method's result": (HEAD + "y = w.exp()\ny *= 2\ny.sum().backward()", 3, 4),
    "an operand": (HEAD + "a = w * 2\nb = a * a\na += 1\nb.sum().backward()", 4, 5),
    "an operand of a product of matrices": (
        "import torch\nw = torch.ones(3, 3, requires_grad=True)\nx = torch.ones(3, 3)\nb = x @ w\nx.zero_()\nb.sum().backward()",
        4,
        5,
    ),
    "an operand of a layer, one of several of its kind": (
        "import torch\nfrom torch import nn\nclass Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.lin = nn.Linear(4, 4)\n    def forward(self, x):\n        h = torch.sigmoid(self.lin(x))\n"
        "        g = torch.tanh(self.lin(h))\n        h.mul_(2)\n        return h + g\nBlock()(torch.ones(2, 4)).sum().backward()",
        9,
        10,
    ),
    "a layer's result": (
        "import torch\nfrom torch import nn\nact, head = nn.Sigmoid(), nn.Linear(4, 1)\ndef f(x):\n    h = act(x)\n    h += x\n"
        "    return head(h)\nf(torch.ones(2, 4, requires_grad=True)).sum().backward()",
        5,
        6,
    ),
    "an entry": (HEAD + "def f(v):\n    s = v.tanh()\n    s[0] = 0\n    return s.sum()\nout = f(w)\nout.backward()", 4, 5),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", CHANGED)
def test_a_saved_value_that_was_changed(name, language):
    program, saved, changed = CHANGED[name]
    lines = program.splitlines()
    with speaking(language):
        said = output_of(program, "script")
    assert "── LW202 " in said, said
    for number, role in ((saved, {"en": "saved", "zh": "保存于"}), (changed, {"en": "changed", "zh": "修改于"})):
        place = f"script.py, line {number}:" if language == "en" else f"script.py 第 {number} 行:"
        row = next(r for r in said.splitlines() if r.strip().startswith(role[language]))
        assert place in row and lines[number - 1].strip() in row, said


def test_a_step_of_the_optimizer_changed_it():
    program = (
        "import torch\nnet = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))\nopt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "x = torch.ones(4, 2)\na = net(x).sum()\nb = net(x * 2).sum()\na.backward()\nopt.step()\nb.backward()"
    )
    with speaking("en"):
        said = output_of(program, "script")
        traced = output_of(
            program.replace("x = torch.ones(4, 2)", "torch.autograd.set_detect_anomaly(True); x = torch.ones(4, 2)"), "script"
        )
    import lightwell

    lightwell.autograd.set_detect_anomaly(False)
    assert "script.py, line 8:  opt.step()  (net.1.weight)" in said and "before the `step()`" in said, said
    for text in (said, traced):
        row = next(r for r in text.splitlines() if r.strip().startswith("saved"))
        assert "line 6:  b = net(x * 2).sum()" in row, text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_backward_twice(language):
    program = HEAD + "def step():\n    loss = (w * w).sum()\n    loss.backward()\n    return loss\nagain = step()\nagain.backward()"
    with speaking(language):
        said = output_of(program, "script")
    for number in (8, 4, 5):
        assert (f"script.py, line {number}" if language == "en" else f"script.py 第 {number} 行") in said, said
    assert "── LW203 " in said and ("freed" if language == "en" else "释放于") in said


def test_backward_twice_in_a_loop_that_carries_a_state():
    program = (
        "import torch\nrnn = torch.nn.RNN(4, 8)\nstate = torch.zeros(1, 2, 8)\nfor i in range(3):\n"
        "    out, state = rnn(torch.ones(5, 2, 4), state)\n    out.sum().backward()"
    )
    with speaking("en"):
        said = output_of(program, "script")
    assert "freed" in said and "line 6:  out.sum().backward()  (when it ran before)" in said, said
    assert "line 5:  out, state = rnn(torch.ones(5, 2, 4), state)" in said, said


TRACED = {
    "an encoder under two losses": (
        "import torch\nfrom torch import nn\nenc, a, b = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 1), nn.Linear(4, 1)\n"
        "z = enc(torch.ones(3, 4))\nla = a(z).sum()\nlb = b(z).sum()\nla.backward()\nlb.backward()",
        4,
    ),
    "a generator and a discriminator": (
        "import torch\nfrom torch import nn\nG, D = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(), nn.Linear(4, 1))\n"
        "opt = torch.optim.Adam(D.parameters())\nfake = G(torch.ones(4, 2))\ng_loss = -D(fake).mean()\nd_loss = D(fake.detach()).mean()\n"
        "d_loss.backward()\nopt.step()\ng_loss.backward()",
        6,
    ),
    "a model with a state, in a function": (
        "import torch\nfrom torch import nn\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.rnn, self.out = nn.LSTM(4, 8), nn.Linear(8, 4)\n    def forward(self, X, state):\n"
        "        Y, state = self.rnn(X, state)\n        return self.out(Y), state\ndef train(model, state=None):\n    for step in range(3):\n"
        "        X = torch.ones(5, 2, 4)\n        y, state = model(X, state)\n        l = ((y - X) ** 2).mean()\n        l.backward()\ntrain(Model())",
        13,
    ),
}


@pytest.mark.parametrize("name", TRACED)
def test_the_statement_that_built_the_graph(name):
    """No operation's name is in these lines: they are found by the graphs of the variables."""
    program, line = TRACED[name]
    with speaking("en"):
        said = output_of(program, "script")
    row = next(r for r in said.splitlines() if r.strip().startswith("saved"))
    assert f"line {line}:  {program.splitlines()[line - 1].strip()}" in row, said


def test_nothing_is_told_of_a_line_that_is_not_certain():
    """Two products could have saved the value: none is named."""
    program = HEAD + "def f(a):\n    return (a * 2) * a, (a * 3) * a\na = w * 1\nif True:\n    b, c = f(a)\na.add_(1)\nc.sum().backward()"
    with speaking("en"):
        said = output_of(program, "script")
    row = next(r for r in said.splitlines() if r.strip().startswith("saved"))
    assert "not certain" in row, said


def test_the_token_of_a_freed_graph_holds_no_frame():
    import lightwell as torch
    from lightwell.autograd.lines import Freed

    w = torch.ones(2, requires_grad=True)
    y = (w * w).sum()
    product = y.grad_fn.next_functions[0][0]
    y.backward()
    assert type(product.cells) is Freed and product.cells == () and product.cells.line[0] == __file__
    assert not any(type(part).__name__ == "frame" for part in product.cells.at)
    y = (w * w).sum()
    y.backward(retain_graph=True)
    y.backward()
