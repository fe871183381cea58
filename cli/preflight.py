"""What is checked before anything is started: the venues are there, and take the desk's size.

A venue that can't be reached is no reason to leave a position alone: with what it listed at the
last good start the service begins, and its connections are supervised like any that was lost.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from loguru import logger

from actors.errors import ConnectionFailed
from actors.http import HttpClient
from cli.exits import CONFIGURATION, UNEXPECTED, CommandFailed
from cli.instruments import InstrumentCache
from cli.settings import Settings
from cli.venue_access import VenueAccess
from config.errors import ConfigError
from config.loader import Loaded
from config.schema import ConnectionConfig, DeskConfig, LegConfig
from venues.backpack import codec
from venues.backpack import requests as backpack_requests
from venues.errors import VenueError, VenueRefused
from venues.grvt import errors as grvt_errors
from venues.grvt import requests as grvt_requests
from venues.grvt import rest
from venues.grvt.codec import Reply
from venues.grvt.frames import Mini
from venues.grvt.reading import read, read_instrument
from venues.model import BACKPACK, GRVT, ZERO, Instrument

LookUp = Callable[[str], tuple[Instrument | None, Decimal]]
_TRADED: Final = "PERP"
# What GRVT says of an instrument that it does not have. Other refusals say nothing about that.
_NOT_LISTED: Final = frozenset(
    map(
        str,
        (grvt_errors.MALFORMED, grvt_errors.NOT_FOUND, grvt_errors.INSTRUMENT_UNSUPPORTED),
    )
)


def look_up_instruments(
    loaded: Loaded[Settings], access: VenueAccess, cache: InstrumentCache
) -> dict[str, dict[str, Instrument]]:
    """The instruments of all desks, by venue and symbol, as the venues list them now.

    Of a venue that can't be reached, as it listed them last. Raises CommandFailed: 78 for a symbol
    that is not listed or a size that a venue refuses, 1 for a venue that can't be reached and of
    which nothing is known.
    """
    listed: dict[str, dict[str, Instrument]] = {GRVT: {}, BACKPACK: {}}
    remembered: dict[str, dict[str, Instrument]] = {GRVT: {}, BACKPACK: {}}
    errors: list[ConfigError] = []
    look_ups = _look_ups(loaded.config, access)
    for name, desk in loaded.config.desks.items():
        for role, leg in (("primary", desk.primary), ("hedge", desk.hedge)):
            at = f"desks.{name}.{role}.symbol"
            try:
                instrument, price = look_ups[leg.venue](leg.symbol)
            except (ConnectionFailed, VenueError) as error:
                instrument, price = _remembered(cache, leg, error), ZERO
                remembered[leg.venue][leg.symbol] = instrument
            else:
                if instrument is None:
                    expected = f"a perpetual that {leg.venue} lists"
                    errors.append(ConfigError(at, repr(leg.symbol), expected, loaded.origin(at)))
                    continue
                listed[leg.venue][leg.symbol] = instrument
            errors += _size_errors(loaded, name, desk, instrument, price)
    if errors:
        raise CommandFailed(CONFIGURATION, "\n".join(str(error) for error in errors))
    cache.store(listed)
    return {venue: {**remembered[venue], **listed[venue]} for venue in listed}


def _remembered(cache: InstrumentCache, leg: LegConfig, error: Exception) -> Instrument:
    instrument = cache.get(leg.venue, leg.symbol)
    if instrument is None:
        raise CommandFailed(UNEXPECTED, f"{leg.venue} can't be reached: {error}") from None
    text = "{} can't be reached: {}; starting with {} as it was listed at the last good start"
    logger.warning(text, leg.venue, error, leg.symbol)
    return instrument


def _look_ups(settings: Settings, access: VenueAccess) -> dict[str, LookUp]:
    venues = settings.venues
    return {
        GRVT: lambda symbol: _grvt_instrument(
            access.grvt.market_data, venues.grvt.connection, symbol
        ),
        BACKPACK: lambda symbol: _backpack_instrument(
            access.backpack_api, venues.backpack.connection, symbol
        ),
    }


def _grvt_instrument(
    url: str, timing: ConnectionConfig, symbol: str
) -> tuple[Instrument | None, Decimal]:
    with _client(GRVT, url, timing) as client:
        try:
            instrument = read_instrument(_post(client, grvt_requests.instrument(symbol)))
        except VenueRefused as refused:
            if refused.code in _NOT_LISTED:
                return None, ZERO
            raise
        try:
            return instrument, read(_post(client, grvt_requests.mini(symbol)), Mini).mark_price
        except (ConnectionFailed, VenueError) as error:
            logger.debug("{}: no price to judge the size by: {}", symbol, error)
            return instrument, ZERO


def _post(client: HttpClient, call: grvt_requests.Call) -> Reply:
    request = rest.post(call)
    answer = client.request("POST", request.path, request.headers, request.body)
    return rest.parse_reply(answer.status, answer.body, call.route)


def _backpack_instrument(
    url: str, timing: ConnectionConfig, symbol: str
) -> tuple[Instrument | None, Decimal]:
    with _client(BACKPACK, url, timing) as client:
        request = backpack_requests.markets()
        answer = client.request(request.method, request.target, dict(request.headers))
        listings = codec.decode_markets(answer.status, answer.body)
    for listing in listings:
        if listing.instrument.symbol == symbol and listing.market_type == _TRADED:
            return listing.instrument, ZERO
    return None, ZERO


@contextlib.contextmanager
def _client(name: str, url: str, timing: ConnectionConfig) -> Iterator[HttpClient]:
    """A client for one look-up, which a peer that trickles can't prolong."""
    client = HttpClient(
        name,
        url,
        connect_timeout_s=timing.connect_timeout_s,
        read_timeout_s=timing.read_timeout_s,
    )
    deadline = threading.Timer(timing.connect_timeout_s + timing.read_timeout_s, client.abort)
    deadline.daemon = True
    deadline.start()
    try:
        yield client
    finally:
        deadline.cancel()
        client.close()


def _size_errors(
    loaded: Loaded[Settings], name: str, desk: DeskConfig, instrument: Instrument, price: Decimal
) -> list[ConfigError]:
    at, value = f"desks.{name}.size", str(desk.size)
    market = f"{instrument.venue} {instrument.symbol}"
    expected = ""
    slice_size = instrument.floor_size(desk.size / desk.slices)
    if desk.size < instrument.min_size:
        expected = f"at least {instrument.min_size}, the smallest order of {market}"
    elif instrument.floor_size(desk.size) != desk.size:
        expected = f"a multiple of {instrument.step}, the size step of {market}"
    elif price and desk.size * price < instrument.min_notional:
        worth = f"{instrument.min_notional} {instrument.quote}"
        expected = f"an order worth at least {worth}, the smallest of {market}"
    elif slice_size < instrument.min_size or (
        price and slice_size * price < instrument.min_notional
    ):
        at, value = f"desks.{name}.slices", str(desk.slices)
        expected = f"slices that {market} trades: {slice_size} is too small"
    return [ConfigError(at, value, expected, loaded.origin(at))] if expected else []
