"""The board of all markets: the last of everything, and one message per desk and market."""

from __future__ import annotations

import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market_board import MarketBoard, MarketChanged
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, quote
from trading.market import NEVER, MarketView
from venues.model import BACKPACK, GRVT, Book, Instrument, Level, MarketInfo

GRVT_NEWS = MarketChanged(GRVT, GRVT_ETH.symbol)
BACKPACK_NEWS = MarketChanged(BACKPACK, BACKPACK_ETH.symbol)


class Desk:
    """A listener that keeps what it is told, while it is ``there``."""

    def __init__(self, name: str = "eth/coordinator") -> None:
        self.name = name
        self.there = True
        self.told: list[object] = []

    def offer(self, message: object) -> bool:
        if self.there:
            self.told.append(message)
        return self.there


def listening(board: MarketBoard, *instruments: Instrument) -> Desk:
    """A desk that has looked at everything there was."""
    desk = Desk()
    board.listen(desk, instruments)
    for one in instruments:
        board.take(desk.name, one.venue, one.symbol)
    return desk


def book(bid: str = "2499", ask: str = "2501", instrument: Instrument = GRVT_ETH) -> Book:
    return Book(
        venue=instrument.venue, symbol=instrument.symbol, event_ns=1,
        bids=(Level(D(bid), D(1)),), asks=(Level(D(ask), D(1)),),
    )  # fmt: skip


def grvt(board: MarketBoard) -> MarketView:
    return board.view(GRVT, GRVT_ETH.symbol)


def test_of_a_market_that_nobody_has_put_nothing_is_known() -> None:
    assert grvt(MarketBoard()) == MarketView(venue=GRVT, symbol=GRVT_ETH.symbol)


def test_each_part_of_a_view_is_kept_beside_the_others() -> None:
    board = MarketBoard()
    info = MarketInfo(venue=GRVT, symbol=GRVT_ETH.symbol)
    board.put_quote(quote(GRVT_ETH), 1.0)
    board.put_book(book(), 2.0)
    board.put_info(info, 3.0)
    assert grvt(board) == MarketView(
        venue=GRVT, symbol=GRVT_ETH.symbol, quote=quote(GRVT_ETH), quoted_s=1.0,
        book=book(), booked_s=2.0, info=info, informed_s=3.0,
    )  # fmt: skip


def test_ten_thousand_prices_are_one_message_until_it_is_taken_and_the_last_one_counts() -> None:
    board = MarketBoard()
    desk = listening(board, GRVT_ETH, BACKPACK_ETH)
    for number in range(10_000):
        board.put_quote(quote(GRVT_ETH, str(2500 + number)), float(number))
        board.put_quote(quote(BACKPACK_ETH, str(2500 + number)), float(number))
    assert desk.told == [GRVT_NEWS, BACKPACK_NEWS]
    assert board.take(desk.name, GRVT, GRVT_ETH.symbol).quote == quote(GRVT_ETH, "12499")
    board.put_quote(quote(GRVT_ETH), 10_000.0)
    assert desk.told == [GRVT_NEWS, BACKPACK_NEWS, GRVT_NEWS]


def test_of_a_price_that_is_told_in_two_ways_the_newer_one_stays() -> None:
    board = MarketBoard()
    board.put_quote(quote(GRVT_ETH, "2600"), 2.0)
    board.put_quote(quote(GRVT_ETH, "2500"), 1.0)
    assert grvt(board).quote == quote(GRVT_ETH, "2600")


@given(st.lists(st.sampled_from(["put", "take"]), max_size=30))
def test_a_desk_never_has_two_messages_of_a_market_and_never_misses_the_last(
    steps: list[str],
) -> None:
    board = MarketBoard()
    desk = listening(board, GRVT_ETH)
    waiting, put, seen = 0, 0, 0
    for step in steps:
        before = len(desk.told)
        if step == "put":
            put += 1
            board.put_quote(quote(GRVT_ETH, str(2000 + put)), float(put))
        else:
            seen = int(max(0.0, board.take(desk.name, GRVT, GRVT_ETH.symbol).quoted_s))
            waiting = 0
        waiting += len(desk.told) - before
        assert waiting == (1 if put > seen else 0)


def test_a_desk_hears_of_its_own_markets_only() -> None:
    board = MarketBoard()
    desk = listening(board, BACKPACK_ETH)
    board.put_quote(quote(GRVT_ETH), 1.0)
    assert desk.told == []


def test_who_begins_to_listen_has_to_look_first() -> None:
    board, desk = MarketBoard(), Desk()
    board.listen(desk, (GRVT_ETH,))
    board.put_quote(quote(GRVT_ETH), 1.0)
    assert desk.told == []
    assert board.take(desk.name, GRVT, GRVT_ETH.symbol).quote == quote(GRVT_ETH)


def test_what_a_desk_that_was_not_there_has_missed_is_told_with_the_next_change() -> None:
    board = MarketBoard()
    desk = listening(board, GRVT_ETH)
    desk.there = False
    board.put_quote(quote(GRVT_ETH), 1.0)
    desk.there = True
    board.put_quote(quote(GRVT_ETH, "2600"), 2.0)
    assert desk.told == [GRVT_NEWS]


def test_a_new_life_of_a_desk_takes_the_place_of_the_last() -> None:
    board = MarketBoard()
    old, new = listening(board, GRVT_ETH), listening(board, GRVT_ETH)
    board.put_quote(quote(GRVT_ETH), 1.0)
    assert (old.told, new.told) == ([], [GRVT_NEWS])


@pytest.mark.parametrize("half", ["0", "-1", "2500", "3000"])
def test_best_prices_that_are_crossed_or_one_sided_are_no_price(half: str) -> None:
    board = MarketBoard()
    board.put_quote(quote(GRVT_ETH), 1.0)
    board.put_quote(quote(GRVT_ETH, half=half), 2.0)
    assert (grvt(board).quote, grvt(board).quoted_s) == (None, NEVER)


def test_a_crossed_book_is_no_book_until_the_next() -> None:
    board = MarketBoard()
    board.put_book(book(), 1.0)
    board.put_book(book("2501", "2501"), 2.0)
    assert (grvt(board).book, grvt(board).booked_s) == (None, NEVER)
    board.put_book(book(), 3.0)
    assert grvt(board).book == book()


def test_a_stream_that_ends_takes_all_of_its_venue_away_and_nothing_of_the_other() -> None:
    board = MarketBoard()
    desk = listening(board, GRVT_ETH, BACKPACK_ETH)
    for instrument in (GRVT_ETH, BACKPACK_ETH):
        board.put_quote(quote(instrument), 1.0)
        board.put_book(book(instrument=instrument), 1.0)
        board.take(desk.name, instrument.venue, instrument.symbol)
    board.clear(GRVT)
    assert grvt(board) == MarketView(venue=GRVT, symbol=GRVT_ETH.symbol)
    assert board.view(BACKPACK, BACKPACK_ETH.symbol).quote == quote(BACKPACK_ETH)
    assert desk.told[2:] == [GRVT_NEWS]


def test_a_stream_that_was_replaced_takes_nothing_of_its_successor_away() -> None:
    board = MarketBoard()
    board.clear(GRVT, 2)
    board.put_quote(quote(GRVT_ETH), 1.0)
    board.clear(GRVT, 1)
    assert grvt(board).quote == quote(GRVT_ETH)


def test_views_are_whole_whatever_other_threads_put() -> None:
    board = MarketBoard()

    def put(number: int) -> None:
        for turn in range(200):
            at = number + 4 * turn + 1
            board.put_quote(quote(GRVT_ETH, str(2000 + at)), float(at))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        view = grvt(board)
        if view.quote is not None:
            assert view.quote.mid == 2000 + int(view.quoted_s)
    assert msgspec.structs.asdict(grvt(board))["book"] is None
