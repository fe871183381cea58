"""Moments of a cycle that are not the engine's: orders that arrive, replies, cancels, reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from paper.faults import At, Faults, Hook, Mark
from paper.hooks import CycleHooks
from tests.support.paper import Venue
from venues.model import Side


class Cycle:
    """Two venues; ``at`` arms a mark, ``marks`` are the names of those that were reached."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.hooks = CycleHooks(self.faults)
        self.venues = {"backpack": Venue(), "grvt": Venue()}
        for name, venue in self.venues.items():
            venue.exchange.add_listener(self.hooks.listener(name))
            venue.market.offer(Side.BUY, ("99", "50"))
            venue.market.offer(Side.SELL, ("101", "50"))
            venue.exchange.tick()

    def at(self, name: str, hook: Hook, **at: object) -> Cycle:
        self.faults.arm(Mark(name=name, at=At(hook=hook, **at)))  # type: ignore[arg-type]
        return self

    @property
    def marks(self) -> list[str]:
        return [fault.name for fault in self.faults.fired if isinstance(fault, Mark)]

    def order(self, venue: str, side: str, *, manual: bool = False) -> None:
        """As a front-end takes one: it arrives, it is done, it is answered."""
        if not manual:
            self.faults.at_hook(venue, "recv")
        price = "101" if side == "buy" else "99"
        self.venues[venue].send("ann", side, "1", price, tif="ioc", manual=manual)
        if not manual:
            self.faults.at_hook(venue, "before_reply")

    def run(self) -> None:
        """A cycle that Backpack leads."""
        for venue, side in (
            ("backpack", "buy"), ("grvt", "sell"), ("backpack", "sell"), ("grvt", "buy"),
        ):  # fmt: skip
            self.order(venue, side)


def test_an_arriving_order_counts_in_the_cycle_that_it_starts() -> None:
    cycle = Cycle()
    cycle.at("first", "primary_recv", cycle=1).at("hedge", "hedge_recv", cycle=1)
    cycle.at("second", "primary_recv", cycle=2)
    cycle.faults.at_hook("backpack", "recv")
    assert cycle.marks == ["first"]
    cycle.run()
    assert cycle.marks == ["first", "hedge"]
    cycle.faults.at_hook("grvt", "recv")
    assert cycle.marks == ["first", "hedge", "second"]


def test_a_hedge_s_reply_comes_after_its_fill() -> None:
    cycle = Cycle().at("reply", "hedge_before_reply", cycle=1).at("fill", "hedge_fill", cycle=1)
    cycle.run()
    assert cycle.marks == ["fill", "reply"]


def test_without_a_cycle_the_count_goes_on_from_the_arming() -> None:
    cycle = Cycle()
    cycle.run()
    cycle.at("third", "accept", nth=3)
    cycle.order("backpack", "buy")
    cycle.order("grvt", "sell")
    assert cycle.marks == []
    cycle.order("backpack", "sell")
    assert cycle.marks == ["third"]


def test_a_hook_may_be_counted_at_one_venue_only() -> None:
    cycle = Cycle().at("grvt", "read_fills", venue="grvt", nth=2)
    for venue in ("grvt", "backpack", "backpack"):
        cycle.faults.at_hook(venue, "read_fills")
    assert cycle.marks == []
    cycle.faults.at_hook("grvt", "read_fills")
    assert cycle.marks == ["grvt"]


def test_what_others_trade_by_hand_starts_no_cycle_and_reaches_no_hook() -> None:
    cycle = Cycle().at("any", "accept").at("fill", "fill")
    cycle.order("grvt", "buy", manual=True)
    assert (cycle.hooks.cycle, cycle.marks) == (0, [])
    cycle.run()
    assert cycle.hooks.cycle == 1


@pytest.mark.parametrize("hook", ["cancel_recv", "ws_upgrade", "read_positions"])
def test_requests_outside_orders_are_counted_within_the_cycle(hook: Hook) -> None:
    cycle = Cycle().at("second", hook, cycle=1, nth=2)
    reach: Callable[[], None] = lambda: cycle.faults.at_hook("grvt", hook)  # noqa: E731
    reach()
    cycle.order("backpack", "buy")
    reach()
    assert cycle.marks == []
    reach()
    assert cycle.marks == ["second"]


def test_cycles_of_two_bases_go_on_beside_each_other() -> None:
    faults = Faults()
    hooks = CycleHooks(faults)
    for name, hook, number in (("btc", "hedge_accept", 2), ("eth", "hedge_accept", 1)):
        faults.arm(Mark(name=name, at=At(hook=hook, cycle=number)))  # type: ignore[arg-type]
    hooks.accepted("backpack", "ETH_USDC_PERP")
    hooks.accepted("grvt", "BTC_USDT_Perp")
    assert hooks.cycle == 2
    hooks.accepted("backpack", "BTC_USDC_PERP")
    hooks.accepted("grvt", "ETH_USDT_Perp")
    assert [fault.name for fault in faults.fired if isinstance(fault, Mark)] == ["btc", "eth"]
