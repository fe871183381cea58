"""What GRVT is asked: one struct per request body, and the call that carries it.

A ``Call`` is a route and its body; ``codec.encode_call`` makes a JSON-RPC frame of it and
``rest.post`` a REST request, since GRVT takes the same bodies both ways.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from venues.grvt.frames import Order
from venues.grvt.numbers import IntText

PERPETUAL: Final = "PERPETUAL"

Names = tuple[str, ...] | None | UnsetType


class CreateOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of create_order."""

    order: Order


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of cancel_order. ``time_to_live_ms`` works only with a client order id."""

    sub_account_id: IntText
    order_id: str | UnsetType | None = UNSET
    client_order_id: IntText | UnsetType | None = UNSET
    time_to_live_ms: IntText | UnsetType | None = UNSET


class FindOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of order: one of the two ids."""

    sub_account_id: IntText
    order_id: str | UnsetType | None = UNSET
    client_order_id: IntText | UnsetType | None = UNSET


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Body of open_orders, positions and cancel_all_orders. There is no filter by instrument."""

    sub_account_id: IntText
    kind: Names = UNSET
    base: Names = UNSET
    quote: Names = UNSET


class History(Filter, frozen=True, kw_only=True):
    """Body of order_history, fill_history and funding_payment_history, newest first.

    ``cursor`` is the last ``next``.
    """

    start_time: IntText | UnsetType | None = UNSET
    end_time: IntText | UnsetType | None = UNSET
    limit: IntText | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class SubAccountOnly(msgspec.Struct, frozen=True, kw_only=True):
    """Body of account_summary."""

    sub_account_id: IntText


class Countdown(msgspec.Struct, frozen=True, kw_only=True):
    """Body of cancel_on_disconnect: milliseconds, not tied to any socket."""

    sub_account_id: IntText
    countdown_time: IntText = 0


class InstrumentName(msgspec.Struct, frozen=True, kw_only=True):
    """Body of instrument, mini and ticker."""

    instrument: str


class InstrumentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Body of instruments and all_instruments."""

    kind: Names = UNSET
    base: Names = UNSET
    quote: Names = UNSET
    is_active: bool | UnsetType | None = UNSET
    limit: IntText | UnsetType | None = UNSET


class BookDepth(msgspec.Struct, frozen=True, kw_only=True):
    """Body of book; ``depth`` is 10, 50, 100 or 500."""

    instrument: str
    depth: IntText = 10


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the login by API key."""

    api_key: str

    def __repr__(self) -> str:
        return "Login(api_key='***')"


class Call(msgspec.Struct, frozen=True):
    """A route of GRVT's API and the body for it."""

    route: str
    body: msgspec.Struct


def create_order(order: Order) -> Call:
    """Place a signed order (see ``signing.OrderSigner.order``)."""
    return Call("create_order", CreateOrder(order=order))


def cancel_order(
    sub_account_id: int, client_order_id: int, *, time_to_live_ms: int | None = None
) -> Call:
    """Cancel by client order id.

    With ``time_to_live_ms`` (100..5000) a create of that id which arrives later within this time
    dies too; None leaves the exchange's own default.
    """
    ttl = UNSET if time_to_live_ms is None else str(time_to_live_ms)
    body = CancelOrder(
        sub_account_id=str(sub_account_id),
        client_order_id=str(client_order_id),
        time_to_live_ms=ttl,
    )
    return Call("cancel_order", body)


def cancel_all_orders(sub_account_id: int) -> Call:
    """Cancel every order of the sub account; list again afterwards, in-flight ones may live."""
    return Call("cancel_all_orders", Filter(sub_account_id=str(sub_account_id)))


def query_order(sub_account_id: int, client_order_id: int) -> Call:
    """One order by client order id; 1004 when the venue knows none."""
    body = FindOrder(sub_account_id=str(sub_account_id), client_order_id=str(client_order_id))
    return Call("order", body)


def open_orders(sub_account_id: int) -> Call:
    """Resting orders; one that is still in flight may be missing."""
    return Call("open_orders", Filter(sub_account_id=str(sub_account_id), kind=(PERPETUAL,)))


def fill_history(
    sub_account_id: int, *, start_ns: int | None = None, limit: int = 500, cursor: str = ""
) -> Call:
    """Fills since ``start_ns`` (UTC), newest first."""
    return Call("fill_history", _history(sub_account_id, start_ns, limit, cursor))


def funding_payment_history(
    sub_account_id: int, *, start_ns: int | None = None, limit: int = 500, cursor: str = ""
) -> Call:
    """Funding payments since ``start_ns`` (UTC)."""
    return Call("funding_payment_history", _history(sub_account_id, start_ns, limit, cursor))


def _history(sub_account_id: int, start_ns: int | None, limit: int, cursor: str) -> History:
    return History(
        sub_account_id=str(sub_account_id),
        kind=(PERPETUAL,),
        start_time=UNSET if start_ns is None else str(start_ns),
        limit=limit,
        cursor=cursor or UNSET,
    )


def positions(sub_account_id: int) -> Call:
    """Positions that are not flat."""
    return Call("positions", Filter(sub_account_id=str(sub_account_id), kind=(PERPETUAL,)))


def account_summary(sub_account_id: int) -> Call:
    """Equity and margin of the sub account."""
    return Call("account_summary", SubAccountOnly(sub_account_id=str(sub_account_id)))


def cancel_on_disconnect(sub_account_id: int, countdown_ms: int) -> Call:
    """Arm or refresh the dead man's switch; 0 disarms it.

    1001..300000 arms; the venue floors to whole seconds. At zero it cancels every open order of
    the sub account, whatever sockets are open.
    """
    body = Countdown(sub_account_id=str(sub_account_id), countdown_time=str(countdown_ms))
    return Call("cancel_on_disconnect", body)


def instrument(symbol: str) -> Call:
    """One contract (market data host)."""
    return Call("instrument", InstrumentName(instrument=symbol))


def book(symbol: str, depth: int = 10) -> Call:
    """A book snapshot (market data host); depth 10, 50, 100 or 500."""
    return Call("book", BookDepth(instrument=symbol, depth=depth))


def mini(symbol: str) -> Call:
    """The small ticker (market data host)."""
    return Call("mini", InstrumentName(instrument=symbol))
