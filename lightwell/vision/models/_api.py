"""Finding models by name, and the enumerations of their pretrained weights."""

import builtins
import enum
import fnmatch
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.vision.models._weights import rows

from ...errors.level import users_level

__all__ = ["Weights", "WeightsEnum", "get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models"]

BUILDERS: dict[str, Callable] = {}


@dataclass
class Weights:
    """One file of weights: where it lies, what pictures go through first, and facts about it."""

    url: str
    transforms: Callable
    meta: Mapping[str, Any]


class WeightsEnum(enum.Enum):
    """The weights of one model; each member has ``url``, ``transforms`` and ``meta``."""

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """The member that obj is or names; None stays None. Raises TypeError for anything else."""
        if obj is None or isinstance(obj, cls):
            return obj
        if isinstance(obj, str):
            return cls[obj.replace(cls.__name__ + ".", "")]
        raise TypeError(f"Invalid Weight class provided; expected {cls.__name__} but received {obj.__class__.__name__}.")

    def get_state_dict(self, *args: Any, **kwargs: Any):
        """The weights, downloaded at first use; arguments as of ``hub.load_state_dict_from_url``."""
        from lightwell.hub import load_state_dict_from_url

        return load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self):
        return f"{type(self).__name__}.{self._name_}"

    def __reduce_ex__(self, protocol):
        return getattr, (type(self), self._name_)

    url = property(lambda self: self.value.url, doc="Where the file lies.")
    transforms = property(lambda self: self.value.transforms, doc="Call it for the transform that belongs to these weights.")
    meta = property(lambda self: self.value.meta, doc="Facts: number of parameters, categories, accuracy.")


def weights(enum_name: str) -> type[WeightsEnum]:
    """The enumeration of that name, out of the table, as a class of the calling module."""
    members: dict[str, Weights] = {}
    for row in rows(enum_name):
        members[row.member] = Weights(row.url, row.transforms, row.meta)
        if row.default:
            default = row.member
    members["DEFAULT"] = members[default]
    return WeightsEnum(enum_name, members, module=sys._getframe(1).f_globals["__name__"])


def builder(name: str, enumeration, make, *args, prepare=None, finish=None, title=None, **fixed):
    """The function that makes a model: ``make(*args, **fixed, **kwargs)``, with pretrained weights if asked for.

    ``prepare(weights, kwargs)`` adjusts the arguments where weights are given, ``finish(model, weights, kwargs)`` the model.
    """

    def build(*positional, weights=None, progress: bool = True, **kwargs):
        weights, progress, kwargs = _legacy(name, enumeration, positional, weights, progress, kwargs)
        own = dict(kwargs)
        if weights is not None:
            if "categories" in weights.meta:
                overwrite(own, "num_classes", len(weights.meta["categories"]))
            if prepare is not None:
                prepare(weights, own)
        model = make(*args, **{**fixed, **own})
        if weights is not None:
            model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
        if finish is not None:
            finish(model, weights, kwargs)
        return model

    build.__name__ = build.__qualname__ = name
    build.__module__ = sys._getframe(1).f_globals["__name__"]
    P = inspect.Parameter
    build.__signature__ = inspect.Signature(
        [P("weights", P.KEYWORD_ONLY, default=None), P("progress", P.KEYWORD_ONLY, default=True), P("kwargs", P.VAR_KEYWORD)]
    )
    build.__doc__ = (
        f"{title or name}: a {getattr(make, '__name__', 'model')}; ``weights``, a member of {enumeration.__name__} or its name, "
        "are downloaded; ``kwargs`` go to the class."
    )
    build.weights_enum = enumeration
    BUILDERS[name] = build
    return build


def overwrite(kwargs, name, value):
    """Set an argument that the weights determine. Raises ValueError where another value was asked for."""
    if kwargs.setdefault(name, value) != value:
        raise ValueError(f"The parameter '{name}' expected value {value} but got {kwargs[name]} instead.")


def _legacy(name, enumeration, positional, weights, progress, kwargs):
    """(weights member or None, progress, remaining arguments), with ``pretrained=`` and positional arguments understood."""
    if len(positional) > 2:
        raise TypeError(f"{name}() takes 0 positional arguments but {len(positional)} were given; name them")
    if positional:
        named = "'weights' and 'progress'" if len(positional) == 2 else "'weights'"
        warnings.warn(
            f"Using {named} as positional parameter(s) is deprecated since 0.13 and may be removed in the future. "
            "Please use keyword parameter(s) instead.",
            stacklevel=users_level(),
        )
        weights, progress = (*positional, progress)[:2]
    old = "pretrained" in kwargs
    if old or isinstance(weights, bool):
        if old:
            weights = kwargs.pop("pretrained")
            warnings.warn(
                "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use 'weights' instead.",
                stacklevel=users_level(),
            )
        weights = next(iter(enumeration)) if weights else None
        best = f" You can also use `weights={enumeration.__name__}.DEFAULT` to get the most up-to-date weights." if weights else ""
        warnings.warn(
            "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may be removed in the future. "
            f"The current behavior is equivalent to passing `weights={weights}`.{best}",
            stacklevel=users_level(),
        )
    return enumeration.verify(weights), progress, kwargs


def list_models(module=None, include=None, exclude=None) -> list[str]:
    """The names of the models, sorted: of one module, and matching shell patterns.

    >>> from lightwell.vision.models import list_models
    >>> list_models(include="vgg1*", exclude="*_bn")
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """
    of_module = lambda build: module is None or build.__module__.rsplit(".", 1)[0] == module.__name__ or build.__module__ == module.__name__
    names = {name for name, build in BUILDERS.items() if of_module(build)}
    patterns = lambda given: [given] if isinstance(given, str) else given or ()
    if include:
        names = {n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns(include))}
    return sorted(n for n in names if not any(fnmatch.fnmatch(n, p) for p in patterns(exclude)))


def get_model_builder(name: str):
    """The function that makes the model of that name. Raises ValueError for an unknown one."""
    try:
        return BUILDERS[name.lower()]
    except KeyError:
        raise ValueError(f"Unknown model {name}; list_models() names those there are") from None


def get_model(name: str, **config: Any):
    """The model of that name.

    >>> from lightwell.vision.models import get_model
    >>> sum(p.numel() for p in get_model("squeezenet1_1", weights=None).parameters())
    1235496
    """
    return get_model_builder(name)(**config)


def get_weight(name: str) -> WeightsEnum:
    """The weights of a full name such as 'ResNet18_Weights.IMAGENET1K_V1'. Raises ValueError for one that is not known."""
    try:
        enum_name, member = name.split(".")
    except builtins.ValueError:
        raise ValueError(f"Invalid weight name provided: '{name}'; expected Enumeration.MEMBER") from None
    for build in BUILDERS.values():
        if build.weights_enum.__name__ == enum_name:
            return build.weights_enum[member]
    raise ValueError(f"The weight enum '{enum_name}' for the specific method couldn't be retrieved: no such enumeration")


def get_model_weights(name) -> type[WeightsEnum]:
    """The enumeration of weights of a model, given by its name or its function."""
    return (name if callable(name) else get_model_builder(name)).weights_enum
