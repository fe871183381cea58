"""Programs to compare with: the same cycles, written on the venues' own SDKs as people use them.

``python -m benchmarks.baselines`` runs one of them against paper venues; ``ketch drill --beside``
starts it. Nothing of Ketch is used in them, so that they are what somebody would write instead.
"""
