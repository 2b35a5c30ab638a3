"""Operations that nobody has seen are derived from their record alone, and a wrong rule shows."""

import numpy as np
import pytest

from lightwell.explain.derive.derive import derive
from lightwell.explain.derive.notation import write
from lightwell.explain.derive.reader import read
from lightwell.ops.op import Record
from tests.explain.derive.test_every_op import problems


class softsquare:
    def forward(xp, x):
        return x * x / (1 + xp.abs(x))

    def grad_x(xp, gy, x, y):
        return gy * (x * 2 - y * xp.sign(x)) / (1 + xp.abs(x))


class wave:
    broadcasts = True

    def forward(xp, x, w, /, scale):
        return xp.tanh(x * w) * xp.exp(-(x * x)) * scale

    def grad_x(xp, gy, x, w, scale):
        t = xp.tanh(x * w)
        return gy * (xp.exp(-(x * x)) * scale * ((1 - t * t) * w - 2 * x * t))

    def grad_w(xp, gy, x, w, scale):
        t = xp.tanh(x * w)
        return gy * (xp.exp(-(x * x)) * scale * (1 - t * t) * x)


class bent:
    def forward(xp, x, /, edge):
        return xp.where(x > edge, xp.log(x) * 2, xp.sin(x) / x)

    def grad_x(xp, gy, x, edge):
        return gy * xp.where(x > edge, 2 / x, (x * xp.cos(x) - xp.sin(x)) / (x * x))


class loss:
    def forward(xp, x, y, /):
        return xp.mean(xp.logaddexp(x - y, y - x))

    def grad_x(xp, gz, x, y):
        return gz / x.size * xp.tanh(x - y)

    def grad_y(xp, gz, x, y):
        return gz / x.size * xp.tanh(y - x)


class wrong:
    def forward(xp, x):
        return xp.sin(x) * x

    def grad_x(xp, gy, x):
        return gy * (xp.cos(x) * x - xp.sin(x))


A = np.array([[0.4, 1.7, -0.6], [2.5, 0.9, 1.2]])


@pytest.mark.parametrize(
    "spec, arrays, params",
    [(softsquare, [A], ()), (wave, [A, A[0] + 0.1], (1.5,)), (bent, [np.abs(A)], (1.0,)), (loss, [A, A[::-1].copy()], ())],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_derived_from_the_record_alone(spec, arrays, params):
    reading = read(Record(spec), arrays, params)
    d = derive(Record(spec), arrays, params, [g.value for g in reading.gys.values()])
    assert not problems(d, reading)
    for part in d.parts:  # ends with the rule, and the rule is the gradient: differences say so
        x, h = reading.symbols[part.input].value, 1e-6
        slope = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            sides = []
            for step in (h, -h):
                moved = x.copy()
                moved[place] += step
                inputs = {n: moved if n == part.input else t.value for n, t in reading.inputs.items()}
                out = read(Record(spec), inputs, params)
                sides.append(sum(float(np.sum(reading.gys[o].value * t.value)) for o, t in out.outputs.items()))
            slope[place] = (sides[0] - sides[1]) / (2 * h)
        np.testing.assert_allclose(part.lines[-1].checked, slope, 1e-6, 1e-7)


def test_a_record_with_a_wrong_rule_does_not_pass():
    reading = read(Record(wrong), [A])
    assert problems(derive(Record(wrong), [A]), reading)


def test_the_steps_are_a_teachers():
    d = derive(Record(softsquare), [A])
    assert [write(line.right) for line in d.parts[0].lines] == [
        "(∂x²/∂x·(1 + |x|) - x²·∂(1 + |x|)/∂x)/(1 + |x|)²",
        "(2·x·(1 + |x|) - x²·sgn(x))/(1 + |x|)²",
        "x·(2·(1 + |x|) - x·sgn(x))/(1 + |x|)²",
        "(2·x - y·sign(x))/(1 + |x|)",
        "gy·(2·x - y·sign(x))/(1 + |x|)",
    ]
    assert "quotient rule" in d.parts[0].lines[0].why[0] and "除法法则" in d.parts[0].lines[0].why[1]
