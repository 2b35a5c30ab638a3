"""For each cause (LW5xx) a short training that ends by it, and one that does not: `EXAMPLES[code]` is (example, better)."""

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, tuple[str, str]] = {}
_HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\ntorch.manual_seed(0)\n"
_LOOP = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    loss = F.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
_LONG = _LOOP.replace("range(5)", "range(40)")
_NET = "net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))"
_DATA = "x, y = torch.randn(16, 3), torch.randn(16, 1)\n"


def _program(code: str, text: str, *mends: tuple[str, str]) -> None:
    """A program, and the same with parts of it replaced."""
    better = text
    for old, new in mends:
        better = better.replace(old, new)
    EXAMPLES[code] = _HEAD + text.strip("\n") + "\n", _HEAD + better.strip("\n") + "\n"


def _loss(code: str, start: str, loss: str, better: str) -> None:
    """A parameter's first value, and a loss of it, `w`."""
    text = f"""
w = nn.Parameter(torch.{start})
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range(3):
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    _program(code, text, (loss, better))


# ---- what came in from outside ------------------------------------------------------------------------------------------

_program(
    "LW501", f"{_DATA}x[5, 1] = float('nan')\n{_NET}{_LOOP}",
    ("x[5, 1] = float('nan')\n", "x[5, 1] = float('nan')\nx = torch.nan_to_num(x)\n"),
)  # fmt: skip
_program(
    "LW502", f"{_DATA}x[5, 1] = float('inf')\n{_NET}{_LOOP}",
    ("x[5, 1] = float('inf')\n", "x[5, 1] = float('inf')\nx = x.clamp(-10.0, 10.0)\n"),
)  # fmt: skip
_program(
    "LW503", f"{_DATA}y[5] = float('nan')\n{_NET}{_LOOP}",
    ("y[5] = float('nan')\n", "y[5] = float('nan')\nok = y.isfinite().all(1)\nx, y = x[ok], y[ok]\n"),
)  # fmt: skip
_program(
    "LW504", f"{_DATA}{_NET}\nnn.init.constant_(net[0].weight, float('nan')){_LOOP}",
    ("constant_(net[0].weight, float('nan'))", "xavier_uniform_(net[0].weight)"),
)  # fmt: skip
_program(
    "LW505",
    """
x, y = torch.randn(16, 256), torch.randn(16, 256)
weights = [torch.randn(256, 256, requires_grad=True) for _ in range(50)]
optimizer = torch.optim.SGD(weights, lr=0.01)
h = x
for w in weights:
    h = F.relu(h @ w)
loss = F.mse_loss(h, y)
loss.backward()
optimizer.step()
""",
    ("torch.randn(256, 256, requires_grad=True)", "nn.init.kaiming_normal_(torch.empty(256, 256)).requires_grad_()"),
)

# ---- made by an operation -----------------------------------------------------------------------------------------------

_loss("LW510", "tensor([[0.0, 200.0]])", "-torch.log(torch.softmax(w, 1))[0, 0]", "F.cross_entropy(w, torch.tensor([0]))")
_loss("LW511", "tensor([0.5, -0.5])", "torch.log(w).sum()", "torch.log(F.softplus(w)).sum()")
_loss("LW512", "tensor([1.0, 2.0])", "(w / torch.tensor([0.0, 1.0])).sum()", "(w / torch.tensor([0.0, 1.0]).clamp(min=0.1)).sum()")
_loss("LW513", "zeros(3)", "(w / w.sum()).square().sum()", "(w / (w.sum() + 1e-6)).square().sum()")
_loss("LW514", "tensor([1.0, 100.0])", "torch.exp(w).sum().log()", "torch.logsumexp(w, 0)")
_loss("LW515", "tensor([1.0, -1.0])", "torch.sqrt(w).sum()", "torch.sqrt(w.clamp(min=1e-6)).sum()")
_loss("LW516", "tensor([1.0, -1.0])", "(w ** 0.5).sum()", "(w.abs() ** 1.5).sum()")
_loss("LW517", "tensor([0.5, 1.2])", "torch.acos(w).sum()", "torch.acos(w.clamp(-1 + 1e-6, 1 - 1e-6)).sum()")
_program(
    "LW518",
    """
queries = nn.Parameter(torch.randn(4, 6, 8))
optimizer = torch.optim.SGD([queries], lr=0.1)
lengths = torch.tensor([6, 3, 1, 0])
padding = torch.arange(6) >= lengths[:, None]
scores = (queries @ queries.mT).masked_fill(padding[:, None, :], float('-inf'))
loss = (torch.softmax(scores, -1) @ queries).square().mean()
loss.backward()
optimizer.step()
""",
    ("float('-inf')", "-1e9"),
)
_loss("LW519", "randn(1, 4)", "(w - w.std(0)).square().sum()", "(w - w.std(0, correction=0)).square().sum()")
_loss("LW520", "randn(4)", "w[w > 10].mean()", "w[w > 10].sum() / max(1, (w > 10).sum())")
_loss("LW521", "tensor([1.0, 2.0])", "(w * 0 * float('inf')).sum()", "(w * 0 * 1e30).sum()")
_loss("LW522", "tensor([1e20, 2.0])", "(w * 1e20).sum()", "(w * 1e-20).sum()")
_loss("LW523", "tensor([200.0, 400.0], dtype=torch.float16)", "(w * w).sum()", "(w.float() * w.float()).sum()")
_program(
    "LW524",
    """
net = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4, eps=0.0))
nn.init.zeros_(net[0].weight)
nn.init.zeros_(net[0].bias)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loss = net(torch.randn(8, 4)).square().sum()
loss.backward()
optimizer.step()
""",
    (", eps=0.0", ""),
)
_loss("LW525", "tensor([1.0, 2.0])", "(w * float('nan')).sum()", "(w * 0.5).sum()")
_program(
    "LW526",
    """
net = nn.Linear(6, 5)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
frames = 4
logp = F.log_softmax(net(torch.randn(frames, 1, 6)), 2)
labels = torch.tensor([[1, 2, 2, 3]])
loss = nn.CTCLoss()(logp, labels, torch.tensor([frames]), torch.tensor([4]))
loss.backward()
optimizer.step()
""",
    ("frames = 4", "frames = 12"),
)

# ---- made by a derivative -----------------------------------------------------------------------------------------------

_loss("LW530", "zeros(3)", "torch.sqrt(w.square()).sum()", "torch.sqrt(w.square() + 1e-12).sum()")
_loss("LW531", "zeros(2)", "torch.hypot(w[0], w[1])", "(w.square().sum() + 1e-12).sqrt()")
_loss("LW532", "zeros(3)", "(w ** 0.5).sum()", "(w.clamp(min=1e-6) ** 0.5).sum()")
_loss("LW533", "tensor([0.5, 1.0])", "torch.acos(w).sum()", "torch.acos(w.clamp(-1 + 1e-6, 1 - 1e-6)).sum()")
_loss(
    "LW534", "tensor([0.0, 1.0])", "torch.where(w > 0, torch.log(w), 0.0).sum()",
    "torch.where(w > 0, torch.log(torch.where(w > 0, w, 1.0)), 0.0).sum()",
)  # fmt: skip
_loss("LW535", "tensor([1e-20])", "(1.0 / w).sum()", "(1.0 / (w + 0.5)).sum()")
_program(
    "LW536",
    """
a = nn.Parameter(torch.eye(3))
optimizer = torch.optim.SGD([a], lr=0.1)
values, vectors = torch.linalg.eigh(a @ a.T)
loss = (vectors * torch.randn(3, 3)).sum()
loss.backward()
optimizer.step()
""",
    ("torch.eye(3)", "torch.diag(torch.tensor([1.0, 2.0, 3.0]))"),
)

# ---- made by the training -----------------------------------------------------------------------------------------------

_program(
    "LW540",
    """
w = nn.Parameter(3.0 * torch.eye(4))
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range(5):
    h = 1e-3 * torch.randn(8, 4)
    for t in range(15):
        h = h @ w
    loss = h.square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    ("    optimizer.step()", "    nn.utils.clip_grad_norm_([w], 1.0)\n    optimizer.step()"),
)
_program("LW541", f"x = torch.randn(64, 3)\ny = x.sum(1, keepdim=True)\n{_NET}{_LONG}".replace("lr=0.1", "lr=50.0"), ("lr=50.0", "lr=0.05"))
_program(
    "LW542",
    """
w = nn.Parameter(torch.randn(3))
optimizer = torch.optim.Adam([w], lr=0.1, eps=0.0)
used = torch.tensor([1.0, 1.0, 0.0])
for step in range(3):
    loss = (w * used).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    (", eps=0.0", ""),
)
_program(
    "LW543",
    """
w = nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([w], lr=100.0)
loss = (w * 1e37).sum()
loss.backward()
optimizer.step()
""",
    ("lr=100.0", "lr=0.1"),
)
_program(
    "LW545",
    """
w = nn.Parameter(torch.randn(3))
optimizer = torch.optim.SGD([w], lr=0.1)
importance = torch.tensor([1.0, float('inf'), 1.0])
for step in range(3):
    optimizer.zero_grad()
    w.square().backward(gradient=importance)
    optimizer.step()
""",
    ("float('inf')", "2.0"),
)

# ---- health -------------------------------------------------------------------------------------------------------------

_program(
    "LW550",
    f"""
layers = [nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(12)]
net = nn.Sequential(*layers, nn.Linear(8, 1))
x = torch.randn(64, 8)
y = x.sum(1, keepdim=True)
{_LONG.strip()}
""",
    ("nn.Sigmoid()", "nn.LayerNorm(8), nn.ReLU()"),
)
_program(
    "LW551",
    f"""
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
nn.init.constant_(net[0].bias, -10.0)
x = torch.randn(64, 8)
y = x.sum(1, keepdim=True)
{_LONG.strip()}
""",
    ("-10.0", "0.0"),
)
_program(
    "LW552",
    f"""
net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
x = 100 * torch.randn(64, 8)
y = torch.randn(64, 1)
{_LONG.strip()}
""",
    ("x = 100 * torch.randn(64, 8)\n", "x = 100 * torch.randn(64, 8)\nx = (x - x.mean(0)) / x.std(0)\n"),
)
_loss(
    "LW553", "tensor([0.0, 1.0])", "(w.square() - torch.nan_to_num(torch.log(w.detach()), neginf=0.0)).sum()",
    "(w.square() - torch.log(w.detach() + 1e-6)).sum()",
)  # fmt: skip
