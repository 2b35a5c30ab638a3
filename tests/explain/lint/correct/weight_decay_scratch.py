import torch

torch.manual_seed(42)

w = torch.normal(0, 1, size=(20, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
X = torch.randn(40, 20)
y = X @ torch.full((20, 1), 0.01) + 0.05


def l2_penalty(w):
    return torch.sum(w.pow(2)) / 2


for e in range(5):
    with torch.enable_grad():
        l = (X @ w + b - y) ** 2 / 2 + 3 * l2_penalty(w)
    l.sum().backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.003 * p.grad / 40
            p.grad.zero_()
print(torch.norm(w).item())
