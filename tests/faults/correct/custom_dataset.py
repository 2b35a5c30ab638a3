"""A Dataset of one's own with a transform, a collate function for sequences of different lengths, and a bag of embeddings."""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

random.seed(26)
torch.manual_seed(26)


class Sentences(Dataset):
    def __init__(self, n, transform=None):
        self.items = [([random.randint(1, 19) for _ in range(random.randint(3, 8))], random.randint(0, 1)) for _ in range(n)]
        self.transform = transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        tokens, label = self.items[i]
        return (self.transform(tokens) if self.transform else tokens), label


def collate(batch):
    tokens, labels = zip(*batch)
    return pad_sequence(list(tokens), batch_first=True), torch.tensor(labels)


class TextNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 2)

    def forward(self, tokens):
        mask = (tokens != 0).unsqueeze(-1)
        return self.fc((self.embed(tokens) * mask).sum(1) / mask.sum(1))


train_loader = DataLoader(Sentences(80, torch.tensor), batch_size=16, shuffle=True, collate_fn=collate)
valid_loader = DataLoader(Sentences(32, torch.tensor), batch_size=16, collate_fn=collate)
net, criterion = TextNet(), nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.1)
for epoch in range(3):
    net.train()
    for tokens, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(tokens), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    hits = 0
    with torch.no_grad():
        for tokens, labels in valid_loader:
            hits += (net(tokens).argmax(-1) == labels).sum().item()
    print(epoch, hits / 32)
