"""Segmentation networks: outputs of the picture's size, torchvision's parameters."""

import numpy as np
import pytest

import lightwell
from lightwell.vision.models import segmentation

KNOWN = {"fcn_resnet50": 35_322_218, "deeplabv3_resnet50": 42_004_074}


@pytest.mark.parametrize("name", KNOWN)
def test_counts_and_shapes(name):
    model = getattr(segmentation, name)(weights_backbone=None, aux_loss=True)
    assert sum(p.numel() for p in model.parameters()) == KNOWN[name]
    with lightwell.no_grad():
        out = model.eval()(lightwell.zeros(1, 3, 40, 48))
    assert {k: tuple(v.shape) for k, v in out.items()} == {"out": (1, 21, 40, 48), "aux": (1, 21, 40, 48)}
    assert "layer3" in model.backbone and model.backbone.return_layers == {"layer4": "out", "layer3": "aux"}


@pytest.mark.parametrize("name", KNOWN)
def test_like_torchvision(name):
    theirs = getattr(pytest.importorskip("torchvision").models.segmentation, name)
    import torch

    torch.manual_seed(0)
    lightwell.manual_seed(0)
    how = dict(weights_backbone=None, aux_loss=True, num_classes=4)
    a, b = theirs(**how), getattr(segmentation, name)(**how)
    for (k, p), (l, q) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
        assert k == l
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    x = np.random.RandomState(0).randn(1, 3, 48, 40).astype(np.float32)
    with torch.no_grad(), lightwell.no_grad():
        p, q = a.eval()(torch.tensor(x)), b.eval()(lightwell.tensor(x))
    for key in ("out", "aux"):
        np.testing.assert_allclose(q[key].numpy(), p[key].numpy(), rtol=1e-3, atol=1e-3 * float(p[key].abs().max()))
