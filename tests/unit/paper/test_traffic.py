"""What a trader asks of each venue, counted."""

from __future__ import annotations

from paper.traffic import Traffic


def test_requests_of_all_connections_of_a_venue_are_counted_together() -> None:
    now_s = iter((0.0, 0.5, 0.9, 1.4, 5.0))
    traffic = Traffic(lambda: next(now_s))
    for connection in ("grvt/rest", "grvt/trading", "grvt/rest", "grvt/session", "grvt/rest"):
        traffic.asked(connection)
    grvt = traffic.venues["grvt"]
    assert (grvt.requests, grvt.most_per_s) == (5, 3)


def test_refusals_are_counted_by_status_and_upgrades_by_themselves() -> None:
    traffic = Traffic(lambda: 0.0)
    for status in (200, 429, 429, 503):
        traffic.answered("backpack/rest", status)
    traffic.upgraded("backpack/feed")
    backpack = traffic.venues["backpack"]
    assert backpack.refused == {"429": 2, "503": 1}
    assert (backpack.upgrades, backpack.requests) == (1, 0)
