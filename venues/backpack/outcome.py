"""What an HTTP answer from Backpack means: done, refused, or nothing that we can rely on.

The line that matters is between "certainly nothing was executed" and "unknown": a 5xx, an empty
or HTML body or a gateway's refusal without the venue's own error object says nothing about a write.
Source: docs.backpack.exchange, "Errors"; answers recorded by adapters for what it leaves open.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from venues.backpack.frames import ErrorBody
from venues.backpack.refusals import refusal_of
from venues.errors import (
    FrameError,
    KeyCheck,
    KeyRefusal,
    SessionRefused,
    VenueError,
    VenueRefused,
)
from venues.model import BACKPACK, Refusal

_ERROR: Final = msgspec.json.Decoder(ErrorBody)
_TOO_MANY: Final = 429
_TOO_MANY_CODE: Final = "TOO_MANY_REQUESTS"
_DEFINITE_STATUS: Final = frozenset({400, 401, 403, 404, 409, 422, 429})
# With these codes the venue says that it failed, not that it refused, whatever the status.
_UNSETTLED_CODES: Final = frozenset({"SERVER_ERROR", "TIMEOUT"})
# With these, in its own words, that it takes no orders now, although the status is a 503.
CLOSED_CODES: Final = frozenset({"MAINTENANCE", "TRADING_PAUSED"})
_SESSION_CODES: Final = frozenset({"UNAUTHORIZED", "FORBIDDEN", "INVALID_SIGNATURE"})
_KEY_CODES: Final = {
    "FORBIDDEN": KeyCheck.PERMISSION,
    "ACCOUNT_DEACTIVATED": KeyCheck.ACCOUNT,
}
# The expiry reasons of an order, and what one of them says about our key.
_KEY_REASONS: Final = {"UserPermissions": KeyCheck.PERMISSION}


class Verdict(enum.Enum):
    """The meaning of an answer. Only OK, NOT_FOUND and the three refusals are definite."""

    OK = "ok"
    NOT_FOUND = "not_found"  # the order does not rest: it may be done, so ask the history
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    SESSION = "session"  # key, permission or signature
    UNKNOWN = "unknown"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, classified. ``code`` and ``text`` are the venue's; empty for OK."""

    verdict: Verdict
    status: int
    code: str = ""
    text: str = ""
    place: str = ""

    @property
    def ok(self) -> bool:
        """True for a 2xx answer."""
        return self.verdict is Verdict.OK

    @property
    def nothing_executed(self) -> bool:
        """True when a write answered like this certainly placed nothing."""
        return self.verdict in _REFUSALS

    @property
    def expired(self) -> bool:
        """True when the venue found the request's timestamp or window wrong: check the clock."""
        return self.nothing_executed and speaks_of_time(self.text)

    @property
    def refusal(self) -> Refusal | None:
        """What an order answered like this was refused for, if it certainly was."""
        if self.verdict is Verdict.RATE_LIMITED:
            return Refusal.RATE
        return refusal_of(self.code, self.text) if self.nothing_executed else None

    @property
    def key_refusal(self) -> KeyRefusal | None:
        """What is wrong with our key, if an order answered like this was refused for it."""
        known = _KEY_CODES.get(self.code)
        about_key = self.verdict is Verdict.SESSION or known is not None
        if not about_key or not self.nothing_executed or self.expired:
            return None
        return KeyRefusal(BACKPACK, self.code, known or KeyCheck.KEY)

    def error(self, client_order_id: int | None = None) -> VenueError:
        """The outcome as the typed error to raise; FrameError when it is unknown."""
        if self.verdict is Verdict.SESSION:
            return SessionRefused(BACKPACK, self.status, self.code, self.text)
        if self.verdict is Verdict.UNKNOWN or self.ok:
            return FrameError(BACKPACK, self.place, f"HTTP {self.status}", self.text)
        return VenueRefused(BACKPACK, self.code, self.text, client_order_id)


def key_refusal_in(expiry_reason: str) -> KeyRefusal | None:
    """The same for an order that was taken, and expired for this reason."""
    check = _KEY_REASONS.get(expiry_reason)
    return None if check is None else KeyRefusal(BACKPACK, expiry_reason, check)


def is_error_object(body: bytes) -> bool:
    """True for a body in the venue's own words, and not a gateway's."""
    return _error_body(body) is not None


def speaks_of_time(text: str) -> bool:
    """True for the words of a refusal that is about a request's timestamp or window."""
    lowered = text.lower()
    return "expired" in lowered or "timestamp" in lowered


_REFUSALS: Final = frozenset({Verdict.REFUSED, Verdict.RATE_LIMITED, Verdict.SESSION})


def classify(status: int, body: bytes, place: str = "") -> Outcome:
    """Classify an answer by its HTTP status and, unless it is 2xx, its body. Never raises.

    ``place`` names the route in errors made from it.
    """
    if 200 <= status < 300:
        return Outcome(verdict=Verdict.OK, status=status, place=place)
    error = _error_body(body)
    if error is None:
        text = body[:160].decode("utf-8", "replace")
        # Whoever says that these are too many has not passed it on.
        if status != _TOO_MANY:
            return Outcome(verdict=Verdict.UNKNOWN, status=status, text=text, place=place)
        return Outcome(
            verdict=Verdict.RATE_LIMITED, status=status, code=_TOO_MANY_CODE, text=text, place=place
        )
    code = str(error.code)
    verdict = _verdict(status, code, error.message)
    return Outcome(verdict=verdict, status=status, code=code, text=error.message, place=place)


def _error_body(body: bytes) -> ErrorBody | None:
    try:
        return _ERROR.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _verdict(status: int, code: str, text: str) -> Verdict:
    if code in CLOSED_CODES:
        return Verdict.REFUSED
    if status not in _DEFINITE_STATUS or code in _UNSETTLED_CODES:
        return Verdict.UNKNOWN
    lowered = text.lower()
    if status == _TOO_MANY or code == _TOO_MANY_CODE:
        return Verdict.RATE_LIMITED
    # Cancelling an order that is gone is INVALID_CLIENT_REQUEST "Order not found" in some sources.
    if code == "RESOURCE_NOT_FOUND" or "order not found" in lowered:
        return Verdict.NOT_FOUND
    if code in _SESSION_CODES or "invalid signature" in lowered or status in {401, 403}:
        # A 401 for an elapsed window has been reported (2024): that is a refusal of one request.
        return Verdict.REFUSED if "expired" in lowered else Verdict.SESSION
    return Verdict.REFUSED
