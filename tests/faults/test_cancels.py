"""Faults 14 and 15: a cancel is a request, and fills do not wait for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import PRIVATE, Scene, scene
from tests.support.faults_resting import resting
from trading.transitions import OrderState
from venues.model import BACKPACK, GRVT

LEADERS = pytest.mark.parametrize(
    ("venue", "swapped"),
    [
        pytest.param(GRVT, True, id="grvt leads"),
        pytest.param(BACKPACK, False, id="backpack leads"),
    ],
)
CANCELS: dict[str, dict[str, Any]] = {
    GRVT: {"connection": "grvt/trading", "route": "cancel_order"},
    BACKPACK: {"connection": "backpack/rest", "route": "/api/v1/order", "method": "DELETE"},
}
MOST_CANCELS = 3


def rounds(
    the: Scene, patch: pytest.MonkeyPatch, faults: Iterable[dict[str, Any]], *, met: bool = True
) -> list[str]:
    """A round for each fault of its cancel; how the resting orders ended."""
    ends: list[str] = []
    with resting(the, patch) as desk:
        for number, fault in enumerate(faults, 1):
            the.arm(**fault)
            # One request more than there may be would fire this.
            at = {"hook": "cancel_recv", "nth": MOST_CANCELS + 1}
            the.arm("mark", name="one cancel too many", at=at)
            ends.append(desk.round().value)
            the.met(number) if met else the.fired(number)
            assert "one cancel too many" not in str(the.process.get("/faults")["fired"])
            the.clear()
    return ends


# -- 14: cancel acknowledged is not cancelled; cancel of a gone order ----


@LEADERS
def test_14_the_fill_follows_the_acknowledged_cancel(
    tmp_path: Path, venue: str, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        late = [
            {"action": "race", "connection": venue, "when": "after", "part": 1.0, "by_s": by_s}
            for by_s in (0.005, 0.05, 0.5)
        ]
        assert rounds(the, monkeypatch, late) == [OrderState.FILLED.value] * 3
        the.judged(naked_q_s=2)


@LEADERS
def test_14_the_cancel_of_an_order_that_is_filled_already(
    tmp_path: Path, venue: str, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        filled = {"action": "race", "connection": venue, "when": "before", "part": 1.0}
        assert rounds(the, monkeypatch, [filled]) == [OrderState.FILLED.value]
        the.judged(naked_q_s=2)


@LEADERS
def test_14_the_cancel_is_lost_or_not_answered_or_refused(
    tmp_path: Path, venue: str, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        answers: list[dict[str, Any]] = [
            {"action": "lose"},
            {"action": "answer", "reply": "none", "execute": True},
            {"action": "answer", "reply": "abort", "execute": False},
            {"action": "answer", "status": 500, "code": 1002, "execute": False},
            {"action": "answer", "status": 404, "code": 1004, "execute": True},
        ]
        ends = rounds(the, monkeypatch, [{**CANCELS[venue], **answer} for answer in answers])
        assert set(ends) == {OrderState.CANCELLED.value}
        the.judged(naked_q_s=2)


# -- 15: fill during the cancel; partial, then cancelled ----


@LEADERS
@pytest.mark.parametrize("swap", [False, True], ids=["in order", "reordered"])
def test_15_a_fill_during_the_cancel(
    tmp_path: Path, venue: str, swapped: bool, swap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        moments = (("before", 0.0), ("after", 0.001), ("after", 0.05))
        races: list[dict[str, Any]] = [
            {"action": "race", "connection": venue, "part": part, "when": when, "by_s": by_s}
            for part, (when, by_s) in itertools.product((0.3, 1.0), moments)
        ]
        if swap:
            the.arm("frames", connection=PRIVATE[venue], do="swap", share=0.5, for_s=3600)
        ends = rounds(the, monkeypatch, races)
        assert ends == [OrderState.CANCELLED.value] * 3 + [OrderState.FILLED.value] * 3
        the.judged(naked_q_s=2)


# -- pairs ----


@pytest.mark.parametrize("by_s", [-6, 6])
def test_7_and_14_the_venue_finds_the_cancel_too_old_or_too_early(
    tmp_path: Path, by_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path) as the:
        at = {"hook": "accept", "venue": BACKPACK}
        skew = {"action": "clock", "connection": BACKPACK, "by_s": by_s, "for_s": 3, "at": at}
        assert rounds(the, monkeypatch, [skew], met=False) == [OrderState.CANCELLED.value]
        the.judged(naked_q_s=2)
