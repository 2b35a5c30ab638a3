"""Bad calls of what is built on the tensors: distributions, transforms of functions, autocast, export, vision, graphs, sparse tensors."""

import importlib

import pytest

from tests.bad_input.harness import check, do


def ours(path, name):
    """A name of a package that PyTorch doesn't have beside it."""
    return getattr(importlib.import_module(f"lightwell.{path}"), name)


def of(f, path):
    """A module of either library."""
    return importlib.import_module(f"{f.__name__}.{path}")


def dist(name, *args, **options):
    return lambda f: do(getattr(f.distributions, name), *[f.tensor(a) if isinstance(a, (float, list)) else a for a in args], **options)


def only(path, name, *make, why="no such package beside PyTorch", **options):
    """A call that PyTorch alone cannot make; `make` are functions of the library."""
    return lambda f: do(ours(path, name), *[m(f) if callable(m) else m for m in make], **options)


ALONE = "torchvision's, gpytorch's or torchtext's"


def coo(f):
    return f.sparse_coo_tensor(f.tensor([[0, 1], [1, 0]]), f.tensor([1.0, 2.0]), (2, 2))


def picture(f, *shape):
    return f.zeros(shape or (3, 4, 4))


CASES = {
    # distributions
    "normal: scale": (ValueError, "Normal scale", dist("Normal", 0.0, -1.0)),
    "normal: nan": (ValueError, "Normal loc", dist("Normal", float("nan"), 1.0)),
    "normal: shapes": (RuntimeError, "2 3", lambda f: do(f.distributions.Normal, f.zeros(2), f.ones(3))),
    "normal: str": (ValueError, "str", dist("Normal", "a", 1.0)),
    "normal: missing": (TypeError, "scale", dist("Normal", 0.0)),
    "normal: log_prob": (ValueError, "tensor", lambda f: do(f.distributions.Normal(0.0, 1.0).log_prob, "a")),
    "normal: value shape": (ValueError, "broadcast", lambda f: do(f.distributions.Normal(f.zeros(2), 1.0).log_prob, f.zeros(3))),
    "uniform: order": (ValueError, "Uniform", dist("Uniform", 2.0, 1.0)),
    "uniform: outside": (ValueError, "support", lambda f: do(f.distributions.Uniform(0.0, 1.0).log_prob, f.tensor(2.0))),
    "bernoulli: probs": (ValueError, "Bernoulli probs", dist("Bernoulli", 1.5)),
    "bernoulli: both": (ValueError, "probs logits", lambda f: do(f.distributions.Bernoulli, 0.5, 0.5)),
    "bernoulli: none": (ValueError, "probs logits", lambda f: do(f.distributions.Bernoulli)),
    "bernoulli: value": (ValueError, "support", lambda f: do(f.distributions.Bernoulli(0.5).log_prob, f.tensor(0.5))),
    "categorical: probs": (ValueError, "Categorical probs", dist("Categorical", [-0.5, 1.5])),
    "categorical: 0-d": (ValueError, "one-dimensional", dist("Categorical", 0.5)),
    "categorical: value": (ValueError, "support", lambda f: do(f.distributions.Categorical(f.ones(3)).log_prob, f.tensor(7))),
    "beta: negative": (ValueError, "concentration", dist("Beta", -1.0, 1.0)),
    "gamma: rate": (ValueError, "Gamma rate", dist("Gamma", 1.0, -1.0)),
    "exponential: rate": (ValueError, "Exponential rate", dist("Exponential", -1.0)),
    "poisson: rate": (ValueError, "Poisson rate", dist("Poisson", -1.0)),
    "dirichlet: 0-d": (ValueError, "one-dimensional", dist("Dirichlet", 1.0)),
    "multinomial: count": (NotImplementedError, "total_count", lambda f: do(f.distributions.Multinomial, f.tensor([1, 2]), f.ones(2))),
    "mvn: nothing": (ValueError, "covariance_matrix precision_matrix scale_tril", lambda f: do(f.distributions.MultivariateNormal, f.zeros(2))),
    "mvn: not positive": (ValueError, "covariance_matrix", lambda f: do(f.distributions.MultivariateNormal, f.zeros(2), -f.eye(2))),
    "mvn: 0-d": (ValueError, "one-dimensional", lambda f: do(f.distributions.MultivariateNormal, f.tensor(0.0), f.eye(2))),
    "kl: unknown": (
        NotImplementedError, "KL", lambda f: do(f.distributions.kl_divergence, f.distributions.Normal(0.0, 1.0), f.distributions.Bernoulli(0.5)),
    ),
    "independent: dims": (ValueError, "batch", lambda f: do(f.distributions.Independent, f.distributions.Normal(0.0, 1.0), 2)),
    "transformed: transforms": (ValueError, "transform", lambda f: do(f.distributions.TransformedDistribution, f.distributions.Normal(0.0, 1.0), ["a"])),
    # func
    "vmap: dims": (ValueError, "dim 5", lambda f: do(f.func.vmap(f.sum, in_dims=5), f.ones(2, 3))),
    "vmap: sizes": (ValueError, "2 3", lambda f: do(f.func.vmap(f.add), f.ones(2), f.ones(3))),
    "vmap: 0-d": (ValueError, "dim", lambda f: do(f.func.vmap(f.exp), f.tensor(1.0))),
    "vmap: nothing": (ValueError, "", lambda f: do(f.func.vmap(f.exp))),
    "vmap: number": (ValueError, "in_dims", lambda f: do(f.func.vmap(f.add, in_dims=(0, 0)), f.ones(2), 1.0)),
    "vmap: returns": (ValueError, "", lambda f: do(f.func.vmap(lambda x: "a"), f.ones(2))),
    "vmap: randomness": (RuntimeError, "randomness", lambda f: do(f.func.vmap(lambda x: x + f.rand(())), f.ones(2))),
    "vmap: randomness word": (RuntimeError, "randomness some", lambda f: do(lambda x: f.func.vmap(f.exp, randomness="some")(x), f.ones(2))),
    "grad: vector": (RuntimeError, "scalar", lambda f: do(f.func.grad(f.exp), f.ones(2))),
    "grad: argnums": (RuntimeError, "argnum 3", lambda f: do(f.func.grad(f.sum, argnums=3), f.ones(2))),
    "grad: returns": (RuntimeError, "Tensor", lambda f: do(f.func.grad(lambda x: 1.0), f.ones(2))),
    "grad: ints": (RuntimeError, "floating", lambda f: do(f.func.grad(f.sum), f.tensor([1, 2]))),
    "jvp: shapes": (RuntimeError, "", lambda f: do(f.func.jvp, f.exp, (f.ones(2),), (f.ones(3),))),
    "jvp: tuple": (RuntimeError, "tuple", lambda f: do(f.func.jvp, f.exp, f.ones(2), (f.ones(2),))),
    "functional_call: state": (ValueError, "dict", lambda f: do(f.func.functional_call, f.nn.Linear(2, 1), 3, f.ones(1, 2))),
    "functional_call: strict": (
        RuntimeError, "more", lambda f: do(f.func.functional_call, f.nn.Linear(2, 1), {"more": f.ones(1)}, f.ones(1, 2), strict=True),
    ),
    # amp
    "autocast: device": (RuntimeError, "cpu cuda gpu", lambda f: do(f.autocast, "gpu")),
    "autocast: type": (ValueError, "device_type", lambda f: do(f.autocast, 3)),
    "scaler: step first": (AssertionError, "growth factor 1.0", lambda f: do(f.amp.GradScaler, "cpu", growth_factor=0.5)),
    "scaler: backoff": (AssertionError, "backoff factor 1.0", lambda f: do(f.amp.GradScaler, "cpu", backoff_factor=2.0)),
    # onnx, fx, jit
    "onnx: no model": (TypeError, "Module", lambda f: do(f.onnx.export, "model", (f.ones(1),)), "exports a str as a file name"),
    "fx: control flow": (
        ValueError, "control flow", lambda f: do(f.fx.symbolic_trace, lambda x: x if x.sum() > 0 else -x), "TraceError, of another class",
    ),
    "fx: graph twice": (AssertionError, "call_stuff", lambda f: do(f.fx.Graph().create_node, "call_stuff", "a")),
    # sparse
    "coo: negative": (RuntimeError, "negative", lambda f: do(f.sparse_coo_tensor, f.tensor([[-1]]), f.tensor([1.0]), (2,)), "its checks of invariants are off by default"),
    "coo: outside": (RuntimeError, "size 2 index 5", lambda f: do(f.sparse_coo_tensor, f.tensor([[5]]), f.tensor([1.0]), (2,)), "its checks of invariants are off by default"),
    "coo: dims": (RuntimeError, "", lambda f: do(f.sparse_coo_tensor, f.tensor([[0], [1]]), f.tensor([1.0]), (2,))),
    "coo: counts": (RuntimeError, "1 2", lambda f: do(f.sparse_coo_tensor, f.tensor([[0, 1]]), f.tensor([1.0]), (2,))),
    "coo: mm": (RuntimeError, "2 3", lambda f: do(f.sparse.mm, coo(f), f.ones(3, 2))),
    "coo: indices": (RuntimeError, "coalesce", lambda f: do(coo(f).indices)),
    "coo: values of dense": (RuntimeError, "values", lambda f: do(f.ones(2).values)),
    "csr: counts": (RuntimeError, "", lambda f: do(f.sparse_csr_tensor, f.tensor([0, 1]), f.tensor([0]), f.tensor([1.0]), (2, 2)), "its checks of invariants are off by default"),
    "csr: order": (RuntimeError, "", lambda f: do(f.sparse_csr_tensor, f.tensor([1, 1, 1]), f.tensor([0]), f.tensor([1.0]), (2, 2)), "its checks of invariants are off by default"),
    # distributed without a group
    "distributed: rank": (ValueError, "init_process_group", lambda f: do(of(f, "distributed").get_rank)),
    "distributed: all_reduce": (ValueError, "init_process_group", lambda f: do(of(f, "distributed").all_reduce, f.ones(2))),
    "distributed: barrier": (ValueError, "init_process_group", lambda f: do(of(f, "distributed").barrier)),
    "distributed: backend": (ValueError, "smoke", lambda f: do(of(f, "distributed").init_process_group, "smoke", rank=0, world_size=1, init_method="tcp://127.0.0.1:1"), "the backend's name is looked up later there"),
    "ddp: no group": (ValueError, "init_process_group", lambda f: do(f.nn.parallel.DistributedDataParallel, f.nn.Linear(1, 1))),
    # utils
    "checkpoint: reentrant": (TypeError, "exp", lambda f: do(of(f, "utils.checkpoint").checkpoint, f.exp, use_reentrant=False)),
    "dlpack: list": (Exception, "", lambda f: do(f.from_dlpack, [1]), "AttributeError of the list"),
    "prune: amount": (ValueError, "amount", lambda f: do(of(f, "nn.utils.prune").l1_unstructured, f.nn.Linear(2, 2), "weight", 1.5)),
    "prune: name": (AttributeError, "wieght", lambda f: do(of(f, "nn.utils.prune").l1_unstructured, f.nn.Linear(2, 2), "wieght", 0.5)),
    "parametrize: name": (ValueError, "wieght", lambda f: do(of(f, "nn.utils.parametrize").register_parametrization, f.nn.Linear(2, 2), "wieght", f.nn.ReLU())),
    "init: fan": (ValueError, "fewer than 2 dimensions", lambda f: do(f.nn.init.xavier_uniform_, f.ones(3))),
    "init: mode": (ValueError, "mode fan", lambda f: do(f.nn.init.kaiming_normal_, f.ones(3, 3), mode="fan")),
    "init: gain": (ValueError, "nonlinearity sin", lambda f: do(f.nn.init.calculate_gain, "sin")),
    "init: eye": (ValueError, "2 dimensions", lambda f: do(f.nn.init.eye_, f.ones(3))),
    "init: orthogonal": (ValueError, "2", lambda f: do(f.nn.init.orthogonal_, f.ones(3))),
    "init: dirac": (ValueError, "3, 4, or 5", lambda f: do(f.nn.init.dirac_, f.ones(3, 3))),
    # vision, text
    "model: name": (ValueError, "resnet19", only("vision.models", "get_model", "resnet19"), ALONE),
    "model: channels": (RuntimeError, "3 1 channels", lambda f: do(ours("vision.models", "squeezenet1_1")().eval(), picture(f, 1, 1, 64, 64)), ALONE),
    "transform: size": (TypeError, "size", only("vision.transforms", "Resize", "a"), ALONE),
    "transform: ToTensor": (TypeError, "str", lambda f: do(ours("vision.transforms", "ToTensor")(), "a"), ALONE),
    "transform: normalize": (TypeError, "tensor", lambda f: do(ours("vision.transforms", "Normalize")([0.5], [0.5]), "a"), ALONE),
    "transform: std": (ValueError, "std 0", lambda f: do(ours("vision.transforms", "Normalize")([0.5], [0.0]), picture(f, 1, 4, 4)), ALONE),
    "transform: crop": (ValueError, "size", lambda f: do(ours("vision.transforms", "RandomCrop")(10), picture(f)), ALONE),
    "nms: shapes": (RuntimeError, "boxes", only("vision.ops", "nms", lambda f: f.ones(2, 3), lambda f: f.ones(2), 0.5), ALONE),
    "nms: counts": (RuntimeError, "scores", only("vision.ops", "nms", lambda f: f.ones(2, 4), lambda f: f.ones(3), 0.5), ALONE),
    "image: missing": (Exception, "none.png", only("vision.io", "read_image", "/nonexistent/none.png"), ALONE),
    "image: bytes": (RuntimeError, "", only("vision.io", "decode_image", lambda f: f.zeros(10, dtype=f.uint8)), ALONE),
    "grid: str": (TypeError, "tensor str", only("vision.utils", "make_grid", "a"), ALONE),
    "vocab: token": (RuntimeError, "dog", lambda f: do(ours("text.vocab", "vocab")({"cat": 1}).__getitem__, "dog"), ALONE),
    "array api: dtype": (NotImplementedError, "bitwise_and float", lambda f: do(ours("array_api", "bitwise_and"), ours("array_api", "asarray")([1.0]), ours("array_api", "asarray")([1.0])), ALONE),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_call(name):
    check(CASES[name])
