"""The typed errors of the venues' room; each carries fields, and its text is made from them.

VenueError
├── FrameError        bytes from the venue that do not decode, or break the protocol
│   └── SequenceGap   a stream skipped a message; what was built from it is void
├── VenueRefused      a definite refusal with the venue's own code
├── SessionRefused    the venue does not accept our credentials or session
└── QuantizeError     a price or size that the instrument cannot express
"""

from __future__ import annotations

import enum

import msgspec

_EXCERPT_CHARS = 160


class KeyCheck(enum.Enum):
    """What is to be checked when a venue does not let our key place orders."""

    KEY = "that the private key belongs to the API key, and to this environment and its chain"
    PERMISSION = "that the API key may trade"
    ACCOUNT = "that the account is the key's, and active"
    ADDRESS = "that this host's address is on the API key's list"


class KeyRefusal(msgspec.Struct, frozen=True):
    """A definite refusal of an order that is about our key and not about the order.

    The next order meets the same until a person has put it right. A refusal for time is none: the
    clock is measured anew then. ``code`` is the venue's.
    """

    venue: str
    code: str
    check: KeyCheck

    def __str__(self) -> str:
        return f"{self.venue} refuses our key ({self.code}): check {self.check.value}"


class VenueError(Exception):
    """Anything that a venue, or a frame of its protocol, did that we can't work with."""

    def __init__(self, venue: str) -> None:
        super().__init__(venue)
        self.venue = venue


class FrameError(VenueError):
    """A frame that does not decode. ``place`` is the connection or route it came from."""

    def __init__(self, venue: str, place: str, reason: str, frame: bytes | str = b"") -> None:
        super().__init__(venue)
        self.place = place
        self.reason = reason
        text = frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame
        self.excerpt = text[:_EXCERPT_CHARS]

    def __str__(self) -> str:
        tail = f": {self.excerpt!r}" if self.excerpt else ""
        return f"{self.venue} {self.place}: {self.reason}{tail}"


class SequenceGap(FrameError):
    """A stream's sequence number is not the next one. The stream must be opened anew."""

    def __init__(self, venue: str, place: str, expected: int, got: int) -> None:
        super().__init__(venue, place, f"sequence gap: expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class VenueRefused(VenueError):
    """The venue said no, and it is certain that nothing was executed."""

    def __init__(
        self, venue: str, code: str, text: str, client_order_id: int | None = None
    ) -> None:
        super().__init__(venue)
        self.code = code
        self.text = text
        self.client_order_id = client_order_id

    def __str__(self) -> str:
        order = "" if self.client_order_id is None else f" order {self.client_order_id}"
        return f"{self.venue} refused{order}: {self.code} {self.text}".rstrip()


class SessionRefused(VenueError):
    """Login or session not accepted. ``status`` is the HTTP status, 0 when there was none."""

    def __init__(self, venue: str, status: int, code: str, text: str) -> None:
        super().__init__(venue)
        self.status = status
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return (
            f"{self.venue} session refused (HTTP {self.status}): {self.code} {self.text}".rstrip()
        )


class QuantizeError(VenueError):
    """A price or size that cannot be sent: below the minimum, not finite, or not positive."""

    def __init__(self, venue: str, symbol: str, what: str, value: str, expected: str) -> None:
        super().__init__(venue)
        self.symbol = symbol
        self.what = what
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol}: {self.what} {self.value}, expected {self.expected}"
