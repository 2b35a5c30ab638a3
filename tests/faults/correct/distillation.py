"""Knowledge distillation: kl_div of log-softmax against softmax, soft targets in cross_entropy, a one-hot mixup."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(38)
X, y = torch.randn(96, 8), torch.randint(0, 4, (96,))
teacher = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4)).eval()
student = nn.Linear(8, 4)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
T = 2.0
for epoch in range(3):
    for batch in torch.randperm(96).split(24):
        with torch.no_grad():
            soft = F.softmax(teacher(X[batch]) / T, dim=1)
        lam, other = 0.7, torch.randperm(len(batch))
        mixed = lam * X[batch] + (1 - lam) * X[batch][other]
        hot = F.one_hot(y[batch], 4).float()
        logits = student(mixed)
        loss = T * T * F.kl_div(F.log_softmax(logits / T, dim=1), soft, reduction="batchmean")
        loss = loss + F.cross_entropy(logits, lam * hot + (1 - lam) * hot[other])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
