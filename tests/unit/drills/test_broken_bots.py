"""Judging the judge: seven bots that are broken as real ones are, each caught by its figure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from paper.verdict import Measures
from tests.support.paper_script import Script


def sends_again_under_a_new_id_when_a_reply_is_late(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.trade("grvt", "-0.5")
    script.wait(5000)
    script.trade("grvt", "-0.5")


def takes_not_found_for_not_placed(script: Script) -> None:
    script.trade("backpack", "0.5")
    first = script.accept("grvt", "-0.5")
    script.wait(200)
    script.accept("grvt", "-0.5")
    script.fill(first, "0.5")


def takes_an_acknowledged_cancel_for_a_cancelled_order(script: Script) -> None:
    resting = script.accept("backpack", "0.5")
    script.wait(1000)
    script.fill(resting, "0.2")
    script.wait(61_000)
    script.mark()


def takes_a_failed_read_for_flat(script: Script) -> None:
    script.hedged("0.5")
    script.trade("backpack", "-0.5")
    script.wait(100)
    script.trade("grvt", "0.5")
    script.trade("grvt", "0.5")  # it read 0 where -0.5 had just been bought back
    script.hedged("0.5")


def marks_a_hedge_as_filled_after_half_a_minute(script: Script) -> None:
    script.trade("backpack", "0.5")
    script.wait(30_000)
    script.trade("backpack", "-0.5")


def ignores_what_was_filled_before_the_cancel(script: Script) -> None:
    resting = script.accept("backpack", "0.5")
    script.fill(resting, "0.2")
    script.end(resting, "cancelled")
    script.wait(1000)


def replays_nothing_after_a_reconnect(script: Script) -> None:
    order = script.accept("backpack", "0.5")
    script.connection("backpack/feed", 0, "closed")
    script.fill(order, "0.5")
    script.end(order)
    script.wait(3000)
    script.connection("backpack/feed", 7, "authenticated")
    script.wait(30_000)
    script.mark()


FIGURES: dict[str, Callable[[Measures], bool]] = {
    "D": lambda verdict: bool(verdict.duplicates),
    "O": lambda verdict: bool(verdict.orphans),
    "P": lambda verdict: bool(verdict.position_errors),
    "flips": lambda verdict: bool(verdict.flips),
    "N": lambda verdict: verdict.naked_q_s.max > 5,
}


@pytest.mark.parametrize(
    ("bot", "named"),
    [
        (sends_again_under_a_new_id_when_a_reply_is_late, "D"),
        (takes_not_found_for_not_placed, "D"),
        (takes_an_acknowledged_cancel_for_a_cancelled_order, "O P"),
        (takes_a_failed_read_for_flat, "D P"),
        (marks_a_hedge_as_filled_after_half_a_minute, "N"),
        (ignores_what_was_filled_before_the_cancel, "P"),
        (replays_nothing_after_a_reconnect, "N P"),
    ],
)
def test_a_broken_bot_is_caught_by_the_figure_that_names_its_fault(
    bot: Callable[[Script], None], named: str
) -> None:
    script = Script()
    bot(script)
    script.wait(10)
    script.mark()
    verdict = script.judge()
    assert {name for name in named.split() if FIGURES[name](verdict)} == set(named.split())
