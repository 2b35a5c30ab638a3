"""Autocast: which dtype each operation's result has, what values and gradients come out, and how regions nest."""

import pickle
import threading
import warnings

import pytest

import lightwell as lw
from lightwell.utils.checkpoint import checkpoint


def _table(t):
    """Name -> function of a cast `c`, in the namespace `t` (lightwell or torch)."""
    F, L = t.nn.functional, t.linalg
    t.manual_seed(0)
    x, im, vol, seq, p = t.randn(4, 4), t.randn(2, 3, 8, 8), t.randn(1, 3, 4, 4, 4), t.randn(5, 2, 4), t.rand(4, 4)
    spd, classes, one = x @ x.T + 4 * t.eye(4), t.tensor([0, 1, 2, 3]), t.ones(3)
    w2, w3, v, signs = t.randn(2, 3, 3, 3), t.randn(2, 3, 3, 3, 3), x[0], t.ones(4, 4)
    wt, batch, zero, rows, flow = t.randn(3, 2, 3, 3), x[None], t.zeros(3), im[:, :, 0], t.rand(2, 3, 3, 2)
    return {
        "mm": lambda c: c(x).mm(c(x)), "matmul": lambda c: c(x) @ c(x), "matmul_vec": lambda c: c(x) @ c(v),
        "mv": lambda c: c(x).mv(c(v)), "dot": lambda c: c(v).dot(c(v)), "bmm": lambda c: t.bmm(c(batch), c(batch)),
        "addmm": lambda c: t.addmm(c(x), c(x), c(x)), "addbmm": lambda c: t.addbmm(c(x), c(batch), c(batch)),
        "baddbmm": lambda c: t.baddbmm(c(batch), c(batch), c(batch)), "linear": lambda c: F.linear(c(x), x, v),
        "linear_plain": lambda c: F.linear(c(seq), x), "einsum": lambda c: t.einsum("ij,jk", c(x), c(x)),
        "vecdot": lambda c: L.vecdot(c(x), c(x)), "multi_dot": lambda c: L.multi_dot([c(x), c(x), c(x)]),
        "matrix_power": lambda c: t.matrix_power(c(x), 2), "outer": lambda c: t.outer(c(v), c(v)), "inner": lambda c: t.inner(c(x), c(x)),
        "conv1d": lambda c: F.conv1d(c(rows), w2[:, :, 0], one[:2]), "conv2d": lambda c: F.conv2d(c(im), w2, one[:2]),
        "conv3d": lambda c: F.conv3d(c(vol), w3), "conv_transpose2d": lambda c: F.conv_transpose2d(c(im), wt),
        "sdpa": lambda c: F.scaled_dot_product_attention(c(seq), c(seq), c(seq)), "softmax": lambda c: F.softmax(c(x), -1),
        "log_softmax": lambda c: F.log_softmax(c(x), -1), "layer_norm": lambda c: F.layer_norm(c(x), (4,), v, v),
        "batch_norm": lambda c: F.batch_norm(c(im), zero * 1, one * 1, one, zero, True),
        "batch_norm_eval": lambda c: F.batch_norm(c(im), zero, one, one, zero, False),
        "group_norm": lambda c: F.group_norm(c(im), 3, one, zero), "instance_norm": lambda c: F.instance_norm(c(im), None, None, one, zero),
        "relu": lambda c: F.relu(c(x)), "gelu": lambda c: F.gelu(c(x)), "prelu": lambda c: F.prelu(c(x), one[:1]),
        "exp": lambda c: c(x).exp(), "pow": lambda c: c(p) ** 2.5, "sum": lambda c: c(x).sum(), "mean": lambda c: c(x).mean(0),
        "prod": lambda c: c(x).prod(), "prod_dim": lambda c: c(x).prod(0), "norm": lambda c: c(x).norm(), "var": lambda c: c(x).var(),
        "cumsum": lambda c: c(x).cumsum(0), "add": lambda c: c(x) + x, "mul": lambda c: c(x) * x, "add_same": lambda c: c(x) + c(x),
        "cat": lambda c: t.cat([c(x), x]), "stack": lambda c: t.stack([c(x), x]), "index_copy": lambda c: t.index_copy(x, 0, classes, c(x)),
        "where": lambda c: t.where(x > 0, c(x), x), "addcmul": lambda c: t.addcmul(x, c(x), c(x)),
        "mse": lambda c: F.mse_loss(c(x), c(p)), "l1": lambda c: F.l1_loss(c(x), c(p)), "smooth_l1": lambda c: F.smooth_l1_loss(c(x), c(p)),
        "huber": lambda c: F.huber_loss(c(x), c(p)), "bce": lambda c: F.binary_cross_entropy(c(p), c(p)),
        "bce_logits": lambda c: F.binary_cross_entropy_with_logits(c(x), c(p)), "ce": lambda c: F.cross_entropy(c(x), classes),
        "ce_soft": lambda c: F.cross_entropy(c(x), c(p)), "ce_smooth": lambda c: F.cross_entropy(c(x), classes, label_smoothing=0.1),
        "nll": lambda c: F.nll_loss(c(x), classes), "kl": lambda c: F.kl_div(c(x), c(p), reduction="sum"),
        "cosine_embedding": lambda c: F.cosine_embedding_loss(c(x), c(p), one.new_ones(4)),
        "hinge": lambda c: F.hinge_embedding_loss(c(x), signs), "poisson": lambda c: F.poisson_nll_loss(c(x), c(p)),
        "soft_margin": lambda c: F.soft_margin_loss(c(x), signs), "triplet": lambda c: F.triplet_margin_loss(c(x), c(x) * 2, c(p)),
        "multi_margin": lambda c: F.multi_margin_loss(c(x), classes), "margin_ranking": lambda c: F.margin_ranking_loss(c(v), c(v), c(v)),
        "avg_pool2d": lambda c: F.avg_pool2d(c(im), 2), "avg_pool3d": lambda c: F.avg_pool3d(c(vol), 2),
        "max_pool2d": lambda c: F.max_pool2d(c(im), 2), "max_pool3d": lambda c: F.max_pool3d(c(vol), 2),
        "adaptive_avg_pool2d": lambda c: F.adaptive_avg_pool2d(c(im), 2), "adaptive_avg_pool3d": lambda c: F.adaptive_avg_pool3d(c(vol), 2),
        "bilinear": lambda c: F.interpolate(c(im), scale_factor=2, mode="bilinear"),
        "reflect": lambda c: F.pad(c(im), (1, 1, 1, 1), mode="reflect"),
        "replicate": lambda c: F.pad(c(im), (1, 1, 1, 1), mode="replicate"), "pad": lambda c: F.pad(c(im), (1, 1)),
        "grid_sample": lambda c: F.grid_sample(c(im), flow, align_corners=False), "trace": lambda c: c(x).trace(),
        "quantile": lambda c: c(x).quantile(0.5), "cdist": lambda c: t.cdist(c(x), c(p)), "fft": lambda c: t.fft.fft(c(x)).abs(),
        "inverse": lambda c: t.inverse(c(spd)), "solve": lambda c: L.solve(c(spd), c(x)), "cholesky": lambda c: L.cholesky(c(spd)),
        "svdvals": lambda c: L.svdvals(c(x)), "qr": lambda c: L.qr(c(x))[1].abs(), "eigvalsh": lambda c: L.eigvalsh(c(spd)),
        "logsumexp": lambda c: c(x).logsumexp(0), "cosine": lambda c: F.cosine_similarity(c(x), c(p)),
        "embedding": lambda c: F.embedding(classes, c(x)),
    }  # fmt: skip


NAMES = sorted(_table(lw))


@pytest.fixture(scope="module")
def both():
    torch = pytest.importorskip("torch")
    return torch, _table(torch), _table(lw)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_and_values_are_pytorchs(both, name, dtype):
    torch, theirs, ours = both
    for cast in ("float32", dtype):
        with torch.autocast("cpu", getattr(torch, dtype)):
            wanted = theirs[name](lambda v: v.to(getattr(torch, cast)))
        with lw.autocast("cpu", getattr(lw, dtype)):
            got = ours[name](lambda v: v.to(getattr(lw, cast)))
        assert str(got.dtype) == str(wanted.dtype), cast
        near = 5e-2 if dtype == "bfloat16" else 1e-2
        if name in ("inverse", "solve"):  # the matrix itself was rounded, and its condition number counts
            near *= 4
        largest = float(wanted.float().abs().max())
        assert float((torch.from_numpy(got.float().numpy()) - wanted.float()).abs().max()) <= near * max(largest, 1e-3)


def _layers(t):
    nn = t.nn
    return {
        "rnn": nn.RNN(4, 4), "lstm": nn.LSTM(4, 4, 2, bidirectional=True), "gru": nn.GRU(4, 4), "rnn_cell": nn.RNNCell(4, 4),
        "gru_cell": nn.GRUCell(4, 4), "attention": nn.MultiheadAttention(4, 2), "encoder": nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "rnn_cell", "gru_cell", "attention", "encoder"])
def test_layers(name):
    torch = pytest.importorskip("torch")
    x = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0))
    x = x[0] if "cell" in name else x
    theirs, ours = _layers(torch)[name], _layers(lw)[name]
    ours.load_state_dict({k: lw.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    results = []
    for t, layer, value in ((torch, theirs, x), (lw, ours, lw.from_numpy(x.numpy()))):
        with t.autocast("cpu", t.bfloat16):
            y = layer(value, value, value) if name == "attention" else layer(value)
        y = y[0] if isinstance(y, tuple) else y
        y.float().sum().backward()
        results.append((str(y.dtype), y.detach().float().numpy(), {k: p.grad for k, p in layer.named_parameters()}))
    (d0, y0, g0), (d1, y1, g1) = results
    assert d0 == d1 and abs(y0 - y1).max() < 0.05
    for k, g in g1.items():
        assert g.dtype is lw.float32
        assert abs(g.numpy() - g0[k].numpy()).max() < 0.05 * max(1.0, abs(g0[k].numpy()).max()), k


def test_products_without_pytorch():
    x = lw.tensor([[1.0, 2.0], [3.0, 4.0]])
    with lw.autocast("cpu"):
        assert (x @ x).dtype is lw.bfloat16 and (x @ x).tolist() == [[7.0, 10.0], [15.0, 22.0]]
        assert (x.double() @ x.double()).dtype is lw.float64
        assert lw.nn.functional.mse_loss(x.bfloat16(), x.bfloat16()).dtype is lw.float32
        assert (x.bfloat16() @ x).dtype is lw.bfloat16
    assert (x @ x).dtype is lw.float32
    with pytest.raises(RuntimeError, match="same dtype"):
        x.bfloat16() @ x


def test_training_keeps_float32_weights_and_follows_float32():
    lw.manual_seed(0)
    net = lw.nn.Sequential(lw.nn.Conv2d(1, 4, 3), lw.nn.BatchNorm2d(4), lw.nn.ReLU(), lw.nn.Flatten(), lw.nn.Linear(144, 3))
    x, y = lw.randn(16, 1, 8, 8), lw.randint(0, 3, (16,))
    optimizer, losses = lw.optim.Adam(net.parameters(), lr=0.01), []
    for _ in range(20):
        with lw.autocast("cpu", lw.bfloat16):
            out = net(x)
            loss = lw.nn.functional.cross_entropy(out, y)
        assert out.dtype is lw.bfloat16 and loss.dtype is lw.float32
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad.dtype is p.dtype is lw.float32 for p in net.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_nested_and_disabled_regions():
    x = lw.ones(2, 2)
    with lw.autocast("cpu"):
        with lw.autocast("cpu", enabled=False):
            assert not lw.is_autocast_enabled("cpu")
            assert (x @ x).dtype is lw.float32
            with lw.autocast("cpu", lw.float16):
                assert (x @ x).dtype is lw.float16
            assert (x @ x).dtype is lw.float32
        assert (x @ x).dtype is lw.bfloat16 and lw.get_autocast_dtype("cpu") is lw.bfloat16
    assert not lw.is_autocast_enabled("cpu")
    with pytest.raises(KeyError), lw.autocast("cpu"):
        raise KeyError
    assert (x @ x).dtype is lw.float32


def test_decorator_and_reentry():
    region = lw.autocast("cpu")

    @region
    def f(n, x):
        """Doc."""
        return x @ x if n == 0 else f(n - 1, x)

    assert f(3, lw.ones(2, 2)).dtype is lw.bfloat16
    assert f.__doc__ == "Doc." and (lw.ones(2, 2) @ lw.ones(2, 2)).dtype is lw.float32


def test_a_weight_is_cast_once_in_a_region_and_anew_after_a_change():
    w = lw.nn.Parameter(lw.ones(2, 2))
    x, casts = lw.ones(1, 2), []
    from lightwell.ops.op import interpose

    def count(rec, call, args):
        casts.extend(a for a in args if rec.name == "to_copy" and a is w)
        return call(*args)

    with interpose(count), lw.autocast("cpu"):
        y = lw.nn.functional.linear(x, w, lw.zeros(2)) + lw.nn.functional.linear(x, w, lw.zeros(2))
        assert len(casts) == 1
        with lw.no_grad():
            lw.nn.functional.linear(x, w, lw.zeros(2))  # without a graph: another cast
            w.mul_(3)
        z = lw.nn.functional.linear(x, w, lw.zeros(2))
    assert y.tolist() == [[4.0, 4.0]] and z.tolist() == [[6.0, 6.0]]
    z.sum().backward()
    assert w.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_other_threads_are_not_touched():
    seen = []
    with lw.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append((lw.ones(2, 2) @ lw.ones(2, 2)).dtype))
        thread.start()
        thread.join()
    assert seen == [lw.float32]


def test_checkpoint_runs_again_as_it_ran():
    w = lw.nn.Parameter(lw.full((2, 2), 1 / 3))
    for reentrant in (False, True):
        dtypes = []

        def part(x, dtypes=dtypes):
            y = x @ w
            dtypes.append(y.dtype)
            return y.relu()

        with lw.autocast("cpu"):
            y = checkpoint(part, lw.ones(2, 2, requires_grad=True), use_reentrant=reentrant)
        y.sum().backward()
        assert dtypes == [lw.bfloat16] * 2 and not lw.is_autocast_enabled("cpu")


def test_what_cannot_be_had():
    with pytest.warns(UserWarning, match="CUDA is not available"):
        region = lw.autocast("cuda")
    with region:
        assert (lw.ones(2, 2) @ lw.ones(2, 2)).dtype is lw.float32 and not lw.is_autocast_enabled()
    with pytest.warns(UserWarning, match="only supports dtypes"):
        lw.autocast("cpu", lw.float64)
    with pytest.raises(ValueError, match="device_type"):
        lw.autocast(3)
    with pytest.raises(RuntimeError, match="Expected one of"):
        lw.autocast("gpu")
    with pytest.raises(RuntimeError, match="unsupported"):
        lw.autocast("meta")
    with pytest.warns(FutureWarning, match=r"torch\.amp\.autocast\('cpu', args...\)"):
        older = lw.cpu.amp.autocast()
    with older:
        assert lw.is_autocast_enabled("cpu")
    with pytest.warns((FutureWarning, UserWarning)):
        lw.cuda.amp.autocast()
    with pytest.warns(DeprecationWarning, match="is_autocast_enabled"):
        assert lw.is_autocast_cpu_enabled() is False


def test_state_functions():
    lw.set_autocast_dtype("cpu", lw.float16)
    try:
        assert lw.get_autocast_dtype("cpu") is lw.float16
        lw.set_autocast_enabled("cpu", True)
        assert (lw.ones(2, 2) @ lw.ones(2, 2)).dtype is lw.float16
    finally:
        lw.set_autocast_enabled("cpu", False)
        lw.set_autocast_dtype("cpu", lw.bfloat16)
    assert lw.is_autocast_cache_enabled() and lw.get_autocast_dtype("cuda") is lw.float16
    assert [lw.amp.is_autocast_available(d) for d in ("cpu", "cuda", "meta")] == [True, True, False]


def test_custom_fwd_and_bwd():
    seen = []

    class Product(lw.autograd.Function):
        @staticmethod
        @lw.amp.custom_fwd(device_type="cpu")
        def forward(ctx, x):
            ctx.save_for_backward(x)
            seen.append(lw.is_autocast_enabled("cpu"))
            return x @ x

        @staticmethod
        @lw.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            seen.append(lw.is_autocast_enabled("cpu"))
            return (g @ ctx.saved_tensors[0]).float()

    class Exact(lw.autograd.Function):
        @staticmethod
        @lw.amp.custom_fwd(device_type="cpu", cast_inputs=lw.float32)
        def forward(ctx, x):
            seen.append((lw.is_autocast_enabled("cpu"), x.dtype))
            return x @ x

        @staticmethod
        @lw.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            seen.append(lw.is_autocast_enabled("cpu"))
            return g

    x = lw.ones(2, 2, requires_grad=True)
    with lw.autocast("cpu"):
        y, z = Product.apply(x), Exact.apply(x.bfloat16())
    assert y.dtype is lw.bfloat16 and z.dtype is lw.float32
    y.sum().backward()
    z.sum().backward()
    assert seen == [True, (False, lw.float32), True, False]
    with pytest.raises(ValueError, match="device_type"):
        lw.amp.custom_fwd(device_type=3)


# ---- GradScaler ---------------------------------------------------------------------------------------------------------


def _setting(t, **options):
    p = t.nn.Parameter(t.ones(2))
    return p, t.optim.SGD([p], lr=0.1), t.amp.GradScaler("cpu", **options)


def _history(t):
    """What a run with good and bad steps does to the parameter and the scale."""
    p, optimizer, scaler = _setting(t, init_scale=8.0, growth_interval=2)
    told = []
    for factor in (1.0, 1.0, float("inf"), 2.0, float("nan"), 1.0, 1.0, 1.0, 1.0):
        optimizer.zero_grad()
        scaler.scale((p * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        told.append((scaler.get_scale(), scaler._get_growth_tracker(), p.detach().tolist()))
    return told, scaler.state_dict()


def test_scaler_grows_and_backs_off():
    told, state = _history(lw)
    assert [s for s, _, _ in told] == [8.0, 16.0, 8.0, 8.0, 4.0, 4.0, 8.0, 8.0, 16.0]
    assert [n for _, n, _ in told] == [1, 0, 0, 1, 0, 1, 0, 1, 0]
    assert told[2][2] == told[1][2] and told[3][2] != told[2][2]
    assert state == {"scale": 16.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2, "_growth_tracker": 0}


def test_scaler_does_what_pytorchs_does():
    torch = pytest.importorskip("torch")
    assert _history(lw) == _history(torch)
    _, _, theirs = _setting(torch, init_scale=32.0, growth_interval=7)
    _, _, ours = _setting(lw)
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict() == theirs.state_dict() and ours.get_growth_interval() == 7


def test_unscale_then_clip_then_step():
    p, optimizer, scaler = _setting(lw, init_scale=1024.0)
    scaler.scale((p * 3).sum()).backward()
    assert p.grad.tolist() == [3072.0, 3072.0]
    scaler.unscale_(optimizer)
    assert p.grad.tolist() == [3.0, 3.0]
    lw.nn.utils.clip_grad_norm_([p], 1.0)
    scaler.step(optimizer)
    assert abs(p[0].item() - (1 - 0.1 / 2**0.5)) < 1e-5
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    scaler.update()
    scaler.scale(p.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(optimizer)


def test_scale_of_lists_and_other_things():
    _, _, scaler = _setting(lw, init_scale=4.0)
    one, (two, three) = scaler.scale([lw.ones(1), (lw.ones(2), lw.ones(1, dtype=lw.float64))])
    assert one.tolist() == [4.0] and two.tolist() == [4.0, 4.0] and three.dtype is lw.float64
    assert [t.item() for t in scaler.scale(iter([lw.ones(())]))] == [4.0]
    with pytest.raises(ValueError, match="Tensor or an iterable"):
        scaler.scale(3)


def test_scaler_refuses():
    _, optimizer, scaler = _setting(lw)
    for call, name in (
        (scaler.update, "update"),
        (lambda: scaler.step(optimizer), "step"),
        (lambda: scaler.unscale_(optimizer), "unscale_"),
    ):
        with pytest.raises(AssertionError, match=f"{name} but _scale is None"):
            call()
    with pytest.raises(AssertionError, match="growth factor"):
        lw.amp.GradScaler("cpu", growth_factor=0.5)
    with pytest.raises(AssertionError, match="backoff factor"):
        lw.amp.GradScaler("cpu", backoff_factor=2.0)
    scaler.scale(lw.ones(1))
    with pytest.raises(AssertionError, match="for this optimizer"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="Closure"):
        scaler.step(optimizer, closure=lambda: None)
    with pytest.raises(AssertionError, match="prior to update"):
        lw.amp.GradScaler("cpu").scale(lw.ones(1)) is None or scaler.update()
    with pytest.raises(RuntimeError, match="empty"):
        scaler.load_state_dict({})
    half = lw.nn.Parameter(lw.ones(1, dtype=lw.float16))
    half.grad = lw.ones(1, dtype=lw.float16)
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(lw.optim.SGD([half], lr=0.1))
    assert half.grad.tolist() == [1.0]


def test_update_to_a_given_scale_and_pickling():
    p, optimizer, scaler = _setting(lw)
    scaler.scale(p.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="pickled"):
        pickle.dumps(scaler)
    scaler.update(128.0)
    assert pickle.loads(pickle.dumps(scaler)).get_scale() == 128.0
    scaler.update(lw.tensor(256.0))
    assert scaler.get_scale() == 256.0
    with pytest.raises(AssertionError, match="1-element"):
        scaler.update(lw.ones(2))


def test_disabled_scaler():
    p, optimizer, _ = _setting(lw)
    with pytest.warns(UserWarning, match="CUDA is not available"):
        cuda = lw.amp.GradScaler()
    for scaler in (cuda, lw.amp.GradScaler("cpu", enabled=False)):
        assert not scaler.is_enabled() and scaler.get_scale() == 1.0 and scaler.state_dict() == {}
        before = p.detach().clone()
        optimizer.zero_grad()
        scaler.scale(p.sum()).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert lw.allclose(p.detach(), before - 0.1)
    with pytest.warns(FutureWarning), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert not lw.cuda.amp.GradScaler().is_enabled()


def test_sparse_gradients_are_unscaled():
    table = lw.nn.Embedding(4, 2, sparse=True)
    optimizer, scaler = lw.optim.SGD(table.parameters(), lr=1.0), lw.amp.GradScaler("cpu", init_scale=16.0)
    before = table.weight.detach().clone()
    scaler.scale(table(lw.tensor([1, 1])).sum()).backward()
    scaler.step(optimizer)
    assert lw.allclose(table.weight.detach()[1], before[1] - 2) and lw.equal(table.weight.detach()[0], before[0])
