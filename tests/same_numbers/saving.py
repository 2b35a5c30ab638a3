"""Saving in the middle of training and going on alike: state dicts, checkpoints, strictness, copies, pickles."""

import copy
import io
import os
import pickle
import tempfile
from collections import OrderedDict

import torch
from torch import nn

torch.manual_seed(31)
X, Y = torch.randn(40, 5), torch.randn(40, 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(OrderedDict(first=nn.Linear(5, 8), norm=nn.BatchNorm1d(8), act=nn.ReLU()))
        self.head = nn.Linear(8, 2)
        self.register_buffer("seen", torch.tensor(0))
        self.register_buffer("scratch", torch.zeros(1), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen += len(x)
        return self.head(self.body(x))


def fit(net, optimizer, scheduler, steps):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.smooth_l1_loss(net(X), Y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(f"{loss.item():.4f}")
    return losses


def fresh():
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.02)
    return net, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)


net, optimizer, scheduler = fresh()
print(fit(net, optimizer, scheduler, 50))
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "checkpoint.pt")
    torch.save(
        {"epoch": 6, "model": net.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
         "rng": torch.get_rng_state()},
        path,
    )
    straight = fit(net, optimizer, scheduler, 4)
    noise = torch.randn(3)
    other, optimizer2, scheduler2 = fresh()
    saved = torch.load(path)
    print(saved["epoch"], saved["model"].keys(), sorted(saved["optimizer"]["state"][0]))
    print(other.load_state_dict(saved["model"]))
    optimizer2.load_state_dict(saved["optimizer"])
    scheduler2.load_state_dict(saved["scheduler"])
    torch.set_rng_state(saved["rng"])
    again = fit(other, optimizer2, scheduler2, 4)
    print(straight, straight == again, torch.equal(noise, torch.randn(3)), other.seen)
    torch.save([X, {"a": Y[:1]}], path)
    back = torch.load(path, weights_only=True, map_location="cpu")
    print(torch.equal(back[0], X), back[1]["a"])
    torch.save(net, path)
    whole = torch.load(path, weights_only=False)
    whole.eval(), net.eval()
    print(torch.equal(whole(X), net(X)), type(whole).__name__)

state = net.state_dict()
state["extra"] = torch.ones(1)
del state["head.bias"]
try:
    net.load_state_dict(state)
except RuntimeError as error:
    print(str(error))
print(net.load_state_dict(state, strict=False))
state = net.state_dict()
state["head.weight"] = torch.ones(3, 3)
try:
    net.load_state_dict(state)
except RuntimeError as error:
    print(str(error))

twin = copy.deepcopy(net)
twin.head.weight.data[0, 0] = 100
print(net.head.weight[0, 0] == 100, twin.head.weight[0, :2])
buffer = io.BytesIO()
torch.save(net.state_dict(), buffer)
buffer.seek(0)
print(len(torch.load(buffer)), pickle.loads(pickle.dumps(X[:1])), pickle.loads(pickle.dumps(net)).head)
shared = torch.zeros(4)
views = [shared, shared[1:3]]
buffer = io.BytesIO()
torch.save(views, buffer)
buffer.seek(0)
a, b = torch.load(buffer)
b += 1
print(a, a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr())

best, best_loss, waited = None, float("inf"), 0
values = iter([0.9, 0.7, 0.71, 0.72, 0.6, 0.65, 0.66, 0.67, 0.5])
for epoch, value in enumerate(values):  # early stopping
    if value < best_loss:
        best, best_loss, waited = {k: v.clone() for k, v in net.state_dict().items()}, value, 0
    else:
        waited += 1
    if waited == 3:
        print("stopped at", epoch, best_loss)
        break
net.load_state_dict(best)
for name, p in net.named_parameters():
    p.requires_grad = "head" in name
print([n for n, p in net.named_parameters() if p.requires_grad], sum(p.numel() for p in net.parameters() if p.requires_grad))
net.train()
tuned = torch.optim.SGD(filter(lambda p: p.requires_grad, net.parameters()), lr=0.1)
print(fit(net, tuned, torch.optim.lr_scheduler.ConstantLR(tuned), 3), net.body.first.weight.grad is None)
