"""torch.futures, library, ops, classes, compiler, xpu, overrides, accelerator.device_index, cuda.nccl."""

import threading

import pytest

import lightwell as lw


def test_futures():
    a, b = lw.futures.Future(), lw.futures.Future()
    seen = []
    a.add_done_callback(lambda f: seen.append(f.value()))
    chained = a.then(lambda f: f.value() * 2)
    thread = threading.Thread(target=lambda: (a.set_result(3), b.set_result(4)))
    thread.start()
    assert lw.futures.wait_all([a, b]) == [3, 4] and chained.wait() == 6 and seen == [3] and a.done()
    thread.join()
    with pytest.raises(RuntimeError, match="only be marked completed once"):
        a.set_result(1)
    bad = lw.futures.Future()
    with pytest.raises(RuntimeError, match="isn't there yet"):
        bad.value()
    bad.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        bad.wait()
    with pytest.raises(ValueError, match="no"):
        bad.then(lambda f: f.value()).wait()
    assert lw.futures.collect_all([]).wait() == []


def test_custom_op_with_autograd_and_check():
    @lw.library.custom_op("small_test::cube", mutates_args=())
    def cube(x: lw.Tensor, k: float = 1.0) -> lw.Tensor:
        return lw.from_numpy(k * x.detach().numpy() ** 3)

    def setup(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    cube.register_autograd(lambda ctx, g: (3 * ctx.k * ctx.saved_tensors[0] ** 2 * g, None), setup_context=setup)

    @cube.register_fake
    def _(x, k=1.0):
        return lw.empty_like(x)

    x = lw.tensor([2.0], requires_grad=True)
    lw.ops.small_test.cube(x, k=2.0).sum().backward()
    assert x.grad.item() == 24
    assert set(lw.library.opcheck(cube, (x,)).values()) == {"SUCCESS"}
    with pytest.raises(ValueError, match="namespace::name"):
        lw.library.custom_op("cube", lambda x: x, mutates_args=())


def test_library_and_ops_by_name():
    lib = lw.library.Library("small_lib", "DEF")
    lib.define("plus(Tensor x, int n=2) -> Tensor")
    with pytest.raises(NotImplementedError, match="no implementation"):
        lw.ops.small_lib.plus(lw.ones(1))
    lib.impl("plus", lambda x, n=2: x + n, "CPU")
    assert lw.ops.small_lib.plus(lw.ones(1)).item() == 3
    assert lw.ops.aten.add.Tensor(lw.ones(1), 1).item() == 2 and str(lw.ops.aten.add.Tensor) == "aten.add.Tensor"
    assert lw.ops.aten._softmax(lw.zeros(2), 0, False).tolist() == [0.5, 0.5]
    with pytest.raises(AttributeError, match="nope"):
        lw.ops.aten.nope
    assert not hasattr(lw.ops, "no_such_space")


def test_classes_tell_that_extensions_cannot_be_loaded():
    with pytest.raises(RuntimeError, match=r"C\+\+"):
        lw.classes.load_library("build/libx.so")
    with pytest.raises(RuntimeError, match="does not exist"):
        lw.classes.Space.Thing()


def test_compiler_and_dynamo():
    assert not lw.compiler.is_compiling() and lw.compiler.list_backends() == ["eager", "inductor"]
    lw.compiler.reset()
    lw._dynamo.reset()
    lw._dynamo.config.cache_size_limit = 8
    assert lw.compiler.disable(lambda x: x)(3) == 3 and lw.compiler.set_stance("force_eager")(abs)(-1) == 1
    with pytest.raises(RuntimeError, match="stance"):
        lw.compiler.set_stance("x")


def test_devices_that_are_not_there():
    from lightwell.cuda import nccl

    assert not lw.xpu.is_available() and lw.xpu.device_count() == 0
    with pytest.raises(AssertionError, match="XPU"):
        lw.xpu.current_device()
    with lw.accelerator.device_index(None):
        pass
    with pytest.raises(RuntimeError, match="accelerator"), lw.accelerator.device_index(0):
        pass
    with pytest.warns(UserWarning, match="NCCL"):
        assert not nccl.is_available([])
    with pytest.raises(AttributeError):
        nccl.version()


class Scalar:
    """Stands for a number times a matrix of ones."""

    def __init__(self, value):
        self.value = value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is lw.mean:
            return args[0].value
        return NotImplemented


def test_torch_function_protocol():
    from lightwell import overrides as o

    assert o.is_tensor_like(Scalar(1)) and o.has_torch_function((Scalar(1),)) and not o.has_torch_function((lw.ones(1),))
    assert o.resolve_name(lw.Tensor.size) == "torch.Tensor.size" and o.resolve_name(lw.add) == "torch.add"
    with o.interception():
        assert lw.mean(Scalar(7)) == 7
        with pytest.raises(TypeError, match="no implementation found"):
            lw.add(Scalar(1), 2)
        assert lw.add(lw.ones(1), 2).item() == 3
    assert lw.add(lw.ones(1), 2).item() == 3
    assert o.handle_torch_function(lw.mean, (Scalar(3),), Scalar(3)) == 3
