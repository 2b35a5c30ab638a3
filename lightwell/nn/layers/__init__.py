"""The layers, one file a family."""

from .activation import *
from .adaptive import *
from .attention import *
from .conv import *
from .distance import *
from .dropout import *
from .embedding import *
from .lazy import *
from .linear import *
from .linear_loss import *
from .loss import *
from .norm import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .rnn import *
from .softmax import *
from .transformer import *
from .upsample import *
