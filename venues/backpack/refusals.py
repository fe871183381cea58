"""Backpack's codes and expiry reasons, sorted by what is to be done about them.

An ``expiryReason`` that only says how an order of its kind ends is no refusal: an IOC whose rest
nobody took, a FOK that the book could not fill. Sources: Backpack's OpenAPI, ``ApiErrorCode`` and
``OrderExpiryReason``; texts as recorded by adapters where the code says less than the words.
"""

from __future__ import annotations

from typing import Final

from venues.model import OrderStatus, Refusal

_CODES: Final = {
    "ACCOUNT_LIQUIDATING": Refusal.FUNDS,
    "BORROW_LIMIT": Refusal.FUNDS,
    "BORROW_REQUIRES_LEND_REDEEM": Refusal.FUNDS,
    "INSUFFICIENT_FUNDS": Refusal.FUNDS,
    "INSUFFICIENT_MARGIN": Refusal.FUNDS,
    "INSUFFICIENT_SUPPLY": Refusal.FUNDS,
    "LEND_LIMIT": Refusal.FUNDS,
    "LEND_REQUIRES_BORROW_REPAY": Refusal.FUNDS,
    "MAX_LEVERAGE_REACHED": Refusal.FUNDS,
    "ORDER_LIMIT": Refusal.FUNDS,
    "POSITION_LIMIT": Refusal.FUNDS,
    "INVALID_PRICE": Refusal.PRICE,
    "INVALID_MARKET": Refusal.MARKET,
    "INVALID_SYMBOL": Refusal.MARKET,
    "MAINTENANCE": Refusal.MARKET,
    "TRADING_PAUSED": Refusal.MARKET,
    "TOO_EARLY": Refusal.RATE,
    "TOO_MANY_REQUESTS": Refusal.RATE,
}
# INVALID_ORDER and INVALID_CLIENT_REQUEST stand for many things, which only their words tell apart.
_WORDS: Final = (
    ("immediately match", Refusal.POST_ONLY),
    ("reduce", Refusal.REDUCE_ONLY),
    ("self", Refusal.SELF_TRADE),
    ("margin", Refusal.FUNDS),
    ("price", Refusal.PRICE),
)
_ORDINARY_ENDS: Final = frozenset({"FILLORKILL", "IMMEDIATEORCANCEL", "INSUFFICIENTLIQUIDITY"})
_REASONS: Final = {
    "ACCOUNTTRADINGSUSPENDED": Refusal.MARKET,
    "BORROWREQUIRESLENDREDEEM": Refusal.FUNDS,
    "INSUFFICIENTBORROWABLEQUANTITY": Refusal.FUNDS,
    "INSUFFICIENTFUNDS": Refusal.FUNDS,
    "INSUFFICIENTMARGIN": Refusal.FUNDS,
    "INVALIDPRICE": Refusal.PRICE,
    "LIQUIDATION": Refusal.FUNDS,
    "NEGATIVEEQUITY": Refusal.FUNDS,
    "POSITIONLIMIT": Refusal.FUNDS,
    "POSTONLYMODE": Refusal.MARKET,
    "POSTONLYTAKER": Refusal.POST_ONLY,
    "PRICEBAND": Refusal.PRICE,
    "PRICEIMPACT": Refusal.PRICE,
    "PRICEOUTOFBOUNDS": Refusal.PRICE,
    "REDUCEONLYNOTREDUCED": Refusal.REDUCE_ONLY,
    "SELFTRADEPREVENTION": Refusal.SELF_TRADE,
    "SLIPPAGETOLERANCEEXCEEDED": Refusal.PRICE,
    "STOPWITHOUTPOSITION": Refusal.REDUCE_ONLY,
}


def refusal_of(code: str, text: str) -> Refusal:
    """What a refusal with this code and text is about."""
    known = _CODES.get(code)
    if known is not None:
        return known
    lowered = text.lower()
    return next((kind for words, kind in _WORDS if words in lowered), Refusal.OTHER)


def refusal_in(status: OrderStatus, expiry_reason: str) -> Refusal | None:
    """Why the venue ended an order that it had taken; None where that is how such orders end.

    The stream has been seen to write a reason in another style (``PRICE_BAND``).
    """
    word = expiry_reason.replace("_", "").upper()
    if status not in (OrderStatus.EXPIRED, OrderStatus.REJECTED) or not word:
        return None
    return None if word in _ORDINARY_ENDS else _REASONS.get(word, Refusal.OTHER)
