import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

# pretrain with all, then freeze body in eval() and train the head; new optimizer
body = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU())
head = nn.Linear(16, 2)
model = nn.Sequential(body, head)
X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))


def fit(model, params, n):
    o = optim.SGD(params, lr=0.1)
    for i in range(n):
        l = F.cross_entropy(model(X), y)
        o.zero_grad()
        l.backward()
        o.step()


model.train()
fit(model, model.parameters(), 4)
for p in body.parameters():
    p.requires_grad = False
body.eval()
fit(model, head.parameters(), 4)
model.eval()
with torch.no_grad():
    print((model(X).argmax(1) == y).float().mean())
