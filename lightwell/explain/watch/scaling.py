"""What a gradient scaler tells a watch."""

from ...tensor import Tensor


def scale(watch, original):
    """`GradScaler.scale`, which tells a watch that infinite gradients are nothing unusual until `update`."""

    def scaled(self, outputs):
        if watch.on and self.is_enabled():
            if isinstance(outputs, Tensor):
                watch._scaled = 0
                watch.begins((outputs,))
            watch._scaled += 1
        return original(self, outputs)

    return scaled


def update(watch, original):
    """`GradScaler.update`, which tells a watch whether the step was skipped."""

    def updated(self, new_scale=None):
        before = self.get_scale()
        original(self, new_scale)
        if watch.on and self.is_enabled():
            watch._updated(self, before)

    return updated
