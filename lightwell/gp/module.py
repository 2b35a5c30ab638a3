"""nn.Module with constrained parameters, priors, and setting of values by their public names."""

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import AttributeError, RuntimeError
from lightwell.tensor import Tensor

__all__ = ["Module"]


class Module(nn.Module):
    """A module whose raw parameters stand for constrained values: `raw_lengthscale` for `lengthscale`, and so on.

    >>> from lightwell import gp
    >>> gp.kernels.RBFKernel().initialize(lengthscale=2.0).lengthscale.item()
    2.0
    """

    def __init__(self):
        super().__init__()
        self._constraint_names: dict = {}  # raw parameter: name of its constraint's submodule
        self._priors: dict = {}  # name: (submodule's name, closure for the value, closure that sets it)

    def register_parameter(self, name: str, parameter) -> None:
        """`nn.Module.register_parameter`, with GPyTorch's name of the second argument."""
        super().register_parameter(name, parameter)

    def register_constraint(self, param_name: str, constraint, replace: bool = True) -> None:
        """Let a raw parameter be read through a constraint; its `initial_value`, if any, becomes the parameter's value.

        RuntimeError for a parameter that is not registered.
        """
        if param_name not in self._parameters:
            raise RuntimeError(f"Attempting to register constraint for nonexistent parameter {param_name!r} of {type(self).__name__}.")
        self._constraint_names[param_name] = name = param_name + "_constraint"
        if not replace and name in self._modules:
            constraint = constraint.intersect(self._modules[name])
        self.add_module(name, constraint)
        if constraint.initial_value is not None:
            self.initialize(**{param_name: constraint.inverse_transform(constraint.initial_value)})

    def constraint_for_parameter_name(self, param_name: str):
        """The constraint of a (dotted) raw parameter, or None."""
        *path, leaf = param_name.split(".")
        module = self.get_submodule(".".join(path))
        name = getattr(module, "_constraint_names", {}).get(leaf)
        return None if name is None else module._modules[name]

    def register_prior(self, name: str, prior, param_or_closure, setting_closure=None) -> None:
        """Add a prior's log-density at a parameter (by name) or at what a closure of the module returns to the objective."""
        if isinstance(param_or_closure, str):
            attribute = param_or_closure
            if not hasattr(self, attribute):
                raise AttributeError(f"Unknown parameter {attribute} for {type(self).__name__}; register it before its prior")
            param_or_closure = lambda module: getattr(module, attribute)
            setting_closure = setting_closure or (lambda module, value: module.initialize(**{attribute: value}))
        self.add_module(name, prior)
        self._priors[name] = param_or_closure, setting_closure

    def named_priors(self, memo=None, prefix: str = ""):
        """(name, module, prior, closure, setting closure) of all priors, each once."""
        seen = set()
        for path, module in self.named_modules(prefix=prefix):
            for name, (closure, setting) in getattr(module, "_priors", {}).items():
                prior = module._modules[name]
                if prior is not None and id(prior) not in seen:
                    seen.add(id(prior))
                    yield f"{path}.{name}" if path else name, module, prior, closure, setting

    def named_constraints(self, memo=None, prefix: str = ""):
        """(name, constraint) of all constraints."""
        for path, module in self.named_modules(prefix=prefix):
            for name in getattr(module, "_constraint_names", {}).values():
                yield f"{path}.{name}" if path else name, module._modules[name]

    def named_parameters_and_constraints(self):
        """(name, raw parameter, its constraint or None) of all parameters."""
        for name, parameter in self.named_parameters():
            yield name, parameter, self.constraint_for_parameter_name(name)

    def constraints(self):
        """All constraints."""
        return (constraint for _, constraint in self.named_constraints())

    def hyperparameters(self):
        """All parameters."""
        return self.parameters()

    def named_hyperparameters(self):
        """All parameters with their names."""
        return self.named_parameters()

    def sample_from_prior(self, prior_name: str) -> None:
        """Set a parameter to a draw from its prior; RuntimeError where there is no such prior or no way to set it."""
        if prior_name not in self._priors:
            raise RuntimeError(f"Unknown prior name {prior_name!r}; there are {sorted(self._priors)}")
        setting = self._priors[prior_name][1]
        if setting is None:
            raise RuntimeError(f"Must provide setting_closure to register_prior({prior_name!r}) to be able to sample from it")
        closure = self._priors[prior_name][0]
        setting(self, self._modules[prior_name].sample(closure(self).shape))

    def initialize(self, **values):
        """Set parameters by name, raw or public, also those of submodules ("covar_module.base_kernel.lengthscale"); returns the module.

        AttributeError for an unknown name, RuntimeError for a value outside the constraint.
        """
        for name, value in values.items():
            if "." in name:
                first, rest = name.split(".", 1)
                child = self[int(first)] if isinstance(self, nn.ModuleList) else getattr(self, first)
                if isinstance(child, nn.ModuleList):
                    first, rest = rest.split(".", 1)
                    child = child[int(first)]
                child.initialize(**{rest: value})
            elif not hasattr(self, name):
                raise AttributeError(f"Unknown parameter {name} for {type(self).__name__}")
            elif name in self._parameters:
                self._set_raw(name, value)
            elif isinstance(value, (int, float, Tensor)):
                setattr(self, name, value)  # a property: its setter comes back here with the raw value
            else:
                raise AttributeError(f"Type {type(value).__name__} not valid for initializing parameter {name}: give a number or a tensor")
        return self

    def _set_raw(self, name, value):
        parameter, constraint = self._parameters[name], self.constraint_for_parameter_name(name)
        value = lw.as_tensor(value, dtype=parameter.dtype)
        if constraint is not None and constraint.enforced and not constraint.check_raw(value):
            raise RuntimeError(
                "Attempting to manually set a parameter value that is out of bounds of its current constraints, "
                f"{constraint}. Most likely, you want to do the following:\n"
                " likelihood = GaussianLikelihood(noise_constraint=gpytorch.constraints.GreaterThan(better_lower_bound))"
            )
        with lw.no_grad():
            parameter.copy_(value.expand(parameter.shape) if value.numel() == 1 else value.view_as(parameter))

    def _set_through(self, raw_name, value):
        """Set a raw parameter so that its constraint gives `value`."""
        raw = self._parameters[raw_name]
        constraint = self.constraint_for_parameter_name(raw_name)
        value = lw.as_tensor(value, dtype=raw.dtype)
        self.initialize(**{raw_name: value if constraint is None else constraint.inverse_transform(value)})


def constrained(name: str, doc: str):
    """A property `name` over the parameter `raw_name`, read and set through its constraint."""
    raw = "raw_" + name

    def get(self):
        constraint = self.constraint_for_parameter_name(raw)
        value = self._parameters[raw]
        return value if constraint is None else constraint.transform(value)

    return property(get, lambda self, value: self._set_through(raw, value), doc=doc)
