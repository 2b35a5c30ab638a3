"""PyTorch's path to anomaly detection, which is in `anomaly`."""

from .anomaly import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
