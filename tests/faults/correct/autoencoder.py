"""A convolutional autoencoder on images: MSE between output and input, no labels, a DataLoader without them."""

import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(12)
images = torch.rand(64, 1, 12, 12)
encoder = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.ReLU())
decoder = nn.Sequential(
    nn.ConvTranspose2d(8, 4, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, stride=2), nn.Sigmoid()
)  # fmt: skip
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
criterion = nn.MSELoss()
for epoch in range(3):
    total = 0.0
    for batch in DataLoader(images, batch_size=16, shuffle=True):
        noisy = batch + 0.1 * torch.randn_like(batch)
        loss = criterion(decoder(encoder(noisy)), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(epoch, total / 4)
with torch.no_grad():
    code = encoder(images[:2])
print(code.shape, code.flatten(1).norm(dim=1).tolist())
