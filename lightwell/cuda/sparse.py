"""`torch.cuda.sparse`: the older names of sparse tensors on GPUs, which can't be made without one."""

from .. import _absent
from ..errors.teaching import TypeError

_NAMES = [f"{kind}Tensor" for kind in "BFloat16 Byte Char Double Float Half Int Long Short".split()]
_WHY = "type torch.cuda.sparse.{} not available. Torch not compiled with CUDA enabled."
globals().update(_absent.classes(__name__, TypeError, _WHY, " ".join(_NAMES)))
