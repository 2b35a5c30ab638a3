"""What the processor can do."""


def get_cpu_capability() -> str:
    """The widest vector instructions that NumPy found: "AVX512", "AVX2", "NEON" or "DEFAULT"."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    for name, shown in (("AVX512F", "AVX512"), ("AVX2", "AVX2"), ("NEON", "NEON")):
        if features.get(name):
            return shown
    return "DEFAULT"
