import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

# only the head in the optimizer; backbone neither frozen nor trained
backbone = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
head = nn.Linear(16, 3)
model = nn.Sequential(backbone, head)
o = optim.Adam(head.parameters(), lr=1e-2)
X, y = torch.randn(64, 8), torch.randint(0, 3, (64,))
for i in range(5):
    loss = F.cross_entropy(model(X), y)
    o.zero_grad()
    loss.backward()
    o.step()
