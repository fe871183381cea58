"""Faults 1 to 5: what networks do to connections, and to the frames on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support_faults import scene

PRIVATE = {"grvt": "grvt/trading", "backpack": "backpack/feed"}
WIRE = {"grvt": "grvt/trades", "backpack": "backpack/ws"}


@pytest.mark.parametrize("swapped", [False, True], ids=["backpack first", "grvt first"])
@pytest.mark.parametrize("venue", ["grvt", "backpack"])
def test_1_half_open_tcp_under_the_private_feed(tmp_path: Path, venue: str, swapped: bool) -> None:
    """The socket goes silent for good as the primary order is accepted; a new one works."""
    with scene(tmp_path, WIRE[venue], swapped=swapped) as the:
        the.arm("blackhole", connection=PRIVATE[venue], for_s=0.5, at=the.at("primary_accept"))
        with the.service() as run:
            the.met()
            the.run_on(run, 3)
            the.finish(run)
        the.judged(naked_q_s=5)
