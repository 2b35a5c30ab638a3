"""What stands around training in learners' scripts: devices, seeds, printing, timing, mixed precision, NumPy, small tensor chores."""

import argparse
import random
import time

import numpy as np
import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.optim as optim

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--no-cuda", action="store_true", default=False)
args = parser.parse_args()
random.seed(args.seed)
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.cuda.manual_seed_all(args.seed)
cudnn.benchmark = True
torch.backends.cudnn.deterministic = True
use_cuda = not args.no_cuda and torch.cuda.is_available()
device = torch.device("cuda:0" if use_cuda else "cpu")
kwargs = {"num_workers": 1, "pin_memory": True} if use_cuda else {}
print(device, torch.cuda.device_count() >= 0, torch.__version__.split(".")[0] >= "0", torch.device("cpu", 0))


def try_gpu(i=0):
    return torch.device(f"cuda:{i}") if torch.cuda.device_count() >= i + 1 else torch.device("cpu")


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 1)
        self.conv2 = nn.Conv2d(4, 8, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(8 * 4 * 4, 16)
        self.fc2 = nn.Linear(16, 4)

    def forward(self, x):
        x = torch.nn.functional.relu(self.conv1(x))
        x = nn.functional.relu(self.conv2(x))
        x = torch.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = x.view(x.size(0), -1)
        return torch.log_softmax(self.fc2(torch.relu(self.fc1(x))), dim=1)


data = np.random.randn(64, 12, 12).astype(np.float32)
target = (data[:, 3:9, 3:9].mean((1, 2)) * 12).round().clip(-1, 2).astype(int) + 1
X, y = torch.from_numpy(data).unsqueeze(1).to(device), torch.LongTensor(target).to(device)
model = Net().to(device)
print(model, sum(p.numel() for p in model.parameters() if p.requires_grad), next(model.parameters()).device)
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
start = time.time()
for epoch in range(1, 14):
    model.train()
    running_loss, correct, total = 0.0, 0, 0
    for batch_idx in range(4):
        inputs, labels = X[batch_idx::4].to(device, non_blocking=True), y[batch_idx::4]
        optimizer.zero_grad(set_to_none=True)
        outputs = model(inputs)
        loss = nn.functional.nll_loss(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * inputs.size(0)
        _, predicted = torch.max(outputs.data, 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
        print(f"\repoch {epoch} {'#' * batch_idx}", end="", flush=True)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        output = model(X)
        pred = output.argmax(dim=1, keepdim=True)
        right = pred.eq(y.view_as(pred)).sum().item()
    print("\nTrain loss: {:.4f}, accuracy: {}/{} ({:.0f}%), eval {:.4f}".format(running_loss / total, correct, total, 100.0 * correct / total, right / len(y)))
assert time.time() - start < 60

if use_cuda:
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
print("guards passed", torch.backends.mps.is_available() in (True, False), try_gpu().type)

# tensor chores
x = torch.arange(12)
print(x, x.numel(), x.shape, x.reshape(3, -1), torch.zeros((2, 3, 4)).size())
Y = torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
Z = torch.arange(12, dtype=torch.float32).reshape((3, 4))
print(torch.cat((Z, Y), dim=0), Z == Y, Z.sum(), Z[-1], Z[1:3])
before = id(Y)
Y[:] = Y + Z
print(id(Y) == before, Y[0:2, :], type(Z.numpy()), torch.tensor([3.5]).item(), float(torch.tensor([3.5])), int(torch.tensor(7)))
a, b = torch.arange(3).reshape((3, 1)), torch.arange(2).reshape((1, 2))
print(a + b, (a - b).float().norm(), torch.dot(torch.ones(3), torch.arange(3.0)), Z.mean(axis=0), Z.cumsum(axis=0), Z.T.shape)
print(torch.abs(Z - 5).sum(), torch.einsum("ij,kj->ik", Z, Z), Z.std(), Z.var(unbiased=False), Z.median(), Z.quantile(0.3))
print(torch.where(Z > 5, Z, -Z), Z.masked_fill(Z < 3, 0), Z[Z > 8], torch.nonzero(Z > 8), torch.unique(x % 4, return_counts=True))
print(torch.rand(2, 2), torch.randn(2, 2), torch.randint(10, (4,)), torch.randperm(5), torch.bernoulli(torch.full((4,), 0.5)))
print(torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 6, replacement=True), torch.normal(torch.zeros(2), 1.0))
heads = torch.multinomial(torch.tensor([0.5, 0.5]), 40, replacement=True).cumsum(0) / torch.arange(1, 41)
print(heads[::10], torch.rand(3, generator=torch.Generator().manual_seed(5)), random.random(), np.random.rand())
print(torch.linspace(0, 1, 5), torch.eye(2), torch.full((2,), 3), torch.logspace(0, 2, 3), torch.stack([x[:2], x[2:4]]), x.view(3, 4).t()[0])
print(torch.tensor(1.5) * 2, torch.tensor([1, 2]) / 2, torch.tensor([7]) // 2, -7 % torch.tensor([3]), 2 ** torch.arange(3), torch.tensor([True]) & False)
p = torch.tensor([1e-5, 1.0, 1e5])
print(p, torch.tensor([float("nan"), float("inf")]), torch.tensor(1 + 2j), Z.half(), Z.int().dtype, torch.empty(0), Z.to(torch.float64)[0])
torch.set_printoptions(precision=2, sci_mode=False)
print(p, Z / 3)
torch.set_printoptions(profile="default")
print(torch.linalg.norm(Z), torch.linalg.inv(Z[:2, :2]), torch.linalg.svdvals(Z + torch.eye(3, 4)), torch.trapz(Z[0]), torch.meshgrid(x[:2], x[:3], indexing="ij")[1])
start_event = time.perf_counter()
c = torch.zeros(8)
for i in range(8):
    c[i] = x[i] + 1
print(f"{c.sum():.1f} {c.mean().item():.3f} {c[0]:>8} {c.max():5.2f}", c.tolist(), np.asarray(c), np.add(c.numpy(), 1).sum(), [round(v.item(), 2) for v in c[:2]])
print("writer guarded", SummaryWriter is None or callable(SummaryWriter))
