"""Flat is what both venues were read to hold, after the order and by nobody's belief."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors import control_schema as schema
from cli.flatness import judge
from tests.support.status import NOON, desk

D = Decimal
_S = dt.timedelta(seconds=1)


def at_rest(position: str = "0", outside: str = "0", **changes: Any) -> schema.Desk:
    """A paused desk that came to rest two seconds after it was told to flatten."""
    legs = tuple(
        msgspec.structs.replace(leg, position=D(position), outside=D(outside))
        for leg in desk().legs
    )
    known = {"paused": True, "phase": "idle", "since": NOON + 2 * _S, "legs": legs}
    return desk(**(known | changes))


def venues(primary: str = "0", hedge: str = "0", read_s: float = 3) -> dict[str, schema.Venue]:
    """Both, as they were read so long after the order."""
    read_at = NOON + read_s * _S
    return {
        name: schema.Venue(
            venue=name, ready=True, positions={symbol: D(size)}, positions_at=read_at
        )
        for name, symbol, size in (("backpack", "P", primary), ("grvt", "H", hedge))
    }


def test_flat_is_what_both_venues_say_after_the_order() -> None:
    assert judge(at_rest(), venues(), NOON).outcome == "flat"
    assert judge(at_rest(), venues(read_s=1), NOON).outcome == "flat"


@pytest.mark.parametrize("known", [{}, venues(read_s=-1)])
def test_a_venue_that_was_not_read_since_proves_nothing(known: dict[str, schema.Venue]) -> None:
    judged = judge(at_rest(), known, NOON)
    assert judged.outcome == "timeout"
    assert "backpack have not been read since" in judged.detail


@pytest.mark.parametrize("changes", [{"paused": False}, {"phase": "closing"}])
def test_a_desk_that_is_still_at_it_is_not_flat(changes: dict[str, Any]) -> None:
    assert judge(at_rest(**changes), venues(), NOON).outcome == "timeout"


def test_what_is_left_at_a_venue_is_named() -> None:
    judged = judge(at_rest(), venues(hedge="-0.3"), NOON)
    assert (judged.outcome, judged.detail) == ("left", "grvt H -0.3")


def test_a_reading_from_before_the_desk_came_to_rest_condemns_nobody() -> None:
    assert judge(at_rest(), venues(hedge="-0.3", read_s=1), NOON).outcome == "timeout"


def test_somebody_elses_position_is_not_the_desks_to_close() -> None:
    assert judge(at_rest(outside="0.3"), venues("0.3", "0.3"), NOON).outcome == "flat"
    assert judge(at_rest(outside="0.3"), venues("0.5", "0.3"), NOON).detail == "backpack P +0.2"


def test_dust_that_a_desk_says_it_has_is_left_also_where_the_venue_lists_none() -> None:
    assert judge(at_rest("0.001"), venues(), NOON).outcome == "left"


@pytest.mark.parametrize("phase", ["halted", "done"])
def test_a_halted_desk_is_as_flat_as_its_venues_say(phase: str) -> None:
    assert judge(at_rest(phase=phase, halted="x"), venues(), NOON).outcome == "flat"
    assert judge(at_rest(phase=phase, halted="x"), venues("1"), NOON).outcome == "left"
