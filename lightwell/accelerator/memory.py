"""`torch.accelerator.memory`: the functions of `torch.accelerator` about memory."""

import lightwell.accelerator as _accelerator

globals().update({name: getattr(_accelerator, name) for name in _accelerator._MEMORY.split()})
