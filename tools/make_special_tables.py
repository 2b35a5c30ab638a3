"""Compute the tables of lightwell/backend/special_tables.py: rational interpolants at Chebyshev points, with 60 digits.

For each function f on [a, b], P and Q of the given degrees with P(s_k) = f(s_k)·Q(s_k) at the m+n+1 Chebyshev points,
which is within a small factor of the best rational approximation. Run: python tools/make_special_tables.py > table.
Needs mpmath. The worst relative error found between the points is printed behind each table.
"""

from mpmath import mp, mpf

mp.dps = 60


def rational(f, a, b, m, n):
    """(base, width, P, Q, worst relative error): P and Q lowest power first, in s = (x - base)/width.

    The base is the left end, the middle or the right end, whichever makes the sums of P and Q cancel least.
    """
    a, b = mpf(a), mpf(b)
    mid, half, count = (a + b) / 2, (b - a) / 2, m + n + 1
    points = [mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    values = [f(mid + half * s) for s in points]
    system = mp.matrix(count, count)
    for i, (s, v) in enumerate(zip(points, values)):
        for j in range(m + 1):
            system[i, j] = s**j
        for j in range(1, n + 1):
            system[i, m + j] = -v * s**j
    c = mp.lu_solve(system, mp.matrix(values))
    p, q = [c[j] for j in range(m + 1)], [mpf(1)] + [c[m + j] for j in range(1, n + 1)]
    worst = mpf(0)
    for k in range(301):
        s = mpf(2 * k) / 300 - 1
        exact = f(mid + half * s)
        got = mp.polyval(p[::-1], s) / mp.polyval(q[::-1], s)
        worst = max(worst, abs(got / exact - 1))
    choices = []
    for base in (-1, 0, 1):
        pb, qb = moved(p, base), moved(q, base)
        pb, qb = [v / qb[0] for v in pb], [v / qb[0] for v in qb]
        loss = 0
        for k in range(101):
            s = mpf(2 * k) / 100 - 1 - base
            loss = max(loss, *(sum(abs(v * s**j) for j, v in enumerate(c)) / abs(mp.polyval(c[::-1], s)) for c in (pb, qb)))
        choices.append((loss, mid + base * half, half, pb, qb))
    loss, base, width, pb, qb = min(choices)
    return base, width, pb, qb, worst, loss


def moved(c, base):
    """The polynomial c(s) in powers of s - base."""
    return [sum(c[i] * mp.binomial(i, j) * mpf(base) ** (i - j) for i in range(j, len(c))) for j in range(len(c))]


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def over(f, *roots):
    """f divided by (x - root) for each root, by its mean over a small circle near them."""

    def g(x):
        for r in roots:
            if abs(x - r) < mpf(10) ** -20:
                x = r + mpf(10) ** -20
        v = f(x)
        for r in roots:
            v /= x - r
        return v

    return g


def at_zero(f, value):
    return lambda u: mpf(value) if u == 0 else f(u)


PSI0 = mp.findroot(mp.digamma, 1.4616)
J0Z = [mp.besseljzero(0, k) for k in (1, 2)]
J1Z = [mp.besseljzero(1, k) for k in (1, 2)]


def phase(nu, which):
    """P or Q of J_nu(x) = √(2/πx)·(P cos χ - Q sin χ), χ = x - (2ν+1)π/4, as functions of u = (8/x)²."""

    def f(u):
        x = 8 / mp.sqrt(u)
        chi = x - (2 * nu + 1) * mp.pi / 4
        j, y = mp.besselj(nu, x), mp.bessely(nu, x)
        r = mp.sqrt(mp.pi * x / 2)
        if which == "P":
            return r * (j * mp.cos(chi) + y * mp.sin(chi))
        return r * (y * mp.cos(chi) - j * mp.sin(chi)) * x / 8

    return f


tiny = mpf(10) ** -12
TABLES = {
    "ERF_SMALL": (lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u) if u > 0 else 2 / mp.sqrt(mp.pi), tiny, 0.25, 4, 3, "u = x², |x| ≤ 1/2: erf(x)/x"),
    "ERFCX_MID": (erfcx, 0.5, 4, 8, 8, "x: exp(x²)·erfc(x)"),
    "ERFCX_LARGE": (lambda u: erfcx(1 / mp.sqrt(u)) / mp.sqrt(u), mpf(1) / 100000, mpf(1) / 16, 5, 5, "u = 1/x²: x·exp(x²)·erfc(x)"),
    "ERF_FLOAT": (lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u), tiny, 16, 6, 5, "u = x², |x| ≤ 4: erf(x)/x, for float32"),
    "LGAMMA_1": (over(mp.loggamma, mpf(1)), 0.5, 1.5, 8, 8, "x: log Γ(x)/(x-1)"),
    "LGAMMA_2": (over(mp.loggamma, mpf(2)), 1.5, 2.75, 8, 8, "x: log Γ(x)/(x-2)"),
    "LGAMMA_3": (mp.loggamma, 2.75, 8, 8, 8, "x: log Γ(x)"),
    "DIGAMMA_1": (over(mp.digamma, PSI0), 1, 3, 8, 8, "x: ψ(x)/(x-x₀), x₀ the root"),
    "DIGAMMA_2": (mp.digamma, 3, 10, 8, 8, "x: ψ(x)"),
    "I0_SMALL": (lambda u: mp.besseli(0, mp.sqrt(u)), 0, 64, 9, 5, "u = x², x ≤ 8: I₀(x)"),
    "I1_SMALL": (lambda u: mp.besseli(1, mp.sqrt(u)) / mp.sqrt(u) if u > 0 else mpf(1) / 2, 0, 64, 9, 5, "u = x², x ≤ 8: I₁(x)/x"),
    "I0_LARGE": (lambda u: mp.sqrt(1 / u) * mp.exp(-1 / u) * mp.besseli(0, 1 / u), mpf(1) / 40, mpf(1) / 8, 8, 8, "u = 1/x, 8 ≤ x ≤ 40: √x·exp(-x)·I₀(x)"),
    "I0_HUGE": (lambda u: mp.sqrt(1 / u) * mp.exp(-1 / u) * mp.besseli(0, 1 / u), mpf(1) / 5000, mpf(1) / 40, 6, 6, "u = 1/x, x ≥ 40: √x·exp(-x)·I₀(x)"),
    "I1_LARGE": (lambda u: mp.sqrt(1 / u) * mp.exp(-1 / u) * mp.besseli(1, 1 / u), mpf(1) / 40, mpf(1) / 8, 8, 8, "u = 1/x, 8 ≤ x ≤ 40: √x·exp(-x)·I₁(x)"),
    "I1_HUGE": (lambda u: mp.sqrt(1 / u) * mp.exp(-1 / u) * mp.besseli(1, 1 / u), mpf(1) / 5000, mpf(1) / 40, 6, 6, "u = 1/x, x ≥ 40: √x·exp(-x)·I₁(x)"),
    "J0_SMALL": (lambda u: mp.besselj(0, mp.sqrt(u)) / ((u - J0Z[0] ** 2) * (u - J0Z[1] ** 2)) if u > 0 else 1 / (J0Z[0] * J0Z[1]) ** 2, 0, 64, 9, 5, "u = x², x ≤ 8: J₀(x)/((u-z₁²)(u-z₂²))"),
    "J1_SMALL": (lambda u: mp.besselj(1, mp.sqrt(u)) / mp.sqrt(u) / ((u - J1Z[0] ** 2) * (u - J1Z[1] ** 2)) if u > 0 else mpf(1) / 2 / (J1Z[0] * J1Z[1]) ** 2, 0, 64, 9, 5, "u = x², x ≤ 8: J₁(x)/x/((u-z₁²)(u-z₂²))"),
    "J0_P": (phase(0, "P"), mpf(1) / 10000, 1, 6, 6, "u = (8/x)²: P₀"),
    "J0_Q": (phase(0, "Q"), mpf(1) / 10000, 1, 6, 6, "u = (8/x)²: Q₀·x/8"),
    "J1_P": (phase(1, "P"), mpf(1) / 10000, 1, 6, 6, "u = (8/x)²: P₁"),
    "J1_Q": (phase(1, "Q"), mpf(1) / 10000, 1, 6, 6, "u = (8/x)²: Q₁·x/8"),
    "K0_SMALL": (lambda u: mp.besselk(0, mp.sqrt(u)) + mp.log(mp.sqrt(u) / 2) * mp.besseli(0, mp.sqrt(u)), tiny, 4, 7, 3, "u = x², x ≤ 2: K₀(x) + log(x/2)·I₀(x)"),
    "K1_SMALL": (lambda u: mp.besselk(1, mp.sqrt(u)) * mp.sqrt(u) - mp.log(mp.sqrt(u) / 2) * mp.besseli(1, mp.sqrt(u)) * mp.sqrt(u), tiny, 4, 7, 3, "u = x², x ≤ 2: x·K₁(x) - x·log(x/2)·I₁(x)"),
    "K0_LARGE": (lambda u: mp.sqrt(1 / u) * mp.exp(1 / u) * mp.besselk(0, 1 / u), mpf(1) / 5000, mpf(1) / 2, 9, 9, "u = 1/x: √x·exp(x)·K₀(x)"),
    "K1_LARGE": (lambda u: mp.sqrt(1 / u) * mp.exp(1 / u) * mp.besselk(1, 1 / u), mpf(1) / 5000, mpf(1) / 2, 9, 9, "u = 1/x: √x·exp(x)·K₁(x)"),
    "Y0_SMALL": (lambda u: mp.bessely(0, mp.sqrt(u)) - 2 / mp.pi * mp.log(mp.sqrt(u)) * mp.besselj(0, mp.sqrt(u)), tiny, 64, 10, 6, "u = x², x ≤ 8: Y₀(x) - 2/π·log x·J₀(x)"),
    "Y1_SMALL": (lambda u: (mp.bessely(1, mp.sqrt(u)) - 2 / mp.pi * (mp.log(mp.sqrt(u)) * mp.besselj(1, mp.sqrt(u)) - 1 / mp.sqrt(u))) / mp.sqrt(u), tiny, 64, 10, 6, "u = x², x ≤ 8: (Y₁(x) - 2/π·(log x·J₁(x) - 1/x))/x"),
}  # fmt: skip


def row(values):
    return "(" + ", ".join(repr(float(v)) for v in values) + ("," if len(values) == 1 else "") + ")"


if __name__ == "__main__":
    print('"""Rational approximations on intervals: name = (base, width, P, Q), lowest power of s = (x - base)/width first.')
    print("\nMade by tools/make_special_tables.py; behind each, the worst relative error in exact arithmetic.\n" + '"""\n')
    print("# fmt: off")
    for name, (f, a, b, m, n, what) in TABLES.items():
        base, width, p, q, worst, loss = rational(f, a, b, m, n)
        print(f"{name} = (  # {what}; {mp.nstr(worst, 2)} (cancels {mp.nstr(loss, 2)}-fold)")
        print(f"    {float(base)!r}, {float(width)!r},\n    {row(p)},\n    {row(q)},\n)")
    for name, r in (
        ("DIGAMMA_ROOT", PSI0),
        ("J0_ZERO_1", J0Z[0] ** 2),
        ("J0_ZERO_2", J0Z[1] ** 2),
        ("J1_ZERO_1", J1Z[0] ** 2),
        ("J1_ZERO_2", J1Z[1] ** 2),
    ):
        print(
            f"{name} = ({float(r)!r}, {float(r - mpf(float(r)))!r})  # head and tail" + ("" if "DIG" in name else " of the zero's square")
        )
