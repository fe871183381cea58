"""Orders that meet a venue's rules on request, in the engine: what is left of them, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from paper.faults import Deny, Faults, Liquidate, Shatter
from paper.hands import Hands
from paper.order_rules import OrderRules
from paper.orders import PaperOrder, Reason, Refused, Status
from tests.support.paper import Venue, request
from venues.model import Side


class RuledVenue:
    """A venue that is called GRVT by its faults; 5 bid at 99, 5 offered at 101."""

    def __init__(self) -> None:
        self.venue = Venue()
        self.venue.exchange.venue = "grvt"
        self.venue.market.offer(Side.BUY, ("99", "5"))
        self.venue.market.offer(Side.SELL, ("101", "5"))
        self.venue.exchange.tick()
        self.faults = Faults()
        self.order_rules = OrderRules(self.venue.exchange, self.faults)
        Hands({"grvt": self.venue.exchange}, self.faults, signals=False)

    def deny(self, reason: Reason, **more: Any) -> None:
        self.faults.arm(Deny(connection="grvt", reason=reason, **more))

    def buy(self, size: str = "1", price: str = "101", tif: str = "ioc", **more: Any) -> PaperOrder:
        return self.venue.send("ann", "buy", size, price, tif=tif, **more)

    def sell(self, size: str = "1", price: str = "99", tif: str = "ioc", **more: Any) -> PaperOrder:
        return self.venue.send("ann", "sell", size, price, tif=tif, **more)

    @property
    def hits(self) -> list[str]:
        return [hit.detail for hit in self.faults.hits]


@pytest.fixture
def ruled() -> RuledVenue:
    return RuledVenue()


def test_an_order_is_refused_at_entry(ruled: RuledVenue) -> None:
    ruled.deny(Reason.MARGIN, when="entry")
    with pytest.raises(Refused) as refused:
        ruled.order_rules.check(request("ann", "buy", "1", "101"))
    assert refused.value.reason is Reason.MARGIN
    ruled.order_rules.check(request("ann", "buy", "1", "101"))
    assert ruled.hits == ["not executed"]


def test_an_order_that_was_accepted_is_rejected_unexecuted(ruled: RuledVenue) -> None:
    ruled.deny(Reason.MARGIN)
    order = ruled.buy()
    assert (order.status, order.reason) == (Status.REJECTED, Reason.MARGIN)
    assert ruled.venue.heard.kinds == ["accepted", "changed rejected"]
    assert ruled.venue.position("ann") == 0


@pytest.mark.parametrize("part", ["0", "0.3", "0.8"])
def test_an_order_is_executed_in_part_and_the_rest_is_cancelled(
    ruled: RuledVenue, part: str
) -> None:
    ruled.deny(Reason.SLIPPAGE, part=float(part))
    order = ruled.buy()
    assert (order.status, order.reason) == (Status.CANCELLED, Reason.SLIPPAGE)
    assert order.executed == ruled.venue.position("ann") == Decimal(part)
    assert ruled.buy().status is Status.FILLED


def test_a_reduce_only_order_is_cut_to_a_part_and_then_fills(ruled: RuledVenue) -> None:
    ruled.buy()
    ruled.deny(Reason.REDUCE_ONLY_LIMIT, of="reduce_only", part=0.6, shrink=True)
    order = ruled.sell(reduce_only=True)
    assert (order.status, order.size, order.executed) == (
        Status.FILLED, Decimal("0.6"), Decimal("0.6"),
    )  # fmt: skip
    assert ruled.venue.heard.kinds[-5:-3] == ["changed open", "filled"]


@pytest.mark.parametrize(
    ("of", "spared", "met"),
    [
        ("increasing", {"side": "sell"}, {"side": "buy"}),
        ("reducing", {"side": "buy"}, {"side": "sell"}),
        ("reduce_only", {"side": "sell"}, {"side": "sell", "reduce_only": True}),
        ("post_only", {"side": "buy"}, {"side": "buy", "post_only": True}),
        ("ioc", {"side": "buy"}, {"side": "buy", "tif": "ioc"}),
    ],
)
def test_a_rule_may_be_of_some_orders_only(
    ruled: RuledVenue, of: Any, spared: dict[str, Any], met: dict[str, Any]
) -> None:
    """The account is long."""
    ruled.buy()
    ruled.deny(Reason.MARGIN, when="entry", of=of)
    price = {"buy": "100", "sell": "100"}
    ruled.order_rules.check(request("ann", size="1", price=price[spared["side"]], **spared))
    with pytest.raises(Refused):
        ruled.order_rules.check(request("ann", size="1", price=price[met["side"]], **met))


def test_what_others_do_by_hand_meets_no_rule(ruled: RuledVenue) -> None:
    ruled.deny(Reason.MARGIN)
    assert ruled.buy(manual=True).status is Status.FILLED


def test_an_order_is_shattered_into_many_fills(ruled: RuledVenue) -> None:
    ruled.faults.arm(Shatter(connection="grvt", pieces=20))
    order = ruled.buy("1")
    assert order.status is Status.FILLED
    assert [fill.size for fill in ruled.venue.heard.fills] == [Decimal("0.05")] * 20
    assert ruled.hits == ["20 pieces"]


@pytest.mark.parametrize("how", ["liquidation", "adl"])
def test_a_part_of_a_position_is_closed_by_force(ruled: RuledVenue, how: Any) -> None:
    ruled.buy("1")
    ruled.faults.arm(Liquidate(venue="grvt", account="ann", part=0.3, how=how))
    fill = ruled.venue.heard.fills[-1]
    assert (fill.forced, fill.order.reason) == (True, Reason(how))
    assert ruled.venue.position("ann") == Decimal("0.7")
