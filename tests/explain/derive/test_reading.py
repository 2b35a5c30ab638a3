"""The reader computes and writes at once; the evaluator gets the values back; the simplifier keeps them."""

import numpy as np
import pytest

import lightwell as torch
from lightwell.explain.derive.derivation import Line
from lightwell.explain.derive.derive import derive, derive_reading
from lightwell.explain.derive.evaluate import evaluate, free_indices, value_of
from lightwell.explain.derive.notation import write
from lightwell.explain.derive.reader import WRITER, Said, read, read_node
from lightwell.explain.derive.simplify import alike, simplify
from lightwell.explain.derive.terms import call, index, same, symbol, term, total
from lightwell.ops.op import registry
from tests.explain.derive.calls import calls

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def test_every_formula_evaluates_back_to_its_value_simplified_or_not():
    count = 0
    with np.errstate(all="ignore"):
        for found in calls().values():
            for c in found:
                bindings = {n: s.value for n, s in c.reading.symbols.items()}
                for t in (*c.reading.outputs.values(), *c.reading.gradients.values()):
                    if t is None or c.reading.unknown:
                        continue
                    count += 1
                    np.testing.assert_allclose(evaluate(t, bindings), t.value, err_msg=c.name)
                    np.testing.assert_allclose(evaluate(simplify(t), bindings), t.value, 1e-9, 1e-9, err_msg=f"{c.name}, simplified")
    assert count > 1000


def test_said_answers_for_its_value():
    x = Said(symbol("x", A))
    assert x.shape == (2, 3) and x.ndim == 2 and x.dtype == np.float64 and len(x) == 2
    y = WRITER.where(x > 0, 2 * x, -x).sum(axis=1)
    np.testing.assert_array_equal(y.value, np.where(A > 0, 2 * A, -A).sum(1))
    assert write(y.term) == "Σ[dim 1] {2·x if x > 0; -x otherwise}"
    assert bool((x == x).all()) and float(x[0, 0]) == 1.0 and int(x[0, 2]) == 3
    assert (x.T @ x).shape == (3, 3) and np.exp(x).term.word == "exp" and (A * x).term.word == "multiply"


def test_rules_speak_of_the_result_by_its_name():
    r = read(registry["tanh"], [A])
    assert same(
        r.gradients["x"], call("subtract", r.gys["y"], call("multiply", call("multiply", r.gys["y"], r.symbols["y"]), r.symbols["y"]))
    )
    assert r.outputs["y"].word == "tanh" and r.value("y").shape == A.shape


def test_read_takes_tensors_names_and_lists():
    r = read(registry["cat"], [[torch.tensor(A), torch.tensor(A)]], (0,))
    assert list(r.inputs) == ["x1", "x2"] and list(r.gradients) == ["x1", "x2"]
    r = read(registry["leaky_relu"], {"x": A}, {"slope": 0.1}, {"y": np.ones_like(A)})
    assert write(r.gradients["x"]) == "{gy if x > 0; gy·slope otherwise}"
    np.testing.assert_array_equal(r.gradients["x"].value, np.where(A > 0, 1, 0.1))


def test_a_node_is_read_with_what_it_saved():
    x = torch.tensor(A, requires_grad=True)
    r = read_node(x.exp().grad_fn)
    assert r.unknown == set() and derive_reading(r).op == "exp"
    r = read_node((x * 2).exp().grad_fn)  # exp keeps its result, not what it was taken of
    assert r.unknown == {"x"}
    np.testing.assert_allclose(r.value("y"), np.exp(2 * A))
    np.testing.assert_allclose(r.gradients["x"].value, r.gys["y"].value * np.exp(2 * A))
    y = (x * 2).exp()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="freed"):
        read_node(y.grad_fn)


def test_sums_over_indices():
    i, j, k = index("i", 2), index("j", 2), index("k", 3)
    x = symbol("x", A)
    np.testing.assert_allclose(evaluate(total([k], x[i, k] * x[j, k]), free=(i, j)), A @ A.T)
    assert evaluate(total([i, k], x[i, k])) == A.sum()
    np.testing.assert_array_equal(evaluate(call("delta", i, j), free=(i, j)), np.eye(2))
    np.testing.assert_array_equal(evaluate(x[i, k + 1], free=(i, k)), np.pad(A[:, 1:], ((0, 0), (0, 1))))  # outside: 0
    np.testing.assert_array_equal(evaluate(total([k], term(1))), 3)
    assert [v.params["name"] for v in free_indices(total([k], x[i, k]))] == ["i"]
    with pytest.raises(IndexError):
        evaluate(x[i, k])
    with pytest.raises(KeyError):
        evaluate(symbol("nobody"))


def test_a_sum_over_steps_adds_matrices():
    t = index("t", 2)
    t.params["start"] = 1
    h = symbol("h", np.arange(12.0).reshape(3, 2, 2))
    np.testing.assert_array_equal(evaluate(total([t], call("matmul", h[t], h[t - 1]))), sum(h.value[n] @ h.value[n - 1] for n in (1, 2)))
    np.testing.assert_array_equal(value_of(Line(h[t], h[t - 1], ("", ""), checked=h.value[1:]), {"h": h.value}), h.value[:2])


X, Y = symbol("x"), symbol("y")


@pytest.mark.parametrize(
    "given, expected",
    [
        (X + X, "2·x"),
        (2 * X - 2 * Y, "2·(x - y)"),
        (X * X / X, "x"),
        (Y - Y * Y, "y·(1 - y)"),
        (-(-X), "x"),
        (0 * X + Y, "y"),
        (call("sqrt", X) * call("sqrt", X), "x"),
        (call("exp", X) * call("exp", -X), "1"),
        (1 / (1 / X), "x"),
        (call("square", call("sqrt", X + 1)), "x + 1"),
        (call("sqrt", call("square", X)), "√(x²)"),  # |x|, not x
        (call("where", call("greater", X, 0), Y * 1, Y), "y"),
        (X / 2 + X / 2, "x"),
        (call("multiply", X, call("greater", X, 0)), "x·[x > 0]"),
    ],
)
def test_simplify(given, expected):
    assert write(simplify(given)) == expected


def test_alike_sees_through_order():
    assert alike(X * Y + 1, 1 + Y * X) and not alike(X - Y, Y - X)


@pytest.mark.parametrize(
    "op, params, places",
    [
        ("relu", (), {0: 0}),
        ("abs", (), {0: 0}),
        ("leaky_relu", (0.25,), {0: 0.25}),
        ("hardtanh", (-1.0, 2.0), {-1: 0, 2: 0}),
        ("clamp", (-1.0, 2.0), {-1: 1, 2: 1}),
        ("hardshrink", (0.5,), {-0.5: 0, 0.5: 0}),  # the value jumps there
        ("tanh", (), {}),
    ],
)
def test_corners_and_what_the_record_takes_there(op, params, places):
    d = derive(op, [np.array([-2.5, 0.3, 2.7])], params)
    said = {float(line.why[0].split("= ")[1].split()[0]): float(line.checked) for line in d.parts[0].conventions}
    assert said == {float(k): float(v) for k, v in places.items()}
    assert all(("jumps" in line.why[0]) == (op == "hardshrink") for line in d.parts[0].conventions)
    for x, slope in places.items():  # and the engine takes the same
        t = torch.tensor([float(x)], dtype=torch.float64, requires_grad=True)
        from lightwell.explain.derive.reader import array_of

        r = read(registry[op], [array_of(t.detach())], params, [np.ones(1)])
        assert float(np.ravel(r.gradients["x"].value)[0]) == slope


def test_ties_share():
    for op in ("maximum", "minimum"):
        d = derive(op, [np.array([1.0, 2.0]), np.array([2.0, 1.0])])
        assert [float(p.conventions[0].checked) for p in d.parts] == [0.5, 0.5]
