"""Every initialiser and every layer's own first weights, bit for bit by their sums; and fifty steps from each."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn import init


def told(t):
    return f"{t.double().sum().item():.6f} {t.double().abs().max().item():.6f}"


torch.manual_seed(15)
recipes = {
    "uniform": lambda w: init.uniform_(w, -0.2, 0.4),
    "normal": lambda w: init.normal_(w, 0.1, 0.3),
    "truncated": lambda w: init.trunc_normal_(w, std=0.5, a=-0.6, b=0.4),
    "constant": lambda w: init.constant_(w, 0.07),
    "ones": init.ones_,
    "zeros": init.zeros_,
    "eye": init.eye_,
    "Xavier uniform": lambda w: init.xavier_uniform_(w, gain=init.calculate_gain("tanh")),
    "Xavier normal": init.xavier_normal_,
    "Kaiming uniform": lambda w: init.kaiming_uniform_(w, a=0.2, mode="fan_out", nonlinearity="leaky_relu"),
    "Kaiming normal": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
    "orthogonal": lambda w: init.orthogonal_(w, gain=1.2),
    "sparse": lambda w: init.sparse_(w, sparsity=0.4, std=0.3),
}
X = torch.randn(30, 5)
Y = X @ torch.randn(5, 4)
for name, recipe in recipes.items():
    net = nn.Sequential(nn.Linear(5, 9), nn.Tanh(), nn.Linear(9, 4))

    def start(m, recipe=recipe):
        if isinstance(m, nn.Linear):
            recipe(m.weight)
            m.bias.data.fill_(0.01)

    net.apply(start)
    print(name, told(net[0].weight.data), told(net[2].weight.data))
    optimizer = torch.optim.Adagrad(net.parameters(), lr=0.1)
    losses = []
    for step in range(50):
        loss = F.mse_loss(net(X), Y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 12 == 0 or step == 49:
            losses.append(f"{loss.item():.5f}")
    print("   ", *losses)

kernel = torch.empty(6, 4, 3, 3)
for recipe in (init.xavier_uniform_, init.kaiming_normal_, init.orthogonal_, init.dirac_, lambda w: init.dirac_(w, groups=2)):
    print(told(recipe(kernel)))
print([f"{init.calculate_gain(kind):.4f}" for kind in ("linear", "conv2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu")])

torch.manual_seed(16)
layers = [
    nn.Linear(7, 3), nn.Bilinear(3, 4, 5), nn.Conv1d(4, 6, 3, groups=2), nn.Conv2d(3, 5, (2, 3)), nn.Conv3d(2, 3, 2), nn.ConvTranspose1d(4, 2, 3),
    nn.ConvTranspose2d(3, 4, 3), nn.ConvTranspose3d(2, 2, 2), nn.Embedding(9, 4, padding_idx=2), nn.EmbeddingBag(7, 3), nn.RNN(3, 4, 2),
    nn.LSTM(3, 4, bidirectional=True), nn.LSTM(3, 4, proj_size=2), nn.GRU(2, 5), nn.LSTMCell(3, 2), nn.GRUCell(2, 2), nn.PReLU(3),
    nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2, kdim=3, vdim=5, add_bias_kv=True), nn.TransformerEncoderLayer(8, 2, 16),
    nn.TransformerDecoderLayer(8, 2, 16), nn.Transformer(8, 2, 1, 1, 12), nn.BatchNorm2d(3), nn.LayerNorm(4),
]  # fmt: skip
for layer in layers:
    print(type(layer).__name__, *(f"{name}: {told(p.data)}" for name, p in layer.named_parameters()))
    print("   ", *(f"{value:.6f}" for value in next(layer.parameters()).detach().flatten()[:3].tolist()))
print(f"{torch.rand(1).item():.6f}")
