"""Switches that programs set; each is kept and none changes anything, since functions run eagerly."""

cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = 256
suppress_errors = verbose = dynamic_shapes = False
assume_static_by_default = automatic_dynamic_shapes = optimize_ddp = True
capture_scalar_outputs = capture_dynamic_output_shape_ops = False
