"""LW425"""

import torch
import torch.nn as nn

torch.manual_seed(3)


def net(x, w1, w2):
    return nn.Tanh(x @ w1) @ w2


try:
    net(torch.randn(3, 4), torch.randn(4, 5), torch.randn(5, 1))
except Exception as e:
    print(e)
