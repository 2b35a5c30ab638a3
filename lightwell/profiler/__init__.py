"""`torch.profiler`: which operations ran, when, on what shapes, with how much memory; over the steps of a schedule."""

from ..autograd.profiler import record_function
from ._profile import ProfilerAction, ProfilerActivity, profile, schedule, supported_activities, tensorboard_trace_handler
from ._table import EventList

__all__ = [
    "EventList", "ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
    "tensorboard_trace_handler",
]  # fmt: skip
