"""Samples of views, permutations and expansion."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("view", lambda f, x: x.view(6, 4), T(2, 3, 4)),
    sample("view", lambda f, x: x.reshape(-1), T(0, 3)),
    sample("view", lambda f, x: x.view(1, 1), T()),
    sample("view", lambda f, x: x.flatten(1), T(2, 3, 4)),
    sample("reshape", lambda f, x: x.reshape(-1), T(3, 4, transposed=True)),
    sample("unsqueeze", lambda f, x: x.unsqueeze(1), T(3, 4)),
    sample("unsqueeze", lambda f, x: x.unsqueeze(-1), T()),
    sample("squeeze", lambda f, x: x.squeeze(), T(1, 3, 1)),
    sample("squeeze_dim", lambda f, x: x.squeeze(0), T(1, 3)),
    sample("squeeze_dim", lambda f, x: x.squeeze(1), T(1, 3)),
    sample("squeeze_dims", lambda f, x: x.squeeze((0, 2)), T(1, 3, 1)),
    sample("permute", lambda f, x: x.permute(2, 0, 1), T(2, 3, 4)),
    sample("permute", lambda f, x: x.T, T(3, 4, transposed=True)),
    sample("permute", lambda f, x: f.movedim(x, 0, -1), T(2, 3, 4)),
    sample("transpose", lambda f, x: x.transpose(0, 2), T(2, 3, 4)),
    sample("transpose", lambda f, x: x.mT, T(2, 3, 4), vary=False),
    sample("t", lambda f, x: x.t(), T(3, 4)),
    sample("t", lambda f, x: x.t(), T(3)),
    sample("expand", lambda f, x: x.expand(2, 3, 4), T(3, 1)),
    sample("expand", lambda f, x: x.expand(5), T()),
    sample("expand", lambda f, x: x.expand(3, 0), T(3, 1)),
    sample("alias", lambda f, x: x[...], T(3, 4)),
    sample("clone", lambda f, x: x.clone(), T(3, 4, transposed=True)),
    sample("clone", lambda f, x: x.contiguous(), T(3, 4, transposed=True)),
    sample("view_dtype", lambda f, x: x.view(f.int64), T(3, 4), nondiff=True),
]
