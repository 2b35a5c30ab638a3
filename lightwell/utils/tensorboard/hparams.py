"""The messages behind `add_hparams`: what may be tuned, what a run was started with, and that it has ended."""

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import (
    DataType,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
    Status,
)  # fmt: skip
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from ...errors.teaching import TypeError, ValueError
from ...tensor import Tensor
from .arrays import make_np

_TYPES = {bool: (DataType.DATA_TYPE_BOOL, "bool_value"), str: (DataType.DATA_TYPE_STRING, "string_value")}
_NUMBER = (DataType.DATA_TYPE_FLOAT64, "number_value")


def _domain(values):
    """The ListValue of the values a hyperparameter may take; None where nothing is said. TypeError for mixed or unknown types."""
    if values is None:
        return None
    from google.protobuf.struct_pb2 import ListValue

    kinds = {bool if isinstance(v, bool) else str if isinstance(v, str) else float for v in values}
    if len(kinds) > 1:
        raise TypeError("parameter: hparam_domain_discrete must hold values of one type for each hyperparameter")
    made = ListValue()
    made.extend(list(values))
    return made


def hparams(hparam_dict=None, metric_dict=None, hparam_domain_discrete=None):
    """(experiment, session start, session end) as summaries.

    TypeError where an argument is no dictionary, ValueError for a value that is no number, string, bool or tensor.
    """
    if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
        raise TypeError("hparam_dict and metric_dict should be dictionary.")
    domains = hparam_domain_discrete or {}
    if not isinstance(domains, dict):
        raise TypeError("parameter: hparam_domain_discrete should be a dictionary")
    for name in domains:
        if name not in hparam_dict or not isinstance(domains[name], list):
            raise TypeError(f"parameter: hparam_domain_discrete[{name}] should be a list of values of a hyperparameter that is there")
    start, infos = SessionStartInfo(), []
    for name, value in hparam_dict.items():
        if value is None:
            continue
        if isinstance(value, Tensor):
            value = float(make_np(value).reshape(-1)[0])
        if not isinstance(value, (int, float, str)):
            raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")
        # A bool is written as the number it is, as PyTorch's writer does, unless its domain says otherwise.
        kind, field = _TYPES[str] if isinstance(value, str) else _NUMBER
        if isinstance(value, bool) and name in domains:
            kind, field = _TYPES[bool]
        setattr(start.hparams[name], field, value)
        infos.append(HParamInfo(name=name, type=kind, domain_discrete=_domain(domains.get(name))))
    metrics = [MetricInfo(name=MetricName(tag=tag)) for tag in metric_dict]

    def told(tag, **content):
        return Summary(value=[Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(HParamsPluginData(**content)))])

    return (
        told(metadata.EXPERIMENT_TAG, experiment=Experiment(hparam_infos=infos, metric_infos=metrics)),
        told(metadata.SESSION_START_INFO_TAG, session_start_info=start),
        told(metadata.SESSION_END_INFO_TAG, session_end_info=SessionEndInfo(status=Status.STATUS_SUCCESS)),
    )
