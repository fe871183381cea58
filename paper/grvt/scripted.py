"""What faults do to the requests of a websocket before the dialect sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from msgspec import UNSET, Raw, UnsetType

from paper.faults import Answer, EditReply, Faults, Lose, Subscribe
from paper.faults.edit import edited
from paper.faults.http import hook_of
from paper.faults.venue import RouteFault
from paper.grvt.framing import Dialect, Line
from paper.grvt.refusals import RpcErrorBody
from paper.grvt.settings import GrvtAccount
from venues.grvt import errors
from venues.grvt.codec import JSONRPC, SubscribeParams, Subscription, encode
from venues.model import GRVT

_SUBSCRIBE: Final = "subscribe"
_PRIVATE: Final = "grvt/trading"


class Cuttable(Line, Protocol):
    """A connection that can also end."""

    def abort(self) -> None:
        """Break it off."""

    def close(self, code: int) -> None:
        """Close it with a code."""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a JSON-RPC request as a fault looks at."""

    method: str
    params: Raw = Raw(b"{}")
    id: int | UnsetType | None = UNSET


class _Reply(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: str = JSONRPC
    result: object = UNSET
    error: RpcErrorBody | UnsetType = UNSET
    id: int | UnsetType = UNSET
    method: str


_HEAD: Final = msgspec.json.Decoder(_Head)


class _Tapped:
    """The line of one request: its reply goes through ``change``, or nowhere."""

    def __init__(self, line: Line, change: Callable[[bytes], bytes] | None) -> None:
        self._line = line
        self._change = change
        self.account: GrvtAccount | None = line.account

    def reply(self, frame: bytes) -> None:
        """Send what is left of the answer."""
        if self._change is not None:
            self._line.reply(self._change(frame))

    def feed(self, frame: bytes) -> None:
        """Streams are no answer."""
        self._line.feed(frame)


class ScriptedDialect:
    """A dialect whose requests meet faults first; ``connection`` is how faults call it."""

    def __init__(self, dialect: Dialect, faults: Faults, connection: str) -> None:
        self._dialect = dialect
        self._faults = faults
        self._connection = connection

    def handle(self, data: str | bytes, line: Cuttable) -> None:
        """Serve one frame, as the faults that act now let it be served."""
        head = _head(data)
        if head is None:
            self._dialect.handle(data, line)
        elif head.method == _SUBSCRIBE and self._connection == _PRIVATE:
            self._subscribe(head, data, line)
        else:
            self._call(head, data, line)

    def _subscribe(self, head: _Head, data: str | bytes, line: Cuttable) -> None:
        fault = self._faults.effects.take(Subscribe, self._connection, lambda _: True)
        if fault is None:
            self._dialect.handle(data, line)
            return
        self._faults.effects.hit(fault, fault.how)
        if fault.how == "error":
            error = RpcErrorBody(code=errors.NOT_AUTHENTICATED, message="Unauthenticated")
            line.reply(_reply(head, error=error))
        elif fault.how == "empty":
            stream = msgspec.json.decode(head.params, type=SubscribeParams).stream
            line.reply(_reply(head, result=Subscription(stream=stream)))

    def _call(self, head: _Head, data: str | bytes, line: Cuttable) -> None:
        self._faults.traffic.asked(self._connection)
        hook = hook_of(self._connection, "", head.method)
        if hook is not None:
            self._faults.at_hook(GRVT, hook)
        turned_away = self._faults.request_refusals.turned_away(self._connection, "", hook)
        if turned_away is not None:
            self._faults.traffic.answered(self._connection, turned_away.status)
            error = RpcErrorBody(code=turned_away.code, message=turned_away.message)
            line.reply(_reply(head, error=error))
            return
        fault = self._faults.effects.take(
            RouteFault, self._connection, lambda one: head.method.endswith(one.route)
        )
        if fault is None:
            self._dialect.handle(data, self._hooked(line) if hook == "recv" else line)
        else:
            self._spoil(fault, head, data, line)

    def _hooked(self, line: Cuttable) -> Line:
        """The answer to an order passes its hook on the way out."""

        def pass_hook(frame: bytes) -> bytes:
            self._faults.at_hook(GRVT, "before_reply")
            return frame

        return _Tapped(line, pass_hook)

    def _spoil(self, fault: RouteFault, head: _Head, data: str | bytes, line: Cuttable) -> None:
        effects = self._faults.effects
        if isinstance(fault, EditReply):
            self._dialect.handle(
                data, _Tapped(line, lambda frame: edited(frame, fault.set, fault.remove))
            )
            effects.hit(fault, "executed")
            return
        executed = not isinstance(fault, Lose | Answer)
        if isinstance(fault, Answer):
            executed = effects.truth() if fault.execute == "seeded" else fault.execute
        if executed:
            self._dialect.handle(data, _Tapped(line, None))
        effects.hit(fault, "executed" if executed else "not executed")
        if isinstance(fault, Answer):
            _answer(fault, head, line)


def _answer(fault: Answer, head: _Head, line: Cuttable) -> None:
    if fault.reply == "abort":
        line.abort()
    elif fault.reply == "close":
        line.close(fault.close_code)
    elif fault.reply == "answer":
        error = RpcErrorBody(code=fault.code, message=fault.message)
        line.reply(fault.body.encode() if fault.body else _reply(head, error=error))


def _reply(head: _Head, result: object = UNSET, error: RpcErrorBody | UnsetType = UNSET) -> bytes:
    number = head.id if isinstance(head.id, int) else UNSET
    return encode(_Reply(result=result, error=error, id=number, method=head.method))


def _head(data: str | bytes) -> _Head | None:
    try:
        return _HEAD.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Nonsense is the dialect's to answer.
        return None
