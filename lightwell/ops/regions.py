"""Regions of interest resampled to a grid of fixed size: one linear map and its adjoint (used by vision.ops)."""

from .op import op

__all__ = []


@op
class region_resample_:
    r"""y[k] = R_k · x[image_k] · C_kᵀ for each channel, R_k and C_k the weights of region k.

    Linear in x,   hence   gx[image] = Σ R_kᵀ · gy[k] · C_k over the regions k of that image.
    """

    def forward(xp, x, /, plans, size):
        return xp.region_resample(x, plans, size)

    def grad_x(xp, gy, x_shape, plans):
        return xp.region_spread(gy, plans, x_shape)


@op
class region_spread_:
    r"""y[image] = Σ R_kᵀ · x[k] · C_k over the regions k of that image.   Linear in x,   hence   gx[k] = R_k · gy[image_k] · C_kᵀ."""

    def forward(xp, x, /, plans, shape):
        return xp.region_spread(x, plans, shape)

    def grad_x(xp, gy, x_shape, plans):
        return xp.region_resample(gy, plans, x_shape[2:])
