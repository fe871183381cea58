"""GRVT's error codes, and what each one says about the request that met it.

What matters to an order is not the text but the outcome: refused for good, refused for now,
refused because of the session, held back by the rate limit, or *unknown* — the venue may have
executed it. A code that is not in the table is unknown: only the venue's own list makes a refusal.
Codes and texts: GRVT api-spec (May 2026), the ``on_request_errors`` of the trading routes.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import msgspec

from venues.errors import KeyCheck, KeyRefusal, SessionRefused, VenueError, VenueRefused
from venues.model import GRVT


class Outcome(enum.Enum):
    """What a failed request may have done at the venue."""

    REFUSED = "refused"
    """Not executed, and sending the same again is pointless."""
    REFUSED_NOW = "refused_now"
    """Not executed; the same may be accepted later (margin, limits, a market that is closed)."""
    SESSION = "session"
    """Not executed: the cookie, the key or its address list. Log in anew."""
    RATE_LIMITED = "rate_limited"
    """Turned away at the gate; wait before the next request."""
    UNKNOWN = "unknown"
    """Nobody knows: only a query by client order id settles it."""

    @property
    def definite(self) -> bool:
        """True when it is certain that nothing was executed. A rate limit is not counted."""
        return self in _DEFINITE


_DEFINITE: Final = frozenset({Outcome.REFUSED, Outcome.REFUSED_NOW, Outcome.SESSION})


class ErrorCode(NamedTuple):
    """A row of GRVT's error table."""

    code: int
    status: int
    text: str
    outcome: Outcome


class RpcError(msgspec.Struct, frozen=True):
    """The error object of a reply. ``status`` is 0 where the frame has none (JSON-RPC)."""

    code: int
    message: str = ""
    status: int = 0

    @property
    def outcome(self) -> Outcome:
        """What this error says about the request."""
        return outcome_of(self.code)

    @property
    def key_refusal(self) -> KeyRefusal | None:
        """What is wrong with our key, if that is what the error says of an order."""
        check = _KEY_CODES.get(self.code)
        return None if check is None else KeyRefusal(GRVT, str(self.code), check)

    def exception(self, client_order_id: int | None = None) -> VenueError:
        """The typed error to raise: VenueRefused only when nothing was executed."""
        if self.outcome is Outcome.SESSION:
            return SessionRefused(GRVT, self.status, str(self.code), self.message)
        if self.outcome.definite:
            return VenueRefused(GRVT, str(self.code), self.message, client_order_id)
        return OutcomeUnknown(self.code, self.message, client_order_id)


def key_refusal_in(reject_reason: str) -> KeyRefusal | None:
    """The same for an order that was taken, and rejected for this reason."""
    check = _KEY_REASONS.get(reject_reason)
    return None if check is None else KeyRefusal(GRVT, reject_reason, check)


class OutcomeUnknown(VenueError):
    """The venue answered with an error that does not say whether it acted."""

    def __init__(self, code: int, text: str, client_order_id: int | None = None) -> None:
        super().__init__(GRVT)
        self.code = code
        self.text = text
        self.client_order_id = client_order_id

    def __str__(self) -> str:
        order = "" if self.client_order_id is None else f" of order {self.client_order_id}"
        return f"{GRVT}: outcome{order} unknown: {self.code} {self.text}".rstrip()


class SigningError(VenueError):
    """A field that GRVT's typed data cannot hold, or a signature that is none."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        super().__init__(GRVT)
        self.field = field
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"{GRVT} signature: {self.field} {self.value}, expected {self.expected}"


def outcome_of(code: int) -> Outcome:
    """What a failed request with this error code may have done."""
    row = CODES.get(code)
    return Outcome.UNKNOWN if row is None else row.outcome


NOT_AUTHENTICATED: Final = 1000
NOT_AUTHORISED: Final = 1001
INTERNAL_ERROR: Final = 1002
MALFORMED: Final = 1003
NOT_FOUND: Final = 1004
UNKNOWN_ERROR: Final = 1005
RATE_LIMITED: Final = 1006
IP_NOT_LISTED: Final = 1008
SWITCHED_OFF: Final = 1009
WRONG_CHAIN_ID: Final = 1012
FEED_FORMAT: Final = 1101
PRIMARY_SELECTORS: Final = 1102
SECONDARY_SELECTORS: Final = 1103
NO_TRADE_PERMISSION: Final = 1400
SIGNER_UNKNOWN: Final = 2000
SIGNATURE_EXPIRED: Final = 2001
SIGNATURE_MISMATCH: Final = 2002
WRONG_SUB_ACCOUNT: Final = 2003
SESSION_KEY_EXPIRED: Final = 2004
BAD_V: Final = 2005
BAD_RS_LENGTH: Final = 2006
HIGH_S: Final = 2007
EXPIRATION_TOO_FAR: Final = 2008
ORDER_ID_SET: Final = 2010
CLIENT_ID_MISSING: Final = 2011
CLIENT_ID_ACTIVE: Final = 2012
MARKET_WITH_PRICE: Final = 2020
LIMIT_WITHOUT_PRICE: Final = 2021
BAD_TIME_IN_FORCE: Final = 2030
POST_ONLY_TIME_IN_FORCE: Final = 2032
NO_LEG: Final = 2040
SEVERAL_LEGS: Final = 2042
STATE_SET: Final = 2050
INSTRUMENT_UNSUPPORTED: Final = 2061
BELOW_MIN_SIZE: Final = 2062
PRICE_TICK: Final = 2064
SIZE_GRANULARITY: Final = 2065
BELOW_MIN_NOTIONAL: Final = 2066
MARGIN: Final = 2080
MAX_POSITION: Final = 2081
PRE_ORDER_CHECK: Final = 2082
TOO_MANY_ORDERS: Final = 2090
TTL_OFF: Final = 2300
TTL_TOO_LONG: Final = 2301
REDUCE_NO_POSITION: Final = 2400
REDUCE_WOULD_INCREASE: Final = 2401
REDUCE_TOO_LARGE: Final = 2402
INSTRUMENT_INVALID: Final = 3000
LIMIT_RANGE: Final = 3011
LIMIT_VALUE: Final = 3013
SUB_ACCOUNT_FORMAT: Final = 3020
NO_ORDER_ID: Final = 3021
FEED_RATE: Final = 3030
DEPTH_INVALID: Final = 3031
COUNTDOWN_TOO_LONG: Final = 6000
MARKET_REDUCE_ONLY: Final = 7304

# A signature that has expired, or expires too late, is none: that is a matter of clocks.
_KEY_CODES: Final = {
    NOT_AUTHORISED: KeyCheck.PERMISSION,
    IP_NOT_LISTED: KeyCheck.ADDRESS,
    WRONG_CHAIN_ID: KeyCheck.KEY,
    NO_TRADE_PERMISSION: KeyCheck.PERMISSION,
    SIGNER_UNKNOWN: KeyCheck.KEY,
    SIGNATURE_MISMATCH: KeyCheck.KEY,
    WRONG_SUB_ACCOUNT: KeyCheck.ACCOUNT,
    SESSION_KEY_EXPIRED: KeyCheck.KEY,
    BAD_V: KeyCheck.KEY,
    BAD_RS_LENGTH: KeyCheck.KEY,
    HIGH_S: KeyCheck.KEY,
    SUB_ACCOUNT_FORMAT: KeyCheck.ACCOUNT,
}
# GRVT api-spec (May 2026), the reject reasons of an order's state.
_KEY_REASONS: Final = {
    "UNAUTHORISED": KeyCheck.PERMISSION,
    "SESSION_KEY_EXPIRED": KeyCheck.KEY,
    "SUB_ACCOUNT_NOT_FOUND": KeyCheck.ACCOUNT,
    "NO_TRADE_PERMISSION": KeyCheck.PERMISSION,
    "INVALID_CHAIN_ID": KeyCheck.KEY,
}

_NO, _LATER, _LOGIN = Outcome.REFUSED, Outcome.REFUSED_NOW, Outcome.SESSION
_UNKNOWN, _WAIT = Outcome.UNKNOWN, Outcome.RATE_LIMITED

CODES: Final[dict[int, ErrorCode]] = {
    row.code: row
    for row in (
        ErrorCode(1000, 401, "You need to authenticate prior to using this functionality", _LOGIN),
        ErrorCode(1001, 403, "You are not authorized to access this functionality", _NO),
        ErrorCode(1002, 500, "Internal Server Error", _UNKNOWN),
        ErrorCode(1003, 400, "Request could not be processed due to malformed syntax", _NO),
        ErrorCode(1004, 404, "Data Not Found", _NO),
        ErrorCode(1005, 500, "Unknown Error", _UNKNOWN),
        ErrorCode(1006, 429, "You have surpassed the allocated rate limit for your tier", _WAIT),
        ErrorCode(1008, 401, "Your IP has not been whitelisted for access", _LOGIN),
        ErrorCode(
            1009, 503,
            "We are temporarily deactivating this API endpoint, please try again later", _LATER,
        ),
        ErrorCode(1012, 400, "Invalid signature chain ID", _NO),
        ErrorCode(1101, 400, "Feed Format must be in the format of <primary>@<secondary>", _NO),
        ErrorCode(1102, 400, "Wrong number of primary selectors", _NO),
        ErrorCode(1103, 400, "Wrong number of secondary selectors", _NO),
        ErrorCode(1400, 403, "Signer does not have trade permission", _NO),
        ErrorCode(2000, 403, "Signature is from an unauthorized signer", _NO),
        ErrorCode(2001, 403, "Signature has expired", _NO),
        ErrorCode(2002, 403, "Signature does not match payload", _NO),
        ErrorCode(2003, 403, "Order sub account does not match logged in user", _NO),
        ErrorCode(2004, 403, "Signature is from an expired session key", _LOGIN),
        ErrorCode(2005, 403, "Signature V must be 27/28", _NO),
        ErrorCode(
            2006, 403,
            "Signature R/S must have exactly 64 characters long without 0x prefix", _NO,
        ),
        ErrorCode(2007, 403, "Signature S must be in the lower half of the curve", _NO),
        ErrorCode(2008, 403, "Signature exceeds maximum allowed duration.", _NO),
        ErrorCode(2010, 400, "Order ID should be empty when creating an order", _NO),
        ErrorCode(2011, 400, "Client Order ID should be supplied when creating an order", _NO),
        ErrorCode(2012, 400, "Client Order ID overlaps with existing active order", _NO),
        ErrorCode(2020, 400, "Market Order must always be supplied without a limit price", _NO),
        ErrorCode(2021, 400, "Limit Order must always be supplied with a limit price", _NO),
        ErrorCode(2030, 400, "Orderbook Orders must have a TimeInForce of GTT/IOC/FOK", _NO),
        ErrorCode(2031, 400, "RFQ Orders must have a TimeInForce of GTT/AON/IOC/FOK", _NO),
        ErrorCode(2032, 400, "Post Only can only be set to true for GTT/AON orders", _NO),
        ErrorCode(2040, 400, "Order must contain at least one leg", _NO),
        ErrorCode(2041, 400, "Order Legs must be sorted by Derivative.Instrument", _NO),
        ErrorCode(2042, 400, "Orderbook Orders must contain only one leg", _NO),
        ErrorCode(2050, 400, "Order state must be empty upon creation", _NO),
        ErrorCode(2051, 400, "Order execution metadata must be empty upon creation", _NO),
        ErrorCode(2060, 400, "Order Legs contain one or more inactive derivative", _LATER),
        ErrorCode(2061, 400, "Unsupported Instrument Requested", _NO),
        ErrorCode(2062, 400, "Order size smaller than min size", _NO),
        ErrorCode(2064, 400, "Invalid limit price tick", _NO),
        ErrorCode(2065, 400, "Order size too granular", _NO),
        ErrorCode(
            2066, 400,
            "Order below minimum notional. Please try again with a higher price or size.", _NO,
        ),
        ErrorCode(
            2067, 400,
            "Order below minimum notional. Please try reducing your position again with a higher"
            " price or size.", _NO,
        ),
        ErrorCode(2080, 400, "Insufficient margin to create order", _LATER),
        ErrorCode(
            2081, 400, "Order Fill would result in exceeding maximum position size", _LATER
        ),
        ErrorCode(2082, 400, "Pre-order check failed", _LATER),
        ErrorCode(
            2083, 400,
            "Order Fill would result in exceeding maximum position size under current configurable"
            " leverage tier", _LATER,
        ),
        ErrorCode(2084, 400, "Post-order check failed", _LATER),
        ErrorCode(2090, 429, "Max open orders exceeded", _LATER),
        ErrorCode(2300, 400, "Order cancel time-to-live settings currently disabled.", _NO),
        ErrorCode(2301, 400, "Order cancel time-to-live exceeds maximum allowed value.", _NO),
        ErrorCode(2400, 400, "Reduce only order with no position", _LATER),
        ErrorCode(2401, 400, "Reduce only order must not increase position size", _LATER),
        ErrorCode(2402, 400, "Reduce only order size exceeds maximum allowed value", _LATER),
        ErrorCode(3000, 400, "Instrument is invalid", _NO),
        ErrorCode(3004, 500, "Instrument does not have a valid maintenance margin configuration",
                  _UNKNOWN),
        ErrorCode(3005, 500, "Instrument's underlying currency does not have a valid balance"
                  " decimal configuration", _UNKNOWN),
        ErrorCode(3006, 500, "Instrument's quote currency does not have a valid balance decimal"
                  " configuration", _UNKNOWN),
        ErrorCode(3007, 400, "API is not applicable for spot instruments", _NO),
        ErrorCode(3011, 400, "Limit exceeds min or max value", _NO),
        ErrorCode(3013, 400, "Exact limit value is not supported", _NO),
        ErrorCode(3020, 400, "Sub account ID must be an uint64 integer", _NO),
        ErrorCode(3021, 400, "Either order ID or client order ID must be supplied", _NO),
        ErrorCode(3030, 400, "Feed rate is invalid", _NO),
        ErrorCode(3031, 400, "Depth is invalid", _NO),
        ErrorCode(6000, 400, "Countdown time is bigger than 300s supported", _NO),
        ErrorCode(
            7304, 400,
            "Only position-reducing orders (`reduce_only` as true) allowed for this asset right"
            " now.", _LATER,
        ),
    )
}  # fmt: skip
"""Every code that a trader meets, by its number."""
