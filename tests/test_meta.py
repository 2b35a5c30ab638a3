"""The meta device: shapes without numbers, compared with PyTorch where it is installed."""

import copy
import gc
import io
import pickle
import warnings

import pytest

import lightwell
from lightwell import meta, overrides

try:
    import torch
except ImportError:
    torch = None

both = pytest.mark.skipif(torch is None, reason="compares with PyTorch")


def facts(value):
    """What can be known of a result: shapes, strides, dtypes, devices."""
    if hasattr(value, "requires_grad"):
        return tuple(value.shape), tuple(value.stride()), str(value.dtype), value.device.type, value.requires_grad
    if isinstance(value, (list, tuple)):
        return [facts(v) for v in value]
    return value


def outcome(program, library):
    """The facts of a program's result, or the type of what it raises."""
    names = {"torch": library, "nn": library.nn, "F": library.nn.functional}
    names["E"] = lambda *size, **k: library.empty(*size, device="meta", **k)
    names["I"] = lambda *size: library.zeros(*size, dtype=library.int64, device="meta")
    names["c"] = library.ones(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return facts(eval(program, names))
        except Exception as error:
            return next(k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins")


PROGRAMS = """
E(2, 3) + 1
E(2, 3) @ E(3, 4)
E(2, 3).t()
E(2, 3).t().view(6)
E(2, 3).t().contiguous()
E(4, 6)[1:3, ::2]
E(4, 6)[1].storage_offset()
E(1, 3).expand(4, 3)
E(2, 3).data_ptr()
E(2, 3).to(torch.float64)
E(2, 3).half() + E(2, 3)
c.to("meta")
c.t().to("meta")
c.to(E(1))
torch.tensor([1, 2], device="meta")
torch.as_tensor(c, device="meta")
torch.arange(5, device="meta")
torch.eye(3, device="meta")
torch.full((2,), 3, device="meta")
torch.randint(5, (3,), device="meta")
torch.randperm(4, device="meta")
torch.normal(0.0, 1.0, (2,), device="meta")
torch.empty_strided((2, 3), (1, 2), device="meta")
torch.empty(2, 3, 4, 5, device="meta", memory_format=torch.channels_last)
torch.zeros_like(E(2, 3))
torch.ones_like(E(2, 3), device="cpu")
torch.empty_like(c, device="meta")
E(2, 3).new_zeros(3)
c.new_zeros(3, device="meta")
E(2, 3).normal_().uniform_().zero_().fill_(3)
E(2, 3).add_(E(5))
E(2, 3).add_(E(3)).mul_(2)
E(2, 3).unsqueeze_(0)
E(2, 3).resize_(4, 5)
E(2, 3).copy_(c)
c.copy_(E(2, 3))
E(2, 3) + c
c + E(2, 3)
E(2, 3) + torch.tensor(1.0)
c * E(1)
torch.cat([E(2, 3), c])
torch.add(E(2, 3), E(3), out=E(0))
torch.add(E(2, 3), E(3), out=c)
E(1).item()
E(1).numpy()
E(1).tolist()
bool(E(1))
int(E(1))
float(E(1))
list(range(I(1)[0]))
E(1).cpu()
E(1).to("cpu")
E(1).cuda()
E(1).share_memory_()
E(1).pin_memory()
f"{E(1):.2f}"
E(2, 3).nonzero()
E(2, 3)[E(2, 3) > 0]
E(2, 3)[I(2)]
torch.equal(E(1), E(1))
torch.unique(E(3))
torch.where(E(2, 3) > 0)
torch.where(E(2, 3) > 0, E(2, 3), E(3))
F.one_hot(I(3))
F.one_hot(I(3), 5)
I(3) // I(3)
torch.linalg.inv(E(3, 3)).shape
torch.linalg.cholesky(E(3, 3)).shape
torch.multinomial(E(2, 3), 2)
E(2, 3).max(1)
E(2, 3).topk(2)
E(2, 3).type()
nn.Linear(3, 2)(E(2, 3))
nn.Linear(3, 2, device="meta")(c)
nn.Linear(3, 2, device="meta").weight
nn.Linear(3, 2, device="meta").to("cpu")
nn.Linear(3, 2, device="meta").cpu()
nn.Linear(3, 2).to("meta").bias
nn.Linear(3, 2, device="meta").to_empty(device="cpu").weight
nn.Linear(3, 2).load_state_dict(nn.Linear(3, 2, device="meta").state_dict())
nn.LazyLinear(3, device="meta")(E(2, 5))
""".strip().splitlines()


@both
@pytest.mark.parametrize("program", PROGRAMS)
def test_as_pytorch(program):
    assert outcome(program, lightwell) == outcome(program, torch)


MODULES = """
nn.Conv2d(3, 8, 3, stride=2)(E(2, 3, 9, 9))
nn.ConvTranspose2d(3, 8, 3)(E(2, 3, 9, 9))
nn.BatchNorm2d(3)(E(2, 3, 4, 4))
nn.BatchNorm2d(3).eval()(E(2, 3, 4, 4))
nn.InstanceNorm2d(3, track_running_stats=True)(E(2, 3, 4, 4))
nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Dropout(0.5, True), nn.Linear(4, 2), nn.Softmax(-1))(E(5, 3))
nn.LSTM(3, 5, 2, dropout=0.2, bidirectional=True)(E(4, 2, 3))
nn.Embedding(10, 4)(I(2, 3))
nn.MultiheadAttention(8, 2)(E(5, 2, 8), E(5, 2, 8), E(5, 2, 8))[0].shape
nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)(E(5, 2, 8)).shape
nn.CrossEntropyLoss()(E(2, 3), I(2))
nn.MaxPool2d(2)(E(2, 6, 8, 8))
nn.Upsample(scale_factor=2)(E(2, 3, 4, 4))
torch.einsum("ij,jk->ik", E(2, 3), E(3, 4))
[p for p in nn.Transformer(16, 2, 1, 1, 32).parameters()]
nn.init.trunc_normal_(E(3, 4))
nn.init.orthogonal_(E(3, 4))
nn.init.dirac_(E(3, 4, 3))
""".strip().splitlines()


@both
@pytest.mark.parametrize("program", MODULES)
def test_modules_as_pytorch(program):
    found = []
    for library in (lightwell, torch):
        with library.device("meta"):
            found.append(outcome(program, library))
    assert found[0] == found[1]


def test_no_memory_and_no_draws():
    lightwell.manual_seed(0)
    with lightwell.device("meta"):
        x = lightwell.rand(10**6, 10**6)
        net = lightwell.nn.Linear(10**6, 10**6)
    lightwell.nn.init.xavier_normal_(x)
    copies = (x.clone(), x.double(), lightwell.rand_like(x), copy.deepcopy(net), x.t(), x.new_ones(10**6, 10**6), x.detach())
    assert x.nbytes == 4 * 10**12 and x.t().stride() == (1, 10**6) and all(c is not None for c in copies)
    assert sum(p.numel() for p in net.parameters()) == 10**12 + 10**6
    assert lightwell.nn.functional.dropout(lightwell.empty(3, device="meta")).is_meta
    assert lightwell.randn(1).item() == pytest.approx(1.5410, abs=1e-4)  # the first number of seed 0


def test_functions_are_plain_again_when_the_last_one_is_gone():
    gc.collect()
    before, alive = overrides._held, meta._alive
    x = lightwell.empty(3, device="meta")
    y = lightwell.nn.Parameter(x * 2)
    assert meta._alive >= alive + 2 and overrides._held > 0
    del x, y
    gc.collect()
    assert meta._alive == alive and overrides._held == before


def test_parameters():
    p = lightwell.nn.Linear(3, 2, device="meta").weight
    assert isinstance(p, lightwell.nn.Parameter) and isinstance(p, lightwell.Tensor) and p.requires_grad and p.is_meta and not p.is_cpu
    assert repr(p) == "Parameter containing:\ntensor(..., device='meta', size=(2, 3), requires_grad=True)"
    with pytest.raises(RuntimeError, match="incompatible tensor type"):
        p.data = lightwell.ones(2, 3)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        p.fill_(1)
    fresh = copy.deepcopy(p)
    assert isinstance(fresh, lightwell.nn.Parameter) and fresh.is_meta and fresh is not p


def test_a_model_gets_its_memory():
    with lightwell.device("meta"):
        net = lightwell.nn.Sequential(lightwell.nn.Linear(3, 4), lightwell.nn.BatchNorm1d(4))
    with pytest.raises(NotImplementedError, match="to_empty"):
        net.to("cpu")
    net.to_empty(device="cpu")
    for layer in net:
        layer.reset_parameters()
    assert net[1].running_var.tolist() == [1.0] * 4 and net(lightwell.ones(2, 3)).shape == (2, 4)
    assert all(type(p) is lightwell.nn.Parameter and p.requires_grad for p in net.parameters())


def test_load_state_dict():
    net, other = lightwell.nn.Linear(3, 2, device="meta"), lightwell.nn.Linear(3, 2)
    with pytest.warns(UserWarning, match="assign=True"):
        net.load_state_dict(other.state_dict())
    assert net.weight.is_meta
    net.load_state_dict(other.state_dict(), assign=True)
    assert lightwell.equal(net.weight, other.weight) and net.weight.requires_grad and not net.weight.is_meta


def test_backward_and_steps():
    with lightwell.device("meta"):
        net = lightwell.nn.Linear(3, 2)
        for _ in range(2):
            net(lightwell.empty(5, 3)).sum().backward()
            assert net.bias.grad.is_meta
        for rule in (lightwell.optim.SGD, lightwell.optim.Adam, lightwell.optim.AdamW):
            optimizer = rule(net.parameters(), lr=0.1)
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
        (g,) = lightwell.autograd.grad(net(lightwell.empty(5, 3)).sum(), net.weight)
    assert net.weight.grad.is_meta and net.weight.grad.shape == (2, 3) and g.is_meta and net.weight.is_meta


def test_files():
    net, c = lightwell.nn.Linear(2, 2, device="meta"), lightwell.ones(2, 3)
    file = io.BytesIO()
    lightwell.save({"net": net.state_dict(), "t": c.t().to("meta"), "p": net.weight, "c": c}, file)
    file.seek(0)
    found = lightwell.load(file)
    assert found["net"]["weight"].is_meta and found["t"].stride() == (1, 3) and not found["c"].is_meta
    assert isinstance(found["p"], lightwell.nn.Parameter) and found["p"].is_meta
    file.seek(0)
    assert lightwell.load(file, map_location="meta")["c"].is_meta
    assert pickle.loads(pickle.dumps(c.to("meta"))).shape == (2, 3)


@both
def test_files_between_the_two():
    file = io.BytesIO()
    torch.save({"t": torch.empty(2, 3, device="meta")}, file)
    file.seek(0)
    assert facts(lightwell.load(file)["t"]) == ((2, 3), (3, 1), "torch.float32", "meta", False)
    file = io.BytesIO()
    lightwell.save({"t": lightwell.empty(2, 3, device="meta")}, file)
    file.seek(0)
    assert torch.load(file)["t"].is_meta


def test_printing():
    m = lightwell.empty(2, 3, device="meta", dtype=lightwell.int64)
    assert repr(m) == str(m) == f"{m}" == "tensor(..., device='meta', size=(2, 3), dtype=torch.int64)"
    assert repr(m.untyped_storage()) == "...\n[torch.storage.UntypedStorage(device=meta) of size 48]"


def test_a_default_device():
    lightwell.set_default_device("meta")
    try:
        assert lightwell.ones(2).is_meta and lightwell.nn.Linear(2, 2).weight.is_meta
    finally:
        lightwell.set_default_device(None)
    assert not lightwell.ones(2).is_meta


def test_sharded_on_the_meta_device():
    import lightwell.distributed as dist

    dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    try:
        with lightwell.device("meta"):
            net = lightwell.nn.Linear(4, 4)
        dist.fsdp.fully_shard(net)
        assert net.weight.is_meta and net.weight.device.type == "meta"
        net.to_empty(device="cpu")
        net.reset_parameters()
        assert not net.weight.is_meta
        before = net.weight.full_tensor().clone()
        net(lightwell.ones(2, 4)).sum().backward()
        lightwell.optim.SGD(net.parameters(), lr=0.1).step()
        assert not lightwell.equal(before, net.weight.full_tensor())
    finally:
        dist.destroy_process_group()
