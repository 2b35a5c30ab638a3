"""Matrix functions: differentials against differences, adjoints against the inner product and the engine."""

import numpy as np
import pytest

import lightwell as lw
import lightwell.linalg as LA
from lightwell.explain.derive import matrices
from lightwell.explain.derive.differentials import Pull, inner, value_of
from lightwell.explain.derive.evaluate import error_of
from lightwell.explain.derive.terms import Term, call, symbol

from .captured import agree, told
from .captured import call as captured

rng = np.random.default_rng(2)


def R(*shape):
    return rng.standard_normal(shape)


def C(*shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def spd(n, kind=R):
    a = kind(n, n)
    return a @ np.conj(a.T) + n * np.eye(n)


CASES = [
    ("linalg_inv", LA.inv, R(3, 3) + 3 * np.eye(3)),
    ("linalg_inv", LA.inv, R(2, 2, 2) + 3 * np.eye(2)),
    ("linalg_det", LA.det, R(3, 3)),
    ("linalg_det", LA.det, np.outer([1.0, 2, 3], [1.0, 0, 2])),  # singular: rank 1
    ("linalg_slogdet", LA.slogdet, R(2, 3, 3)),
    ("linalg_slogdet", LA.slogdet, C(2, 2)),
    ("linalg_solve", LA.solve, R(3, 3) + 3 * np.eye(3), R(3, 2)),
    ("linalg_solve", LA.solve, R(2, 1, 2, 2) + 3 * np.eye(2), R(3, 2, 2)),
    ("linalg_solve_triangular", lambda a, b: LA.solve_triangular(a, b, upper=True), R(3, 3) + 3 * np.eye(3), R(3, 2)),
    ("linalg_solve_triangular", lambda a, b: LA.solve_triangular(a, b, upper=False, unitriangular=True), R(2, 2), R(2, 3)),
    ("linalg_cholesky", LA.cholesky, spd(3)),
    ("linalg_cholesky", lambda a: LA.cholesky(a, upper=True), spd(2)),
    ("linalg_cholesky", LA.cholesky, spd(2, C)),
    ("linalg_lu_factor", lambda a: LA.lu_factor(a).LU, R(3, 3)),
    ("linalg_lu_factor", lambda a: LA.lu(a)[1], R(2, 3)),
    ("linalg_qr", LA.qr, R(3, 3)),
    ("linalg_qr", LA.qr, R(2, 3, 2)),
    ("linalg_qr", LA.qr, R(2, 4)),
    ("linalg_eigh", LA.eigh, spd(3)),
    ("linalg_eigh", LA.eigh, spd(2, C)),
    ("linalg_eig", LA.eig, R(3, 3)),
    ("linalg_eig", LA.eig, C(2, 2)),
    ("linalg_svd", lambda x: LA.svd(x, full_matrices=False), R(3, 2)),
    ("linalg_svd", lambda x: LA.svd(x, full_matrices=False), R(2, 2, 3)),
    ("linalg_svd", LA.svd, R(2, 3)),
    ("linalg_lu_factor", lambda a: LA.lu(a)[1], C(3, 2)),
    ("linalg_qr", LA.qr, C(3, 2)),
    ("linalg_qr", LA.qr, C(2, 3)),
    ("linalg_svd", lambda x: LA.svd(x, full_matrices=False), C(2, 2)),
    ("linalg_svd", lambda x: LA.svd(x, full_matrices=False), C(3, 2)),
    ("linalg_svd", LA.svd, C(2, 3)),
    ("linalg_pinv", LA.pinv, R(3, 2)),
    ("linalg_pinv", LA.pinv, C(2, 3)),
    ("linalg_matrix_exp", LA.matrix_exp, R(3, 3)),
    ("linalg_matrix_exp", LA.matrix_exp, C(2, 2)),
]


@pytest.mark.parametrize(("name", "f", "arrays"), [(n, f, a) for n, f, *a in CASES])
def test_matrix_functions(name, f, arrays):
    reading, gradients = captured(name, f, *arrays)
    if any(np.iscomplexobj(a) for a in arrays) and not reading.record.conj_aware:
        gradients = {}  # the engine conjugates around such rules
    agree(matrices.family(reading), reading, gradients, tolerance=1e-5)


def test_the_inverse_as_at_the_blackboard():
    reading, _ = captured("linalg_inv", LA.inv, R(2, 2) + 2 * np.eye(2))
    d = matrices.family(reading)
    assert told(d) == ["x y = I"]
    assert told(d, "x")[:2] == ["dx y + x dy = 0", "dy = -y dx y"]
    assert told(d, "x")[-1] == "gx = -yᵀ gy yᵀ"


def test_a_wrong_differential_and_a_wrong_gradient_are_found_out():
    reading, _ = captured("linalg_inv", LA.inv, R(3, 3) + 3 * np.eye(3))
    d = matrices.family(reading)
    d.parts[0].lines[1].right = d.parts[0].lines[1].right.args[0]  # the sign lost
    assert error_of(d.parts[0].lines[1], d.bindings) > 0.1
    reading.gradients["x"].value = reading.gradients["x"].value.T.copy()
    d = matrices.family(reading)
    assert max(error_of(line, d.bindings) for line in d.parts[0].lines[2:]) > 0.1


def test_adjoints_hold_for_any_expression():
    dx, a, b = Term("change", (symbol("x"),), {}, R(3, 3)), symbol("a", R(3, 3)), symbol("b", R(3, 3))
    expressions = [
        call("matmul", a, call("matmul", dx, b)) - dx,
        call("matrix_transpose", call("matmul", a, dx)),
        b * call("matmul", dx, a),
        Term("tril", (call("negative", dx),), {"k": -1}),
        Term("sum", (a * dx,), {"axis": 0}),
        Term("linalg.diagonal", (call("matmul", dx, a),)),
        Term("linalg.solve", (a, dx)),
        Term("getitem", (dx,), {"key": (slice(1, None),)}),
    ]
    for e in expressions:
        value = value_of(e)
        g = symbol("g", R(*value.shape))
        back = Pull(False).pulled(g, e)
        np.testing.assert_allclose(value_of(inner(g, e, False)), value_of(inner(back, dx, False)), err_msg=repr(e))


def test_complex_adjoints_conjugate():
    dx, a = Term("change", (symbol("x"),), {}, C(2, 2)), symbol("a", C(2, 2))
    e = call("real", call("matmul", a, dx))
    g = symbol("g", R(2, 2))
    np.testing.assert_allclose(value_of(inner(g, e, True)), value_of(inner(Pull(True).pulled(g, e), dx, True)))


def test_nothing_else_is_a_matrix_function():
    reading, _ = captured("mm", lambda x, y: x @ y, R(2, 2), R(2, 2))
    assert matrices.family(reading) is None
    assert lw.linalg.inv is LA.inv


GRAPHS = [
    ("linalg_inv", LA.inv, R(3, 3) + 3 * np.eye(3)),
    ("linalg_cholesky", LA.cholesky, spd(3)),
    ("linalg_cholesky", lambda a: LA.cholesky(a, upper=True), spd(3)),
    ("linalg_eigh", lambda a: LA.eigh(a)[1], spd(3)),
    ("linalg_eig", lambda a: LA.eig(a)[1], R(3, 3)),
    ("linalg_lu_factor", lambda a: LA.lu_factor(a).LU, R(3, 3)),
    ("linalg_svd", lambda a: LA.svd(a, full_matrices=False)[0], R(3, 2)),
    ("linalg_solve", LA.solve, R(3, 3) + 3 * np.eye(3), R(3, 2)),
    ("linalg_solve_triangular", lambda a, b: LA.solve_triangular(a, b, upper=True, unitriangular=True), R(3, 3), R(3, 2)),
]


@pytest.mark.parametrize(("name", "f", "arrays"), [(n, f, a) for n, f, *a in GRAPHS])
def test_in_a_graph_inputs_are_got_back_from_what_was_saved(name, f, arrays):
    from lightwell.autograd.node import Port
    from lightwell.explain.derive.reader import read_node

    y = f(*(lw.from_numpy(a).requires_grad_() * 1.0 for a in arrays))  # the product's result is kept by nobody else
    node = y.grad_fn.node if isinstance(y.grad_fn, Port) else y.grad_fn
    reading = read_node(node)
    assert not reading.unknown
    for (name_, symbol_), a in zip(reading.inputs.items(), arrays):
        if not name.endswith("triangular"):
            np.testing.assert_allclose(symbol_.value, a, rtol=1e-9, atol=1e-9, err_msg=name_)
    agree(matrices.family(reading), reading, {}, tolerance=1e-5)


def test_long_lines_get_names_for_what_repeats():
    reading, _ = captured("linalg_svd", lambda x: LA.svd(x, full_matrices=False), R(3, 2))
    d = matrices.family(reading)
    names = [line.left.params["name"] for line in d.parts[0].lines if line.why[0].startswith("a name")]
    assert names and len(set(names)) == len(names)
    assert all(name in d.bindings for name in names)
    assert max(len(repr(line.right)) for line in d.parts[0].lines[:-1]) < 600  # the last is the record's own
