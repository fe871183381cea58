"""Whether desks are flat, by what both venues were read to hold, and not by what desks think."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from actors import control_schema as schema
from cli.control import Service

_POLL_S: Final = 0.1
_AT_REST: Final = ("idle", "halted", "done")


def wait_flat(
    service: Service, begun: schema.DesksDone, since: dt.datetime, deadline_s: float
) -> schema.DesksDone:
    """How it ended for each desk that was told to flatten: flat, left (with what), or timeout.

    Only readings after ``since``, by the service's clock, count. ``deadline_s`` is monotonic.
    """
    names = [desk.desk for desk in begun.desks]
    with service.process() as process:
        while True:
            desks = _judged(service.status(), names, since)
            if all(desk.outcome != "timeout" for desk in desks):
                break
            if process.ends_within(min(_POLL_S, deadline_s - time.monotonic())):
                break
            if time.monotonic() >= deadline_s:
                break
    return schema.DesksDone(verb=begun.verb, desks=desks)


def _judged(
    status: schema.Status, names: list[str], since: dt.datetime
) -> tuple[schema.DeskDone, ...]:
    desks = {desk.desk: desk for desk in status.desks}
    venues = {venue.venue: venue for venue in status.venues}
    return tuple(
        judge(desks[name], venues, since)
        if name in desks
        else schema.DeskDone(desk=name, outcome="timeout")
        for name in names
    )


def judge(
    desk: schema.Desk, venues: Mapping[str, schema.Venue], since: dt.datetime
) -> schema.DeskDone:
    """One desk. What is somebody else's, and was said to be ignored, is not the desk's to close."""
    if not (desk.paused and desk.phase in _AT_REST):
        return schema.DeskDone(desk=desk.desk, outcome="timeout", detail=f"it is {desk.phase}")
    unread = [leg.venue for leg in desk.legs if not _read(leg, venues, since)]
    if unread:
        detail = f"the positions of {unread[0]} have not been read since"
        return schema.DeskDone(desk=desk.desk, outcome="timeout", detail=detail)
    left = [
        f"{leg.venue} {leg.symbol} {size:+f}" for leg in desk.legs if (size := _left(leg, venues))
    ]
    if not left:
        return schema.DeskDone(desk=desk.desk, outcome="flat")
    # A reading from before it came to rest may not know the last execution.
    late = desk.since is None or all(_read(leg, venues, desk.since) for leg in desk.legs)
    outcome = "left" if late else "timeout"
    return schema.DeskDone(desk=desk.desk, outcome=outcome, detail=", ".join(left))


def _read(leg: schema.Leg, venues: Mapping[str, schema.Venue], since: dt.datetime) -> bool:
    venue = venues.get(leg.venue)
    return venue is not None and venue.positions_at is not None and venue.positions_at >= since


def _left(leg: schema.Leg, venues: Mapping[str, schema.Venue]) -> Decimal:
    """What is there that is neither nothing nor somebody else's; or what the desk says is."""
    at_venue = venues[leg.venue].positions.get(leg.symbol, Decimal(0)) - leg.outside
    return at_venue or leg.position
