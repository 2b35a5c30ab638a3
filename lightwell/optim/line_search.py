"""A line search for the strong Wolfe conditions, used by L-BFGS."""

from __future__ import annotations

import math

import numpy as np


def cubic_minimum(x1, f1, s1, x2, f2, s2, low=None, high=None):
    """The minimiser of the cubic with values f and slopes s at x1 and x2, kept within the bounds (by default [x1, x2]).

    With d1 = s1 + s2 - 3 (f1 - f2) / (x1 - x2) and d2 = √(d1² - s1 s2), for x1 ≤ x2:
    x = x2 - (x2 - x1) (s2 + d2 - d1) / (s2 - s1 + 2 d2); without a minimum, the middle of the bounds.
    """
    if low is None:
        low, high = (x1, x2) if x1 <= x2 else (x2, x1)
    d1 = s1 + s2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - s1 * s2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    if x1 <= x2:
        x = x2 - (x2 - x1) * ((s2 + d2 - d1) / (s2 - s1 + 2 * d2))
    else:
        x = x1 - (x1 - x2) * ((s1 + d2 - d1) / (s1 - s2 + 2 * d2))
    return min(max(x, low), high)


def strong_wolfe(evaluate, t, d, f, g, slope, tolerance, c1=1e-4, c2=0.9, limit=25):
    """A step t along d with f(t) ≤ f(0) + c1 t f'(0) and |f'(t)| ≤ c2 |f'(0)|, by bracketing and cubic interpolation.

    `evaluate(t, d)` returns (loss, gradient) at that step. Returns (loss, gradient, t, number of evaluations); after `limit`
    evaluations, or when the bracket is narrower than `tolerance`, the best step so far.
    Nocedal, Wright: Numerical Optimization, algorithms 3.5 and 3.6.
    """
    reach = float(np.abs(d).max(initial=0))
    f_new, g_new = evaluate(t, d)
    used = 1
    s_new = float(g_new.dot(d))
    # First: lengthen the step until an interval is known to hold an acceptable one.
    t_old, f_old, g_old, s_old = 0.0, f, g, slope
    done, tries = False, 0
    bracket = None
    while tries < limit:
        if f_new > f + c1 * t * slope or (tries > 1 and f_new >= f_old):
            bracket = [(t_old, f_old, g_old, s_old), (t, f_new, g_new.copy(), s_new)]
            break
        if abs(s_new) <= -c2 * slope:
            bracket, done = [(t, f_new, g_new, s_new)], True
            break
        if s_new >= 0:
            bracket = [(t_old, f_old, g_old, s_old), (t, f_new, g_new.copy(), s_new)]
            break
        nearest, farthest = t + 0.01 * (t - t_old), t * 10
        following = cubic_minimum(t_old, f_old, s_old, t, f_new, s_new, nearest, farthest)
        t_old, f_old, g_old, s_old = t, f_new, g_new.copy(), s_new
        t = following
        f_new, g_new = evaluate(t, d)
        used += 1
        s_new = float(g_new.dot(d))
        tries += 1
    if bracket is None:
        bracket = [(0.0, f, g, slope), (t, f_new, g_new, s_new)]

    # Then: narrow the interval, keeping its better end at index `low`.
    stuck = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and tries < limit:
        (ta, fa, _, sa), (tb, fb, _, sb) = bracket
        if abs(tb - ta) * reach < tolerance:
            break
        t = cubic_minimum(ta, fa, sa, tb, fb, sb)
        near, far = min(ta, tb), max(ta, tb)
        margin = 0.1 * (far - near)
        if min(far - t, t - near) < margin:  # too near an end: allowed once, then moved inwards
            if stuck or t >= far or t <= near:
                t = far - margin if abs(t - far) < abs(t - near) else near + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        f_new, g_new = evaluate(t, d)
        used += 1
        s_new = float(g_new.dot(d))
        tries += 1
        point = (t, f_new, g_new.copy(), s_new)
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = point
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(s_new) <= -c2 * slope:
                done = True
            elif s_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    best = bracket[low if len(bracket) > 1 else 0]
    return best[1], best[2], best[0], used
