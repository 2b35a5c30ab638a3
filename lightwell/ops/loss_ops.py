"""Losses between an input and targets of its shape, element by element, as records with their own derivatives."""

from .op import op


def _fold(xp, z, n):
    """The element losses z, as they are (n None), summed (n = 0) or averaged (n of them)."""
    return z if n is None else xp.mean(z) if n else xp.sum(z)


def _share(gz, n):
    """What each element loss gets of the gradient."""
    return gz / n if n else gz


@op
class mse_loss_:
    r"""z = (x - y)².   gx = 2·gz·(x - y),   gy = -gx."""

    def forward(xp, x, y):
        d = x - y
        return d * d

    def grad_x(xp, gz, x, y):
        return gz * ((x - y) * 2)

    def grad_y(xp, gz, x, y):
        return gz * ((y - x) * 2)


@op
class mean_square_:
    r"""z = Σ (x - y)²·s, x and y of one shape, s = 1 or 1/size.   gx = 2s·gz·(x - y),   gy = -gx."""

    node_name = "MseLossBackward0"

    def forward(xp, x, y, /, scale):
        d = x - y
        return xp.sum(d * d) * scale

    def grad_x(xp, gz, x, y, scale):
        return (x - y) * (gz * (2 * scale))

    def grad_y(xp, gz, x, y, scale):
        return (y - x) * (gz * (2 * scale))


@op
class smooth_l1_loss_:
    r"""z = d²/(2β) where |d| < β, else |d| - β/2, d = x - y.   gx = gz·d/β there, else gz·sgn d;   gy = -gx."""

    broadcasts = True

    def forward(xp, x, y, /, beta, n):
        d = xp.abs(x - y)
        return _fold(xp, xp.where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta), n)

    def grad_x(xp, gz, x, y, beta, n):
        return _share(gz, n) * xp.minimum(xp.maximum((x - y) / beta, -1), 1)

    def grad_y(xp, gz, x, y, beta, n):
        return _share(gz, n) * xp.minimum(xp.maximum((y - x) / beta, -1), 1)


@op
class huber_loss_:
    r"""z = d²/2 where |d| < δ, else δ·(|d| - δ/2), d = x - y.   gx = gz·(d brought into [-δ, δ]);   gy = -gx."""

    broadcasts = True

    def forward(xp, x, y, /, delta, n):
        d = xp.abs(x - y)
        return _fold(xp, xp.where(d < delta, d * d * 0.5, (d - 0.5 * delta) * delta), n)

    def grad_x(xp, gz, x, y, delta, n):
        return _share(gz, n) * xp.minimum(xp.maximum(x - y, -delta), delta)

    def grad_y(xp, gz, x, y, delta, n):
        return _share(gz, n) * xp.minimum(xp.maximum(y - x, -delta), delta)


@op
class binary_cross_entropy_:
    r"""z = -(y·log x + (1-y)·log(1-x)), logarithms not below -100.   gx = gz·(x - y)/(x·(1-x)), the divisor not below 10⁻¹²;
    gy = gz·(log(1-x) - log x)."""

    def forward(xp, x, y, /, n):
        return _fold(xp, (y - 1) * xp.maximum(xp.log1p(-x), -100) - y * xp.maximum(xp.log(x), -100), n)

    def grad_x(xp, gz, x, y, n):
        return _share(gz, n) * ((x - y) / xp.maximum((1 - x) * x, 1e-12))

    def grad_y(xp, gz, x, n):
        return _share(gz, n) * (xp.maximum(xp.log1p(-x), -100) - xp.maximum(xp.log(x), -100))


@op
class binary_cross_entropy_with_logits_:
    r"""z = (1-y)·x + (1 + (p-1)·y)·softplus(-x), p the weight of positive answers.   With s = 1 + (p-1)·y:
    gx = gz·(1 - y - s·σ(-x)),   gy = gz·(-x + (p-1)·softplus(-x)),   gp = gz·y·softplus(-x)."""

    broadcasts = True
    outputs = ("z",)

    def forward(xp, x, y, p, /, n):
        s = -xp.log_sigmoid(x)
        return _fold(xp, (1 - y) * x + (s if p is None else s * ((p - 1) * y + 1)), n)

    def grad_x(xp, gz, x, y, p, n):
        q = xp.sigmoid(-x)
        return _share(gz, n) * (1 - y - (q if p is None else q * ((p - 1) * y + 1)))

    def grad_y(xp, gz, x, p, n):
        return _share(gz, n) * (-x if p is None else (1 - p) * xp.log_sigmoid(x) - x)

    def grad_p(xp, gz, x, y, n):
        return _share(gz, n) * (-y * xp.log_sigmoid(x))


@op
class soft_margin_loss_:
    r"""z = log(1 + exp(-y·x)).   gx = -gz·y·σ(-yx),   gy = -gz·x·σ(-yx)."""

    def forward(xp, x, y, /, n):
        return _fold(xp, -xp.log_sigmoid(x * y), n)

    def grad_x(xp, gz, x, y, n):
        return _share(gz, n) * (-y * xp.sigmoid(-x * y))

    def grad_y(xp, gz, x, y, n):
        return _share(gz, n) * (-x * xp.sigmoid(-x * y))
