"""GRVT's error codes and reject reasons, sorted by what is to be done about them.

A reason that only says how an order of its kind ends, or that we ended it, is no refusal. What is
about our key is in ``venues.grvt.errors``. Source: GRVT api-spec (May 2026), ``OrderRejectReason``
and the ``on_request_errors`` of the trading routes.
"""

from __future__ import annotations

from typing import Final

from venues.grvt import errors
from venues.model import OrderStatus, Refusal

_CODES: Final = {
    errors.RATE_LIMITED: Refusal.RATE,
    errors.SWITCHED_OFF: Refusal.MARKET,
    2060: Refusal.MARKET,  # an inactive derivative
    errors.INSTRUMENT_UNSUPPORTED: Refusal.MARKET,
    errors.INSTRUMENT_INVALID: Refusal.MARKET,
    errors.MARKET_REDUCE_ONLY: Refusal.MARKET,
    errors.PRICE_TICK: Refusal.PRICE,
    errors.MARGIN: Refusal.FUNDS,
    errors.MAX_POSITION: Refusal.FUNDS,
    2083: Refusal.FUNDS,  # the largest position at this leverage
    2084: Refusal.FUNDS,  # a check of the account as the order would leave it
    errors.TOO_MANY_ORDERS: Refusal.FUNDS,
    errors.REDUCE_NO_POSITION: Refusal.REDUCE_ONLY,
    errors.REDUCE_WOULD_INCREASE: Refusal.REDUCE_ONLY,
    errors.REDUCE_TOO_LARGE: Refusal.REDUCE_ONLY,
}
_ORDINARY_ENDS: Final = frozenset(
    {
        "", "UNSPECIFIED", "CLIENT_CANCEL", "CLIENT_BULK_CANCEL", "CLIENT_SESSION_END",
        "MARKET_CANCEL", "IOC_CANCEL", "AON_CANCEL", "FOK_CANCEL", "EXPIRED",
        "CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED", "OCO_COUNTER_PART_TRIGGERED", "CLIENT_REPLACE",
    }
)  # fmt: skip
_REASONS: Final = {
    "FAIL_POST_ONLY": Refusal.POST_ONLY,
    "FAIL_REDUCE_ONLY": Refusal.REDUCE_ONLY,
    "REDUCE_ONLY_LIMIT": Refusal.REDUCE_ONLY,
    "SELF_TRADE_PROTECTION": Refusal.SELF_TRADE,
    "SELF_MATCHED_SUBACCOUNT": Refusal.SELF_TRADE,
    "OVERLAPPING_CLIENT_ORDER_ID": Refusal.ID_TAKEN,
    "BELOW_MARGIN": Refusal.FUNDS,
    "BELOW_MARGIN_WITH_PENALTY_DEVIATION": Refusal.FUNDS,
    "EXCEED_MAX_POSITION_SIZE": Refusal.FUNDS,
    "INSUFFICIENT_BALANCE": Refusal.FUNDS,
    "LIQUIDATION": Refusal.FUNDS,
    "INSTRUMENT_INVALID": Refusal.MARKET,
    "INSTRUMENT_DEACTIVATED": Refusal.MARKET,
    "TRADE_PRICE_WORSE_THAN_BANKRUPTCY_PRICE": Refusal.PRICE,
}


def refusal_of(code: int) -> Refusal:
    """What a refusal with this error code is about."""
    return _CODES.get(code, Refusal.OTHER)


def refusal_in(status: OrderStatus, reject_reason: str) -> Refusal | None:
    """Why the venue ended an order that it had taken; None where that is how such orders end."""
    if status is OrderStatus.CANCELLED and reject_reason in _ORDINARY_ENDS:
        return None
    if status not in (OrderStatus.CANCELLED, OrderStatus.REJECTED):
        return None
    return _REASONS.get(reject_reason, Refusal.OTHER)
