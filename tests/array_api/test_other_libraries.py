"""einops, SciPy, scikit-learn, pandas and matplotlib take our tensors: as lightwell's, and as PyTorch's under the stand-in."""

import os
import subprocess
import sys

import numpy as np
import pytest

import lightwell as lw
import lightwell.array_api as xp


def run(code):
    """Run a program in a Python of its own; it prints nothing but what is checked."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(lw.__file__)))
    environment = {**os.environ, "PYTHONPATH": root, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


ALONE = "import lightwell as torch\n"
STANDIN = "from lightwell.standin import install; install()\nimport torch\n"
both_ways = pytest.mark.parametrize("start", [ALONE, STANDIN], ids=["alone", "stand-in"])


# ---- einops ---------------------------------------------------------------------------------------------------------

EINOPS = """
import numpy as np
from einops import asnumpy, einsum, pack, parse_shape, rearrange, reduce, repeat, unpack
a = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
x = torch.tensor(a, requires_grad=True)
def same(f):
    got, want = f(x), f(a)
    assert type(got) is torch.Tensor and got.requires_grad
    np.testing.assert_allclose(got.detach().numpy(), want, 1e-5)
same(lambda v: rearrange(v, "a b (c d) -> (a c) b d", d=2))
for how in ("sum", "mean", "max", "min", "prod"):
    same(lambda v: reduce(v, "a b c -> b", how))
same(lambda v: reduce(v, "a (b p) c -> a b c", "max", p=3))
same(lambda v: repeat(v, "a b c -> a (b r) c", r=2))
same(lambda v: einsum(v, v, "a b c, a d c -> a b d"))
same(lambda v: rearrange([v, v], "n a b c -> a (n b) c"))
packed, shapes = pack([x, x[:, 0]], "a * c")
assert packed.shape == (2, 4, 4) and [tuple(p.shape) for p in unpack(packed, shapes, "a * c")] == [(2, 3, 4), (2, 4)]
assert parse_shape(x, "a _ c") == {"a": 2, "c": 4} and asnumpy(x.detach()) is not None
rearrange(x, "a b c -> (c b a)").sum().backward()
assert (x.grad == 1).all()
"""


@both_ways
def test_einops(start):
    pytest.importorskip("einops")
    run(start + EINOPS)


def test_einops_imported_first():
    pytest.importorskip("einops")
    run("import einops\n" + ALONE + EINOPS)


def test_einops_layers():
    pytest.importorskip("einops")
    code = """
from einops.layers.torch import EinMix, Rearrange, Reduce
import torch.nn as nn
net = nn.Sequential(Rearrange("b c h w -> b (c h w)"), nn.Linear(12, 6), Rearrange("b (k d) -> b k d", d=2), Reduce("b k d -> b k", "mean"))
assert net(torch.ones(2, 3, 2, 2)).shape == (2, 3)
assert EinMix("b c -> b d", weight_shape="c d", bias_shape="d", c=3, d=5)(torch.ones(2, 3)).shape == (2, 5)
assert [k for k in net.state_dict()] == ["1.weight", "1.bias"]
"""
    run(STANDIN + code)


def test_einops_array_api():
    ea = pytest.importorskip("einops.array_api")
    x = xp.reshape(xp.arange(6), (2, 3))
    assert ea.rearrange(x, "a b -> b a").tolist() == [[0, 3], [1, 4], [2, 5]]
    assert ea.reduce(x, "a b -> a", "sum").tolist() == [3, 12]
    assert ea.repeat(x, "a b -> (a r) b", r=2).shape == (4, 3)
    assert ea.rearrange(lw.ones(2, 3), "a b -> (a b)").shape == (6,)


# ---- SciPy ----------------------------------------------------------------------------------------------------------

SCIPY = """
import numpy as np, scipy.special, scipy.stats, scipy.fft, scipy.linalg, scipy.signal, scipy.ndimage, scipy.integrate, scipy.cluster.vq
from scipy.differentiate import derivative
from scipy.optimize import elementwise
rng = np.random.default_rng(0)
A, u = rng.random((20, 3)), rng.random(30)
def parts(v):
    return [v] if not isinstance(v, tuple) else [p for w in v for p in parts(w)]
def same(f, *arrays):
    got = parts(f(*[torch.from_numpy(a.copy()) for a in arrays]))
    want = parts(f(*arrays))
    for g, w in zip(got, want):
        np.testing.assert_allclose(np.asarray(g), np.asarray(w), 1e-6, 1e-9)
    return got
for name in ("expit", "logit", "erf", "gammaln", "ndtr", "entr", "logsumexp", "softmax", "log_softmax"):
    assert isinstance(same(getattr(scipy.special, name), u)[0], torch.Tensor), name
same(scipy.special.xlogy, u, u)
for name in ("zscore", "skew", "kurtosis", "gmean", "hmean", "variation", "sem", "tmean"):
    assert isinstance(same(getattr(scipy.stats, name), A)[0], torch.Tensor), name
same(scipy.stats.ttest_ind, A, A + 0.1)
same(scipy.stats.pearsonr, u, u**2)
same(scipy.stats.rankdata, u)
same(scipy.stats.entropy, u)
for name in ("fft", "rfft", "ifft", "dct", "fftn", "fftshift"):
    assert isinstance(same(getattr(scipy.fft, name), A)[0], torch.Tensor), name
S = A.T @ A
for name in ("inv", "det", "cholesky", "svdvals", "eigvalsh", "expm"):
    same(getattr(scipy.linalg, name), S)
same(scipy.signal.fftconvolve, u, u[:3])
same(scipy.signal.detrend, u)
same(lambda v: scipy.ndimage.gaussian_filter(v, 1), A)
same(scipy.integrate.trapezoid, u)
same(scipy.cluster.vq.whiten, A)
same(lambda v: scipy.cluster.vq.kmeans2(v, v[:3], minit="matrix", rng=0), A)
t = lambda v: torch.tensor(v, dtype=torch.float64)
root = elementwise.find_root(lambda z: z**2 - 2, (t(0.0), t(2.0)))
assert abs(float(root.x) - 2**0.5) < 1e-6
assert abs(float(derivative(torch.sin, t(1.0)).df) - np.cos(1)) < 1e-6
"""


@both_ways
def test_scipy(start):
    pytest.importorskip("scipy.differentiate")
    run(start + SCIPY)


def test_scipy_carries_gradients():
    pytest.importorskip("scipy")
    code = """
import scipy.special
x = torch.tensor([0.5, 1.5, -1.0], requires_grad=True)
y = scipy.special.logsumexp(x)
y.backward()
assert torch.allclose(x.grad, torch.softmax(x.detach(), 0), atol=1e-6)
"""
    run(ALONE + code)


# ---- scikit-learn ---------------------------------------------------------------------------------------------------

SKLEARN = """
import numpy as np
from sklearn import config_context, datasets, metrics
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MaxAbsScaler, MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler
X, y = datasets.make_classification(80, 6, random_state=0)
s = 1 / (1 + np.exp(-X[:, 0]))
def same(f, *arrays):
    with config_context(array_api_dispatch=True):
        got = f(*[torch.from_numpy(a) for a in arrays])
    want = f(*arrays)
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), 1e-5, 1e-7)
    return got
for scaler in (StandardScaler(), MinMaxScaler(), MaxAbsScaler(), Normalizer(), PolynomialFeatures()):
    assert isinstance(same(scaler.fit_transform, X), torch.Tensor)
for solver in ("full", "covariance_eigh"):
    assert isinstance(same(lambda v: abs(PCA(3, svd_solver=solver).fit_transform(v)), X), torch.Tensor)
same(lambda v, w: Ridge(solver="svd").fit(v, w).predict(v), X, X[:, 1])
for model in (LinearDiscriminantAnalysis(), GaussianNB(), make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())):
    assert isinstance(same(lambda v, w: model.fit(v, w).predict(v), X, y), torch.Tensor)
    same(lambda v, w: model.fit(v, w).predict_proba(v), X, y)
same(lambda v: GaussianMixture(2, random_state=0, init_params="random").fit(v).means_, X)
same(lambda v: train_test_split(v, random_state=0)[1], X)
same(lambda v, w: cross_val_predict(LinearDiscriminantAnalysis(), v, w), X, y)
same(lambda w: LabelEncoder().fit_transform(w), y)
for name in ("accuracy_score", "f1_score", "precision_score", "recall_score", "confusion_matrix", "zero_one_loss"):
    same(getattr(metrics, name), y, (s > 0.5).astype(int))
for name in ("log_loss", "brier_score_loss"):
    same(getattr(metrics, name), y, s)
for name in ("mean_squared_error", "mean_absolute_error", "r2_score", "explained_variance_score"):
    same(getattr(metrics, name), X[:, 0], X[:, 1])
for name in ("cosine_similarity", "euclidean_distances", "rbf_kernel", "linear_kernel"):
    same(getattr(metrics.pairwise, name), X)
# and without the flag, as arrays
t, w = torch.from_numpy(X), torch.from_numpy(y)
assert LinearDiscriminantAnalysis().fit(t, w).score(t, w) > 0.5
assert "precision" in metrics.classification_report(w, w)
"""


@both_ways
def test_sklearn(start):
    pytest.importorskip("sklearn")
    pytest.importorskip("scipy.differentiate")
    run(start + SKLEARN)


# ---- NumPy, pandas, matplotlib --------------------------------------------------------------------------------------


def test_numpy_takes_tensors():
    t = lw.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.asarray(t) is not None and np.shares_memory(np.asarray(t), t.numpy())
    assert not np.shares_memory(np.array(t, copy=True), t.numpy())
    with pytest.raises(ValueError):
        np.asarray(t, dtype=np.float64, copy=False)
    assert np.asarray(t, np.int64).dtype == np.int64
    assert np.mean(t) == 2.5 and np.allclose(np.concatenate([t, t]), np.vstack([t.numpy()] * 2))
    assert np.sum(t, axis=0).tolist() == [4.0, 6.0] and np.max(t) == 4
    assert isinstance(np.exp(t), lw.Tensor) and isinstance(np.ones((2, 2), np.float32) * t, lw.Tensor)
    assert np.where(t > 2, t, 0).tolist() == [[0, 0], [3, 4]] and np.linalg.norm(t).round(3) == 5.477
    assert np.stack([t, t]).shape == (2, 2, 2) and np.dot(t, t).shape == (2, 2) and np.argmax(t) == 3
    x = xp.asarray([1.0, 2.0])
    assert np.asarray(x).tolist() == [1.0, 2.0] and np.sum(x) == 3


def test_pandas_takes_tensors():
    pd = pytest.importorskip("pandas")
    t = lw.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(t, columns=["a", "b"])
    assert frame["b"].tolist() == [1.0, 3.0, 5.0] and pd.Series(t[:, 0]).sum() == 6
    frame["c"] = t[:, 0]
    assert frame["c"].tolist() == [0.0, 2.0, 4.0]


def test_matplotlib_takes_tensors():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    t = lw.arange(4.0)
    (line,) = axes.plot(t, t**2)
    assert list(line.get_ydata()) == [0, 1, 4, 9]
    axes.imshow(lw.rand(3, 3))
    axes.hist(t, bins=2)
    axes.scatter(t, t, c=t)
    axes.fill_between(t, t - 1, t + 1)
    axes.bar(t, t)
    figure.canvas.draw()
    plt.close(figure)
