"""How many readings it takes to believe a venue against our own orders, and over which time."""

from __future__ import annotations

import pytest

from tests.support.trading import D
from trading.evidence import SURE_S, Evidence, left_of, taken_off


def evidence(*readings: tuple[str, float]) -> Evidence:
    """Sizes read, and when each was asked for."""
    seen = Evidence()
    for size, asked_s in readings:
        seen.read(D(size), asked_s)
    return seen


def test_three_equal_readings_over_two_seconds_are_believed() -> None:
    assert evidence(("0", 0.0), ("0", 1.0), ("0", 2.0)).sure(SURE_S)


@pytest.mark.parametrize(
    "readings",
    [
        [("0", 0.0), ("0", 2.0)],  # too few
        [("0", 0.0), ("0", 1.0), ("0", 1.99)],  # not for long enough
        [("0.5", 0.0), ("0", 1.0), ("0", 1.5), ("0", 2.5)],  # something else was read before
        [("0", 0.0), ("0", 1.0), ("0.5", 1.5), ("0", 2.5)],  # and in between
    ],
)
def test_fewer_or_disputed_ones_are_not(readings: list[tuple[str, float]]) -> None:
    assert not evidence(*readings).sure(SURE_S)


def test_an_answer_that_lay_here_while_the_process_stood_still_is_as_old_as_its_question() -> None:
    """Heard seconds later, it was asked for with the others."""
    assert not evidence(("0", 0.0), ("0", 0.25), ("0", 0.5)).sure(SURE_S)


def test_answers_come_in_any_order() -> None:
    assert evidence(("0", 1.0), ("0", 2.5), ("0", 0.5)).sure(SURE_S)
    assert not evidence(("0.5", 9.0), ("0", 7.0), ("0", 7.5), ("0", 8.0)).sure(SURE_S)


def test_what_was_read_before_an_execution_of_ours_does_not_count() -> None:
    seen = evidence(("0", 0.0), ("0", 1.0), ("0", 2.0))
    seen.executed(3.0)
    for asked_s in (0.5, 1.5, 2.9):  # under way all the while
        seen.read(D(0), asked_s)
    assert seen.times == 0
    seen.read(D(0), 3.0)
    assert (seen.size, seen.times) == (D(0), 1)


@pytest.mark.parametrize(
    ("ours", "held", "gone", "left"),
    [
        ("0.5", "0.2", True, "0.2"),
        ("0.5", "0", True, "0"),
        ("0.5", "-0.1", True, "0"),  # what is past zero is somebody else's
        ("-0.5", "-0.2", True, "-0.2"),
        ("0.5", "0.5", False, "0.5"),
        ("0.5", "0.7", False, "0.7"),
    ],
)
def test_what_is_left_of_a_position(ours: str, held: str, gone: bool, left: str) -> None:
    assert taken_off(D(ours), D(held)) is gone
    assert left_of(D(ours), D(held)) == D(left)
