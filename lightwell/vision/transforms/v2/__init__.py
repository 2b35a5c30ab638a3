"""Transforms of samples: pictures with their boxes and masks, in any nesting, under torchvision.transforms.v2's names."""

from lightwell.vision.transforms.functional import InterpolationMode
from lightwell.vision.transforms.v2 import functional
from lightwell.vision.transforms.v2._color import *
from lightwell.vision.transforms.v2._geometry import *
from lightwell.vision.transforms.v2._misc import *
from lightwell.vision.transforms.v2._policies import *
from lightwell.vision.transforms.v2._transform import (
    Transform,
    check_type,
    get_bounding_boxes,
    has_all,
    has_any,
    query_chw,
    query_size,
)
