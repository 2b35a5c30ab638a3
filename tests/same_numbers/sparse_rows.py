"""Sparse gradients of embeddings, sparse matrices in a graph network, optimizers that take them; fifty steps each."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(17)
words = torch.randint(0, 50, (40, 6))
labels = (words % 7 == 3).any(1).long()


def fit(name, parameters, predict, optimizers, goal=labels):
    told = []
    for step in range(50):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = F.cross_entropy(predict(), goal)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if step % 8 == 0 or step == 49:
            told.append(f"{loss.item():.5f}")
    print(name, *told, f"{sum(p.detach().abs().sum() for p in parameters).item():.4f}")


for name, make in {
    "SGD": lambda p: torch.optim.SGD(p, lr=1.0),
    "SparseAdam": lambda p: torch.optim.SparseAdam(p, lr=0.05),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.3),
}.items():
    table, head = nn.Embedding(50, 5, sparse=True), nn.Linear(5, 2)
    fit(
        name,
        [table.weight, head.weight],
        lambda t=table, h=head: h(t(words).mean(1)),
        [make([table.weight]), torch.optim.SGD(head.parameters(), lr=0.5)],
    )
grad = table.weight.grad
print(grad.is_sparse, grad.coalesce().indices().shape, f"{grad.coalesce().values().sum().item():.5f}")

for mode in ("sum", "mean", "max"):
    bag = nn.EmbeddingBag(50, 2, mode=mode, padding_idx=3)
    flat, offsets = words.flatten(), torch.arange(0, 240, 6)
    fit(f"bags: {mode}", [bag.weight], lambda b=bag: b(flat, offsets), [torch.optim.Adamax(bag.parameters(), lr=0.05)])
bag = nn.EmbeddingBag(50, 2, mode="sum")
weights = torch.rand(40, 6)
fit("bags: weighted", [bag.weight], lambda: bag(words, per_sample_weights=weights), [torch.optim.NAdam(bag.parameters(), lr=0.02)])
short = nn.Embedding(50, 2, max_norm=1.0)
fit("norms held", [short.weight], lambda: short(words).sum(1), [torch.optim.ASGD(short.parameters(), lr=0.5)])

count = 30
pairs = torch.randint(0, count, (2, 90))
pairs = torch.cat([pairs, pairs.flip(0), torch.arange(count).repeat(2, 1)], 1)
near = torch.sparse_coo_tensor(pairs, torch.ones(pairs.shape[1]), (count, count)).coalesce()
degree = torch.sparse.sum(near, 1).to_dense()
near = torch.sparse_coo_tensor(near.indices(), near.values() / degree[near.indices()[0]], near.shape)
print(near.is_sparse, near.coalesce()._nnz(), f"{torch.mm(near, torch.ones(count, 1)).sum().item():.4f}")
features, kinds = torch.randn(count, 6), torch.randint(0, 3, (count,))
first, second = nn.Linear(6, 8), nn.Linear(8, 3)


def graph():
    h = torch.sparse.mm(near, first(features)).relu()
    return torch.sparse.mm(near, second(h))


both = [*first.parameters(), *second.parameters()]
fit("graph network", both, graph, [torch.optim.RAdam(both, lr=0.02, weight_decay=0.01)], kinds)
rows = near.coalesce().to_sparse_csr()
print(rows.crow_indices()[:4], rows.col_indices()[:4], f"{(rows @ features).sum().item():.5f}")
