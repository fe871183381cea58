"""How an order is made out for GRVT, and what an answer to it means, whichever way both travel."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from actors import gateway, orders
from actors.access import GrvtAccess
from venues.errors import FrameError, VenueError
from venues.grvt import Outcome, Reply, RpcError, requests
from venues.grvt.errors import CLIENT_ID_ACTIVE, EXPIRATION_TOO_FAR, SIGNATURE_EXPIRED
from venues.grvt.reading import read_ack, read_order
from venues.grvt.refusals import refusal_of
from venues.grvt.requests import Call
from venues.model import NewOrder, Side, TimeInForce

_HOUR_NS: Final = 3_600_000_000_000
_PROBE_ID: Final = 2**64 - 1  # ours are counted up from 2**63
REFUSED_FOR_TIME: Final = (SIGNATURE_EXPIRED, EXPIRATION_TOO_FAR)
"""Codes of an order that was dated wrongly: the venue's clock or ours was set anew."""


def made_out(access: GrvtAccess, new: NewOrder, now_s: float) -> Call | str:
    """The order, dated by the venue's clock and signed; or why it can't be sent."""
    expires_ns = access.clock.expiry_ns(new, time.time_ns(), now_s)
    if expires_ns is None:
        return "expired before it could be sent"
    try:
        instrument = access.instruments[new.symbol]
        dated = msgspec.structs.replace(new, expires_ns=expires_ns)
        signed = access.signer.order(dated, instrument, access.sub_account_id)
    except (VenueError, KeyError) as error:
        return str(error)
    return requests.create_order(signed)


def probe(access: GrvtAccess, now_s: float) -> Call:
    """An order that asks only whether orders are taken: it expired an hour ago, and only reduces.

    What refuses it for that has looked at it. Nothing else tells: reads go on in maintenance.
    """
    instrument = next(iter(access.instruments.values()))
    venue_ns = access.clock.now_ns(now_s) or time.time_ns()
    order = NewOrder(
        symbol=instrument.symbol,
        side=Side.BUY,
        size=instrument.min_size,
        price=instrument.tick,
        time_in_force=TimeInForce.IOC,
        client_order_id=_PROBE_ID,
        expires_ns=venue_ns - _HOUR_NS,
        created_ns=venue_ns - _HOUR_NS,
        reduce_only=True,
    )
    return requests.create_order(access.signer.order(order, instrument, access.sub_account_id))


def cancel_refusal(reply: Reply) -> str:
    """Why the cancel that this answers was not taken; "" when it was."""
    if reply.error is not None:
        return f"{reply.error.code} {reply.error.message}"
    try:
        return "" if read_ack(reply) else "not acknowledged"
    except FrameError as error:
        return str(error)


def unsent(message: object) -> orders.OrderNotSent | orders.CancelAnswered | None:
    """What is told of a request that a connection left behind in its inbox, if anything."""
    reason = "the connection ended before it could be sent"
    if isinstance(message, gateway.PlaceOrder):
        return orders.OrderNotSent(message.new.client_order_id, reason)
    if isinstance(message, gateway.CancelOrder):
        return orders.CancelAnswered(message.client_order_id, reason)
    return None


def answered(
    client_order_id: int, reply: Reply, received_s: float
) -> orders.OrderReported | orders.OrderRefused | orders.OrderDoubted:
    """What a reply says of the order that it answers."""
    if reply.error is not None:
        return _not_placed(client_order_id, reply.error, received_s)
    try:
        update = read_order(reply)
    except FrameError as error:
        return orders.OrderDoubted(client_order_id, str(error))
    if update.client_order_id != client_order_id:
        reason = f"the answer is about order {update.client_order_id}"
        return orders.OrderDoubted(client_order_id, reason)
    return orders.OrderReported(update, received_s)


def refused(client_order_id: int, error: RpcError, received_s: float) -> orders.OrderRefused:
    """It was certainly not executed, for this."""
    reason, kind = f"{error.code} {error.message}", refusal_of(error.code)
    return orders.OrderRefused(client_order_id, reason, received_s, error.key_refusal, kind)


def _not_placed(
    client_order_id: int, error: RpcError, received_s: float
) -> orders.OrderRefused | orders.OrderDoubted:
    # An id is sent once: if the venue has it already, that is this very order.
    if error.outcome is Outcome.UNKNOWN or error.code == CLIENT_ID_ACTIVE:
        return orders.OrderDoubted(client_order_id, f"{error.code} {error.message}")
    return refused(client_order_id, error, received_s)
