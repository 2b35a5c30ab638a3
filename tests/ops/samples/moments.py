"""Samples of variances, norms and log-sum-exp."""

from tests.ops.samples import T, sample

INF = float("inf")

SAMPLES = [
    sample("var", lambda f, x: x.var(), T(3, 4)),
    sample("var", lambda f, x: x.var((0, 2), unbiased=False, keepdim=True), T(2, 3, 4)),
    sample("var", lambda f, x: x.var(0, correction=2), T(5, 3, transposed=True)),
    sample("std", lambda f, x: x.std(), T(3, 4)),
    sample("std", lambda f, x: x.std(1, keepdim=True), T(3, 4)),
    sample("var_mean", lambda f, x: f.var_mean(x, 0), T(3, 4)),
    sample("std_mean", lambda f, x: f.std_mean(x, (0, 1)), T(3, 4)),
    sample("logsumexp", lambda f, x: x.logsumexp(1), T(3, 4)),
    sample("logsumexp", lambda f, x: x.logsumexp((0, 2), True), T(2, 3, 4)),
    sample("logsumexp", lambda f, x: x.logsumexp(0), T()),
    sample("linalg_vector_norm", lambda f, x: x.norm(), T(3, 4)),
    sample("linalg_vector_norm", lambda f, x: x.norm(1, 0), T(3, 4)),
    sample("linalg_vector_norm", lambda f, x: x.norm(3, (0, 1), True), T(3, 4)),
    sample("linalg_vector_norm", lambda f, x: x.norm(1.5, 1), T(3, 4, transposed=True)),
    sample("linalg_vector_norm", lambda f, x: x.norm(INF, 1), T(3, 4)),
    sample("linalg_vector_norm", lambda f, x: x.norm(-INF), T(3, 4)),
    sample("linalg_vector_norm", lambda f, x: x.norm(-1), T(3, 4)),
]
