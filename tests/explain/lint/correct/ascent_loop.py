"""A likelihood climbed by hand, over a list of parameters."""

import torch

torch.manual_seed(0)
x = torch.randn(400, 3)
k = torch.poisson(torch.exp(x @ torch.tensor([0.5, -0.3, 0.2]) + 0.3))
params = [torch.zeros(3, requires_grad=True), torch.zeros(1, requires_grad=True)]
for it in range(200):
    i = torch.randint(400, (100,))
    eta = x[i] @ params[0] + params[1]
    loglik = (k[i] * eta - eta.exp()).mean()
    loglik.backward()
    with torch.no_grad():
        for p in params:
            p += 0.05 * p.grad
            p.grad.zero_()
print(params, loglik.item())
