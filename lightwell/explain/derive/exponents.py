"""frexp: a number taken apart into mantissa and power of two. The exponent is constant between the powers, the mantissa a straight line."""

from .derivation import Derivation
from .programs import Program
from .reader import Reading
from .terms import Term, call

_IDEA = (
    "The exponent stays the same until x crosses a power of two; as long as it does, the mantissa is x times a constant.",
    "在 x 跨过 2 的幂之前，指数不变；在此期间，尾数就是 x 乘以一个常数。",
)


def family(reading: Reading) -> Derivation | None:
    """The derivation of frexp; None for any other operation."""
    if reading.record.name != "frexp" or "x" not in reading.gradients:
        return None
    p, x = Program(reading, _IDEA), reading.symbols["x"]
    both = Term("frexp", (x,))
    e = p.let(
        "exponent", Term("part", (both,), {"nr": 1}), ("the power of two that brings |x| into [1/2, 1)", "使 |x| 落入 [1/2, 1) 的 2 的幂次")
    )
    p.let("mantissa", x * call("exp2", -e), ("what is left of x: x = mantissa·2^exponent", "x 剩下的部分：x = 尾数·2^指数"))
    p.part("x", [p.adjoint("x", ("∂mantissa/∂x = 2^(-exponent), the exponent being constant", "指数为常数，故 ∂尾数/∂x = 2^(-指数)"))])
    return p.derivation
