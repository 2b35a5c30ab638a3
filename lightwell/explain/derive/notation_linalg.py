"""The shapes of the words of linear algebra, of Fourier transforms and of places: inverses, diag, ⌊a/b⌋, rows and columns."""

from .notation import ATOM, POWER, PRODUCT, Box, argument, layout, number, softly, within
from .terms import Term


def _raised(by: Box):
    """The argument with something above it: x⁻¹."""
    return lambda t, names: Box("sup", within(layout(t.args[0], names), ATOM), by, level=POWER)


def _named(head: str):
    """A function of its arrays alone."""

    def build(t, names):
        boxes = tuple(b for b in (argument(a, names) for a in t.args) if b is not None)
        return Box("apply", Box("roman", head), boxes)

    return build


def _solved(t, names):
    """a⁻¹·b."""
    a = Box("sup", within(layout(t.args[0], names), ATOM), Box("prefix", "-", Box("number", "1")), level=POWER)
    return Box("infix", a, "", within(layout(t.args[1], names), POWER), level=PRODUCT)


def _floor(t, names):
    """⌊a/b⌋."""
    a, b = (layout(v, names) for v in t.args[:2])
    return Box("fence", "⌊", Box("frac", softly(a, PRODUCT), softly(b, POWER), level=PRODUCT), "⌋")


def _transform(forward: str, back: str):
    """A Fourier transform along dimensions."""

    def build(t, names):
        axes = t.params.get("axes", t.params.get("axis"))
        head = Box("roman", back if t.params.get("inverse") else forward)
        below = Box("text", "dim " + ", ".join(map(str, axes if isinstance(axes, (tuple, list)) else (axes,))))
        return Box("apply", Box("sub", head, below), (layout(t.args[0], names),))

    return build


def _placed(t, names):
    """Zeros with v at the places that an index says."""
    index, v = t.args[:2] if t.args[0].word == "symbol" and _whole(t.args[0]) else t.args[1::-1]
    return Box("apply", Box("sub", Box("roman", "place"), Box("list", (layout(index, names),))), (layout(v, names),))


def _whole(t: Term) -> bool:
    return getattr(getattr(t.value, "dtype", None), "kind", "f") in "iu"


def _places_of_maxima(t, names):
    kernel = t.params.get("kernel")
    head = Box("roman", "argmax")
    size = kernel if isinstance(kernel, (tuple, list)) else (kernel,)
    return Box("apply", Box("sub", head, Box("text", "×".join(map(str, size)))), (layout(t.args[0], names),))


MORE = {
    "linalg.inv": _raised(Box("prefix", "-", Box("number", "1"))), "linalg.pinv": _raised(Box("text", "+")), "linalg.solve": _solved,
    "linalg.solve_triangular": _solved, "linalg.diagonal": _named("diag"), "linalg.cofactor": _named("cof"), "linalg.det": _named("det"),
    "linalg.matrix_exp": _named("exp"), "linalg.cholesky": _named("chol"), "linalg.slogdet": _named("slogdet"), "linalg.qr": _named("qr"),
    "linalg.svd": _named("svd"), "linalg.svdvals": _named("svdvals"), "linalg.eigh": _named("eigh"), "linalg.eig": _named("eig"),
    "linalg.eigvals": _named("eigvals"), "linalg.eigvalsh": _named("eigvalsh"), "linalg.lu_factor": _named("lu"),
    "linalg.permutation_matrix": _named("P"), "fft.c2c": _transform("fft", "ifft"), "fft.r2c": _transform("rfft", "rfft"),
    "fft.c2r": _transform("irfft", "irfft"), "floor_divide": _floor, "put_along_axis": _placed, "max_pool_indices": _places_of_maxima,
    "fft.weigh": lambda t, names: Box("apply", Box("sub", Box("roman", "weigh"), number(t.params.get("factor"))), (layout(t.args[0], names),)),
}  # fmt: skip
