"""The client's side of GRVT's websocket protocol (JSON-RPC over ``/ws/full``), without any I/O.

Out: ``encode_call`` and ``encode_subscribe`` give the bytes of a frame.
In: ``decode_frame`` gives a ``Reply`` or ``StreamData``, whose contents the functions of
``reading`` take into the venue model. Whatever does not decode is a FrameError, and nothing else is
raised for a frame, whatever bytes it has. Source: GRVT api-spec (May 2026), websocket chapters, and
captures of live traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from venues.errors import FrameError
from venues.grvt.errors import RpcError
from venues.grvt.numbers import IntText, WireNumber, to_int
from venues.grvt.requests import Call
from venues.model import GRVT

JSONRPC: Final = "2.0"
MAX_REQUEST_ID: Final = 2**32 - 1

ORDER_STREAM: Final = "v1.order"
STATE_STREAM: Final = "v1.state"
FILL_STREAM: Final = "v1.fill"
POSITION_STREAM: Final = "v1.position"
CANCEL_STREAM: Final = "v1.cancel"
BOOK_STREAM: Final = "v1.book.s"
MINI_STREAM: Final = "v1.mini.s"
TICKER_STREAM: Final = "v1.ticker.s"

T = TypeVar("T")


class SubscribeParams(msgspec.Struct, frozen=True, kw_only=True):
    """What to subscribe to, or to unsubscribe from."""

    stream: str
    selectors: tuple[str, ...]
    use_global_sequence_number: bool | None = False


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a subscribe: what is on, what it replaced, and where its numbers start.

    The three lists go with ``subs`` by position.
    """

    stream: str
    subs: tuple[str, ...] = ()
    unsubs: tuple[str, ...] = ()
    num_snapshots: tuple[IntText, ...] = ()
    first_sequence_number: tuple[IntText, ...] = ()
    latest_sequence_number: tuple[IntText, ...] = ()

    def missing(self, selectors: Sequence[str]) -> tuple[str, ...]:
        """Those of ``selectors`` that the venue left out, which it may do without an error."""
        return tuple(selector for selector in selectors if selector not in self.subs)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON-RPC request frame. Without an ``id`` its reply cannot be told from others."""

    jsonrpc: str = JSONRPC
    method: str
    params: Raw | msgspec.Struct
    id: int | UnsetType = UNSET


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a request: ``error``, or a ``result`` for one of the functions of ``reading``.

    ``request_id`` is None where the server could not tell which request it answers.
    """

    request_id: int | None
    method: str = ""
    result: Raw = Raw(b"")
    error: RpcError | None = None


class StreamData(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's message. Give it to ``SequenceTracker.accept`` before reading it."""

    stream: str
    selector: str
    sequence_number: int
    feed: Raw

    @property
    def symbol(self) -> str:
        """The instrument named by the selector, "" when it is for a whole sub account."""
        primary = self.selector.partition("@")[0]
        head, dash, tail = primary.partition("-")
        if not head.isdigit():
            return primary
        return tail if dash else ""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    id: int | None = None
    method: str | None = None
    result: Raw | UnsetType = UNSET
    error: RpcError | None = None
    stream: str | None = None
    selector: str | None = None
    sequence_number: IntText = 0
    feed: Raw | UnsetType = UNSET
    code: int | UnsetType = UNSET
    message: str | None = None
    status: int | None = None


def _as_text(value: object) -> object:
    if isinstance(value, WireNumber):
        return value.text
    raise NotImplementedError(f"{type(value).__name__} has no form on GRVT's wire")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_as_text)
_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)


def encode(value: object) -> bytes:
    """Any of GRVT's structs as JSON."""
    return _ENCODER.encode(value)


def encode_call(call: Call, request_id: int) -> bytes:
    """The JSON-RPC frame of a call; ``request_id`` is 0..2**32-1 and comes back in the reply."""
    return _ENCODER.encode(
        Request(method=f"v1/{call.route}", params=call.body, id=request_id & MAX_REQUEST_ID)
    )


def encode_subscribe(stream: str, selectors: Sequence[str], request_id: int) -> bytes:
    """Subscribe to selectors of one stream, with sequence numbers per selector."""
    params = SubscribeParams(stream=stream, selectors=tuple(selectors))
    return _ENCODER.encode(
        Request(method="subscribe", params=params, id=request_id & MAX_REQUEST_ID)
    )


def book_selector(symbol: str, rate_ms: int = 500, depth: int = 10) -> str:
    """Selector of v1.book.s: rate 500 or 1000 ms; depth 10, 50, 100 or 500."""
    return f"{symbol}@{rate_ms}-{depth}"


def mini_selector(symbol: str, rate_ms: int = 200) -> str:
    """Selector of v1.mini.s: rate 200, 500, 1000 or 5000 ms."""
    return f"{symbol}@{rate_ms}"


def ticker_selector(symbol: str, rate_ms: int = 1000) -> str:
    """Selector of v1.ticker.s: rate 500, 1000 or 5000 ms."""
    return f"{symbol}@{rate_ms}"


def account_selector(sub_account_id: int, symbol: str = "") -> str:
    """Selector of the private streams: a whole sub account, or one of its instruments."""
    return f"{sub_account_id}-{symbol}" if symbol else str(sub_account_id)


def decode_frame(data: bytes | str, place: str = "grvt") -> Reply | StreamData:
    """One frame of the socket named ``place``. Raises FrameError, and nothing else."""
    envelope = decode_as(_ENVELOPES.decode, data, place)
    if not isinstance(envelope.feed, UnsetType):
        if envelope.stream is None or envelope.selector is None:
            raise FrameError(GRVT, place, "stream data without its stream or selector", data)
        return StreamData(
            stream=envelope.stream,
            selector=envelope.selector,
            sequence_number=to_int(envelope.sequence_number, f"{place} sequence_number"),
            feed=envelope.feed,
        )
    return _reply(envelope, data, place)


def _reply(envelope: _Envelope, data: bytes | str, place: str) -> Reply:
    method = envelope.method or ""
    if envelope.error is not None:
        return Reply(request_id=envelope.id, method=method, error=envelope.error)
    if not isinstance(envelope.result, UnsetType):
        return Reply(request_id=envelope.id, method=method, result=envelope.result)
    if not isinstance(envelope.code, UnsetType):
        error = RpcError(envelope.code, envelope.message or "", envelope.status or 0)
        return Reply(request_id=envelope.id, method=method, error=error)
    raise FrameError(GRVT, place, "neither a reply nor stream data", data)


def decode_as(decode: Callable[[bytes | str], T], data: bytes | str, place: str) -> T:
    """``decode(data)``, with everything that a decoder may raise made a FrameError of ``place``."""
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise FrameError(GRVT, place, str(error), data) from None
    except RecursionError:
        raise FrameError(GRVT, place, "nested too deeply", data) from None
