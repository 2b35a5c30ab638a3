"""REINFORCE: minus log-probability times the return; losses are negative now and then, and that is fine."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(23)
policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)


def step(state, action):
    reward = 1.0 if (state[0] > 0) == bool(action) else -1.0
    return torch.randn(4), reward


for episode in range(12):
    state, log_probs, rewards = torch.randn(4), [], []
    for _ in range(10):
        dist = Categorical(logits=policy(state))
        action = dist.sample()
        log_probs.append(dist.log_prob(action))
        state, reward = step(state, action.item())
        rewards.append(reward)
    returns, R = [], 0.0
    for r in reversed(rewards):
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-8)
    policy_loss = torch.stack([-lp * G for lp, G in zip(log_probs, returns)]).sum()
    optimizer.zero_grad()
    policy_loss.backward()
    optimizer.step()
    if episode % 4 == 0:
        print(episode, policy_loss.item(), sum(rewards))
