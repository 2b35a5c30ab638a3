"""Probability distributions under PyTorch's names: draws, densities, entropies, divergences, and transforms between them."""

from lightwell.distributions import constraints, transforms
from lightwell.distributions.bernoulli import Bernoulli
from lightwell.distributions.beta import Beta
from lightwell.distributions.binomial import Binomial
from lightwell.distributions.categorical import Categorical
from lightwell.distributions.cauchy import Cauchy
from lightwell.distributions.chi2 import Chi2
from lightwell.distributions.constraint_registry import biject_to, transform_to
from lightwell.distributions.continuous_bernoulli import ContinuousBernoulli
from lightwell.distributions.dirichlet import Dirichlet
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.exponential import Exponential
from lightwell.distributions.fishersnedecor import FisherSnedecor
from lightwell.distributions.gamma import Gamma
from lightwell.distributions.generalized_pareto import GeneralizedPareto
from lightwell.distributions.geometric import Geometric
from lightwell.distributions.gumbel import Gumbel
from lightwell.distributions.half_cauchy import HalfCauchy
from lightwell.distributions.half_normal import HalfNormal
from lightwell.distributions.independent import Independent
from lightwell.distributions.inverse_gamma import InverseGamma
from lightwell.distributions.kl import kl_divergence, register_kl
from lightwell.distributions.kumaraswamy import Kumaraswamy
from lightwell.distributions.laplace import Laplace
from lightwell.distributions.lkj_cholesky import LKJCholesky
from lightwell.distributions.log_normal import LogNormal
from lightwell.distributions.logistic_normal import LogisticNormal
from lightwell.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from lightwell.distributions.mixture_same_family import MixtureSameFamily
from lightwell.distributions.multinomial import Multinomial
from lightwell.distributions.multivariate_normal import MultivariateNormal
from lightwell.distributions.negative_binomial import NegativeBinomial
from lightwell.distributions.normal import Normal
from lightwell.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from lightwell.distributions.pareto import Pareto
from lightwell.distributions.poisson import Poisson
from lightwell.distributions.relaxed_bernoulli import RelaxedBernoulli
from lightwell.distributions.relaxed_categorical import RelaxedOneHotCategorical
from lightwell.distributions.studentT import StudentT
from lightwell.distributions.transformed_distribution import TransformedDistribution
from lightwell.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from lightwell.distributions.uniform import Uniform
from lightwell.distributions.von_mises import VonMises
from lightwell.distributions.weibull import Weibull
from lightwell.distributions.wishart import Wishart

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "Bernoulli",
    "Beta",
    "Binomial",
    "CatTransform",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ComposeTransform",
    "ContinuousBernoulli",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "Dirichlet",
    "Distribution",
    "ExpTransform",
    "Exponential",
    "ExponentialFamily",
    "FisherSnedecor",
    "Gamma",
    "GeneralizedPareto",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "IndependentTransform",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "LowerCholeskyTransform",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "Poisson",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "StudentT",
    "TanhTransform",
    "Transform",
    "TransformedDistribution",
    "Uniform",
    "VonMises",
    "Weibull",
    "Wishart",
    "biject_to",
    "constraints",
    "identity_transform",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "transforms",
]
