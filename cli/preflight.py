"""What is checked before anything is started: the venues are there, and take the desk's size."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from actors.errors import ConnectionFailed
from actors.http import HttpClient
from cli.exits import CONFIGURATION, UNEXPECTED, CommandFailed
from cli.settings import Settings
from config.errors import ConfigError
from config.loader import Loaded
from config.schema import ConnectionConfig, DeskConfig, LegConfig
from venues.backpack import codec
from venues.backpack import requests as backpack_requests
from venues.errors import VenueError, VenueRefused
from venues.grvt import Endpoints, rest
from venues.grvt import requests as grvt_requests
from venues.grvt.frames import Mini
from venues.grvt.reading import read, read_instrument
from venues.model import BACKPACK, GRVT, Instrument

LookUp = Callable[[str], tuple[Instrument | None, Decimal]]
_TRADED: Final = "PERP"


def look_up_instruments(
    loaded: Loaded[Settings], grvt: Endpoints, backpack_url: str
) -> dict[str, dict[str, Instrument]]:
    """The instruments of all desks, by venue and symbol, as the venues list them now.

    Raises CommandFailed: 78 for a symbol that is not listed or a size that a venue refuses, 1 when
    a venue can't be reached.
    """
    found: dict[str, dict[str, Instrument]] = {GRVT: {}, BACKPACK: {}}
    errors: list[ConfigError] = []
    venues = loaded.config.venues
    look_ups: dict[str, LookUp] = {
        GRVT: lambda symbol: _grvt_instrument(grvt, venues.grvt.connection, symbol),
        BACKPACK: lambda symbol: _backpack_instrument(
            backpack_url, venues.backpack.connection, symbol
        ),
    }
    for name, desk in loaded.config.desks.items():
        for role, leg in (("primary", desk.primary), ("hedge", desk.hedge)):
            at = f"desks.{name}.{role}.symbol"
            instrument, price = _look_up(look_ups[leg.venue], leg)
            if instrument is None:
                expected = f"a perpetual that {leg.venue} lists"
                errors.append(ConfigError(at, repr(leg.symbol), expected, loaded.origin(at)))
                continue
            found[leg.venue][leg.symbol] = instrument
            errors += _size_errors(loaded, name, desk, instrument, price)
    if errors:
        raise CommandFailed(CONFIGURATION, "\n".join(str(error) for error in errors))
    return found


def _look_up(look_up: LookUp, leg: LegConfig) -> tuple[Instrument | None, Decimal]:
    try:
        return look_up(leg.symbol)
    except VenueRefused:
        return None, Decimal(0)
    except (ConnectionFailed, VenueError) as error:
        raise CommandFailed(UNEXPECTED, f"{leg.venue} can't be reached: {error}") from None


def _grvt_instrument(
    endpoints: Endpoints, timing: ConnectionConfig, symbol: str
) -> tuple[Instrument | None, Decimal]:
    client = _client(GRVT, endpoints.market_data, timing)
    try:
        replies = []
        for call in (grvt_requests.instrument(symbol), grvt_requests.mini(symbol)):
            request = rest.post(call)
            answer = client.request("POST", request.path, request.headers, request.body)
            replies.append(rest.parse_reply(answer.status, answer.body, call.route))
        mini = read(replies[1], Mini)
        return read_instrument(replies[0]), mini.mark_price
    finally:
        client.close()


def _backpack_instrument(
    url: str, timing: ConnectionConfig, symbol: str
) -> tuple[Instrument | None, Decimal]:
    client = _client(BACKPACK, url, timing)
    try:
        request = backpack_requests.markets()
        answer = client.request(request.method, request.target, dict(request.headers))
        listings = codec.decode_markets(answer.status, answer.body)
    finally:
        client.close()
    for listing in listings:
        if listing.instrument.symbol == symbol and listing.market_type == _TRADED:
            return listing.instrument, Decimal(0)
    return None, Decimal(0)


def _client(name: str, url: str, timing: ConnectionConfig) -> HttpClient:
    return HttpClient(
        name,
        url,
        connect_timeout_s=timing.connect_timeout_s,
        read_timeout_s=timing.read_timeout_s,
    )


def _size_errors(
    loaded: Loaded[Settings], name: str, desk: DeskConfig, instrument: Instrument, price: Decimal
) -> list[ConfigError]:
    at = f"desks.{name}.size"
    market = f"{instrument.venue} {instrument.symbol}"
    expected = ""
    if desk.size < instrument.min_size:
        expected = f"at least {instrument.min_size}, the smallest order of {market}"
    elif desk.size % instrument.step:
        expected = f"a multiple of {instrument.step}, the size step of {market}"
    elif price and desk.size * price < instrument.min_notional:
        worth = f"{instrument.min_notional} {instrument.quote}"
        expected = f"an order worth at least {worth}, the smallest of {market}"
    return [ConfigError(at, str(desk.size), expected, loaded.origin(at))] if expected else []
