"""Image networks under torchvision's names, with its parameters' names and initialisation; LeNet and NiN besides.

Functions take ``weights=`` (torchvision's published files, downloaded at first use); ``nn.Module`` classes take the rest.
"""

from lightwell.vision.models import segmentation
from lightwell.vision.models._api import (
    Weights,
    WeightsEnum,
    get_model,
    get_model_builder,
    get_model_weights,
    get_weight,
    list_models,
)
from lightwell.vision.models.alexnet import *
from lightwell.vision.models.convnext import *
from lightwell.vision.models.densenet import *
from lightwell.vision.models.efficientnet import *
from lightwell.vision.models.googlenet import *
from lightwell.vision.models.inception import *
from lightwell.vision.models.lenet import *
from lightwell.vision.models.mnasnet import *
from lightwell.vision.models.mobilenet import *
from lightwell.vision.models.nin import *
from lightwell.vision.models.regnet import *
from lightwell.vision.models.resnet import *
from lightwell.vision.models.shufflenetv2 import *
from lightwell.vision.models.squeezenet import *
from lightwell.vision.models.swin_transformer import *
from lightwell.vision.models.vgg import *
from lightwell.vision.models.vision_transformer import *
