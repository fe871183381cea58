"""Status documents of a service where all is well, to be spoiled by a test."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from actors import control_schema as schema

NOON: Final = dt.datetime(2026, 3, 1, 12, 0, 0, tzinfo=dt.UTC)


def node(name: str, **changes: Any) -> schema.Node:
    """A worker that has been running for a minute."""
    fields: dict[str, Any] = {
        "type": "worker", "depth": 1 + name.count("/"), "strategy": None, "state": "running",
        "epoch": 1, "failures_in_a_row": 0, "breaker_openings": 0, "retry_at": None,
        "retry_in_s": None, "health": "ok",
        "kind": "", "detail": "", "last_failure": None, "since": NOON, "for_s": 60.0,
        "abandoned": (),
    }  # fmt: skip
    return schema.Node(name=name, **{**fields, **changes})


def desk(**changes: Any) -> schema.Desk:
    """A desk that holds a hedged position."""
    legs = (
        schema.Leg(
            leg="primary", venue="backpack", symbol="P", position=Decimal("0.5"), ready=True
        ),
        schema.Leg(leg="hedge", venue="grvt", symbol="H", position=Decimal("-0.5"), ready=True),
    )
    fields: dict[str, Any] = {
        "desk": "eth", "phase": "holding", "since": NOON, "for_s": 1.0, "reporting": True,
        "paused": False, "halted": "", "settled": False, "cycle": 7, "finished": 6, "planned": 100,
        "legs": legs, "net": Decimal(0), "naked_since": None, "naked_s": None, "cycles": (),
    }  # fmt: skip
    return schema.Desk(**{**fields, **changes})


def status(**changes: Any) -> schema.Status:
    """A service where nothing is wrong."""
    fields: dict[str, Any] = {
        "at": NOON, "mode": "paper", "pid": 42, "started_at": NOON, "up_s": 3_700.0,
        "stopping": "", "board": True, "desks": (desk(),),
        "venues": (schema.Venue(venue="grvt", ready=True),),
        "actors": (node("journal"), node("grvt/trading")), "restarts": {}, "dead_letters": (),
        "abandoned": (),
    }  # fmt: skip
    return schema.Status(**{**fields, **changes})
