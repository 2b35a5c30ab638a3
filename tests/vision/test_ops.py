"""Operations of object detection, against plain loops, against gradients by differences, and against torchvision where it is installed."""

import itertools
import math

import numpy as np
import pytest

import lightwell
from lightwell.autograd import gradcheck, gradgradcheck
from lightwell.vision import ops

RNG = np.random.RandomState(0)


def boxes_of(n, size=20.0):
    corner = RNG.uniform(0, size, (n, 2))
    return np.concatenate([corner, corner + RNG.uniform(0.5, size / 2, (n, 2))], 1).astype(np.float32)


def slow_bilinear(plane, y, x):
    h, w = plane.shape
    if not (-1 <= y <= h and -1 <= x <= w):
        return 0.0
    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
    a, b = y - top, x - left
    return (1 - a) * ((1 - b) * plane[top, left] + b * plane[top, right]) + a * ((1 - b) * plane[bottom, left] + b * plane[bottom, right])


def slow_roi_align(x, rois, size, scale, ratio, aligned):
    out = np.zeros((len(rois), x.shape[1], *size))
    for k, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (c * scale - (0.5 if aligned else 0) for c in corners)
        w, h = x2 - x1, y2 - y1
        if not aligned:
            w, h = max(w, 1), max(h, 1)
        ny = ratio if ratio > 0 else math.ceil(h / size[0])
        nx = ratio if ratio > 0 else math.ceil(w / size[1])
        for c, i, j in itertools.product(range(x.shape[1]), range(size[0]), range(size[1])):
            points = [
                slow_bilinear(x[int(image), c], y1 + (i + (p + 0.5) / ny) * h / size[0], x1 + (j + (q + 0.5) / nx) * w / size[1])
                for p in range(ny)
                for q in range(nx)
            ]
            out[k, c, i, j] = np.mean(points)
    return out


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 1, 3])
def test_roi_align_by_loops(aligned, ratio):
    x = RNG.randn(2, 2, 7, 9)
    rois = np.concatenate([[[0], [1], [0]], boxes_of(3) - 2], 1).astype(np.float64)
    found = ops.roi_align(lightwell.tensor(x), lightwell.tensor(rois), (2, 3), 0.5, ratio, aligned)
    np.testing.assert_allclose(found.numpy(), slow_roi_align(x, rois, (2, 3), 0.5, ratio, aligned), atol=1e-12)
    listed = [lightwell.tensor(rois[[0, 2], 1:]), lightwell.tensor(rois[[1], 1:])]
    again = ops.RoIAlign((2, 3), 0.5, ratio, aligned)(lightwell.tensor(x), listed)
    np.testing.assert_array_equal(again.numpy(), found.numpy()[[0, 2, 1]])


def test_roi_pool_by_loops():
    x = RNG.randn(2, 3, 8, 10)
    rois = np.array([[0, 1, 2, 12, 9], [1, -3, 0, 3, 20], [0, 18, 14, 30, 30]], np.float64)
    found = ops.roi_pool(lightwell.tensor(x), lightwell.tensor(rois), (3, 2), 0.5).numpy()
    for k, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (int(math.copysign(math.floor(abs(c * 0.5) + 0.5), c)) for c in corners)
        h, w = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i, j in itertools.product(range(3), range(2)):
            rows = slice(*(min(max(v + y1, 0), 8) for v in (math.floor(i * h / 3), math.ceil((i + 1) * h / 3))))
            columns = slice(*(min(max(v + x1, 0), 10) for v in (math.floor(j * w / 2), math.ceil((j + 1) * w / 2))))
            part = x[int(image), :, rows, columns].reshape(3, -1)
            np.testing.assert_array_equal(found[k, :, i, j], part.max(1) if part.size else 0)


def test_the_books_roi_pool():
    """The detection chapter's example."""
    x = lightwell.arange(16.0).reshape(1, 1, 4, 4)
    rois = lightwell.Tensor([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]])
    found = ops.roi_pool(x, rois, output_size=(2, 2), spatial_scale=0.1)
    assert found.tolist() == [[[[5, 6], [9, 10]]], [[[9, 11], [13, 15]]]]


def test_regions_have_gradients():
    x = lightwell.randn(2, 4, 5, 6, dtype=lightwell.float64, requires_grad=True)
    rois = lightwell.tensor([[0, 0.3, 0.2, 4.1, 3.9], [1, 1, 1, 5.5, 4.2], [0, 2, 0, 3, 9]], dtype=lightwell.float64)
    for function in (ops.roi_align, ops.roi_pool, ops.ps_roi_align, ops.ps_roi_pool):
        assert gradcheck(lambda x: function(x, rois, 2), (x,))
    assert gradgradcheck(lambda x: ops.roi_align(x, rois, 2) ** 2, (x,))


def test_position_sensitive_bins_take_their_own_channel():
    x, rois = lightwell.randn(1, 8, 6, 6), lightwell.tensor([[0.0, 1, 1, 5, 5]])
    whole = ops.roi_align(x, rois, 2, aligned=True)[0]
    own = ops.ps_roi_align(x, rois, 2)[0]
    for c, i, j in itertools.product(range(2), range(2), range(2)):
        assert float(own[c, i, j]) == float(whole[4 * c + 2 * i + j, i, j])
    with pytest.raises(ValueError, match="multiple"):
        ops.ps_roi_pool(x, rois, 3)


def test_bad_regions():
    x = lightwell.zeros(1, 1, 4, 4)
    with pytest.raises(AssertionError, match=r"Tensor\[K, 5\]"):
        ops.roi_align(x, lightwell.zeros(2, 4), 2)
    with pytest.raises(AssertionError, match=r"Tensor\[L, 4\]"):
        ops.roi_pool(x, [lightwell.zeros(2, 5)], 2)
    with pytest.raises(ValueError, match="2 lists of boxes for 1 images"):
        ops.roi_pool(x, [lightwell.zeros(2, 4)] * 2, 2)
    with pytest.raises(IndexError, match="image 3"):
        ops.roi_align(x, lightwell.tensor([[3.0, 0, 0, 1, 1]]), 2)
    assert ops.roi_align(x, lightwell.zeros(0, 5), (2, 3)).shape == (0, 1, 2, 3) == ops.roi_pool(x, lightwell.zeros(0, 5), (2, 3)).shape


def slow_iou(a, b):
    w = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    h = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    area = lambda c: (c[2] - c[0]) * (c[3] - c[1])
    return w * h / (area(a) + area(b) - w * h)


def test_nms_by_loops():
    for n in (0, 1, 30):
        b, s = boxes_of(n).reshape(n, 4), RNG.rand(n).astype(np.float32)
        kept = []
        for i in np.argsort(-s):
            if all(slow_iou(b[i], b[j]) <= 0.4 for j in kept):
                kept.append(i)
        assert ops.nms(lightwell.tensor(b), lightwell.tensor(s), 0.4).tolist() == kept
    kinds = np.arange(30) % 3
    found = ops.batched_nms(lightwell.tensor(b), lightwell.tensor(s), lightwell.tensor(kinds), 0.4).tolist()
    each = [
        np.flatnonzero(kinds == k)[ops.nms(lightwell.tensor(b[kinds == k]), lightwell.tensor(s[kinds == k]), 0.4).numpy()] for k in range(3)
    ]
    assert sorted(found) == sorted(np.concatenate(each)) and found == sorted(found, key=lambda i: -s[i])
    many = np.tile(b, (40, 1))
    scores, groups = RNG.rand(1200).astype(np.float32), np.arange(1200) % 2
    assert len(ops.batched_nms(lightwell.tensor(many), lightwell.tensor(scores), lightwell.tensor(groups), 0.4)) > 2
    with pytest.raises(RuntimeError, match=r"\(N, 4\)"):
        ops.nms(lightwell.zeros(3), lightwell.zeros(3), 0.5)


def test_overlaps():
    a, b = boxes_of(4), boxes_of(5)
    iou = ops.box_iou(lightwell.tensor(a), lightwell.tensor(b)).numpy()
    np.testing.assert_allclose(iou, [[slow_iou(p, q) for q in b] for p in a], rtol=1e-5)
    for name in ("generalized_box_iou", "distance_box_iou", "complete_box_iou"):
        own = getattr(ops, name)(lightwell.tensor(a), lightwell.tensor(a)).numpy()
        np.testing.assert_allclose(np.diag(own), 1, atol=1e-5)
        loss = getattr(ops, name + "_loss")
        pairs = getattr(ops, name)(lightwell.tensor(a), lightwell.tensor(b[:4])).numpy()
        np.testing.assert_allclose(loss(lightwell.tensor(a), lightwell.tensor(b[:4])).numpy(), 1 - np.diag(pairs), atol=1e-4)
        p, q = (lightwell.tensor(v.astype(np.float64), requires_grad=True) for v in (a, b[:4]))
        if name != "complete_box_iou":  # its weight alpha is taken as a constant
            assert gradcheck(lambda p, q: loss(p, q, reduction="sum"), (p, q))
    with pytest.raises(ValueError, match="reduction"):
        ops.generalized_box_iou_loss(lightwell.tensor(a), lightwell.tensor(a), reduction="all")


def test_box_forms():
    b = lightwell.tensor(boxes_of(6))
    for there in ("xyxy", "xywh", "cxcywh"):
        moved = ops.box_convert(b, "xyxy", there)
        np.testing.assert_allclose(ops.box_convert(moved, there, "xyxy").numpy(), b.numpy(), atol=1e-5)
        np.testing.assert_allclose(ops.box_area(moved, there).numpy(), ops.box_area(b).numpy(), rtol=1e-4)
    with pytest.raises(ValueError, match="Unsupported"):
        ops.box_convert(b, "xyxy", "yxyx")
    assert ops.box_area(lightwell.tensor([[0, 0, 100, 100]], dtype=lightwell.int8)).tolist() == [10000]


def test_focal_loss():
    x, y = lightwell.randn(6, dtype=lightwell.float64), lightwell.tensor([0.0, 1, 1, 0, 1, 0], dtype=lightwell.float64)
    p = x.sigmoid()
    right = lightwell.where(y == 1, p, 1 - p)
    weight = lightwell.where(y == 1, 0.3, 0.7)
    expected = -weight * (1 - right) ** 3 * right.log()
    np.testing.assert_allclose(ops.sigmoid_focal_loss(x, y, 0.3, 3).numpy(), expected.numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="alpha"):
        ops.sigmoid_focal_loss(x, y, 2)


@pytest.mark.parametrize("groups, offset_groups, masked", [(1, 1, False), (2, 1, True), (1, 2, True)])
def test_deformable_convolution(groups, offset_groups, masked):
    make = lambda *shape: lightwell.tensor(RNG.randn(*shape), requires_grad=True)
    x, w, b = make(2, 4, 5, 6), make(2, 4 // groups, 3, 2), make(2)
    still = lightwell.zeros(2, 2 * offset_groups * 6, 3, 4, dtype=lightwell.float64)
    plain = lightwell.nn.functional.conv2d(x, w, b, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=groups)
    found = ops.deform_conv2d(x, still, w, b, (2, 1), (1, 0), (1, 2))
    np.testing.assert_allclose(found.detach().numpy(), plain.detach().numpy(), atol=1e-12)
    offset = make(2, 2 * offset_groups * 6, 3, 4)
    mask = make(2, offset_groups * 6, 3, 4) if masked else None
    inputs = (x, offset, w, b, *([mask] if masked else []))
    call = lambda x, offset, w, b, *m: ops.deform_conv2d(x, offset, w, b, (2, 1), (1, 0), (1, 2), mask=m[0] if m else None)
    assert gradcheck(call, inputs)
    with pytest.raises(RuntimeError, match="offset"):
        ops.deform_conv2d(x, still[:, :5], w, b)


def test_modules():
    lightwell.manual_seed(0)
    frozen = ops.FrozenBatchNorm2d(3)
    ordinary = lightwell.nn.BatchNorm2d(3)
    frozen.load_state_dict(ordinary.state_dict())
    x = lightwell.randn(2, 3, 4, 4)
    np.testing.assert_allclose(frozen(x).numpy(), ordinary.eval()(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert not list(frozen.parameters())
    rows = ops.stochastic_depth(lightwell.ones(200, 3), 0.25, "row")
    assert set(np.unique(rows.numpy()).round(4)) == {0.0, np.float32(1.3333)} and bool((rows[:, :1] == rows).all())
    assert ops.StochasticDepth(0.5, "batch").eval()(x) is x
    with pytest.raises(ValueError, match="mode"):
        ops.stochastic_depth(x, 0.5, "column")
    dropped = ops.drop_block2d(lightwell.ones(4, 3, 20, 20), 0.2, 5)
    assert 0.05 < float((dropped == 0).float().mean()) < 0.4 and abs(float(dropped.mean()) - 1) < 1e-4
    with pytest.raises(ValueError, match="odd"):
        ops.drop_block2d(x, 0.5, 2)


@pytest.mark.parametrize("name", ["roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "nms", "deform_conv2d"])
def test_like_torchvision(name):
    theirs = getattr(pytest.importorskip("torchvision").ops, name)
    import torch

    for seed in range(10):
        rs = np.random.RandomState(seed)
        corner = rs.uniform(-2, 12, (5, 2))
        rois = np.concatenate([rs.randint(0, 2, (5, 1)), corner, corner + rs.uniform(0.5, 9, (5, 2))], 1).astype(np.float32)
        x = rs.randn(2, 8, 9, 11).astype(np.float32)
        if name == "nms":
            args = (rois[:, 1:], rs.rand(5).astype(np.float32), 0.3)
        elif name == "deform_conv2d":
            args = (x, rs.randn(2, 18, 7, 9).astype(np.float32), rs.randn(3, 8, 3, 3).astype(np.float32))
        else:
            args = (x, rois, 2, 0.5)
        ours = getattr(ops, name)(*(lightwell.tensor(a) if isinstance(a, np.ndarray) else a for a in args))
        expected = theirs(*(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args))
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
