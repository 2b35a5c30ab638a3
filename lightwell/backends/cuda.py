"""CUDA's switches: kept as they are set, without effect on the CPU."""


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True


matmul = _Matmul()


def is_built() -> bool:
    """Whether this build knows CUDA: False."""
    return False
