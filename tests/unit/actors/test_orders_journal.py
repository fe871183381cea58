"""The journal as a venue's orders actor hears of it."""

from __future__ import annotations

import pytest

from actors.orders_journal import JournalLink
from supervision.states import ChildState, Health, StatusMessage

RUNNING = ChildState.RUNNING


def status(epoch: int, state: ChildState) -> StatusMessage:
    return StatusMessage(name="journal", epoch=epoch, state=state, health=Health.UNKNOWN)


def heard(*lives: tuple[int, ChildState]) -> JournalLink:
    """A link that was told these states."""
    link = JournalLink()
    for epoch, state in lives:
        link.changed(status(epoch, state), 1.0)
    return link


def test_a_journal_that_runs_takes_intents() -> None:
    assert heard((1, ChildState.STARTING), (1, RUNNING)).trouble == ""


@pytest.mark.parametrize("state", [state for state in ChildState if state is not RUNNING])
def test_one_that_does_not_run_takes_none_nor_does_a_probe(state: ChildState) -> None:
    assert heard((1, RUNNING), (2, state)).trouble == f"journal is {state.value}"


def test_one_that_nobody_has_heard_of_takes_none() -> None:
    assert JournalLink().trouble


def test_each_life_is_asked_once_for_its_history_and_again_until_it_has_answered() -> None:
    link = heard((1, RUNNING))
    asked = [now_s for now_s in (1.0, 1.4, 1.5, 2.4, 2.5) if link.ask_now(now_s)]
    assert asked == [1.0, 1.5, 2.5]
    link.answered()
    assert not link.ask_now(100.0)
    link.changed(status(2, RUNNING), 200.0)
    assert link.ask_now(200.0)
