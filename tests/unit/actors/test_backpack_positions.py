"""What a reading of Backpack's positions asks for: each liquidation price is a request more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from loguru import logger

from actors import gateway, orders
from actors.backpack_reads import Reads
from actors.http import HttpAnswer
from tests.support.backpack import POSITION, builder_at
from tests.support.trading import D
from trading.request_budget import Lane
from venues.backpack.requests import HttpRequest
from venues.model import Position

KEEP_S = 45.0


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class Account:
    """An account at the venue; ``asked`` counts the questions for a price alone."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.size = "0.5"
        self.price = "99.5"
        self.refuses = False
        self.asked = 0
        self.reads = Reads(
            builder_at(), self._answer, self._answer_alone,
            epoch=1, clock=self.clock, log=logger, keep_s=KEEP_S,
        )  # fmt: skip

    def read(self, lane: Lane, size: str | None = None) -> Position:
        """The one position, as a reading of that lane tells it."""
        self.size = size or self.size
        client: Any = None
        read = self.reads.read(client, gateway.ReadPositions(lane=lane))
        assert isinstance(read, orders.PositionsRead)
        (position,) = read.positions
        assert position.size == D(self.size)
        return position

    def in_doubt(self, size: str | None = None) -> Position:
        return self.read(Lane.DOUBT, size)

    def routinely(self, size: str | None = None) -> Position:
        return self.read(Lane.ROUTINE, size)

    def _answer(self, _client: object, _request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, (), self._body("0"))

    def _answer_alone(self, _client: object, _request: HttpRequest) -> HttpAnswer:
        self.asked += 1
        if self.refuses:
            return HttpAnswer(503, (), b'{"code":"MAINTENANCE","message":"soon"}')
        return HttpAnswer(200, (), self._body(self.price))

    def _body(self, price: str) -> bytes:
        row = msgspec.json.decode(POSITION)
        row |= {"netQuantity": self.size, "estLiquidationPrice": price}
        return msgspec.json.encode([row])


def test_a_routine_reading_asks_for_the_liquidation_price_each_time() -> None:
    account = Account()
    assert account.routinely().liquidation_price == D("99.5")
    account.price = "98"
    assert account.routinely().liquidation_price == D(98)
    assert account.asked == 2


def test_while_something_is_in_doubt_the_last_price_is_told_and_none_is_asked_for() -> None:
    account = Account()
    account.routinely()
    for _ in range(40):
        account.clock.advance(0.25)
        assert account.in_doubt().liquidation_price == D("99.5")
    assert account.asked == 1


def test_a_position_that_nothing_is_known_of_is_asked_for_once_also_in_doubt() -> None:
    account = Account()
    prices = {account.in_doubt().liquidation_price for _ in range(10)}
    assert prices == {D("99.5")}
    assert account.asked == 1


@pytest.mark.parametrize(
    ("size", "asked"), [("0.5", 1), ("0.2", 1), ("0.7", 2), ("-0.5", 2), ("-0.2", 2)]
)
def test_the_price_is_no_longer_good_for_a_position_that_has_turned_or_grown(
    size: str, asked: int
) -> None:
    account = Account()
    account.routinely("0.5")
    account.in_doubt(size)
    account.in_doubt(size)
    assert account.asked == asked


@pytest.mark.parametrize(("age_s", "asked"), [(KEEP_S, 1), (KEEP_S + 1, 2)])
def test_the_price_is_good_for_its_time_and_not_longer(age_s: float, asked: int) -> None:
    account = Account()
    account.routinely()
    account.clock.advance(age_s)
    account.in_doubt()
    assert account.asked == asked


def test_a_routine_reading_that_is_not_told_the_price_keeps_the_last_one_for_its_time() -> None:
    account = Account()
    account.routinely()
    account.refuses = True
    account.clock.advance(KEEP_S)
    assert account.routinely().liquidation_price == D("99.5")
    account.clock.advance(1.0)
    assert not account.routinely().liquidation_known


def test_a_price_that_could_not_be_read_is_not_taken_for_none_and_not_asked_for_in_doubt() -> None:
    account = Account()
    account.refuses = True
    assert not account.in_doubt().liquidation_known
    assert not account.in_doubt().liquidation_known
    assert account.asked == 1
    account.refuses = False
    assert account.routinely().liquidation_known
