"""The two dialects of GRVT's websockets: JSON-RPC on ``/ws/full``, the legacy one on ``/ws``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from paper.grvt.hub import Hub
from paper.grvt.refusals import STREAM_UNKNOWN, GrvtRefusal, RpcErrorBody
from paper.grvt.routes import Routes
from paper.grvt.settings import GrvtAccount
from venues.errors import FrameError
from venues.grvt import errors
from venues.grvt.codec import (
    JSONRPC,
    MAX_REQUEST_ID,
    SubscribeParams,
    Subscription,
    decode_as,
    encode,
)
from venues.grvt.numbers import IntText

T = TypeVar("T")


class Line(Protocol):
    """The connection, as a dialect sees it."""

    account: GrvtAccount | None

    def reply(self, frame: bytes) -> None:
        """Send an answer."""

    def feed(self, frame: bytes) -> None:
        """Send a stream's message."""


class Dialect(Protocol):
    """Understands the frames of one socket."""

    def handle(self, data: str | bytes, line: Line) -> None:
        """Serve one frame; whatever is wrong with it is answered, nothing is raised."""


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    params: Raw = Raw(b"{}")
    id: int | UnsetType | None = UNSET
    jsonrpc: str = JSONRPC


class _RpcReply(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: str = JSONRPC
    result: object = UNSET
    error: RpcErrorBody | UnsetType = UNSET
    id: int | UnsetType = UNSET
    method: str | UnsetType = UNSET


class _Unsubscribed(msgspec.Struct, frozen=True, kw_only=True):
    stream: str
    unsubs: tuple[str, ...]


class JsonRpc:
    """``/ws/full``: every REST route of the host as ``v1/<route>``, and subscriptions."""

    def __init__(self, routes: Routes, hub: Hub) -> None:
        self._routes = routes
        self._hub = hub

    def handle(self, data: str | bytes, line: Line) -> None:
        """Serve one JSON-RPC request. Work that an answer promises is done before or after it."""
        try:
            request = _decoded(_Request, data)
            if isinstance(request.id, int) and not 0 <= request.id <= MAX_REQUEST_ID:
                raise GrvtRefusal(errors.MALFORMED, "id is a uint32")
        except GrvtRefusal as refused:
            line.reply(encode(_RpcReply(error=refused.rpc_body)))
            return
        try:
            self._serve(request, line)
        except GrvtRefusal as refused:
            line.reply(self._answer(request, error=refused.rpc_body))

    def _serve(self, request: _Request, line: Line) -> None:
        if request.method == "subscribe":
            params = _decoded(SubscribeParams, bytes(request.params))
            reply, frames = self._hub.subscribe(line, params.stream, params.selectors, line.account)
            line.reply(self._answer(request, result=reply))
            for frame in frames:
                line.feed(frame)
        elif request.method == "unsubscribe":
            params = _decoded(SubscribeParams, bytes(request.params))
            gone = self._hub.unsubscribe(line, params.stream, params.selectors)
            result = _Unsubscribed(stream=params.stream, unsubs=gone)
            line.reply(self._answer(request, result=result))
        else:
            self._call(request, line)

    def _call(self, request: _Request, line: Line) -> None:
        version, slash, route = request.method.partition("/")
        if version != "v1" or not slash:
            raise GrvtRefusal(errors.MALFORMED, f"no method {request.method}")
        answer = self._routes.call(route, bytes(request.params), line.account)
        frame = self._answer(request, result=answer.result)
        in_order((lambda: line.reply(frame)), answer.work, answer.work_first)

    @staticmethod
    def _answer(
        request: _Request, result: object = UNSET, error: RpcErrorBody | UnsetType = UNSET
    ) -> bytes:
        request_id = request.id if isinstance(request.id, int) else UNSET
        return encode(_RpcReply(result=result, error=error, id=request_id, method=request.method))


class _LegacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    stream: str
    feed: tuple[str, ...]
    method: str
    request_id: IntText = 0
    is_full: bool = False


class _LegacyReply(msgspec.Struct, frozen=True, kw_only=True):
    request_id: IntText
    stream: str
    subs: tuple[str, ...] = ()
    unsubs: tuple[str, ...] = ()
    num_snapshots: tuple[IntText, ...] = ()
    first_sequence_number: tuple[IntText, ...] = ()
    latest_sequence_number: tuple[IntText, ...] = ()


class Legacy:
    """``/ws``: subscriptions only, in full field names; errors are bare."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def handle(self, data: str | bytes, line: Line) -> None:
        """Serve one legacy request."""
        try:
            self._serve(_decoded(_LegacyRequest, data), line)
        except GrvtRefusal as refused:
            line.reply(encode(refused.body))

    def _serve(self, request: _LegacyRequest, line: Line) -> None:
        if not request.is_full:
            raise GrvtRefusal(errors.MALFORMED, "lite field names are not spoken here")
        frames: list[bytes] = []
        if request.method == "subscribe":
            reply, frames = self._hub.subscribe(line, request.stream, request.feed, line.account)
        elif request.method == "unsubscribe":
            gone = self._hub.unsubscribe(line, request.stream, request.feed)
            reply = Subscription(stream=request.stream, unsubs=gone)
        else:
            raise GrvtRefusal(STREAM_UNKNOWN, request.method)
        line.reply(
            encode(_LegacyReply(request_id=request.request_id, **msgspec.structs.asdict(reply)))
        )
        for frame in frames:
            line.feed(frame)


def in_order(answer: Callable[[], None], work: Callable[[], None] | None, work_first: bool) -> None:
    """Answer a request and do its work, in the order that is wanted."""
    if work is not None and work_first:
        work()
    answer()
    if work is not None and not work_first:
        work()


def _decoded(shape: type[T], data: str | bytes) -> T:
    try:
        decoded: T = decode_as(partial(msgspec.json.decode, type=shape), data, "request")
    except FrameError as error:
        raise GrvtRefusal(errors.MALFORMED, error.reason) from None
    return decoded
