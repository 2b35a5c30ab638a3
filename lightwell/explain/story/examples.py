"""An example of each operation: a call that a reader can type, with inputs to draw. Derivations, `docs/ops/` and pictures use them. Long: a table.

One line each: the operation | the call (statements before it after semicolons) | inputs: name[:dtype] sizes [lowest..highest]; ...
"""

import functools
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

_TABLE = r"""
# convert
to_copy | x.to(torch.float32) | x 2 3

# inplace
as_strided | x.as_strided((3, 2), (1, 1)) | x 6
strided_add | torch.autograd.grad(x.as_strided((3, 2), (1, 1)).sum(), x, create_graph=True)[0] | x 6
copy_slices | y = x * 1; _ = y[1:].copy_(v); y | x 3 4; v 4
copy | (x * 1).copy_(v) | x 3 4; v 4

# activations
relu | torch.relu(x) | x 2 3
leaky_relu | F.leaky_relu(x, 0.1) | x 2 3
hardtanh | F.hardtanh(x) | x 2 3
elu | F.elu(x) | x 2 3
celu_record | F.celu(x, 1.5) | x 2 3
erf_gelu | F.gelu(x) | x 2 3
tanh_gelu | F.gelu(x, approximate="tanh") | x 2 3
silu | F.silu(x) | x 2 3
mish | F.mish(x) | x 2 3
softplus | F.softplus(x) | x 2 3
log_sigmoid | F.logsigmoid(x) | x 2 3
softshrink | F.softshrink(x) | x 2 3
hardshrink | F.hardshrink(x) | x 2 3
hardsigmoid | F.hardsigmoid(x) | x 2 3
hardswish | F.hardswish(x) | x 2 3
prelu_kernel | F.prelu(x, w) | x 3 4; w 4
rrelu_with_noise | F.rrelu(x, training=True) | x 2 3

# arith
add | x + y | x 2 3; y 3
sub | x - y | x 2 3; y 3
rsub | torch.rsub(x, y) | x 2 3; y 3
mul | x * y | x 2 3; y 3
div | x / y | x 2 3; y 3 0.5..2
pow | x ** y | x 2 3 0.2..2; y 3
floor_divide | x // y | x 2 3; y 3 0.5..2
remainder | x % y | x:int64 5 -9..9; y:int64 5 1..5
fmod | torch.fmod(x, 0.7) | x 3
neg | -x | x 3 4
square | x ** 2 | x 3 4
reciprocal | 1.5 / x | x 3 0.3..2.0
power_half | x ** 0.5 | x 2 3 0.2..2

# shape
view | x.view(6, 4) | x 2 3 4
reshape | x.t().reshape(6) | x 2 3
unsqueeze | x.unsqueeze(1) | x 3 4
squeeze | x.squeeze() | x 1 3 1
squeeze_dim | x.squeeze(0) | x 1 3
squeeze_dims | x.squeeze((0, 2)) | x 1 3 1
alias | x[...] | x 3 4
clone | x.clone() | x 3 4
view_dtype | x.view(torch.int64) | x 3 4

# axes
permute | x.permute(2, 0, 1) | x 2 3 4
transpose | x.mT | x 2 3 4
t | x.t() | x 3

# broadcasting
expand | x.expand(2, 3) | x 2 1

# products
mm | x @ y | x 2 3; y 3 2
bmm | torch.bmm(x, y) | x 2 2 3; y 2 3 2
mv | x @ y | x 3 2; y 2
dot | torch.dot(x, y) | x 4; y 4
addmm | torch.addmm(c, a, b) | c 2 4; a 2 3; b 3 4
linear | F.linear(x, w, b) | x 2 3; w 2 3; b 2

# solving
linalg_det | torch.linalg.det(x) | x 2 2
linalg_slogdet | torch.slogdet(x) | x 2 2
linalg_inv | torch.linalg.inv(x) | x 2 2
linalg_solve | torch.linalg.solve(a, b) | a 3 3; b 3 2
linalg_solve_triangular | torch.linalg.solve_triangular(a, b, upper=True) | a 3 3 1..2.0; b 3 2
linalg_cholesky | torch.linalg.cholesky(a @ a.T + torch.eye(3, dtype=a.dtype)) | a 3 3

# sparse
sparse_mm | torch.sparse.mm(torch.sparse_coo_tensor([[0, 0, 2, 2, 2], [0, 3, 1, 1, 2]], v, (3, 4)), x) | v 5; x 4 2
segment_extreme | torch.sparse.mm(torch.sparse_coo_tensor([[0, 0, 2, 2, 2], [0, 3, 1, 1, 2]], v, (3, 4)), x, "amax") | v 5; x 4 2

# spectral
linalg_svd | torch.linalg.svd(x, full_matrices=False) | x 3 2
linalg_svdvals | torch.linalg.svdvals(x.detach()) | x 2 3 2
linalg_eigh | torch.linalg.eigh(a + a.T) | a 3 3
linalg_eig | torch.linalg.eig(x)[1].abs().sum((-2, -1)) | x 2 2 2
linalg_eigvalsh | torch.linalg.eigvalsh((a + a.T).detach()) | a 3 3
linalg_eigvals | torch.linalg.eigvals(x.detach()).abs().sum(-1) | x 2 3 3
linalg_pinv | torch.linalg.pinv(x) | x 3 2
linalg_matrix_exp | torch.matrix_exp(x) | x 2 2

# fourier
fft_c2c | torch.fft.fft(x) | x 2 5
fft_r2c | torch.fft.rfft(x) | x 2 5
fft_c2r | torch.fft.hfft(x, dim=0) | x 4 2

# decompose
linalg_lu_factor | torch.linalg.lu_factor(a).LU | a 3 3
linalg_qr | torch.linalg.qr(a) | a 3 2

# extremes
max_full | x.max() | x 3 4
min_full | x.min() | x 3 4
amax | x.amax((0, 2)) | x 2 3 4
amin | x.amin(-1) | x 2 3 4
aminmax | tuple(x.aminmax()) | x 3 4
max_dim | x.max(1)[0] | x 3 4
min_dim | x.min(1)[0] | x 2 3 4
argmax | x.argmax(1) | x 3 4
argmin | x.argmin() | x 3 4

# reduce
sum | x.sum() | x 2 3
sum_dim | x.sum(0) | x 3 4
trace | x.trace() | x 3 3
nansum | x.nansum() | x 3 4
mean | x.mean() | x 2 3
mean_dim | x.mean(-1, True) | x 3 4
prod | x.prod() | x 2 3
prod_dim | x.prod(1) | x 2 3 2
all | x.all(1) | x 3 4
any | x.any((0, 1)) | x 3 4
count_nonzero | x.count_nonzero(0) | x 3 4

# moments
var | x.var() | x 3 4
std | x.std() | x 3 4
var_mean | torch.var_mean(x, 0) | x 3 4
std_mean | torch.std_mean(x, (0, 1)) | x 3 4
logsumexp | x.logsumexp(1) | x 3 4
linalg_vector_norm | x.norm() | x 3 4

# join
cat | torch.cat([x, y], 0) | x 2 3; y 1 3
stack | torch.stack([x, y]) | x 3; y 3

# indexing
select | x[0] | x 3
slice | x[1:, ::2] | x 3 4
new_dims | x[:, None] | x 3 4
index | x[:, [1, 1]] | x 3 4
index_place | torch.diag_embed(x, 1) | x 2 3
index_put | x.index_put((torch.tensor([0, 2]),), v) | x 3 4; v 2 4
setitem | y = x * 1; y[1:3, 0] = v; y | x 3 4; v 2

# layout
repeat | x.repeat(2, 3) | x 3
flip | x.flip(-1) | x 3 4
roll | x.roll(5) | x 3 4
diagonal | x.diag() | x 4 4
unfold | x.unfold(0, 3, 1) | x 5

# picking
index_select | x.index_select(0, torch.tensor([1])) | x 2 4
gather | x.gather(1, torch.tensor([[1, 1, 2]])) | x 4 3
take | x.take(torch.tensor([[0, -1], [5, 5]])) | x 4 3
masked_select | x.masked_select(x > 0) | x 4 3

# masks
masked_fill | x.masked_fill(torch.tensor([[True], [False]]), 2.0) | x 3
masked_fill_tensor | x.masked_fill(torch.tensor([True, False, True]), v) | x 4 3; v
masked_scatter | x.masked_scatter(torch.tensor([True, False, True]), v) | x 3; v 4

# parts
split | x.split(2) | x 3 2
split_with_sizes | x.split((1, 0, 4), 1) | x 3 5
unbind | x.unbind() | x 2 3

# pairs
atan2 | torch.atan2(x, y) | x 2 3; y 3
hypot | torch.hypot(x, y) | x 2 3; y 3
copysign | torch.copysign(x, y) | x 2 3; y 3
nextafter | torch.nextafter(x, y) | x 2; y 2
heaviside | torch.heaviside(x, y) | x 2 3; y 3
logaddexp | torch.logaddexp(x, y) | x 2 3; y 3
logaddexp2 | torch.logaddexp2(x, y) | x 2 3; y 3
xlogy | torch.xlogy(x, y) | x 2 3; y 3
gcd | torch.gcd(x, y) | x:int64 2 3 0..9; y:int64 3 1..9
lcm | torch.lcm(x, y) | x:int64 2 3 0..9; y:int64 3 1..9
frexp | torch.frexp(x) | x 2 3

# choose
maximum | torch.maximum(x, y) | x 2 3; y 3
minimum | torch.minimum(x, y) | x 2 3; y 3
fmax | torch.fmax(x, y) | x 2 3; y 3
fmin | torch.fmin(x, y) | x 2 3; y 3
clamp | x.clamp(-1, 0.5) | x 3 4
clamp_min | torch.clamp_min(x, 0.25) | x 3 4
clamp_max | torch.clamp_max(x, 0.25) | x 3 4
clamp_between | torch.clamp(x, a, b) | x 3 4; a 4 -2.0..0; b 3 1 0..2.0
where | torch.where(x > 0, x, y) | x 2 3; y 2 3
threshold | torch.threshold(x, 0.5, 2.0) | x 3 4
nan_to_num | torch.nan_to_num(x, nan=2.0) ** 2 | x 3 4

# compare
eq | torch.eq(x, y) | x 2 3; y 3
ne | torch.ne(x, y) | x 2 3; y 3
lt | torch.lt(x, y) | x 2 3; y 3
le | torch.le(x, y) | x 2 3; y 3
gt | torch.gt(x, y) | x 2 3; y 3
ge | torch.ge(x, y) | x 2 3; y 3
bitwise_and | torch.bitwise_and(x, y) | x:int64 2 3 0..9; y:int64 3 1..9
bitwise_or | torch.bitwise_or(x, y) | x:int64 2 3 0..9; y:int64 3 1..9
bitwise_xor | torch.bitwise_xor(x, y) | x:int64 2 3 0..9; y:int64 3 1..9
bitwise_left_shift | x << y | x:int64 4 0..9; y:int64 4 0..4
bitwise_right_shift | x >> y | x:int64 4 0..9; y:int64 4 0..4
bitwise_not | ~x | x:int64 4 0..9
logical_and | torch.logical_and(x, y) | x:bool 2 3; y:bool 3
logical_or | torch.logical_or(x, y) | x:bool 2 3; y:bool 3
logical_xor | torch.logical_xor(x, y) | x:bool 2 3; y:bool 3
logical_not | torch.logical_not(x) | x 2 3
isnan | torch.isnan(x) | x 2 3
isinf | torch.isinf(x) | x 2 3
isfinite | torch.isfinite(x) | x 2 3
signbit | torch.signbit(x) | x 2 3

# complexes
abs | torch.abs(x) | x 2 3
sgn | torch.sgn(x) | x 2 3
angle | torch.angle(x) | x 2 3
real | x.real | x:complex128 2 2
imag | x.imag | x:complex128 2 2
conj | x.conj() | x:complex128 2 2
view_as_real | torch.view_as_real(x) * 2 | x:complex128 3 4
view_as_complex | torch.view_as_complex(x) * 2 | x 3 4 2

# rounding
floor | torch.floor(x) | x 2 3
ceil | torch.ceil(x) | x 2 3
trunc | torch.trunc(x) | x 2 3
frac | torch.frac(x) | x 2 3
round | torch.round(x) | x 2 3
sign | torch.sign(x) | x 2 3

# special_ops
polygamma | torch.polygamma(2, x) | x 3 4 0.5..4
logit | torch.logit(x) | x 3 4 0.1..0.9
special_ndtr | torch.special.ndtr(x) | x 2 3
special_ndtri | torch.special.ndtri(x) | x 3 4 0.1..0.9
special_log_ndtr | torch.special.log_ndtr(x) | x 3 4
special_erfcx | torch.special.erfcx(x) | x 2 3
special_entr | torch.special.entr(x) | x 3 4 0.1..2
special_i0e | torch.special.i0e(x) | x 2 3
special_i1 | torch.special.i1(x) | x 2 3
special_i1e | torch.special.i1e(x) | x 2 3
special_zeta | torch.special.zeta(x, y) | x 3 4 1.5..4; y 4 0.5..3
special_xlog1py | torch.special.xlog1py(x, y) | x 3 4; y 4 -0.5..2.0
special_bessel_j0 | torch.special.bessel_j0(x) | x 2 3
special_bessel_j1 | torch.special.bessel_j1(x) | x 2 3
special_bessel_y0 | torch.special.bessel_y0(x) | x 2 3 0.2..3
special_bessel_y1 | torch.special.bessel_y1(x) | x 2 3 0.2..3
special_modified_bessel_k0 | torch.special.modified_bessel_k0(x) | x 2 3 0.2..3
special_modified_bessel_k1 | torch.special.modified_bessel_k1(x) | x 2 3 0.2..3
special_scaled_modified_bessel_k0 | torch.special.scaled_modified_bessel_k0(x) | x 2 3 0.2..3
special_scaled_modified_bessel_k1 | torch.special.scaled_modified_bessel_k1(x) | x 2 3 0.2..3

# pointwise
exp | torch.exp(x) | x 2 3
exp2 | torch.exp2(x) | x 2 3
expm1 | torch.expm1(x) | x 2 3
log | torch.log(x) | x 2 3 0.2..3
log10 | torch.log10(x) | x 2 3 0.2..3
log2 | torch.log2(x) | x 2 3 0.2..3
log1p | torch.log1p(x) | x 2 3 0.2..3
sqrt | torch.sqrt(x) | x 2 3 0.2..3
rsqrt | torch.rsqrt(x) | x 2 3 0.2..3
sin | torch.sin(x) | x 2 3
cos | torch.cos(x) | x 2 3
tan | torch.tan(x) | x 2 3 -1..1
asin | torch.asin(x) | x 2 3 -0.9..0.9
acos | torch.acos(x) | x 2 3 -0.9..0.9
atan | torch.atan(x) | x 2 3
sinh | torch.sinh(x) | x 2 3
cosh | torch.cosh(x) | x 2 3
tanh | torch.tanh(x) | x 2 3
asinh | torch.asinh(x) | x 2 3
acosh | torch.acosh(x) | x 2 3 1.2..3
atanh | torch.atanh(x) | x 2 3 -0.9..0.9
sigmoid | torch.sigmoid(x) | x 2 3
sinc | torch.sinc(x) | x 2 3
erf | torch.erf(x) | x 2 3
erfc | torch.erfc(x) | x 2 3
erfinv | torch.erfinv(x) | x 2 3 -0.9..0.9
lgamma | torch.lgamma(x) | x 2 3 0.2..3
digamma | torch.digamma(x) | x 2 3 0.2..3
i0 | torch.i0(x) | x 2 3
deg2rad | torch.deg2rad(x) | x 2 3
rad2deg | torch.rad2deg(x) | x 2 3

# scan
cumsum | x.cumsum(1) | x 2 3 2
cumprod | x.cumprod(1) | x 2 3
logcumsumexp | x.logcumsumexp(1) | x 2 4
cummax | x.cummax(1)[0] | x 3 5
cummin | x.cummin(0)[0] | x 5 3

# scattering
scatter | x.scatter(0, torch.tensor([[0, 1, 3], [2, 2, 0]]), v) | x 4 3; v 2 3
scatter_value | x.scatter(0, torch.tensor([[0, 1, 2, 0]]), 7.0) | x 3 4
scatter_add | x.scatter_add(0, torch.tensor([[0, 1, 2, 0], [2, 0, 0, 1]]), v) | x 3 4; v 2 4
index_add | x.index_add(0, torch.tensor([1, 1]), v, alpha=2) | x 4 3; v 2 3
index_copy | x.index_copy(1, torch.tensor([2, 0]), v) | x 4 3; v 4 2

# softmax
softmax | torch.softmax(x, 1) | x 2 3
log_softmax | torch.log_softmax(x, 1) | x 2 3
nll_loss | F.nll_loss(x, torch.tensor([1, 0])) | x 2 3
cross_entropy | F.cross_entropy(x, torch.tensor([2, 0])) | x 2 3

# pick
put_along | torch.autograd.grad((x.sort(1)[0] * x).sum(), x, create_graph=True)[0] | x 2 3
pick | g = torch.autograd.grad(x.topk(2, 0)[0].pow(2).sum(), x, create_graph=True)[0]; torch.autograd.grad(g.sum(), x, create_graph=True)[0] | x 3 4

# sorting
sort | x.sort()[0] | x 3 4
topk | x.topk(2, 1)[0] | x 3 5
kthvalue | x.kthvalue(2, 1)[0] | x 3 4
median | x.median() | x 3 3
nanmedian | x.nanmedian() | x 3 3
median_dim | x.median(1, keepdim=True)[0] | x 3 4
nanmedian_dim | x.nanmedian(0)[0] | x 5 3
mode | x.mode(1)[0] | x 3 4
searchsorted | torch.searchsorted(x.sort()[0], x) | x 3 4
isin | torch.isin(x, torch.tensor([1, 4])) | x:int64 2 3 0..6

# statistics
bincount | (x.abs() * 3).long().reshape(-1).bincount() | x 3 4
bincount_weighted | (x.abs() * 3).long().bincount(x.double()) | x 7
histogram | x.histc(5, -1, 1) | x 20

# triangles
tril | x.tril() | x 3 4
triu | x.triu() | x 3 4

# conv
convolution | F.conv2d(x, w, b) | x 1 1 4 4; w 1 1 3 3; b 1
convolution_transpose | F.conv_transpose2d(x, w, b) | x 1 1 2 2; w 1 1 3 3; b 1
convolution_weight | from lightwell.ops.conv import convolution_weight_; convolution_weight_(x, g, (2, 2), (1, 1), (0, 0), (1, 1), 1) | x 1 1 4 4; g 1 1 3 3
im2col | F.unfold(x, 2) | x 1 1 3 3
col2im | F.fold(x, (3, 3), 2) | x 1 4 4
windows | from lightwell.ops.conv import windows_; windows_(x, (2, 2), (1, 1), (1, 1)) | x 1 1 3 3
unwindow | from lightwell.ops.conv import unwindow_; unwindow_(x, (3, 3), (2, 2), (1, 1), (1, 1)) | x 1 1 2 2 2 2

# embedding_ops
embedding | F.embedding(torch.tensor([0, 2, 2]), w) | w 4 3
embedding_bag | F.embedding_bag(torch.tensor([[0, 2], [1, 1]]), w, per_sample_weights=c, mode="sum") | w 4 3; c 2 2

# loss_ops
mse_loss | F.mse_loss(x, y, reduction="none") | x 2 3; y 2 3
mean_square | F.mse_loss(x, y) | x 2 3; y 2 3
smooth_l1_loss | F.smooth_l1_loss(x, y) | x 2 3; y 2 3
huber_loss | F.huber_loss(x, y, delta=0.7) | x 2 3; y 2 3
binary_cross_entropy | F.binary_cross_entropy(x, y) | x 2 3 0.1..0.9; y 2 3 0.1..0.9
binary_cross_entropy_with_logits | F.binary_cross_entropy_with_logits(x, y) | x 2 3; y 2 3 0.1..0.9
soft_margin_loss | F.soft_margin_loss(x, torch.tensor([[1.0, -1, 1], [-1, 1, -1]], dtype=x.dtype)) | x 2 3

# norm_ops
native_batch_norm | F.batch_norm(x, None, None, w, b, training=True) | x 4 2; w 2; b 2
native_layer_norm | F.layer_norm(x, (3,), w, b) | x 2 3; w 3; b 3
native_group_norm | F.group_norm(x, 2, w, b) | x 2 4; w 4; b 4
fixed_batch_norm | F.batch_norm(x, torch.zeros(2, dtype=x.dtype), torch.ones(2, dtype=x.dtype), w, b) | x 3 2; w 2; b 2

# pool
max_pool2d | F.max_pool2d(x, 2) | x 1 1 4 4
max_pool3d | F.max_pool3d(x, 2) | x 1 1 2 2 4
max_pool2d_with_indices | F.max_pool2d(x, 2, return_indices=True) | x 1 1 4 4
max_pool3d_with_indices | F.max_pool3d(x, 2, return_indices=True) | x 1 1 2 2 4
max_pool_back | torch.autograd.grad((F.max_pool2d(x, 2) ** 2).sum(), x, create_graph=True)[0] | x 1 1 4 4
adaptive_max_pool2d | F.adaptive_max_pool2d(x, 2) | x 1 1 3 4
adaptive_max_pool3d | F.adaptive_max_pool3d(x, 2) | x 1 1 2 3 4
fractional_max_pool2d | F.fractional_max_pool2d(x, 2, output_size=2) | x 1 1 4 4
fractional_max_pool3d | F.fractional_max_pool3d(x, 2, output_size=(1, 2, 2)) | x 1 1 3 4 4
max_unpool2d | F.max_unpool2d(x, torch.tensor([[[[0, 2], [9, 15]]]]), 2) | x 1 1 2 2
max_unpool3d | F.max_unpool3d(x, torch.tensor([[[[[0, 3], [5, 7]]]]]), (2, 1, 1)) | x 1 1 1 2 2
pool_take | torch.autograd.grad(torch.autograd.grad(F.max_pool2d(x, 2).pow(2).sum(), x, create_graph=True)[0].pow(2).sum(), x, create_graph=True)[0] | x 1 1 4 4
unpool | from lightwell.ops.pool import unpool_; unpool_(x, torch.tensor([[[0, 3, 5]]]), (2, 4)) | x 1 1 3
avg_pool2d | F.avg_pool2d(x, 2) | x 1 1 4 4
avg_pool3d | F.avg_pool3d(x, 2) | x 1 1 2 2 4
window_sum | from lightwell.ops.pool import window_sum_; window_sum_(x, (2, 2), (1, 1), (0, 0), (2, 2)) | x 1 1 3 3
window_spread | from lightwell.ops.pool import window_spread_; window_spread_(x, (2, 2), (1, 1), (0, 0), (3, 3)) | x 1 1 2 2
upsample_nearest1d | F.interpolate(x, scale_factor=2) | x 1 1 3
upsample_nearest2d | F.interpolate(x, scale_factor=2) | x 1 1 2 2
upsample_nearest3d | F.interpolate(x, scale_factor=2) | x 1 1 1 2 2
upsample_nearest_exact1d | F.interpolate(x, 5, mode="nearest-exact") | x 1 1 3
upsample_nearest_exact2d | F.interpolate(x, (3, 3), mode="nearest-exact") | x 1 1 2 2
upsample_nearest_exact3d | F.interpolate(x, (1, 3, 3), mode="nearest-exact") | x 1 1 1 2 2
upsample_linear1d | F.interpolate(x, 5, mode="linear") | x 1 1 3
upsample_bilinear2d | F.interpolate(x, (3, 3), mode="bilinear") | x 1 1 2 2
upsample_trilinear3d | F.interpolate(x, (2, 3, 3), mode="trilinear") | x 1 1 2 2 2
upsample_bicubic2d | F.interpolate(x, (3, 3), mode="bicubic") | x 1 1 2 2
upsample_bilinear2d_aa | F.interpolate(x, (2, 2), mode="bilinear", antialias=True) | x 1 1 4 4
upsample_bicubic2d_aa | F.interpolate(x, (2, 2), mode="bicubic", antialias=True) | x 1 1 4 4
reflection_pad1d | F.pad(x, (1, 1), "reflect") | x 1 1 3
reflection_pad2d | F.pad(x, (1, 1, 1, 1), "reflect") | x 1 1 2 3
reflection_pad3d | F.pad(x, (1, 1, 1, 1, 1, 1), "reflect") | x 1 1 2 2 2
replication_pad1d | F.pad(x, (1, 1), "replicate") | x 1 1 3
replication_pad2d | F.pad(x, (1, 1, 1, 1), "replicate") | x 1 1 2 3
replication_pad3d | F.pad(x, (1, 1, 1, 1, 1, 1), "replicate") | x 1 1 2 2 2
circular_pad | F.pad(x, (1, 1), "circular") | x 1 1 3
adaptive_avg_pool2d | F.adaptive_avg_pool2d(x, 2) | x 1 1 3 4
adaptive_avg_pool3d | F.adaptive_avg_pool3d(x, (1, 2, 2)) | x 1 1 2 2 3
resample_adjoint | torch.autograd.grad(F.interpolate(x, 5, mode="linear").pow(2).sum(), x, create_graph=True)[0] | x 1 1 3
constant_pad_nd | F.pad(x, (1, 2)) | x 2 2

# recurrent
rnn_tanh | nn.RNN(2, 3, dtype=x.dtype)(x) | x 2 1 2
rnn_relu | nn.RNN(2, 3, nonlinearity="relu", dtype=x.dtype)(x) | x 2 1 2
gru | nn.GRU(2, 3, dtype=x.dtype)(x) | x 2 1 2
lstm | nn.LSTM(2, 3, dtype=x.dtype)(x) | x 2 1 2
rnn_tanh_cell | nn.RNNCell(2, 3, dtype=x.dtype)(x) | x 1 2
rnn_relu_cell | nn.RNNCell(2, 3, nonlinearity="relu", dtype=x.dtype)(x) | x 1 2
gru_cell | nn.GRUCell(2, 3, dtype=x.dtype)(x) | x 1 2
lstm_cell | nn.LSTMCell(2, 3, dtype=x.dtype)(x) | x 1 2

# regions
region_resample | from lightwell.vision.ops import roi_align; roi_align(x, torch.tensor([[0, 0.0, 0.0, 3.0, 3.0]], dtype=x.dtype), 2) | x 1 1 4 4
region_spread | from lightwell.vision.ops import roi_align; torch.autograd.grad(roi_align(x, torch.tensor([[0, 0.0, 0.0, 3.0, 3.0]], dtype=x.dtype), 2).pow(2).sum(), x, create_graph=True)[0] | x 1 1 4 4

# scatter_reduce
scatter_prod | x.scatter_reduce(0, torch.tensor([[0, 1, 0], [2, 2, 0]]), v, "prod") | x 4 3; v 2 3
scatter_extreme | x.scatter_reduce(0, torch.tensor([[0, 1, 0], [2, 2, 0]]), v, "amax") | x 4 3; v 2 3
"""


@dataclass(frozen=True)
class Example:
    """A call of an operation: `code` (the last statement is the call), `inputs` as (name, shape, dtype, lowest, highest)."""

    op: str
    code: str
    inputs: tuple

    def arrays(self) -> dict:
        """The inputs drawn: always the same, with two decimals, away from corners and ties."""
        out = {}
        for name, shape, dtype, low, high in self.inputs:
            rng = np.random.default_rng(zlib.crc32(f"{self.op} {name}".encode()))
            a = low + (high - low) * rng.random(shape)
            if dtype.startswith("complex"):
                a = a + 1j * (low + (high - low) * rng.random(shape))
                out[name] = np.round(a, 2).astype(dtype)
            elif dtype == "bool":
                out[name] = a > (low + high) / 2
            elif dtype.startswith(("int", "uint")):
                out[name] = np.floor(a).astype(dtype)
            else:
                out[name] = (np.round(a, 2) + 0.003 * rng.permutation(a.size).reshape(shape) / max(a.size, 1)).round(4).astype(dtype)
        return out

    def run(self, arrays: dict | None = None) -> Any:
        """The call's result, on tensors that require grad where they can."""
        import lightwell
        from lightwell import nn

        space: dict = {"torch": lightwell, "nn": nn, "F": nn.functional}
        lightwell.manual_seed(0)
        for name, a in (arrays or self.arrays()).items():
            space[name] = lightwell.from_numpy(np.array(a))
            if a.dtype.kind in "fc":
                space[name].requires_grad_()
        *before, last = self.statements()
        for line in before:
            exec(line, space)
        return eval(last, space)

    def statements(self) -> list[str]:
        """The code, a statement each."""
        return [part.strip() for part in self.code.split("; ")]

    def reading(self) -> Any:
        """The operation as it ran in this call (the last time that it did), read. LookupError: it didn't run."""
        from ...ops import op as core
        from ..derive.reader import read, read_node
        from .values import nodes_of

        found: list = []

        def watch(record, call, args):
            if record.name == self.op:
                found.append((record, args))
            return call(*args)

        with core.interpose(watch):
            result = self.run()
        if found:
            record, args = found[-1]
            n = len(record.inputs)
            return read(record, list(args[0]) if record.variadic else args[:n], args[1:] if record.variadic else args[n:])
        edge = getattr(result, "_node", None)
        for node in reversed(nodes_of(edge) if edge is not None else []):  # writes hang their nodes themselves
            if node.record is not None and node.record.name == self.op:
                return read_node(node)
        raise LookupError(f"the example of {self.op} does not run it: {self.code}")


@functools.cache
def examples() -> dict[str, Example]:
    """All examples, by the operation's name."""
    found = {}
    for line in _TABLE.strip().splitlines():
        if not line or line.startswith("# "):
            continue
        op, rest = line.split(" | ", 1)
        code, inputs = rest.rsplit(" | ", 1)
        found[op] = Example(op, code, tuple(_input(part) for part in inputs.split("; ")))
    return found


def _input(text: str) -> tuple:
    name, *words = text.split()
    name, _, dtype = name.partition(":")
    low, high = -2.0, 2.0
    if words and ".." in words[-1]:
        low, high = map(float, words.pop().split(".."))
    return name, tuple(map(int, words)), dtype or "float64", low, high
