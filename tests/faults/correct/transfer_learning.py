"""Transfer learning: a frozen body in evaluation mode, a new head, an optimizer over the head alone."""

import copy

import torch
from torch import nn

torch.manual_seed(8)
body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10))
state = copy.deepcopy(body.state_dict())
model = nn.Sequential(*list(body.children()))
model.load_state_dict(state)
for param in model.parameters():
    param.requires_grad = False
model[-1] = nn.Linear(32, 2)
optimizer = torch.optim.SGD(model[-1].parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
X, y = torch.randn(64, 3, 8, 8), torch.randint(0, 2, (64,))
best = 0.0
for epoch in range(3):
    for phase in ["train", "val"]:
        model.train(phase == "train")
        idx = torch.randperm(48) if phase == "train" else torch.arange(48, 64)
        running_loss, running_corrects = 0.0, 0
        for batch in idx.split(16):
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(X[batch])
                _, preds = torch.max(outputs, 1)
                loss = criterion(outputs, y[batch])
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            running_loss += loss.item() * len(batch)
            running_corrects += torch.sum(preds == y[batch].data)
        print(phase, running_loss / len(idx), float(running_corrects) / len(idx))
    best = max(best, float(running_corrects))
