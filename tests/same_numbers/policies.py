"""Learning to act, fifty episodes each: policy gradients, actor and critic, continuous actions, learned values with a memory."""

import random
from collections import deque

import torch
from torch import nn
from torch.distributions import Categorical, Normal
from torch.nn import functional as F

torch.manual_seed(20)
random.seed(20)


class Corridor:
    """Walk from the middle of nine cells to the right end; every step costs a little."""

    def reset(self):
        self.at, self.time = 4, 0
        return self.seen()

    def seen(self):
        return F.one_hot(torch.tensor(self.at), 9).float()

    def step(self, action):
        self.at, self.time = max(0, min(8, self.at + (1 if action else -1))), self.time + 1
        done = self.at in (0, 8) or self.time == 20
        return self.seen(), (1.0 if self.at == 8 else -0.05), done


world = Corridor()


def returns_of(rewards, gamma=0.9):
    total, out = 0.0, []
    for r in reversed(rewards):
        total = r + gamma * total
        out.insert(0, total)
    return torch.tensor(out)


actor, critic = nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Linear(16, 2)), nn.Linear(9, 1)
for with_critic in (False, True):
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    told = []
    for episode in range(50):
        state, done, logs, values, rewards, entropies = world.reset(), False, [], [], [], []
        while not done:
            choice = Categorical(logits=actor(state))
            action = choice.sample()
            logs.append(choice.log_prob(action))
            entropies.append(choice.entropy())
            values.append(critic(state).squeeze())
            state, reward, done = world.step(action.item())
            rewards.append(reward)
        gains, values = returns_of(rewards), torch.stack(values)
        better = gains - values.detach() if with_critic else (gains - gains.mean()) / (gains.std(unbiased=False) + 1e-6)
        loss = -(torch.stack(logs) * better).sum() - 0.01 * torch.stack(entropies).sum()
        if with_critic:
            loss = loss + F.smooth_l1_loss(values, gains, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if episode % 7 == 0 or episode == 49:
            told.append(f"{len(rewards)}:{loss.item():.4f}")
    print(with_critic, *told)

mean, spread = nn.Linear(2, 1), nn.Parameter(torch.zeros(1))
optimizer = torch.optim.RMSprop([*mean.parameters(), spread], lr=0.02)
told = []
for step in range(50):
    situation = torch.randn(16, 2)
    aim = Normal(mean(situation), F.softplus(spread))
    shot = aim.rsample() if step % 2 else aim.sample()
    miss = (shot - situation.sum(1, keepdim=True)) ** 2
    loss = miss.mean() if step % 2 else (aim.log_prob(shot) * (miss - miss.mean())).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 7 == 0 or step == 49:
        told.append(f"{loss.item():.5f}")
print("aiming", *told, f"{spread.item():.5f}")

values, slow = nn.Linear(9, 2), nn.Linear(9, 2)
slow.load_state_dict(values.state_dict())
optimizer = torch.optim.AdamW(values.parameters(), lr=0.05, amsgrad=True)
memory, told = deque(maxlen=200), []
for episode in range(50):
    state, done = world.reset(), False
    while not done:
        if random.random() < max(0.1, 1 - episode / 20):
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = values(state).argmax().item()
        after, reward, done = world.step(action)
        memory.append((state, action, reward, after, done))
        state = after
    states, actions, rewards, afters, dones = zip(*random.sample(memory, min(16, len(memory))), strict=True)
    guess = values(torch.stack(states)).gather(1, torch.tensor(actions).view(-1, 1)).squeeze(1)
    with torch.no_grad():
        best = slow(torch.stack(afters)).max(1).values.masked_fill(torch.tensor(dones), 0.0)
    loss = F.huber_loss(guess, torch.tensor(rewards) + 0.9 * best)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(values.parameters(), 0.5)
    optimizer.step()
    with torch.no_grad():
        for p, q in zip(values.parameters(), slow.parameters(), strict=True):
            q.lerp_(p, 0.1)
    if episode % 7 == 0 or episode == 49:
        told.append(f"{loss.item():.5f}")
print("values", *told)
print(values.weight.argmax(0))
