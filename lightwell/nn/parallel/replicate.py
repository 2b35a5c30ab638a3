"""`replicate`: one module, as many times as there are devices."""

from . import comm

__all__ = ["replicate"]


def replicate(network, devices, detach: bool = False) -> list:
    """Copies of `network` for the devices: modules of their own around the same parameters, through which gradients reach them.

    With `detach` the parameters are outside the graph.
    """
    copies = []
    for _ in comm._devices(devices, "replicate"):
        twins = {m: m._replicate_for_data_parallel() if hasattr(m, "_replicate_for_data_parallel") else _twin(m) for m in network.modules()}
        for module, twin in twins.items():
            for name, child in module._modules.items():
                twin._modules[name] = None if child is None else twins[child]
            for table in ("_parameters", "_buffers"):
                for name, t in getattr(module, table).items():
                    getattr(twin, table)[name] = t.detach() if detach and t is not None else t
        copies.append(twins[network])
    return copies


def _twin(module):
    """A module of the same kind and attributes with empty tables."""
    twin = module.__new__(type(module))
    twin.__dict__ = module.__dict__.copy()
    for table in ("_parameters", "_buffers", "_modules"):
        twin.__dict__[table] = module.__dict__[table].copy()
    return twin
