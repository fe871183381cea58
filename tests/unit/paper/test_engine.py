from decimal import Decimal

import msgspec
import pytest

from paper.orders import OrderNotFound, Reason, Refused, SelfTrade, Status
from paper.settings import Funding
from tests.support.paper import SETTINGS, SYMBOL, Venue, request
from venues.model import Side

D = Decimal


@pytest.fixture
def venue() -> Venue:
    return Venue()


def refusal(venue: Venue, side: str, size: str, price: str | None, **more: object) -> Reason:
    with pytest.raises(Refused) as caught:
        venue.send("ann", side, size, price, **more)
    return caught.value.reason


def test_better_price_trades_first_then_the_older_order(venue: Venue) -> None:
    first = venue.send("ann", "sell", "1", "100.00")
    worse = venue.send("ann", "sell", "1", "100.50")
    second = venue.send("ann", "sell", "1", "100.00")
    taker = venue.send("bob", "buy", "2.5", "101")
    assert [fill.order for fill in venue.heard.fills if fill.maker] == [first, second, worse]
    assert taker.average_price == D("100.10")
    assert worse.rest == D("0.5")


def test_a_taker_hears_accepted_then_fill_and_position_then_its_end(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    venue.heard.events.clear()
    venue.send("bob", "buy", "1", "100")
    assert venue.heard.kinds == [
        "accepted", "filled", "position", "changed filled",
        "filled", "position", "changed filled", "traded",
    ]  # fmt: skip


def test_a_partly_filled_limit_order_rests_with_the_rest(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    order = venue.send("bob", "buy", "3", "100")
    assert (order.status, order.executed) == (Status.OPEN, D(1))
    book, _ = venue.exchange.book(SYMBOL, 5)
    assert [(level.price, level.size) for level in book.bids] == [(D(100), D(2))]
    assert book.asks == ()


def test_ioc_cancels_what_does_not_cross(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    order = venue.send("bob", "buy", "3", "100", tif="ioc")
    assert (order.status, order.reason, order.executed) == (Status.CANCELLED, Reason.IOC, D(1))


def test_fok_executes_all_or_nothing(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    missed = venue.send("bob", "buy", "3", "100", tif="fok")
    assert (missed.status, missed.reason, missed.executed) == (Status.CANCELLED, Reason.FOK, D(0))
    assert venue.send("bob", "buy", "1", "100", tif="fok").status is Status.FILLED


def test_a_market_order_stops_at_the_price_band(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    venue.send("ann", "sell", "1", "111")
    order = venue.send("bob", "buy", "2", None)
    assert (order.status, order.executed) == (Status.CANCELLED, D(1))


def test_post_only_that_would_cross_is_refused_at_entry(venue: Venue) -> None:
    venue.send("bob", "sell", "1", "100")
    assert refusal(venue, "buy", "1", "100", post_only=True) is Reason.POST_ONLY
    assert venue.exchange.order_history("ann") == []


def test_late_rejects_accept_the_order_first() -> None:
    venue = Venue(msgspec.structs.replace(SETTINGS, late_rejects=True))
    venue.send("bob", "sell", "1", "100")
    order = venue.send("ann", "buy", "1", "100", post_only=True)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.POST_ONLY)
    reducing = venue.send("ann", "sell", "1", "100", reduce_only=True)
    assert (reducing.status, reducing.reason) == (Status.REJECTED, Reason.REDUCE_ONLY)


def test_reduce_only_shrinks_to_the_position_and_never_flips_it(venue: Venue) -> None:
    venue.send("bob", "sell", "1", "100")
    venue.send("ann", "buy", "1", "100")
    venue.send("bob", "buy", "5", "100")
    order = venue.send("ann", "sell", "3", "100", reduce_only=True)
    assert (order.size, order.status) == (D(1), Status.FILLED)
    assert venue.position("ann") == 0
    assert refusal(venue, "sell", "1", "100", reduce_only=True) is Reason.REDUCE_ONLY


def test_a_resting_reduce_only_order_goes_when_its_position_goes(venue: Venue) -> None:
    venue.send("bob", "sell", "2", "100")
    venue.send("ann", "buy", "2", "100")
    resting = venue.send("ann", "sell", "2", "105", reduce_only=True)
    venue.send("bob", "buy", "2", "101")
    venue.send("ann", "sell", "1.5", "101")
    assert (resting.size, resting.status) == (D("0.5"), Status.OPEN)
    venue.send("ann", "sell", "0.5", "101")
    assert (resting.status, resting.reason) == (Status.CANCELLED, Reason.REDUCE_ONLY)


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        (SelfTrade.REJECT_TAKER, Status.CANCELLED, Status.OPEN),
        (SelfTrade.REJECT_MAKER, Status.OPEN, Status.CANCELLED),
        (SelfTrade.REJECT_BOTH, Status.CANCELLED, Status.CANCELLED),
    ],
)
def test_an_account_never_trades_with_itself(
    venue: Venue, mode: SelfTrade, taker: Status, maker: Status
) -> None:
    resting = venue.send("ann", "sell", "1", "100")
    order = venue.send("ann", "buy", "1", "100", self_trade=mode)
    assert (order.status, resting.status) == (taker, maker)
    assert venue.heard.fills == []


def test_what_the_instrument_cannot_express_is_refused(venue: Venue) -> None:
    assert refusal(venue, "buy", "0.001", "100") is Reason.SIZE_MIN
    assert refusal(venue, "buy", "0.015", "100") is Reason.SIZE_STEP
    assert refusal(venue, "buy", "1", "100.001") is Reason.PRICE_TICK
    assert refusal(venue, "buy", "0.01", "99") is Reason.NOTIONAL_MIN
    assert refusal(venue, "buy", "1", "110.01") is Reason.PRICE_BAND
    with pytest.raises(Refused):
        venue.exchange.instrument("DOGE")


def test_a_client_order_id_is_unique_while_live_and_free_after(venue: Venue) -> None:
    venue.send("ann", "buy", "1", "99", client_order_id=7)
    assert refusal(venue, "buy", "1", "98", client_order_id=7) is Reason.DUPLICATE_CLIENT_ID
    venue.exchange.cancel("ann", SYMBOL, client_order_id=7)
    again = venue.send("ann", "buy", "1", "98", client_order_id=7)
    assert venue.exchange.find_order("ann", client_order_id=7) is again


def test_only_a_resting_order_of_the_account_can_be_cancelled(venue: Venue) -> None:
    order = venue.send("ann", "buy", "1", "99")
    with pytest.raises(OrderNotFound):
        venue.exchange.cancel("bob", SYMBOL, order_id=order.order_id)
    venue.exchange.cancel("ann", None, order_id=order.order_id)
    assert (order.status, order.reason) == (Status.CANCELLED, Reason.CLIENT_CANCEL)
    with pytest.raises(OrderNotFound):
        venue.exchange.cancel("ann", SYMBOL, order_id=order.order_id)


def test_cancel_all_ends_every_order_of_one_account(venue: Venue) -> None:
    mine = [venue.send("ann", "buy", "1", price) for price in ("98", "99")]
    other = venue.send("bob", "buy", "1", "97")
    assert venue.exchange.cancel_all("ann", None) == mine
    assert venue.exchange.open_orders("ann") == []
    assert other.status is Status.OPEN


def test_an_order_expires_when_its_time_is_over(venue: Venue) -> None:
    order = venue.send("ann", "buy", "1", "99", expires_ns=venue.clock() + 1_000)
    venue.clock.forward(1)
    venue.exchange.tick()
    assert (order.status, order.reason) == (Status.CANCELLED, Reason.EXPIRED)


def test_an_expired_order_cannot_be_hit_between_ticks(venue: Venue) -> None:
    venue.send("ann", "buy", "1", "99", expires_ns=venue.clock() + 1_000)
    venue.clock.forward(1)
    assert venue.send("bob", "sell", "1", "99", tif="ioc").executed == 0


def test_margin_refuses_what_equity_cannot_carry(venue: Venue) -> None:
    assert refusal(venue, "buy", "10001", "100") is Reason.MARGIN
    venue.send("bob", "sell", "9000", "100")
    venue.send("ann", "buy", "9000", "100")
    assert refusal(venue, "buy", "2000", "100") is Reason.MARGIN
    assert venue.send("ann", "sell", "9000", "100").status is Status.OPEN


def test_the_taker_pays_and_the_maker_is_rebated(venue: Venue) -> None:
    venue.send("ann", "sell", "1", "100")
    venue.send("bob", "buy", "1", "100")
    fees = {fill.account: fill.fee for fill in venue.heard.fills}
    assert fees == {"ann": D("-0.0100"), "bob": D("0.05500")}
    assert venue.exchange.summary("bob").balance == D("99999.945")


def test_funding_is_paid_by_longs_to_shorts_at_the_boundary() -> None:
    settings = msgspec.structs.replace(SETTINGS, funding=Funding(rate=D("0.001"), interval_s=60))
    venue = Venue(settings)
    venue.send("ann", "sell", "1", "100")
    venue.send("bob", "buy", "1", "100")
    venue.exchange.tick()
    assert venue.funded == []
    venue.clock.forward(60)
    venue.exchange.tick()
    venue.exchange.tick()
    assert {paid.account: paid.amount for paid in venue.funded} == {
        "ann": D("-0.1"),
        "bob": D("0.1"),
    }


def test_an_account_below_maintenance_is_closed_by_force(venue: Venue) -> None:
    venue.send("bob", "sell", "9000", "100")
    venue.send("ann", "buy", "9000", "100")
    resting = venue.send("ann", "buy", "1", "80")
    venue.market.offer(Side.BUY, ("89", "20000"))
    venue.market.price = D(90)
    venue.exchange.tick()
    assert (resting.status, resting.reason) == (Status.CANCELLED, Reason.LIQUIDATION)
    assert venue.position("ann") == 0
    forced = venue.exchange.fill_history("ann")[0]
    assert (forced.forced, forced.order.reason) == (True, Reason.LIQUIDATION)


def test_background_levels_fill_our_orders_and_come_back(venue: Venue) -> None:
    venue.market.offer(Side.SELL, ("100.10", "1"), ("100.20", "2"))
    venue.exchange.tick()
    order = venue.send("ann", "buy", "1.5", "100.20", tif="ioc")
    assert order.executed == D("1.5")
    assert [kind for kind in venue.heard.kinds if kind == "filled"] == ["filled", "filled"]
    venue.exchange.tick()
    book, _ = venue.exchange.book(SYMBOL, 5)
    assert [level.size for level in book.asks] == [D(1), D(2)]


def test_a_background_that_moves_through_a_resting_order_fills_it(venue: Venue) -> None:
    order = venue.send("ann", "buy", "1", "99")
    venue.market.offer(Side.SELL, ("98.90", "3"))
    venue.exchange.tick()
    assert (order.status, order.average_price) == (Status.FILLED, D(99))
    assert venue.heard.fills[0].maker


def test_background_flow_takes_from_the_touch(venue: Venue) -> None:
    order = venue.send("ann", "buy", "1", "99")
    venue.market.taker = (Side.SELL, D("0.4"))
    venue.exchange.tick()
    assert order.executed == D("0.4")


def test_a_refused_request_leaves_no_trace(venue: Venue) -> None:
    refusal(venue, "buy", "1", "100.001")
    assert venue.heard.events == []
    assert venue.exchange.summary("ann").equity == 100_000


def test_check_has_no_side_effect(venue: Venue) -> None:
    venue.exchange.check(request("ann", "buy", "1", "99"))
    assert venue.heard.events == []
    assert venue.exchange.open_orders("ann") == []


def test_ids_of_a_later_run_never_repeat_those_of_an_earlier_one() -> None:
    ids = []
    for start_s in (0, 1):
        venue = Venue(start_s=start_s)
        order = venue.send("ann", "sell", "1", "100")
        venue.send("bob", "buy", "1", "100")
        fill = venue.heard.fills[-1]
        ids.append({order.order_id, fill.order.order_id, fill.taker_serial})
    assert not ids[0] & ids[1]
