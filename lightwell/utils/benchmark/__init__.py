"""torch.utils.benchmark: measure statements fairly (`Timer`), and lay the results side by side (`Compare`)."""

from .utils.common import *
from .utils.compare import *
from .utils.fuzzer import *
from .utils.timer import *
