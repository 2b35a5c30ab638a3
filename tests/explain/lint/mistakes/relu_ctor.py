"""LW425"""

import torch
import torch.nn as nn

torch.manual_seed(3)


def block(i, o):
    return nn.Sequential(nn.Linear(i, o), nn.BatchNorm1d(o), nn.ReLU)


try:
    net = nn.Sequential(block(4, 8), nn.Linear(8, 2))
except TypeError as e:
    print(e)
