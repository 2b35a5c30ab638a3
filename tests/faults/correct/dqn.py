"""Q-learning with a target network: actions under no_grad, targets without a graph, integer actions picked by gather."""

import copy
import random
from collections import deque

import torch
from torch import nn
from torch.nn import functional as F

random.seed(35)
torch.manual_seed(35)
q = nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 2))
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
memory = deque(maxlen=500)
state = torch.randn(3)
for t in range(60):
    if random.random() < 0.2:
        action = random.randrange(2)
    else:
        with torch.no_grad():
            action = q(state).argmax().item()
    reward, following, done = float(state[0] > 0) if action else 0.0, torch.randn(3), random.random() < 0.1
    memory.append((state, action, reward, following, done))
    state = following
    if len(memory) >= 16:
        s, a, r, n, d = zip(*random.sample(memory, 16))
        s, n = torch.stack(s), torch.stack(n)
        a, r, d = torch.tensor(a), torch.tensor(r), torch.tensor(d, dtype=torch.float32)
        with torch.no_grad():
            goal = r + 0.9 * target(n).max(1).values * (1 - d)
        value = q(s).gather(1, a.unsqueeze(1)).squeeze(1)
        loss = F.smooth_l1_loss(value, goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if t % 20 == 0:
        target.load_state_dict(q.state_dict())
print(loss.item())
