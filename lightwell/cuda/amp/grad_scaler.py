"""`torch.cuda.amp.GradScaler`."""

from ...amp.grad_scaler import _older

__all__ = ["GradScaler"]

GradScaler = _older("cuda")
