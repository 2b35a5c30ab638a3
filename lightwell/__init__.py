"""lightwell: a deep-learning framework with the light on inside, under PyTorch's names."""

import warnings as _warnings

from . import _allocator as _allocator
from ._lazy import attributes as _attributes
from . import _einops as _einops
from .autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .device import device, get_default_device, set_default_device
from .dtypes import (
    bfloat16, bool, can_cast, cdouble, cfloat, complex64, complex128, double, dtype, finfo, float, float8_e4m3fn,
    float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float16, float32, float64, get_default_dtype, half, iinfo, int, int8,
    int16, int32, int64, long, promote_types, set_default_dtype, short, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .ops import *
from .printing import set_printoptions
from .random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .tensor import (
    Size,
    Tensor,
    channels_last,
    channels_last_3d,
    contiguous_format,
    is_tensor,
    layout,
    memory_format,
    preserve_format,
    sparse_coo,
    sparse_csr,
    strided,
)
from .toplevel import (
    AcceleratorError, OutOfMemoryError, cond, while_loop, are_deterministic_algorithms_enabled, compiled_with_cxx11_abi,
    get_deterministic_debug_mode, get_device, get_float32_matmul_precision, get_num_interop_threads, get_num_threads, igamma,
    igammac, is_complex, is_conj, is_deterministic_algorithms_warn_only_enabled, is_distributed, is_floating_point, is_neg,
    is_nonzero, is_signed, is_storage, is_warn_always_enabled, numel, result_type, set_default_tensor_type,
    set_deterministic_debug_mode, set_float32_matmul_precision, set_flush_denormal, set_num_interop_threads, set_num_threads,
    set_warn_always, spmm, sym_float, sym_int, sym_ite, sym_max, sym_min, sym_not, sym_sqrt, sym_sum, typename,
    use_deterministic_algorithms,
)  # fmt: skip

from ._version import __version__

from math import e, inf, nan, pi

newaxis = None

# log(0) is -inf here, as in PyTorch, and no occasion for NumPy's warning: silent inside this package, untouched in the user's own code.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"lightwell(\.|$)")

# Subpackages load at their first use: `import lightwell` costs little more than `import numpy`.
_LAZY = frozenset(
    (
        "accelerator amp array_api autograd backends compile compiler cpu cuda distributed distributions explain export fft func functional futures fx gp "
        "hub jit classes _dynamo library linalg mps mtia multiprocessing nn onnx ops optim overrides profiler quasirandom random return_types serialization signal "
        "sparse special storage testing text types utils version vision xpu _utils"
    ).split()
)
_FROM = {  # single names that live in a subpackage
    "save": "serialization", "load": "serialization", "sparse_coo_tensor": "sparse", "sparse_csr_tensor": "sparse",
    "sparse_csc_tensor": "sparse", "sparse_csc": "sparse",
    **dict.fromkeys((
        "hspmm resize_as_sparse_ smm sparse_bsc sparse_bsc_tensor sparse_bsr sparse_bsr_tensor sparse_compressed_tensor sspaddmm"
    ).split(), "sparse"),
    **dict.fromkeys((
        "adaptive_avg_pool1d adaptive_max_pool1d avg_pool1d batch_norm channel_shuffle constant_pad_nd conv1d conv2d conv3d "
        "conv_transpose1d conv_transpose2d conv_transpose3d embedding group_norm instance_norm layer_norm max_pool1d "
        "max_pool1d_with_indices max_pool2d max_pool3d pixel_shuffle pixel_unshuffle affine_grid_generator convolution "
        "embedding_bag embedding_renorm_ grid_sampler grid_sampler_2d grid_sampler_3d native_batch_norm native_channel_shuffle "
        "native_dropout native_group_norm native_layer_norm segment_reduce"
    ).split(), "nn.functional.native"),
    **dict.fromkeys((
        "gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell"
    ).split(), "nn.functional.recurrent"),
    "conv_tbc": "nn.functional.linear_loss",
    **dict.fromkeys((
        "binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss kl_div margin_ranking_loss "
        "poisson_nll_loss triplet_margin_loss"
    ).split(), "nn.functional.native_losses"),
    **dict.fromkeys((
        "autocast autocast_decrement_nesting autocast_increment_nesting clear_autocast_cache get_autocast_cpu_dtype "
        "get_autocast_dtype get_autocast_gpu_dtype get_autocast_ipu_dtype get_autocast_xla_dtype "
        "is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled is_autocast_ipu_enabled "
        "is_autocast_xla_enabled set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled "
        "set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype set_autocast_ipu_dtype set_autocast_ipu_enabled "
        "set_autocast_xla_dtype set_autocast_xla_enabled"
    ).split(), "amp.autocast_mode"),
    **dict.fromkeys((
        "eig fill get_file_path has_lapack has_mkl has_openmp has_spectral is_vulkan_available lstsq matrix_rank solve symeig"
    ).split(), "_older"),
    **dict.fromkeys((
        "BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage ComplexFloatStorage DoubleStorage FloatStorage "
        "HalfStorage IntStorage LongStorage ShortStorage Storage"
    ).split(), "storage"),
    "is_anomaly_enabled": "autograd.anomaly", "is_anomaly_check_nan_enabled": "autograd.anomaly",
    "set_anomaly_enabled": "_older",
    **dict.fromkeys("set_language get_language".split(), "language"),
    "explain_error": "errors", **dict.fromkeys("lessons_enabled set_lessons".split(), "errors.teaching"),
    "lint": "explain.lint", "graph": "explain.graph",
    **dict.fromkeys("explain_copy kept_for_backward memory shares_memory step_memory summary".split(), "explain.memory"),
    "glance": "explain.glance",
    "watch": "explain.watch",
    "_assert": "_assertion", "vmap": "func.vmap", "UntypedStorage": "storage", "TypedStorage": "storage",
}  # fmt: skip

__getattr__, __dir__ = _attributes(globals(), _LAZY, _FROM)
