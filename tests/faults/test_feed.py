"""Faults 19, 20 and 22: what the private feed does not tell, or tells in words nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faults import LEADERS, LEGS, PRIVATE, RESUME_S, Scene, scene, soak


def down_around_a_fill(the: Scene, venue: str, for_s: float) -> None:
    """Close(1006) at the fill, and nobody is let in for so long."""
    hook = f"{the.leg(venue)}_fill"
    the.arm("refuse", connection=PRIVATE[venue], for_s=for_s, at=the.at(hook))
    the.arm("drop", connection=PRIVATE[venue], at=the.at(hook))


@LEADERS
def test_19_a_fill_while_the_feed_was_down(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        down_around_a_fill(the, venue, 1)
        with the.service() as run:
            the.fired(2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=5)


@soak
@LEGS
@pytest.mark.timeout(240)
def test_19_the_feed_stays_down_for_a_minute(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        down_around_a_fill(the, venue, 60)
        with the.service() as run:
            the.fired(2)
            the.run_on(run, within_s=60 + RESUME_S)
            the.finish(run)
        # Where GRVT hedges, the hedge goes over REST.
        the.judged(naked_q_s=3.5 if venue == "grvt" and not swapped else 5)


OF_A_FILL = {
    "grvt": (("fill",), ("order",), ("fill", "order"), ("fill", "order", "position")),
    "backpack": (("fill",), ("fill", "position")),
}


@LEADERS
def test_20_one_fill_frame_dropped_on_a_healthy_connection(
    tmp_path: Path, venue: str, swapped: bool
) -> None:
    """One frame that tells of the fill, then all of them; GRVT's numbers show a hole, or not."""
    with scene(tmp_path, swapped=swapped) as the:
        cycle = dropped = 0
        for numbered in (True, False) if venue == "grvt" else (True,):
            for kinds in OF_A_FILL[venue]:
                cycle += 2
                dropped += len(kinds)
                for kind in kinds:
                    the.arm(
                        "frames", connection=PRIVATE[venue], kind=kind, do="drop",
                        numbered=numbered, at=the.at(f"{the.leg(venue)}_fill", cycle),
                    )  # fmt: skip
        with the.service(cycles=cycle + 1, hurried=True) as run:
            the.finish(run)
            the.met(dropped)
        the.judged(naked_q_s=2)


UNKNOWN: dict[str, tuple[dict[str, object], ...]] = {
    "grvt": (
        {"kind": "any", "set": {"status": "AMENDED"}},
        {"kind": "order", "set": {"status": "AMENDED"}},
        {"kind": "order", "set": {"reject_reason": "REASON_99"}},
        {"kind": "fill", "set": {"venue": "NEW_VENUE", "new_field": {"a": [1]}}},
        {"kind": "fill", "remove": ["client_order_id"]},
    ),
    "backpack": (
        {"kind": "any", "set": {"e": "orderModified", "q": "0.1"}},
        {"kind": "any", "set": {"X": "Suspended"}},
        {"kind": "any", "set": {"O": "NEW_ORIGIN"}},
        {"kind": "fill", "set": {"e": "orderTraded"}},
        {"kind": "any", "remove": ["c"]},
    ),
}


@LEADERS
def test_22_unknown_enums_events_and_fields(tmp_path: Path, venue: str, swapped: bool) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        for number, change in enumerate(UNKNOWN[venue], 1):
            the.arm(
                "frames", connection=PRIVATE[venue], do="edit", times=2,
                at=the.at(f"{the.leg(venue)}_accept", 2 * number), **change,
            )  # fmt: skip
        with the.service(cycles=2 * len(UNKNOWN[venue]) + 1, hurried=True) as run:
            the.finish(run)
            the.met(2 * len(UNKNOWN[venue]))
        the.judged(naked_q_s=2)


@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_22_unknown_words_in_the_answer_to_an_order(tmp_path: Path, swapped: bool) -> None:
    changes = (
        ("grvt", "create_order", {"status": "AMENDED"}),
        ("grvt", "create_order", {"reject_reason": "REASON_99"}),
        ("backpack", "/api/v1/order", {"status": "Suspended"}),
        ("backpack", "/api/v1/order", {"timeInForce": "GTX", "newField": []}),
    )
    with scene(tmp_path, swapped=swapped) as the:
        for number, (venue, route, values) in enumerate(changes, 1):
            connection = "grvt/trading" if venue == "grvt" else "backpack/rest"
            the.arm(
                "edit_reply", connection=connection, route=route, set=values,
                at=the.at(f"{the.leg(venue)}_recv", 2 * number),
            )  # fmt: skip
        with the.service(cycles=2 * len(changes) + 1, hurried=True) as run:
            the.finish(run)
            the.met(len(changes))
        the.judged(naked_q_s=2)
