"""Regions of pictures resampled to a small grid: x ↦ R_k · x[image_k] · C_kᵀ for each region k, and the adjoint.

A plan is a list of (image, first row, R, first column, C): R (out rows, rows) and C (out columns, columns) hold the weights of
the pixels from the first row and column on. Sampling points that form a grid, and rectangles of bins, both come out as such
products, so a region costs two small matrix products over the pixels it touches.
"""

import numpy as np


def region_resample(x, plans, size):
    """(N, C, H, W) to (regions, C, *size)."""
    out = np.zeros((len(plans), x.shape[1], *size), x.dtype)
    for k, (image, top, rows, left, columns) in enumerate(plans):
        part = x[image, :, top : top + rows.shape[1], left : left + columns.shape[1]]
        np.matmul(rows.astype(x.dtype, copy=False) @ part, columns.T.astype(x.dtype, copy=False), out=out[k])
    return out


def region_spread(g, plans, shape):
    """The adjoint of region_resample: (regions, C, *size) to the shape (N, C, H, W), overlapping regions added up."""
    out = np.zeros(shape, g.dtype)
    for k, (image, top, rows, left, columns) in enumerate(plans):
        part = out[image, :, top : top + rows.shape[1], left : left + columns.shape[1]]
        part += rows.T.astype(g.dtype, copy=False) @ g[k] @ columns.astype(g.dtype, copy=False)
    return out
