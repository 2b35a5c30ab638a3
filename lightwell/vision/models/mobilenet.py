"""Both generations of MobileNet under one roof."""

from lightwell.vision.models import mobilenetv2, mobilenetv3
from lightwell.vision.models.mobilenetv2 import *
from lightwell.vision.models.mobilenetv3 import *

__all__ = mobilenetv2.__all__ + mobilenetv3.__all__
