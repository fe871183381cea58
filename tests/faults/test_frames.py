"""Faults 4 and 5: frames that come twice, in another order, or in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faults import LEADERS, PRIVATE, scene, soak

GRVT_LEADS = pytest.mark.parametrize(
    ("venue", "swapped"),
    [
        pytest.param("grvt", True, id="grvt leads"),
        pytest.param("backpack", False, id="backpack leads", marks=soak),
    ],
)
REPEATED: tuple[dict[str, object], ...] = (
    {"kind": "fill", "do": "repeat", "copies": 3},
    {"kind": "fill", "do": "repeat", "copies": 2, "after_s": 1},
    {"kind": "any", "do": "repeat", "copies": 1, "times": 6},
    {"kind": "fill", "do": "swap"},
    {"kind": "order", "do": "swap"},
    {"kind": "any", "do": "swap", "times": 3},
    {"kind": "fill", "do": "late", "after_s": 0.5},
    {"kind": "fill", "do": "late", "after_s": 2},
)


@LEADERS
def test_4_duplicated_and_reordered_frames(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        for number, how in enumerate(REPEATED, 1):
            at = the.at(f"{the.leg(venue)}_accept", 2 * number)
            the.arm("frames", connection=PRIVATE[venue], at=at, **how)
        with the.service(cycles=2 * len(REPEATED) + 1, hurried=True) as run:
            the.finish(run)
            the.met(len(REPEATED))
        the.judged(naked_q_s=1)
        assert len(run.records) == 2 * len(REPEATED) + 1


@GRVT_LEADS
def test_4_a_fill_is_told_again_after_a_reconnect(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        hook = f"{the.leg(venue)}_fill"
        the.arm(
            "frames", connection=PRIVATE[venue], kind="any", do="repeat", times=6, after_s=0.8,
            at=the.at(hook),
        )  # fmt: skip
        the.arm("drop", connection=PRIVATE[venue], at=the.at(hook, 3))
        with the.service() as run:
            the.fired(2)
            the.run_on(run, 12)
            the.finish(run)
        the.judged(naked_q_s=5)


SPOILT: tuple[dict[str, object], ...] = (
    {"do": "cut"},
    {"do": "utf8"},
    {"do": "binary"},
    {"do": "huge"},
    {"do": "number", "text": "NaN"},
    {"do": "number", "text": "1e400"},
    {"do": "number", "text": "0.123456789012345678901234567890"},
)


@LEADERS
def test_5_a_malformed_or_oversized_frame_carries_a_fill(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        for number, how in enumerate(SPOILT, 1):
            at = the.at(f"{the.leg(venue)}_fill", 2 * number)
            the.arm("frames", connection=PRIVATE[venue], kind="fill", at=at, **how)
        with the.service(cycles=2 * len(SPOILT) + 1, hurried=True) as run:
            the.finish(run)
            the.met(len(SPOILT))
        the.judged(naked_q_s=3)
        assert len(run.records) == 2 * len(SPOILT) + 1


@GRVT_LEADS
def test_5_one_bad_frame_after_the_other_blinds_nobody(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    """As often as there is a fill, at the pace at which connections are really replaced."""
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg(venue)}_fill")
        the.arm("frames", connection=PRIVATE[venue], kind="fill", do="cut", times=4, at=at)
        with the.service() as run:
            the.met(4)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)
