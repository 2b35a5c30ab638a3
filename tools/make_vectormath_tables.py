"""Compute the tables of lightwell/compile/vectormath_tables.py: polynomials that interpolate at Chebyshev points, with 60 digits.

Interpolation at the Chebyshev points is within a small factor of the best polynomial. What is fitted is the remainder behind the
leading terms of a series, (eʳ - 1 - r)/r² rather than eʳ, so that the leading terms stay exact and small arguments keep all their
digits. Run: python tools/make_vectormath_tables.py > lightwell/compile/vectormath_tables.py. Needs mpmath.
"""

from mpmath import mp, mpf

mp.dps = 60


def polynomial(f, a, b, degree):
    """(coefficients, lowest power first; worst absolute error between the points)."""
    a, b, count = mpf(a), mpf(b), degree + 1
    mid, half = (a + b) / 2, (b - a) / 2
    points = [mid + half * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    system = mp.matrix([[x**j for j in range(count)] for x in points])
    c = mp.lu_solve(system, mp.matrix([f(x) for x in points]))
    c = [c[j] for j in range(count)]
    worst = mpf(0)
    for k in range(301):
        x = mid + half * (mpf(2 * k) / 300 - 1)
        if x:
            worst = max(worst, abs(mp.polyval(c[::-1], x) - f(x)))
    return c, worst


def series(f, terms, at=mpf(10) ** -8):
    """f, and near 0, where it cancels, the first terms of its series."""
    return lambda x: mp.polyval([mpf(t) for t in terms[::-1]], x) if abs(x) < at else f(x)


def one(n, d):
    return mpf(n) / d


EXP = series(lambda r: (mp.expm1(r) - r) / r**2, [one(1, 2), one(1, 6), one(1, 24), one(1, 120)])
LOG = series(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, [one(1, 3), one(-1, 4), one(1, 5), one(-1, 6)])


def root(g):
    """g(√z) as a function of z."""
    return lambda z: g(mp.sqrt(z))


ATANH = series(root(lambda s: (2 * mp.atanh(s) / s - 2) / s**2), [one(2, 3), one(2, 5), one(2, 7), one(2, 9), one(2, 11)])
ATANH2 = series(root(lambda s: (2 * mp.atanh(s) / s - 2 - 2 * s * s / 3) / s**4), [one(2, 5), one(2, 7), one(2, 9), one(2, 11), one(2, 13)])
SIN = series(root(lambda r: (mp.sin(r) / r - 1) / r**2), [one(-1, 6), one(1, 120), one(-1, 5040), one(1, 362880)])
COS = series(root(lambda r: (mp.cos(r) - 1 + r * r / 2) / r**4), [one(1, 24), one(-1, 720), one(1, 40320)])
ATAN = series(root(lambda t: (mp.atan(t) / t - 1) / t**2), [one(-1, 3), one(1, 5), one(-1, 7), one(1, 9), one(-1, 11)])
ASIN = series(root(lambda t: (mp.asin(t) / t - 1) / t**2), [one(1, 6), one(3, 40), one(15, 336), one(105, 3456), one(945, 42240)])

E = mp.log(2) / 2 * mpf("1.001")
LOW, HIGH = mp.sqrt(mpf(1) / 2) - mpf("1.001"), mp.sqrt(2) - mpf("0.999")
S = (mp.sqrt(2) - 1) ** 4 * mpf("1.001")  # s = f/(2+f), (√2 - 1)/(√2 + 1) squared
Q = (mp.pi / 4) ** 2 * mpf("1.01")
T = mp.tan(mp.pi / 8) ** 2 * mpf("1.001")
TABLES = {
    "EXP": (EXP, -E, E, 4, 9, "(eʳ - 1 - r)/r², |r| ≤ log(2)/2"),
    "LOG": (LOG, LOW, HIGH, 8, None, "(log(1+f) - f + f²/2)/f³, √½ ≤ 1+f ≤ √2"),
    "ATANH": (ATANH, 0, S, None, 6, "z = s², (2·atanh(s)/s - 2)/z, s = f/(2+f)"),
    "ATANH2": (ATANH2, 0, S, None, 8, "z = s², (2·atanh(s)/s - 2 - 2z/3)/z²"),
    "SIN": (SIN, 0, Q, 2, 5, "z = r², (sin(r)/r - 1)/z, |r| ≤ π/4"),
    "COS": (COS, 0, Q, 2, 5, "z = r², (cos r - 1 + z/2)/z²"),
    "ATAN": (ATAN, 0, T, 4, 11, "z = t², (atan(t)/t - 1)/z, |t| ≤ tan(π/8)"),
    "ERF": (series(root(lambda x: mp.erf(x) / x), [2 / mp.sqrt(mp.pi)]), 0, 1, 7, None, "z = x², erf(x)/x, |x| ≤ 1"),
    "LOG2_ERFC": (lambda x: mp.log(mp.erfc(x), 2), 1, 4, 8, None, "log2(erfc x), 1 ≤ x ≤ 4"),
    "ASIN": (ASIN, 0, mpf(1) / 4, 5, 13, "z = t², (asin(t)/t - 1)/z, |t| ≤ 1/2"),
}


def split(x, bits, count):
    """x as a sum of `count` floats of `bits` bits each."""
    out = []
    for _ in range(count):
        e = mp.floor(mp.log(abs(x), 2)) - bits + 1 if x else mpf(0)
        part = mp.nint(x / mpf(2) ** e) * mpf(2) ** e
        out.append(float(part))
        x -= part
    return tuple(out)


def main():
    print('"""Polynomials of the vector functions, lowest power first, and constants in parts. Made by tools/make_vectormath_tables.py.')
    print()
    print('Behind each polynomial, the worst absolute error of the exact polynomial on its interval.\n"""\n')
    print("# fmt: off")
    for name, (f, a, b, single, double, told) in TABLES.items():
        print(f"# {told}")
        for kind, degree in (("float", single), ("double", double)):
            if degree is not None:
                c, worst = polynomial(f, a, b, degree)
                print(f"{name}_{kind.upper()} = (  # {mp.nstr(worst, 2)}\n    {', '.join(repr(float(v)) for v in c)},\n)")
    ln2, ten = mp.log(2), mp.log(2) / mp.log(10)
    print("# log 2 in two parts, of which the first has so few bits that its multiples by exponents are exact; log10(2) likewise")
    for name, x in (("LN2", ln2), ("LOG10_2", ten)):
        for kind, few, all_ in (("FLOAT", 15, 24), ("DOUBLE", 41, 53)):
            high = split(x, few, 1)[0]
            print(f"{name}_{kind} = ({high!r}, {split(x - mpf(high), all_, 1)[0]!r})")
    print(f"LOG2E = {split(1 / ln2, 53, 2)!r}\nLOG10E = {split(1 / mp.log(10), 53, 2)!r}\nTWO_THIRDS = {split(mpf(2) / 3, 53, 2)!r}")
    print("# π/2 in three parts")
    print(f"HALF_PI_FLOAT = {split(mp.pi / 2, 24, 3)!r}\nHALF_PI_DOUBLE = {split(mp.pi / 2, 53, 3)!r}")
    print("# (2/π·2^e) mod 4 in four parts, for e = -32, -24, ..., 976: for the reduction of large angles")
    mp.dps = 400
    two = 2 / mp.pi
    print("TWO_OVER_PI = (")
    for e in range(-32, 977, 8):
        x = two * mpf(2) ** e
        x -= 4 * mp.floor(x / 4)
        print(f"    {split(x, 53, 4)!r},")
    print(")")


if __name__ == "__main__":
    main()
