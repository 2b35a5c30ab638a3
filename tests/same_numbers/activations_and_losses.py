"""Each activation in the same small net, each loss on the same outputs; fifty steps each."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(14)
X = torch.randn(40, 6)
noisy = X[:, :3] * X[:, 3:] + 0.1 * torch.randn(40, 3)
names = [
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardtanh",
    "Hardsigmoid", "Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Hardshrink", "Softshrink", "Softplus", "Softsign",
]  # fmt: skip
made = {name: getattr(nn, name)() for name in names}
made |= {"tanh GELU": nn.GELU("tanh"), "threshold": nn.Threshold(0.1, -0.2), "softmax": nn.Softmax(1), "gated": nn.GLU()}
made |= {"alpha dropout": nn.AlphaDropout(0.2), "feature dropout": nn.Dropout1d(0.2), "dropout": nn.Dropout(0.4)}


def fit(net, measure, lr=0.005):
    optimizer = torch.optim.NAdam(net.parameters(), lr=lr)
    told = []
    for step in range(50):
        optimizer.zero_grad()
        loss = measure(net(X))
        loss.backward()
        optimizer.step()
        if step % 10 == 0 or step == 49:
            told.append(f"{loss.item():.5f}")
    return told


for name, activation in made.items():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 12), activation, nn.Linear(6 if name == "gated" else 12, 3))
    print(name, *fit(net, lambda out: F.mse_loss(out, noisy)))

which, several = noisy.argmax(1), (noisy > 0).float()
signs = several[:, 0] * 2 - 1
weight = torch.tensor([1.0, 2.0, 0.5])
chosen = which.clone()
chosen[::5] = -100
losses = {
    "absolute": lambda o: nn.L1Loss()(o, noisy),
    "Huber": lambda o: nn.HuberLoss(delta=0.4)(o, noisy),
    "smooth": lambda o: nn.SmoothL1Loss(beta=0.3)(o, noisy),
    "cross entropy": lambda o: nn.CrossEntropyLoss(weight, label_smoothing=0.1)(o, chosen),
    "of probabilities": lambda o: nn.CrossEntropyLoss()(o, noisy.softmax(1)),
    "likelihood": lambda o: nn.NLLLoss(weight, reduction="sum")(o.log_softmax(1), which) / 40,
    "binary": lambda o: nn.BCELoss()(o.sigmoid(), several),
    "binary of logits": lambda o: nn.BCEWithLogitsLoss(pos_weight=weight)(o, several),
    "divergence": lambda o: nn.KLDivLoss(reduction="batchmean", log_target=True)(o.log_softmax(1), noisy.log_softmax(1)),
    "Poisson": lambda o: nn.PoissonNLLLoss(full=True)(o, noisy.abs().round()),
    "Gaussian": lambda o: nn.GaussianNLLLoss()(o[:, :1], noisy[:, :1], F.softplus(o[:, 1:2])),
    "hinge": lambda o: nn.HingeEmbeddingLoss()(o[:, 0], signs),
    "cosine": lambda o: nn.CosineEmbeddingLoss(margin=0.1)(o, noisy, signs),
    "ranking": lambda o: nn.MarginRankingLoss(0.2)(o[:, 0], o[:, 1], signs),
    "margin": lambda o: nn.MultiMarginLoss(p=2, weight=weight)(o, which),
    "soft margin": lambda o: nn.SoftMarginLoss()(o[:, 0], signs),
    "several labels": lambda o: nn.MultiLabelSoftMarginLoss()(o, several),
    "label margin": lambda o: nn.MultiLabelMarginLoss()(o, torch.stack([which, -torch.ones_like(which), which], 1)),
    "triplet": lambda o: nn.TripletMarginLoss(swap=True)(o, noisy, noisy.roll(1, 0)),
    "own distance": lambda o: nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance(1))(o, noisy, noisy.flip(0)),
    "connectionist": lambda o: nn.CTCLoss()(
        torch.cat([o, o.roll(1, 1)], 0).log_softmax(1).unsqueeze(1), torch.tensor([[1, 2, 1, 2, 2]]), torch.tensor([80]), torch.tensor([5])
    ),
}
for name, measure in losses.items():
    torch.manual_seed(3)
    print(name, *fit(nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3)), measure))
