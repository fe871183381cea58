"""Money and positions of the accounts at one paper venue, exact in Decimal.

An account's equity is its deposit, plus every cash flow, plus its positions at the mark, so that
cash is conserved to the last digit. The entry price (and with it the split of equity into realised
and unrealised) is a size-weighted average and moves only when a position grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from venues.model import ZERO

MarkOf = Callable[[str], Decimal]

_REPORTED: Final = Decimal("0.000000001")


def reported(value: Decimal) -> Decimal:
    """A quotient as venues report it: nine decimals."""
    return value.quantize(_REPORTED)


class Position:
    """One account's holding of one contract; ``size`` is signed."""

    __slots__ = (
        "closed_quote", "closed_size", "entry", "fee", "funding", "realized", "size",
    )  # fmt: skip

    def __init__(self) -> None:
        self.size = ZERO
        self.entry = ZERO
        self.realized = ZERO
        self.fee = ZERO
        self.funding = ZERO
        self.closed_size = ZERO
        self.closed_quote = ZERO

    @property
    def exit_price(self) -> Decimal:
        """Average price at which the present (or last) position was reduced, 0 if never."""
        return self.closed_quote / self.closed_size if self.closed_size else ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """What closing at ``mark`` would realise, before fees."""
        return self.size * (mark - self.entry)

    def apply(self, signed: Decimal, price: Decimal) -> Decimal:
        """Trade ``signed`` at ``price``; returns the profit that this realised."""
        opposite = self.size * signed < 0
        closing = min(abs(signed), abs(self.size)) if opposite else ZERO
        profit = self._close(closing, price) if closing else ZERO
        opening = abs(signed) - closing
        if opening:
            self._grow(opening if signed > 0 else -opening, price)
        return profit

    def _close(self, size: Decimal, price: Decimal) -> Decimal:
        sign = 1 if self.size > 0 else -1
        profit = (price - self.entry) * size * sign
        self.size -= size * sign
        self.realized += profit
        self.closed_size += size
        self.closed_quote += size * price
        if not self.size:
            self.entry = ZERO
        return profit

    def _grow(self, signed: Decimal, price: Decimal) -> None:
        if not self.size:
            self.closed_size = self.closed_quote = ZERO
            self.size, self.entry = signed, price
            return
        total = self.size + signed
        self.entry = (self.entry * self.size + price * signed) / total
        self.size = total


class Account:
    """One account: a deposit, what flowed in and out, and its positions by symbol."""

    def __init__(self, name: str, deposit: Decimal) -> None:
        self.name = name
        self.deposit = deposit
        self.flow = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self._positions: dict[str, Position] = {}

    def position(self, symbol: str) -> Position:
        """The position in ``symbol``, flat at first."""
        if symbol not in self._positions:
            self._positions[symbol] = Position()
        return self._positions[symbol]

    def size(self, symbol: str) -> Decimal:
        """Signed position size."""
        held = self._positions.get(symbol)
        return held.size if held is not None else ZERO

    @property
    def held(self) -> Iterable[tuple[str, Position]]:
        """Positions that are not flat."""
        return [(symbol, held) for symbol, held in self._positions.items() if held.size]

    def trade(self, symbol: str, signed: Decimal, price: Decimal, fee: Decimal) -> Decimal:
        """Book one execution; returns the realised profit before fees."""
        held = self.position(symbol)
        profit = held.apply(signed, price)
        held.fee += fee
        self.fees += fee
        self.flow -= signed * price + fee
        return profit

    def pay_funding(self, symbol: str, amount: Decimal) -> None:
        """Book funding; a positive ``amount`` is paid."""
        self.position(symbol).funding += amount
        self.funding += amount
        self.flow -= amount

    @property
    def realized(self) -> Decimal:
        """Profit realised so far, before fees and funding."""
        return sum((held.realized for held in self._positions.values()), ZERO)

    def unrealized(self, mark_of: MarkOf) -> Decimal:
        """Profit that the open positions have at the mark."""
        return sum((held.unrealized(mark_of(symbol)) for symbol, held in self.held), ZERO)

    def equity(self, mark_of: MarkOf) -> Decimal:
        """Deposit, cash flows and positions at the mark."""
        value = sum((held.size * mark_of(symbol) for symbol, held in self.held), ZERO)
        return self.deposit + self.flow + value
