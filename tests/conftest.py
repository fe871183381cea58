"""What holds for every test: how hypothesis draws its examples.

On CI the examples are the same every time, so that a run that fails can be repeated; at a desk they
are new every time, so that the whole space is searched in the long run.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("desk", deadline=None)  # a busy machine is no error
settings.load_profile("ci" if os.environ.get("CI") else "desk")
