"""Several labels at once: BCEWithLogitsLoss with pos_weight, probabilities and thresholds only for the report."""

import torch
from torch import nn

torch.manual_seed(15)
X = torch.randn(150, 12)
Y = (X[:, :5] + 0.3 * torch.randn(150, 5) > 0.4).float()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(12, 24), nn.Linear(24, 24)])
        self.head = nn.Linear(24, 5)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)

    @torch.no_grad()
    def predict(self, x, threshold=0.5):
        return (self(x).sigmoid() > threshold).int()


model = Tagger()
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.full((5,), 1.5))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for epoch in range(4):
    for batch in torch.randperm(150).split(25):
        loss = criterion(model(X[batch]), Y[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    print(epoch, (model.predict(X) == Y).float().mean().item())
