"""torch.utils.deterministic: `fill_uninitialized_memory`, kept as it is set.

It says whether memory that nobody has written is filled while `use_deterministic_algorithms(True)` holds. `torch.empty` is never filled here.
"""

fill_uninitialized_memory = True
