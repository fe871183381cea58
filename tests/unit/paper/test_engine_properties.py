"""What holds of the engine whatever is sent to it, and that it matches as a naive model does."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from paper.clearing import BACKGROUND
from paper.orders import PaperOrder, Refused, SelfTrade, Status
from tests.support.paper import SETTINGS, SYMBOL, Venue, request
from venues.model import Side

D = Decimal
ACCOUNTS = ("ann", "bob", "cid")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happens: an order (``tif`` set), or a cancel of all, or a moved background."""

    account: str
    side: str
    lots: int
    ticks: int
    tif: str
    reduce_only: bool
    post_only: bool
    self_trade: SelfTrade


steps = st.lists(
    st.builds(
        Step,
        account=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(["buy", "sell"]),
        lots=st.integers(2, 300),
        ticks=st.integers(-4, 4),
        tif=st.sampled_from(["gtc"] * 6 + ["ioc", "fok", "cancel", "background"]),
        reduce_only=st.sampled_from([False, False, True]),
        post_only=st.sampled_from([False, False, False, True]),
        self_trade=st.sampled_from(list(SelfTrade)),
    ),
    min_size=25,
    max_size=60,
)
quick = settings(max_examples=60, deadline=None)


def play(venue: Venue, script: list[Step]) -> list[PaperOrder]:
    """Do all of it; returns the orders that were accepted."""
    accepted = []
    for step in script:
        price = D(100) + D("0.01") * step.ticks
        if step.tif == "cancel":
            venue.exchange.cancel_all(step.account, SYMBOL)
        elif step.tif == "background":
            size = str(D("0.01") * step.lots)
            venue.market.offer(Side.BUY, (str(price - D("0.02")), size))
            venue.market.offer(Side.SELL, (str(price + D("0.02")), size))
            venue.exchange.tick()
        else:
            order = send(venue, step, price)
            accepted += [order] if order is not None else []
        check_invariants(venue, accepted)
    return accepted


def send(venue: Venue, step: Step, price: Decimal) -> PaperOrder | None:
    asked = request(
        step.account,
        step.side,
        str(D("0.01") * step.lots),
        str(price),
        step.tif,
        reduce_only=step.reduce_only,
        post_only=step.post_only and step.tif == "gtc",
        self_trade=step.self_trade,
    )
    held = venue.position(step.account)
    try:
        order = venue.exchange.submit(asked)
    except Refused:
        return None
    if step.reduce_only:
        assert venue.position(step.account) * held >= 0
        assert abs(venue.position(step.account)) <= abs(held)
    return order


def check_invariants(venue: Venue, accepted: list[PaperOrder]) -> None:
    book, _ = venue.exchange.book(SYMBOL, 100)
    assert not book.crossed
    held = sum(venue.position(name) for name in (*ACCOUNTS, BACKGROUND))
    assert held == 0
    for order in accepted:
        assert 0 <= order.executed <= order.size
        assert (order.status is Status.FILLED) == (order.executed == order.size)


def fresh() -> Venue:
    return Venue(accounts=ACCOUNTS)


@quick
@given(steps)
def test_the_book_never_crosses_and_positions_add_up_to_nothing(script: list[Step]) -> None:
    play(fresh(), script)


@quick
@given(steps)
def test_cash_is_conserved_to_the_last_digit(script: list[Step]) -> None:
    venue = fresh()
    play(venue, script)
    names = (*ACCOUNTS, BACKGROUND)
    accounts = [venue.exchange._clearing.account(name) for name in names]
    assert sum(account.flow + account.fees for account in accounts) == 0
    equity = sum(account.equity(venue.market.mark) for account in accounts)
    fees = sum(fill.fee for name in ACCOUNTS for fill in venue.exchange.fill_history(name))
    assert equity == len(ACCOUNTS) * SETTINGS.deposit - fees


@quick
@given(steps)
def test_fills_add_up_to_orders_and_to_positions(script: list[Step]) -> None:
    venue = fresh()
    accepted = play(venue, script)
    fills = [fill for name in ACCOUNTS for fill in venue.exchange.fill_history(name)]
    for order in accepted:
        mine = [fill for fill in fills if fill.order is order]
        assert sum(fill.size for fill in mine) == order.executed
        assert sum(fill.size * fill.price for fill in mine) == order.executed_quote
    for name in ACCOUNTS:
        signed = sum(fill.size * fill.side.sign for fill in fills if fill.account == name)
        assert signed == venue.position(name)


@quick
@given(steps)
def test_book_deltas_rebuild_the_book_without_a_hole(script: list[Step]) -> None:
    venue = fresh()
    play(venue, script)
    sides: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    last_id = 0
    for delta in venue.heard.deltas:
        assert delta.first_id == last_id + 1
        last_id = delta.last_id
        for side, levels in ((Side.BUY, delta.bids), (Side.SELL, delta.asks)):
            sides[side].update((level.price, level.size) for level in levels)
    book, book_id = venue.exchange.book(SYMBOL, 100)
    assert book_id == last_id
    for side, shown in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
        kept = {price: size for price, size in sides[side].items() if size}
        assert kept == {level.price: level.size for level in shown}


class NaiveBook:
    """Price-time priority by sorting everything every time."""

    def __init__(self) -> None:
        self.resting: list[tuple[int, str, Decimal, Decimal]] = []
        self.trades: list[tuple[int, int, Decimal, Decimal]] = []

    def submit(self, number: int, side: str, size: Decimal, price: Decimal, tif: str) -> None:
        sign = 1 if side == "buy" else -1
        others = [row for row in self.resting if row[1] != side and (price - row[2]) * sign >= 0]
        others.sort(key=lambda row: (row[2] * sign, row[0]))
        if tif == "fok" and sum(row[3] for row in others) < size:
            return
        for maker, other_side, at, available in others:
            taken = min(size, available)
            if not taken:
                break
            self.trades.append((number, maker, taken, at))
            place = self.resting.index((maker, other_side, at, available))
            self.resting[place] = (maker, other_side, at, available - taken)
            size -= taken
        self.resting = [row for row in self.resting if row[3]]
        if size and tif == "gtc":
            self.resting.append((number, side, price, size))


plain_orders = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(2, 300),
        st.integers(-5, 5),
        st.sampled_from(["gtc", "gtc", "ioc", "fok"]),
    ),
    min_size=25,
    max_size=60,
)


@quick
@given(plain_orders)
def test_matching_is_price_time_priority(script: list[tuple[str, int, int, str]]) -> None:
    venue, naive = Venue(accounts=("buyer", "seller")), NaiveBook()
    for side, lots, ticks, tif in script:
        size, price = D("0.01") * lots, D(100) + D("0.01") * ticks
        account = "buyer" if side == "buy" else "seller"
        order = venue.send(account, side, str(size), str(price), tif=tif)
        naive.submit(order.order_id, side, size, price, tif)
    makers = [fill for fill in venue.heard.fills if fill.maker]
    takers = [fill for fill in venue.heard.fills if not fill.maker]
    seen = [
        (taker.order.order_id, maker.order.order_id, taker.size, taker.price)
        for taker, maker in zip(takers, makers, strict=True)
    ]
    assert seen == naive.trades
