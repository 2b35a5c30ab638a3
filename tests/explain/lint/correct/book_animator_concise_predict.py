import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

# d2l concise softmax + prediction at the end, no no_grad in predict; evaluate_loss with no_grad
net = nn.Sequential(nn.Flatten(), nn.Linear(16, 10))
net.apply(lambda m: nn.init.normal_(m.weight, std=0.01) if isinstance(m, nn.Linear) else None)
X, y = torch.rand(200, 1, 4, 4), torch.randint(0, 10, (200,))
it = DataLoader(TensorDataset(X, y), 20, shuffle=True)
te = DataLoader(TensorDataset(X, y), 50, shuffle=False)
loss = nn.CrossEntropyLoss(reduction="none")
tr = torch.optim.SGD(net.parameters(), lr=0.1)
for e in range(3):
    net.train()
    for a, b in it:
        l = loss(net(a), b)
        tr.zero_grad()
        l.mean().backward()
        tr.step()


def predict_ch3(net, test_iter, n=6):
    for X, y in test_iter:
        break
    trues = [str(int(i)) for i in y]
    preds = [str(int(i)) for i in net(X).argmax(axis=1)]
    print([t + "\n" + p for t, p in zip(trues, preds)][:n])


predict_ch3(net, te)
