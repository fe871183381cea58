"""What Backpack's markets take now, and when they fund: from three of its public answers. Pure.

Source: the exchange's OpenAPI description. No stream tells a market's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from venues.backpack import convert
from venues.backpack.codec import MarketListing, decode_status
from venues.backpack.frames import MarkPrice
from venues.backpack.outcome import classify
from venues.errors import FrameError
from venues.model import BACKPACK, MarketInfo, MarketMode

_CLOSED_CODES: Final = frozenset({"MAINTENANCE", "TRADING_PAUSED"})
_EXCHANGE: Final[Mapping[str, MarketMode]] = {
    "Ok": MarketMode.NORMAL,
    "Maintenance": MarketMode.CLOSED,
}
_STATES: Final[Mapping[str, MarketMode]] = {
    "Open": MarketMode.NORMAL,
    "Closed": MarketMode.CLOSED,
    "CancelOnly": MarketMode.CANCEL_ONLY,
    "PostOnly": MarketMode.POST_ONLY,
    # What that means for orders that cross is not documented: the way out is tried, no way in.
    "LimitOnly": MarketMode.REDUCE_ONLY,
}


def exchange_mode(status: int, body: bytes) -> MarketMode:
    """What GET /api/v1/status means for all markets: NORMAL, CLOSED, or UNKNOWN for another word.

    Raises what reads raise.
    """
    if classify(status, body).code in _CLOSED_CODES:
        return MarketMode.CLOSED
    return _EXCHANGE.get(decode_status(status, body).status, MarketMode.UNKNOWN)


def market_mode(listing: MarketListing) -> MarketMode:
    """What one market takes by itself. One that is taken off the list is there to leave it."""
    mode = _STATES.get(listing.state, MarketMode.UNKNOWN)
    if mode is MarketMode.NORMAL and not listing.visible:
        return MarketMode.REDUCE_ONLY
    return mode


def market_infos(
    exchange: MarketMode, listings: Iterable[MarketListing], marks: Iterable[MarkPrice]
) -> dict[str, MarketInfo]:
    """All listed markets by symbol. Raises FrameError for numbers that are none."""
    prices = {mark.symbol: mark for mark in marks}
    return {
        listing.instrument.symbol: _info(exchange, listing, prices.get(listing.instrument.symbol))
        for listing in listings
    }


def _info(exchange: MarketMode, listing: MarketListing, mark: MarkPrice | None) -> MarketInfo:
    mode = market_mode(listing) if exchange is MarketMode.NORMAL else exchange
    info = MarketInfo(
        venue=BACKPACK,
        symbol=listing.instrument.symbol,
        mode=mode,
        funding_interval_s=listing.funding_interval_s,
    )
    return info if mark is None else _with_mark(info, mark)


def _with_mark(info: MarketInfo, mark: MarkPrice) -> MarketInfo:
    try:
        rate = None if mark.funding_rate is None else convert.number(mark.funding_rate)
        price = convert.positive(mark.mark_price)
    except ValueError as error:
        raise FrameError(BACKPACK, "/api/v1/markPrices", str(error)) from error
    due_ms = mark.next_funding_timestamp
    return MarketInfo(
        venue=info.venue,
        symbol=info.symbol,
        mode=info.mode,
        mark_price=price,
        funding_rate=rate,
        next_funding_ns=due_ms * convert.NS_PER_MS if due_ms else None,
        funding_interval_s=info.funding_interval_s,
    )
