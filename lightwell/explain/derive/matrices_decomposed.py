"""Decompositions by differentials: Cholesky, QR, LU, eigenvalues, singular values.

All go the same way: differentiate the product, bring the factors to the other side, and split what comes out by its
structure: a triangle plus its transpose, something antisymmetric plus something triangular, a diagonal plus the rest.
"""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import Lazy
from .differentials import Direction, Pull, identity, known, product, value_of
from .indexed import gradient
from .indexed_calculus import Letters
from .matrices import WHY, back, complex_in, derivation, product_of, tells
from .reader import Reading
from .terms import Term, call, symbol

SPLIT = {
    "cholesky": (
        "{l}⁻¹·d{l} is lower triangular, and this is it plus its transpose: Φ keeps the lower triangle and half the diagonal",
        "{l}⁻¹·d{l} 是下三角的，而这里是它与其转置之和：Φ 取下三角部分，对角线取一半",
    ),
    "lu": (
        "l⁻¹·dl is strictly lower triangular and du·u⁻¹ upper triangular: each takes its own triangle",
        "l⁻¹·dl 是严格下三角，du·u⁻¹ 是上三角：各取自己的那一部分",
    ),
    "qr": (
        "qᵀ·dq is antisymmetric (from qᵀ·q = I) and dr·r⁻¹ upper triangular: below the diagonal stands only the first",
        "由 qᵀ·q = I 知 qᵀ·dq 反对称，而 dr·r⁻¹ 是上三角：对角线以下只有前者",
    ),
}  # fmt: skip


def hermitian(t: Term) -> Term:
    """tᵀ, conjugated for complex numbers."""
    turned = known(call("matrix_transpose", t))
    return known(call("conj", turned)) if value_of(t).dtype.kind == "c" else turned


def _turned(t: Term, complex_: bool) -> Term:
    """The same of a term with a change in it."""
    made = call("matrix_transpose", t)
    return call("conj", made) if complex_ else made


# ---- triangular factors ------------------------------------------------------------------------------------------------


@tells("linalg_cholesky")
def _cholesky(reading: Reading) -> Derivation:
    a, y = reading.inputs["a"], reading.symbols["y"]
    complex_ = a.value.dtype.kind == "c"
    upper = bool(reading.params["upper"])
    n = a.value.shape[-1]
    along = Direction(reading, "a", symmetric=True)
    da, dy = along.change, along.of("y")
    low = hermitian(y) if upper else y  # L
    lowh = y if upper else hermitian(y)
    inverse = known(Term("linalg.inv", (low,)))
    phi = symbol("Φ", np.tril(np.ones((n, n))) - np.eye(n) / 2)
    middle = product_of(inverse, product_of(da, hermitian(inverse)))
    dl = _turned(dy, complex_) if upper else dy
    left = known(product_of(inverse, dl))
    change = product_of(low, phi * middle)
    whole = _turned(change, complex_) if upper else change
    name = "yᵀ" if upper else "y"
    definition = [
        Line(
            product(low, lowh),
            a,
            (f"the defining equation, with {name} lower triangular", f"定义方程，其中 {name} 为下三角"),
            checked=a.value,
        )
    ]
    if n <= 4:
        definition.append(
            Line(phi, _written(phi.value), ("Φ, by which elements are multiplied below", "下面按元素相乘用到的 Φ"), checked=phi.value)
        )
    lines = [
        Line(product_of(dl, lowh) + product_of(low, _turned(dl, complex_)), da, WHY["equation"], checked=along.v),
        Line(
            left + _turned(left, complex_),
            middle,
            (f"multiply by {name}⁻¹ from the left and by its transpose from the right", f"左乘 {name}⁻¹，右乘其转置"),
            checked=value_of(middle),
        ),
        Line(left, phi * middle, tuple(text.format(l=name) for text in SPLIT["cholesky"]), checked=value_of(phi * middle)),
        Line(dy, whole, (f"multiply by {name} again", f"再左乘 {name}"), checked=dy.value),
        *back(reading, "a", along, {"y": whole}, symmetric=True),
    ]
    idea = (
        "A symmetric matrix is half a matrix, and so is its triangular factor: differentiate a = l·lᵀ, and the lower half says everything.",
        "对称矩阵只有一半是独立的，三角因子也是：对 a = l·lᵀ 求微分，下半部分就说明了一切。",
    )
    return derivation(reading, idea, definition, [Part("a", lines)], phi)


def _written(a: np.ndarray) -> Term:
    return Term("number", (), {"number": tuple(tuple(float(v) for v in row) for row in a)})


@tells("linalg_lu_factor")
def _lu(reading: Reading) -> Derivation:
    a, lu = reading.inputs["a"], reading.symbols["lu"]
    m, n = a.value.shape[-2:]
    k = min(m, n)
    perm = np.asarray(value_of(Term("linalg.permutation_matrix", (reading.symbols["pivots"],), {"m": m, "dtype": a.value.dtype})))
    p = symbol("P", np.swapaxes(perm, -1, -2))
    eye = np.eye(m, k)
    low = symbol("l", np.tril(lu.value, -1)[..., :, :k] + eye)
    up = symbol("u", np.triu(lu.value)[..., :k, :])
    definition = [
        Line(low, Term("getitem", (Term("tril", (lu,), {"k": -1}),), {"key": (Ellipsis, slice(None, k))}) + symbol("I", eye), ("l stands below the diagonal of lu, with ones on it", "l 存放在 lu 的对角线以下，对角线上为 1"), checked=low.value),
        Line(up, Term("getitem", (call("triu", lu),), {"key": (Ellipsis, slice(None, k), slice(None))}), ("u on and above it", "u 存放在对角线及其上方"), checked=up.value),
        Line(product_of(low, up), product_of(p, a), ("the defining equation; P exchanges rows as the pivots say", "定义方程；P 按主元交换行"), checked=p.value @ a.value),
    ]  # fmt: skip
    idea = (
        "P·a = l·u: bring both factors to the other side, and the two triangles separate.",
        "P·a = l·u：把两个因子移到另一边，两个三角部分就分开了。",
    )
    along = Direction(reading, "a")
    pda = product_of(p, along.change)
    head = (Ellipsis, slice(None, k), slice(None, k))
    square = lambda t: t if m == n else Term("getitem", (t,), {"key": head})
    l1, u1 = (symbol("l", low.value[head]), symbol("u", up.value[head])) if m != n else (low, up)
    if m > n:  # the letters mean the square parts below
        low.params["name"], l1.params["name"] = "l_all", "l"
    if n > m:
        up.params["name"], u1.params["name"] = "u_all", "u"
    dlu = square(along.of("lu"))
    inverse_l, inverse_u = known(Term("linalg.inv", (l1,))), known(Term("linalg.inv", (u1,)))
    middle = product_of(inverse_l, product_of(square(pda), inverse_u))
    dl, du = product_of(l1, Term("tril", (middle,), {"k": -1})), product_of(call("triu", middle), u1)
    strict, upper = Term("tril", (dlu,), {"k": -1}), call("triu", dlu)
    where = "" if m == n else " (the square part)"
    wo = "" if m == n else "（方阵部分）"
    lines = [
        Line(product_of(strict, u1) + product_of(l1, upper), square(pda), ("differentiate: dl is the strictly lower part of dlu, du the upper part; P stays" + where, "求微分：dl 是 dlu 的严格下三角部分，du 是上三角部分；P 不变" + wo), checked=value_of(square(pda))),
        Line(product_of(inverse_l, strict) + product_of(upper, inverse_u), middle, ("multiply by l⁻¹ from the left and u⁻¹ from the right", "左乘 l⁻¹，右乘 u⁻¹"), checked=value_of(middle)),
        Line(dlu, dl + du, SPLIT["lu"], checked=Lazy(lambda: np.asarray(along.of("lu").value)[head])),
    ]  # fmt: skip
    change = dl + du
    pad = lambda e, key: e if m == n else Term("index_add", (e,), {"shape": lu.value.shape, "key": key})
    if m != n:
        key = (Ellipsis, slice(None), slice(k, None)) if n > m else (Ellipsis, slice(k, None), slice(None))
        other = Term("getitem", (pda,), {"key": key})
        beyond = Term("getitem", (lu,), {"key": key})
        if n > m:
            rest = product_of(inverse_l, other - product_of(dl, beyond))
            reason = ("the columns beyond it: P·da₂ = dl·u₂ + l·du₂", "其余的列：P·da₂ = dl·u₂ + l·du₂")
        else:
            rest = product_of(other - product_of(beyond, du), inverse_u)
            reason = ("the rows beyond it: P·da₂ = dl₂·u + l₂·du", "其余的行：P·da₂ = dl₂·u + l₂·du")
        lines.append(
            Line(
                Term("getitem", (along.of("lu"),), {"key": key}), rest, reason, checked=Lazy(lambda: np.asarray(along.of("lu").value)[key])
            )
        )
        change = pad(dl + du, head) + pad(rest, key)
    lines += back(reading, "a", along, {"lu": change})
    return derivation(reading, idea, definition, [Part("a", lines)], p, low, up, l1, u1)


@tells("linalg_qr")
def _qr(reading: Reading) -> Derivation:
    a, q, r = reading.inputs["a"], reading.symbols["q"], reading.symbols["r"]
    complex_ = a.value.dtype.kind == "c"
    m, n = a.value.shape[-2:]
    k = q.value.shape[-1]
    one = identity(k)
    definition = [
        Line(product_of(q, r), a, WHY["defined"], checked=a.value),
        Line(product_of(hermitian(q), q), one if a.value.ndim == 2 else Term("broadcast_to", (one,), {"shape": (*a.value.shape[:-2], k, k)}), ("the columns of q are orthonormal", "q 的各列标准正交"), checked=np.broadcast_to(one.value, (*a.value.shape[:-2], k, k))),
    ]  # fmt: skip
    idea = (
        "From a = q·r and qᵀ·q = I: qᵀ·dq is antisymmetric and dr·r⁻¹ upper triangular, which tells them apart.",
        "由 a = q·r 与 qᵀ·q = I：qᵀ·dq 反对称，dr·r⁻¹ 上三角，据此可以把两者分开。",
    )
    along = Direction(reading, "a")
    da, dq, dr = along.change, along.of("q"), along.of("r")
    wide = n > m
    square = Term("getitem", (r,), {"key": (Ellipsis, slice(None, m))}) if wide else r
    dx = Term("getitem", (da,), {"key": (Ellipsis, slice(None, m))}) if wide else da
    inverse = known(Term("linalg.inv", (known(square),)))
    c = product_of(hermitian(q), product_of(dx, inverse))
    below = Term("tril", (c,), {"k": -1})
    omega = below - _turned(below, complex_)
    if complex_:  # the diagonal of r stays real: what of c's diagonal isn't real belongs to qᴴ·dq
        on = one * c
        omega = omega + (on - call("conj", on)) / 2
    dr_square = product_of(c - omega, square)
    dq_made = product_of(dx - product_of(q, dr_square), inverse)
    changes = {"q": dq_made, "r": dr_square}
    lines = [
        Line(product_of(dq, r) + product_of(q, dr), da, WHY["equation"], checked=along.v),
        Line(product_of(hermitian(q), dq), omega, SPLIT["qr"], checked=value_of(omega)),
    ]
    if wide:
        beyond = (Ellipsis, slice(m, None))
        dv = product_of(_turned(dq_made, complex_), Term("getitem", (a,), {"key": beyond})) + product_of(
            hermitian(q), Term("getitem", (da,), {"key": beyond})
        )
        lines.append(
            Line(dq, dq_made, ("from the first square part of a; dr likewise", "由 a 前面的方阵部分得到；dr 同理"), checked=dq.value)
        )
        lines.append(
            Line(
                Term("getitem", (dr,), {"key": beyond}),
                dv,
                ("the columns beyond it: r₂ = qᵀ·a₂", "其余的列：r₂ = qᵀ·a₂"),
                checked=np.asarray(dr.value)[beyond],
            )
        )
        pad = lambda e, key: Term("index_add", (e,), {"shape": r.value.shape, "key": key})
        changes["r"] = pad(dr_square, (Ellipsis, slice(None, m))) + pad(dv, beyond)
        lines.append(Line(dr, changes["r"], ("both parts side by side", "两部分并排"), checked=dr.value))
    else:
        lines.append(Line(dr, dr_square, ("what is left is dr·r⁻¹", "剩下的就是 dr·r⁻¹"), checked=dr.value))
        lines.append(Line(dq, dq_made, ("from da = dq·r + q·dr", "由 da = dq·r + q·dr"), checked=dq.value))
    lines += back(reading, "a", along, changes)
    return derivation(reading, idea, definition, [Part("a", lines)], one)


# ---- eigenvalues and singular values ------------------------------------------------------------------------------------


def _phases(v: np.ndarray, inverse: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The eigenvectors with signs (phases) turned such that (inverse·moved) has a positive diagonal."""
    d = np.einsum("...ij,...ji->...i", inverse, moved)
    return moved * (np.conj(d) / np.abs(d))[..., None, :]


def _gaps(reading: Reading, w: Term) -> Term:
    """F_ij = 1/(w_j - w_i), 0 on the diagonal."""
    gap = w.value[..., None, :] - w.value[..., :, None]
    same = np.eye(w.value.shape[-1], dtype=bool)
    return symbol("F", np.where(same, 0, 1 / np.where(same, 1, gap)))


def _gap_line(f: Term, w: Term, squared: bool = False) -> Line:
    """F, element by element."""
    letters = Letters()
    *lane, i, j = (letters.fresh(n, name) for n, name in zip(f.value.shape, [*(["nmop"] * (f.value.ndim - 2)), "i", "j"]))
    at = lambda k: call("square", Term("at", (w, *lane, k))) if squared else Term("at", (w, *lane, k))
    same = Term("delta", (i, j))
    reason = ("one over the gaps, 0 on the diagonal", "各间隔的倒数，对角元为 0")
    return Line(Term("at", (f, *lane, i, j)), (1 - same) / (at(j) - at(i) + same), reason, checked=f.value)


@tells("linalg_eigh")
def _eigh(reading: Reading) -> Derivation:
    a, w, v = reading.inputs["a"], reading.symbols["w"], reading.symbols["v"]
    complex_ = a.value.dtype.kind == "c"
    vh_value = np.conj(np.swapaxes(v.value, -1, -2))
    along = Direction(reading, "a", symmetric=True, align=lambda here, there: [there[0], _phases(here[1], vh_value, there[1])])
    f = _gaps(reading, w)
    vh = hermitian(v)
    middle = product_of(vh, product_of(along.change, v))
    dw, dv = along.of("w"), along.of("v")
    diagonal = Term("linalg.diagonal", (middle,))
    changes = {"w": call("real", diagonal) if complex_ else diagonal, "v": product_of(v, f * middle)}
    wide = Term("expand_dims", (w,), {"axis": -2})
    scaled = lambda t, by: t * Term("expand_dims", (by,), {"axis": -2})
    zero = np.zeros(a.value.shape)
    reads = "L" if reading.params.get("uplo", "L") == "L" else "U"
    side = ("lower", "下") if reads == "L" else ("upper", "上")
    definition = [
        Line(product_of(a, v), v * wide, (f"each column of v is an eigenvector (of a, symmetric: its {side[0]} triangle is read)", f"v 的每一列是特征向量（a 对称，读取其{side[1]}三角）"), checked=v.value * w.value[..., None, :]),
        _gap_line(f, w),
    ]  # fmt: skip
    symmetric = np.allclose(a.value, np.conj(np.swapaxes(a.value, -1, -2)))
    if not symmetric:
        definition = definition[1:]
    lines = []
    if symmetric:
        lines.append(
            Line(
                product_of(along.change, v) + product_of(a, dv) - scaled(v, dw) - scaled(dv, w),
                call("zeros_like", v),
                WHY["equation"],
                checked=zero,
            )
        )
    lines += [
        Line(dw, changes["w"], ("multiply by vᵀ: with vᵀ·dv antisymmetric (from vᵀ·v = I), the diagonal says dw", "左乘 vᵀ：由 vᵀ·v = I 知 vᵀ·dv 反对称，对角线给出 dw"), checked=dw.value),
        Line(dv, changes["v"], ("and off the diagonal (vᵀ·dv)_ij·(w_j - w_i) = (vᵀ·da·v)_ij; near-equal eigenvalues make it large", "非对角元给出 (vᵀ·dv)_ij·(w_j - w_i) = (vᵀ·da·v)_ij；特征值接近时它会很大"), checked=dv.value),
        *back(reading, "a", along, changes),
    ]  # fmt: skip
    idea = (
        "In the basis of the eigenvectors, a change of the matrix splits: its diagonal moves the eigenvalues, the rest turns the eigenvectors.",
        "在特征向量构成的基下，矩阵的变化一分为二：对角线部分改变特征值，其余部分转动特征向量。",
    )
    return derivation(reading, idea, definition, [Part("a", lines)], f, identity(a.value.shape[-1]))


@tells("linalg_eig")
def _eig(reading: Reading) -> Derivation:
    a, w, v = reading.inputs["a"], reading.symbols["w"], reading.symbols["v"]
    inverse = known(Term("linalg.inv", (v,)))
    along = Direction(reading, "a", align=lambda here, there: _matched(here, there, inverse.value))
    f = _gaps(reading, w)
    middle = product_of(inverse, product_of(along.change, v))
    dw, dv = along.of("w"), along.of("v")
    omega = f * middle
    lengths = call("real", Term("linalg.diagonal", (product_of(known(product_of(hermitian(v), v)), omega),)))
    changes = {"w": Term("linalg.diagonal", (middle,)), "v": product_of(v, omega) - v * Term("expand_dims", (lengths,), {"axis": -2})}
    definition = [
        Line(product_of(a, v), v * Term("expand_dims", (w,), {"axis": -2}), ("each column of v is an eigenvector, of length 1", "v 的每一列是长度为 1 的特征向量"), checked=v.value * w.value[..., None, :]),
        _gap_line(f, w),
    ]  # fmt: skip
    lines = [
        Line(dw, changes["w"], ("differentiate a·v = v·diag(w) and multiply by v⁻¹: the diagonal says dw", "对 a·v = v·diag(w) 求微分并左乘 v⁻¹：对角线给出 dw"), checked=dw.value),
        Line(dv, changes["v"], ("off the diagonal v⁻¹·dv = F⊙(v⁻¹·da·v); what would change a column's length is taken away again", "非对角元给出 v⁻¹·dv = F⊙(v⁻¹·da·v)；再减去会改变列长度的部分"), checked=dv.value),
    ]  # fmt: skip
    value, _ = gradient(reading, "a")
    found = back(reading, "a", along, changes)
    if a.value.dtype.kind != "c":  # a real matrix: of a complex gradient only the real part counts
        g = symbol("ga", value)
        found[-2] = Line(
            g,
            call("real", found[-2].right),
            ("it holds for every real change: the real part is the gradient", "它对任意实的变化都成立：实部就是梯度"),
            checked=value,
        )
    lines += found
    idea = (
        "As for symmetric matrices, with v⁻¹ in the place of vᵀ; and the columns keep their length.",
        "与对称矩阵类似，只是用 v⁻¹ 代替 vᵀ；并且各列长度保持不变。",
    )
    return derivation(reading, idea, definition, [Part("a", lines)], f, identity(a.value.shape[-1]))


def _matched(here: list, there: list, inverse: np.ndarray) -> list:
    """Eigenvalues in the order of `here`, eigenvectors with its phases."""
    w, v = there
    order = np.abs(here[0][..., :, None] - w[..., None, :]).argmin(-1)
    w, v = np.take_along_axis(w, order, -1), np.take_along_axis(v, order[..., None, :], -1)
    return [w, _phases(here[1], inverse, v)]


@tells("linalg_svd")
def _svd(reading: Reading) -> Derivation:
    x, s = reading.inputs["x"], reading.symbols["s"]
    k = s.value.shape[-1]
    m, n = x.value.shape[-2:]
    u, vh = symbol("U", reading.symbols["u"].value[..., :, :k]), symbol("W", reading.symbols["vh"].value[..., :k, :])
    part_u, part_v = {"key": (Ellipsis, slice(None, k))}, {"key": (Ellipsis, slice(None, k), slice(None))}
    row = lambda t: Term("expand_dims", (t,), {"axis": -2})
    column = lambda t: Term("expand_dims", (t,), {"axis": -1})
    definition = [
        Line(u, Term("getitem", (reading.symbols["u"],), part_u), (f"the first {k} columns of u", f"u 的前 {k} 列"), checked=u.value),
        Line(vh, Term("getitem", (reading.symbols["vh"],), part_v), (f"the first {k} rows of vh", f"vh 的前 {k} 行"), checked=vh.value),
        Line(x, product_of(u * row(s), vh), WHY["defined"], checked=x.value),
    ]
    idea = (
        "In the bases of the singular vectors, a change of the matrix splits: its diagonal moves the singular values, the rest turns the vectors.",
        "在奇异向量构成的基下，矩阵的变化一分为二：对角线部分改变奇异值，其余部分转动奇异向量。",
    )
    complex_ = x.value.dtype.kind == "c"
    along = Direction(reading, "x", align=lambda here, there: _signed(here, there, k))
    dx, ds = along.change, along.of("s")
    gap = (s.value**2)[..., None, :] - (s.value**2)[..., :, None]
    same = np.eye(k, dtype=bool)
    f = symbol("F", np.where(same, 0, 1 / np.where(same, 1, gap)))
    definition.append(_gap_line(f, s, squared=True))
    uh, v = hermitian(u), hermitian(vh)
    middle = product_of(uh, product_of(dx, v))
    turned = _turned(middle, complex_)
    du = product_of(u, f * (middle * row(s) + column(s) * turned))
    dv = product_of(v, f * (column(s) * middle + turned * row(s)))
    one = identity(k)
    if complex_:  # u and v may turn together by a phase; what turns one against the other is put into u
        on = one * middle
        du = du + product_of(u, (on - call("conj", on)) / 2) * row(call("reciprocal", s))
    if m > k:
        rest = known(symbol("I", np.eye(m)) - product_of(u, uh))
        du = du + product_of(rest, product_of(dx, v)) * row(call("reciprocal", s))
    if n > k:
        rest = known(symbol("I", np.eye(n)) - product_of(v, vh))
        dv = dv + product_of(rest, product_of(_turned(dx, complex_), u)) * row(call("reciprocal", s))
    dvh = _turned(dv, complex_)
    diagonal = Term("linalg.diagonal", (middle,))
    changes = {"s": call("real", diagonal) if complex_ else diagonal}
    thin = {"u": du, "vh": dvh}
    for name, key in (("u", part_u), ("vh", part_v)):
        whole = reading.symbols[name].value.shape
        changes[name] = (
            thin[name] if whole == value_of(thin[name]).shape else Term("index_add", (thin[name],), {"shape": whole, "key": key["key"]})
        )
    first = lambda o, key: along.of(o) if changes[o] is thin[o] else Term("getitem", (along.of(o),), key)
    lines = [
        Line(ds, changes["s"], ("Uᵀ·dx·V = Ω·S + dS - S·Ψ with Ω = Uᵀ·dU and Ψ = Vᵀ·dV antisymmetric: on the diagonal only dS", "Uᵀ·dx·V = Ω·S + dS - S·Ψ，其中 Ω = Uᵀ·dU 与 Ψ = Vᵀ·dV 反对称：对角线上只有 dS"), checked=ds.value),
        Line(first("u", part_u), du, ("off the diagonal two equations for Ω and Ψ; dU may also leave the span of U" if m > k else "off the diagonal two equations for Ω and Ψ", "非对角元给出关于 Ω、Ψ 的两个方程；dU 还可能离开 U 张成的空间" if m > k else "非对角元给出关于 Ω、Ψ 的两个方程"), checked=_cut(along, "u", part_u["key"])),
        Line(first("vh", part_v), dvh, ("and the same for V", "V 同理"), checked=_cut(along, "vh", part_v["key"])),
    ]  # fmt: skip
    told = dict(changes)
    if any(changes[o] is not thin[o] for o in thin):  # the vectors beyond the first k have no gradient of their own here
        lines += _thin_back(reading, along, {"s": changes["s"], **thin}, {"u": part_u, "vh": part_v})
    else:
        lines += back(reading, "x", along, told)
    return derivation(reading, idea, definition, [Part("x", lines)], u, vh, f)


def _cut(along: Direction, name: str, key):
    return Lazy(lambda: np.asarray(along.of(name).value)[key])


def _thin_back(reading: Reading, along: Direction, changes: dict, parts: dict) -> list[Line]:
    """The way back with the first k vectors only: gradients of the others count for nothing."""
    from .differentials import inner

    pull = Pull(complex_in(reading))
    value, rule = gradient(reading, "x")
    g = symbol("gx", value)
    left = inner(g, along.change, True)
    gs = {o: reading.gys[o] if o not in parts else known(Term("getitem", (reading.gys[o],), parts[o])) for o in changes}
    total, made = None, None
    for o, e in changes.items():
        one, two = inner(gs[o], e, True), pull.pulled(gs[o], e)
        total = one if total is None else total + one
        made = two if made is None else known(made + two)
    assert total is not None and made is not None
    scalar = value_of(left)
    first = (
        "what a gradient is; the vectors beyond the first are free to turn, and their gradients count for nothing",
        "梯度的含义；其余的向量可以自由转动，它们的梯度不起作用",
    )
    return [
        Line(left, total, first, checked=scalar),
        Line(left, inner(made, along.change, True), WHY["adjoint"], checked=scalar),
        Line(g, made, WHY["read"], checked=value),
        Line(g, rule, WHY["record"], checked=value),
    ]


def _signed(here: list, there: list, k: int) -> list:
    """Singular vectors with the signs (phases) of `here`: (vᴴ·v_new)_ii is positive."""
    u, s, vh = there
    d = np.einsum("...ij,...ij->...i", here[2][..., :k, :], np.conj(vh[..., :k, :]))
    turn = np.conj(d) / np.abs(d)
    u, vh = u.copy(), vh.copy()
    u[..., :k] *= turn[..., None, :]
    vh[..., :k, :] *= np.conj(turn)[..., :, None]
    return [u, s, vh]
