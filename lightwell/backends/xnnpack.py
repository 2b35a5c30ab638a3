"""XNNPACK: not part of this build."""

enabled = False
