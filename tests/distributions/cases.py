"""The distributions with several parameterisations each, as functions of a namespace: the same call builds ours and PyTorch's."""

import numpy as np

COV = [[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 1.5]]
TRIL = [[1.0, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.2, 0.3, 1.2]]
P3 = [[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]]
L3 = [[0.5, -1.0, 0.0], [2.0, 0.3, -0.7]]


def _spread(n, lo, hi):
    return np.linspace(lo, hi, n).tolist()


# name: parameter sets; lists become tensors that require gradients (unless the name says a count), numbers stay numbers
TABLE = {
    "Bernoulli": [dict(probs=0.3), dict(probs=[0.1, 0.5, 0.9]), dict(logits=[[-2.0, 0.0, 3.0]] * 2)],
    "Beta": [dict(concentration1=0.5, concentration0=2.0), dict(concentration1=[0.3, 1.0, 4.0], concentration0=[[2.0], [0.7]])],
    "Binomial": [dict(total_count=5, probs=[0.1, 0.5, 0.8]), dict(total_count=40, logits=[-1.0, 0.0, 2.0]), dict(total_count=3, probs=0.4)],
    "Categorical": [dict(probs=P3), dict(logits=L3), dict(probs=[1.0, 2.0, 1.0])],
    "Cauchy": [dict(loc=0.0, scale=1.0), dict(loc=[0.0, 1.0], scale=[[1.0], [2.5]])],
    "Chi2": [dict(df=[1.0, 3.0, 10.0])],
    "ContinuousBernoulli": [dict(probs=[0.1, 0.5, 0.4995, 0.9]), dict(logits=[-2.0, 0.001, 1.0])],
    "Dirichlet": [dict(concentration=[0.5, 1.0, 3.0]), dict(concentration=[[0.5, 0.4], [2.0, 5.0]])],
    "Exponential": [dict(rate=1.5), dict(rate=[0.5, 1.0, 4.0])],
    "FisherSnedecor": [dict(df1=[3.0, 5.0], df2=[[5.0], [10.0]]), dict(df1=2.5, df2=4.5)],
    "Gamma": [dict(concentration=2.0, rate=1.0), dict(concentration=[0.2, 1.0, 7.0], rate=[[1.0], [3.0]])],
    "GeneralizedPareto": [
        dict(loc=0.0, scale=1.0, concentration=0.2),
        dict(loc=[0.0, 1.0, 1.0], scale=1.5, concentration=[-0.4, 0.0, 0.3]),
    ],
    "Geometric": [dict(probs=0.3), dict(probs=[0.1, 0.9]), dict(logits=[-1.0, 0.5])],
    "Gumbel": [dict(loc=0.0, scale=1.0), dict(loc=[0.0, 2.0], scale=[1.0, 0.5])],
    "HalfCauchy": [dict(scale=1.0), dict(scale=[0.5, 2.0])],
    "HalfNormal": [dict(scale=1.0), dict(scale=[0.5, 2.0])],
    "InverseGamma": [dict(concentration=3.0, rate=1.0), dict(concentration=[0.7, 1.5, 4.0], rate=[1.0, 2.0, 3.0])],
    "Kumaraswamy": [dict(concentration1=[1.5, 2.0, 3.0], concentration0=[1.2, 2.0, 0.8])],
    "Laplace": [dict(loc=0.0, scale=1.0), dict(loc=[0.0, -1.0], scale=[[1.0], [2.5]])],
    "LKJCholesky": [dict(dim=3, concentration=0.7), dict(dim=4, concentration=[1.0, 3.0])],
    "LogNormal": [dict(loc=0.0, scale=1.0), dict(loc=[0.0, 1.0], scale=[0.5, 0.8])],
    "LogisticNormal": [dict(loc=[0.0, 1.0, -1.0], scale=[1.0, 0.5, 2.0]), dict(loc=[[0.0, 1.0]] * 2, scale=1.0)],
    "LowRankMultivariateNormal": [
        dict(loc=[0.0, 1.0, -1.0], cov_factor=[[1.0, 0.2], [0.5, -1.0], [0.3, 0.7]], cov_diag=[0.5, 1.0, 2.0]),
        dict(loc=[[0.0, 1.0], [2.0, 3.0]], cov_factor=[[1.0], [0.5]], cov_diag=[0.5, 1.0]),
    ],
    "Multinomial": [dict(total_count=10, probs=P3), dict(total_count=4, logits=[0.0, 1.0, -1.0])],
    "MultivariateNormal": [
        dict(loc=[0.0, 1.0, -1.0], covariance_matrix=COV),
        dict(loc=[[0.0, 1.0, -1.0]] * 2, precision_matrix=COV),
        dict(loc=[0.0, 1.0, -1.0], scale_tril=[TRIL, COV_TRIL] if (COV_TRIL := np.linalg.cholesky(np.array(COV)).tolist()) else None),
    ],
    "NegativeBinomial": [dict(total_count=5, probs=[0.1, 0.6]), dict(total_count=[2.0, 7.5], logits=[-1.0, 0.5])],
    "Normal": [dict(loc=0.0, scale=1.0), dict(loc=[0.0, 1.0, 2.0], scale=[[1.0], [0.1]]), dict(loc=_spread(20, -1, 1), scale=2.0)],
    "OneHotCategorical": [dict(probs=P3), dict(logits=[0.0, 1.0])],
    "OneHotCategoricalStraightThrough": [dict(probs=P3), dict(logits=L3)],
    "Pareto": [dict(scale=1.0, alpha=3.0), dict(scale=[1.0, 2.0], alpha=[0.5, 2.5])],
    "Poisson": [dict(rate=4.0), dict(rate=[0.5, 2.0, 30.0])],
    "RelaxedBernoulli": [dict(temperature=[0.7], probs=[0.2, 0.6]), dict(temperature=[2.0], logits=[-1.0, 1.0])],
    "RelaxedOneHotCategorical": [dict(temperature=[0.7], probs=P3), dict(temperature=[1.5], logits=[0.0, 1.0, 2.0])],
    "StudentT": [dict(df=3.0), dict(df=[0.8, 1.5, 4.0], loc=[0.0, 1.0, 2.0], scale=2.0)],
    "Uniform": [dict(low=0.0, high=2.0), dict(low=[-1.0, 0.0], high=[[1.0], [5.0]])],
    "VonMises": [dict(loc=[0.0, 1.0], concentration=[0.5, 4.0]), dict(loc=0.3, concentration=[[1.0], [20.0]])],
    "Weibull": [dict(scale=1.0, concentration=2.0), dict(scale=[1.0, 3.0], concentration=[0.7, 1.5])],
    "Wishart": [
        dict(df=4.5, covariance_matrix=COV),
        dict(df=[4.0, 6.0], scale_tril=TRIL),
        dict(df=5.0, precision_matrix=COV),
    ],
}


def _mixture(lib, parameters):
    d = lib.distributions
    return d.MixtureSameFamily(d.Categorical(parameters["p"]), d.Normal(parameters["loc"], parameters["scale"]))


def _mixture_of_vectors(lib, parameters):
    d = lib.distributions
    return d.MixtureSameFamily(d.Categorical(parameters["p"]), d.Independent(d.Normal(parameters["loc"], parameters["scale"]), 1))


def _independent(lib, parameters):
    d = lib.distributions
    return d.Independent(d.Normal(parameters["loc"], parameters["scale"]), 1)


def _transformed(lib, parameters):
    d = lib.distributions
    affine = d.AffineTransform(parameters["loc"], parameters["scale"])
    return d.TransformedDistribution(d.Normal(lib.zeros(2), lib.ones(2)), [affine, d.SigmoidTransform()])


def _expanded(lib, parameters):
    return lib.distributions.Gamma(parameters["a"], 2.0).expand((2, 3))


MADE = [
    ("MixtureSameFamily", _mixture, dict(p=[0.3, 0.7], loc=[0.0, 2.0], scale=[1.0, 0.5])),
    ("MixtureSameFamily", _mixture, dict(p=[[0.3, 0.7]] * 3, loc=[[0.0, 2.0]] * 3, scale=[1.0, 0.5])),
    ("MixtureSameFamily", _mixture_of_vectors, dict(p=[0.3, 0.7], loc=[[0.0, 2.0, 1.0], [1.0, -1.0, 0.0]], scale=1.5)),
    ("Independent", _independent, dict(loc=[[0.0, 1.0], [2.0, 3.0]], scale=[1.0, 2.0])),
    ("TransformedDistribution", _transformed, dict(loc=[0.0, 1.0], scale=[1.0, -2.0])),
    ("expanded", _expanded, dict(a=[0.5, 1.0, 2.0])),
]


def _plain(name):
    return lambda lib, parameters: getattr(lib.distributions, name)(**parameters)


CASES = [(name, _plain(name), kwargs) for name, sets in TABLE.items() for kwargs in sets] + MADE
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]


def tensors(lib, kwargs, grad=True, dtype=None):
    """The parameters as tensors of a namespace; numbers stay numbers."""
    dtype = getattr(lib, dtype or "float32")
    return {k: lib.tensor(v, dtype=dtype).requires_grad_(grad) if isinstance(v, list) else v for k, v in kwargs.items()}
