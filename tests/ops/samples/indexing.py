"""Samples of keys: reading, writing and placing."""

from tests.ops.samples import T, sample


def written(key, number=None):
    """The square of the first tensor with the second (or a number) written at `key(f)`."""

    def call(f, x, *v):
        y = x * x
        y[key(f)] = v[0] if v else number
        return y

    return call


SAMPLES = [
    sample("select", lambda f, x: x[1], T(3, 4)),
    sample("select", lambda f, x: x[1:, -1], T(3, 4, transposed=True)),
    sample("select", lambda f, x: x[0], T(3)),
    sample("slice", lambda f, x: x[1:, ::2], T(3, 4)),
    sample("slice", lambda f, x: x.narrow(1, 1, 2), T(3, 4)),
    sample("new_dims", lambda f, x: x[:, None], T(3, 4)),
    sample("new_dims", lambda f, x: x[None], T()),
    sample("index", lambda f, x: x[f.tensor([0, 2, 0])], T(3, 4)),
    sample("index", lambda f, x: x[:, [1, 1]], T(3, 4, transposed=True)),
    sample("index", lambda f, x: x[f.tensor([0, 1]), :, f.tensor([[2], [0]])], T(3, 2, 4)),
    sample("index", lambda f, x: x[f.tensor([True, False, True])], T(3, 4)),
    sample("index_place", lambda f, x: f.diag_embed(x, 1), T(2, 3), vary=False),
    sample("index_place", lambda f, x: f.block_diag(x, x), T(2, 3)),
    sample("index_put", lambda f, x, v: x.index_put((f.tensor([0, 2]),), v), T(3, 4), T(2, 4, seed=1)),
    sample("index_put", lambda f, x, v: x.index_put((f.tensor([0, 0]),), v, True), T(3, 4), T(4, seed=1)),
    sample("index_put", written(lambda f: f.tensor([True, False, True])), T(3, 4), T(seed=1)),
    sample("setitem", written(lambda f: (slice(1, 3), 0)), T(3, 4), T(2, seed=1)),
    sample("setitem", written(lambda f: 1), T(3, 4), T(1, seed=1)),
    sample("setitem", written(lambda f: (0, 0), 2.0), T(3, 4)),
]
