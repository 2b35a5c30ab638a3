"""Samples of convolution and of windows."""

from tests.ops.samples import T, sample


def F(f):
    return f.nn.functional


def _windows(f, x):
    from lightwell.ops.conv import unwindow_, windows_

    if f.__name__ == "torch":
        return f.nn.functional.fold(f.nn.functional.unfold(x, 2), x.shape[2:], 2)
    return unwindow_(windows_(x, (2, 2), (1, 1), (1, 1)), tuple(x.shape[2:]), (2, 2), (1, 1), (1, 1))


def _weight(f, x, g):
    if f.__name__ == "torch":
        return f.nn.grad.conv2d_weight(x, (3, 2, 2, 2), g)
    from lightwell.ops.conv import convolution_weight_

    return convolution_weight_(x, g, (2, 2), (1, 1), (0, 0), (1, 1), 1)


OPTIONS = {"dtypes": False, "vary": False}
SAMPLES = [
    sample("convolution", lambda f, x, w, b: F(f).conv2d(x, w, b, padding=1), T(2, 2, 4, 5), T(3, 2, 3, 2), T(3), **OPTIONS),
    sample("convolution", lambda f, x, w: F(f).conv2d(x, w, stride=2, dilation=2), T(2, 2, 7, 6), T(4, 2, 2, 2), **OPTIONS),
    sample("convolution", lambda f, x, w, b: F(f).conv1d(x, w, b, groups=2), T(2, 4, 6), T(2, 2, 3), T(2), **OPTIONS),
    sample("convolution", lambda f, x, w: F(f).conv3d(x, w, padding=(1, 0, 1)), T(1, 2, 3, 3, 4), T(2, 2, 2, 2, 2), **OPTIONS),
    sample("convolution", lambda f, x, w: F(f).conv2d(x, w), T(5, 4, 3, 2, transposed=True), T(2, 4, 1, 1), **OPTIONS),
    sample(
        "convolution_transpose",
        lambda f, x, w, b: F(f).conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
        T(2, 3, 3, 4), T(3, 2, 3, 3), T(2), **OPTIONS,
    ),
    sample("convolution_transpose", lambda f, x, w: F(f).conv_transpose1d(x, w, groups=2), T(2, 4, 5), T(4, 1, 2), **OPTIONS),
    sample("convolution_weight", _weight, T(2, 2, 4, 4), T(2, 3, 3, 3), **OPTIONS),
    sample("windows", _windows, T(2, 2, 3, 4), **OPTIONS),
    sample("unwindow", _windows, T(1, 2, 4, 3), **OPTIONS),
    sample("im2col", lambda f, x: F(f).unfold(x, (2, 3), padding=1, stride=2), T(2, 2, 5, 4), **OPTIONS),
    sample("col2im", lambda f, x: F(f).fold(x, (4, 5), (2, 3), padding=1, stride=(1, 2)), T(2, 12, 15), **OPTIONS),
]  # fmt: skip
