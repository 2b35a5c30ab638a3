"""`torch.cuda.comm`: tensors sent among GPUs; the functions of `torch.nn.parallel.comm`."""

from ..nn.parallel.comm import *
