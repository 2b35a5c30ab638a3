"""What people do with the transforms, run by both libraries from the same seed: per-sample gradients, ensembles, Jacobians of a
network, tangent kernels, learning to learn, influence by Hessians, sensitivity by batched vjps."""

import warnings

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
import torch.func


def numbers(tree):
    if isinstance(tree, dict):
        return [n for v in tree.values() for n in numbers(v)]
    if isinstance(tree, (tuple, list)):
        return [n for v in tree for n in numbers(v)]
    return [tree.detach().numpy()] if hasattr(tree, "detach") else [np.asarray(tree)]


def both(recipe, rtol=2e-4, atol=2e-5):
    made = []
    for m in (lw, torch):
        m.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(numbers(recipe(m)))
    assert len(made[0]) == len(made[1])
    for a, b in zip(*made):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def small_cnn(m):
    class CNN(m.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = m.nn.Conv2d(1, 4, 3, 1), m.nn.Conv2d(4, 6, 3, 1)
            self.fc1, self.fc2 = m.nn.Linear(6 * 3 * 3, 16), m.nn.Linear(16, 10)

        def forward(self, x):
            x = m.nn.functional.relu(self.conv1(x))
            x = m.nn.functional.max_pool2d(m.nn.functional.relu(self.conv2(x)), 2)
            x = m.nn.functional.relu(self.fc1(m.flatten(x, 1)))
            return m.nn.functional.log_softmax(self.fc2(x), dim=1)

    return CNN()


def test_per_sample_gradients():
    def recipe(m):
        from_func = m.func
        model, data, targets = small_cnn(m), m.randn(6, 1, 10, 10), m.randint(10, (6,))
        params = {k: v.detach() for k, v in model.named_parameters()}
        buffers = {k: v.detach() for k, v in model.named_buffers()}

        def compute_loss(params, buffers, sample, target):
            predictions = from_func.functional_call(model, (params, buffers), (sample.unsqueeze(0),))
            return m.nn.functional.nll_loss(predictions, target.unsqueeze(0))

        grads = from_func.vmap(from_func.grad(compute_loss), in_dims=(None, None, 0, 0))(params, buffers, data, targets)
        return [grads, {k: g.flatten(1).norm(dim=1) for k, g in grads.items()}]

    both(recipe)


def test_ensembles():
    def recipe(m):
        models = [m.nn.Sequential(m.nn.Linear(8, 16), m.nn.ReLU(), m.nn.BatchNorm1d(16), m.nn.Linear(16, 3)).eval() for _ in range(4)]
        params, buffers = m.func.stack_module_state(models)
        f = lambda p, b, x: m.func.functional_call(models[0], (p, b), (x,))
        x = m.randn(5, 8)
        each = m.vmap(f, in_dims=(0, 0, 0))(params, buffers, m.stack([x, x + 1, x + 2, x + 3]))
        shared = m.vmap(f, in_dims=(0, 0, None), randomness="same")(params, buffers, x)
        return each, shared, shared.mean(0).argmax(1)

    both(recipe)


def test_jacobians_and_hessians():
    def recipe(m):
        weight, bias, x = m.randn(4, 4), m.randn(4), m.randn(4)
        predict = lambda w, b, x: m.nn.functional.linear(x, w, b).tanh()
        jac = m.func.jacrev(predict, argnums=(0, 1, 2))(weight, bias, x)
        fwd = m.func.jacfwd(predict, argnums=2)(weight, bias, x)
        batched = m.vmap(m.func.jacrev(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, m.randn(6, 4))
        hess = m.func.hessian(lambda w, b, x: predict(w, b, x).sum(), argnums=2)(weight, bias, x)
        many = m.vmap(m.func.hessian(lambda w, b, x: predict(w, b, x).sum(), argnums=2), in_dims=(None, None, 0))(
            weight, bias, m.randn(3, 4)
        )
        _, vjp_fn = m.func.vjp(lambda x: predict(weight, bias, x), x)
        (rows,) = m.vmap(vjp_fn)(m.eye(4))
        hvp = m.func.jvp(m.func.grad(lambda x: predict(weight, bias, x).sum()), (x,), (m.ones(4),))[1]
        return jac, fwd, batched, hess, many, rows, hvp

    both(recipe)


def test_neural_tangent_kernel():
    def recipe(m):
        net = m.nn.Sequential(m.nn.Linear(3, 8), m.nn.Tanh(), m.nn.Linear(8, 2))
        params = {k: v.detach() for k, v in net.named_parameters()}
        single = lambda p, x: m.func.functional_call(net, p, (x.unsqueeze(0),)).squeeze(0)
        x1, x2 = m.randn(4, 3), m.randn(5, 3)
        jac1 = m.vmap(m.func.jacrev(single), (None, 0))(params, x1)
        jac2 = m.vmap(m.func.jacrev(single), (None, 0))(params, x2)
        by_jacobians = sum(m.einsum("Naf,Mbf->NMab", jac1[k].flatten(2), jac2[k].flatten(2)) for k in params)

        def by_products(a, b):
            def entry(vec):
                (g,) = m.func.vjp(lambda p: single(p, b), params)[1](vec)
                return m.func.jvp(lambda p: single(p, a), (params,), (g,))[1]

            return m.vmap(entry)(m.eye(2))

        by_vjps = m.vmap(m.vmap(by_products, (None, 0)), (0, None))(x1, x2)
        return by_jacobians, by_vjps

    both(recipe, 1e-3, 1e-4)


def test_learning_to_learn():
    def recipe(m):
        net = m.nn.Sequential(m.nn.Linear(1, 10), m.nn.ReLU(), m.nn.Linear(10, 1))
        params = dict(net.named_parameters())
        opt = m.optim.Adam(net.parameters(), lr=1e-2)
        losses = []
        for _ in range(3):
            amplitude, phase = m.rand(4) * 5, m.rand(4) * 3

            def task(a, p, x, y):
                def loss(params):
                    return ((m.func.functional_call(net, params, (x,)) - a * m.sin(x + p)) ** 2).mean()

                grads = m.func.grad(loss)(params)
                tuned = {k: params[k] - 0.1 * grads[k] for k in params}
                return ((m.func.functional_call(net, tuned, (y,)) - a * m.sin(y + p)) ** 2).mean()

            x, y = m.randn(4, 6, 1), m.randn(4, 6, 1)
            total = m.vmap(task)(amplitude, phase, x, y).mean()
            opt.zero_grad()
            total.backward()
            opt.step()
            losses.append(total.item())
        return [*losses, [p for p in params.values()]]

    both(recipe, 2e-3, 2e-4)


def test_dropout_ensemble_and_noise():
    def recipe(m):
        net = m.nn.Sequential(m.nn.Linear(6, 12), m.nn.ReLU(), m.nn.Dropout(0.5), m.nn.Linear(12, 2))
        x = m.randn(5, 6)
        params = {k: m.stack([v.detach()] * 3) for k, v in net.named_parameters()}
        f = lambda p, x: m.func.functional_call(net, p, (x,))
        return (
            m.vmap(f, (0, None), randomness="different")(params, x),
            m.vmap(lambda s: s + m.randn(4), randomness="same")(m.zeros(3, 4)),
            m.vmap(lambda s: s + m.rand_like(s), randomness="different")(m.zeros(3, 4)),
        )

    both(recipe)


def test_maps_of_many_shapes():
    def recipe(m):
        x, y = m.randn(3, 4, 5), m.randn(5, 4)
        return (
            m.vmap(m.mm, in_dims=(0, None))(x, y),
            m.vmap(m.mv)(x, m.randn(3, 5)),
            m.vmap(lambda a: m.einsum("ij,ij->i", a, a))(x),
            m.vmap(lambda a: m.cat([a, a.flip(0)], 1).topk(2, 1))(x),
            m.vmap(lambda a: m.linalg.svdvals(a))(x),
            m.vmap(lambda a, i: a.index_select(1, i))(x, m.randint(0, 5, (3, 2))),
            m.vmap(lambda a: m.nn.functional.interpolate(a[None, None], scale_factor=2, mode="bilinear"))(x),
            m.vmap(lambda a: m.nn.functional.scaled_dot_product_attention(a[None], a[None], a[None]))(x),
            m.vmap(lambda a: a.chunk(2, 1))(m.randn(3, 4, 6)),
            m.vmap(lambda a: m.fft.rfft(a).abs(), in_dims=2, out_dims=1)(x),
            m.vmap(lambda a: m.histc(a, 4, -2, 2), chunk_size=2)(x) if m is lw else m.stack([m.histc(a, 4, -2, 2) for a in x]),
        )

    both(recipe)
