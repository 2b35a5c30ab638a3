"""The main job: training a small network on real data, watched, drawn, saved, and resumable at any batch.

``recipes`` says what is trained and how, ``tasks`` brings the data, ``session`` is the loop with its state,
``progress`` and ``picture`` show it, ``command`` is ``lightwell train``.
"""
