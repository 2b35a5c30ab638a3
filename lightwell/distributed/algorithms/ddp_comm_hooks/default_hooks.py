"""Communication hooks `hook(state, bucket) -> Future[Tensor]` for `DistributedDataParallel.register_comm_hook`."""

from functools import wraps

from ...collectives import all_reduce
from ...process_group import found


def allreduce_hook(process_group, bucket):
    """The average over the ranks: what happens without a hook."""
    group = found(process_group)
    row = bucket.buffer().div_(group.size())
    return all_reduce(row, group=group, async_op=True).get_future().then(lambda done: done.value()[0])


def _compressed(dtype, process_group, bucket):
    """The average, the gradients travelling as `dtype`."""
    group = found(process_group)
    row = bucket.buffer()
    small = row.to(dtype).div_(group.size())

    def restored(done):
        row.copy_(done.value()[0])
        return row

    return all_reduce(small, group=group, async_op=True).get_future().then(restored)


def fp16_compress_hook(process_group, bucket):
    """The average, the gradients travelling as float16."""
    import lightwell as lw

    return _compressed(lw.float16, process_group, bucket)


def bf16_compress_hook(process_group, bucket):
    """The average, the gradients travelling as bfloat16."""
    import lightwell as lw

    return _compressed(lw.bfloat16, process_group, bucket)


def _wrapped(hook, dtype_name):
    @wraps(hook)
    def smaller(state, bucket):
        import lightwell as lw

        whole = bucket.buffer()
        bucket.set_buffer(whole.to(getattr(lw, dtype_name)))

        def restored(done):
            value = done.value()
            whole.copy_(value[0] if isinstance(value, (list, tuple)) else value)
            return whole

        return hook(state, bucket).then(restored)

    return smaller


def fp16_compress_wrapper(hook):
    """`hook`, on gradients turned to float16 before and back after."""
    return _wrapped(hook, "float16")


def bf16_compress_wrapper(hook):
    """`hook`, on gradients turned to bfloat16 before and back after."""
    return _wrapped(hook, "bfloat16")
