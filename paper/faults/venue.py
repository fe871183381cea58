"""What a venue does wrong to its traders: it loses, delays, refuses, is silent, talks nonsense."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paper.faults.base import (
    ConnectionFault,
    Count,
    Counted,
    Offset,
    Rate,
    Seconds,
    Share,
    Text,
    Venue,
)

FrameKind = Literal["order", "state", "fill", "position", "cancel", "any"]
Truth = bool | Literal["seeded"]


class Drop(ConnectionFault, frozen=True, kw_only=True, tag="drop"):
    """Abort the live websockets of that name: no close frame, no answer to what was asked."""


class Refuse(ConnectionFault, frozen=True, kw_only=True, tag="refuse"):
    """Abort every new websocket and every request for ``for_s`` seconds."""

    for_s: Seconds


class Delay(ConnectionFault, frozen=True, kw_only=True, tag="delay"):
    """Hold each reply back by ``by_s`` seconds, for ``for_s`` seconds."""

    by_s: Seconds
    for_s: Seconds


class RouteFault(Counted, frozen=True, kw_only=True):
    """A fault of requests: ``route`` is how the path ends, or an RPC method (``create_order``).

    ``method`` narrows to one HTTP method; it is ignored on a websocket.
    """

    route: Text
    method: str = ""


class Answer(RouteFault, frozen=True, kw_only=True, tag="answer"):
    """Answer matching requests with ``status`` and ``body``, executed before or not at all.

    ``execute`` "seeded" draws the truth from the seed. ``reply``: the answer, none at all, the
    connection aborted instead, or (websocket) closed with ``close_code``. On a websocket the answer
    is ``body`` as it stands or, without one, an error with ``code`` and ``message``.
    """

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    body: str = ""
    content_type: str = "application/json"
    execute: Truth = False
    reply: Literal["answer", "none", "abort", "close"] = "answer"
    code: int = 1002
    message: str = "Internal Server Error"
    close_code: Annotated[int, msgspec.Meta(ge=1000, le=4999)] = 1011


class Lose(RouteFault, frozen=True, kw_only=True, tag="lose"):
    """The request vanishes before the venue sees it; nothing is ever answered."""


class Slow(RouteFault, frozen=True, kw_only=True, tag="slow"):
    """The venue does what was asked, sends the headers, then the body at ``bytes_per_s``."""

    bytes_per_s: Rate = 1.0


class EditReply(RouteFault, frozen=True, kw_only=True, tag="edit_reply"):
    """Change the venue's own reply: each field ``set`` gets its value, each of ``remove`` goes.

    Fields are found by name at any depth; one that is nowhere is added to the innermost object.
    """

    set: dict[str, object] = msgspec.field(default_factory=dict)
    remove: tuple[str, ...] = ()


class Frames(Counted, frozen=True, kw_only=True, tag="frames"):
    """Mistreat private frames of a kind. ``do`` says how:

    - ``drop``; with ``numbered`` false GRVT's sequence shows no hole.
    - ``repeat``: ``copies`` more, ``after_s`` later, to whoever listens then.
    - ``late``: ``after_s`` later, so that others overtake it.
    - ``swap``: after the next private frame of that venue (``after_s`` later if there is none).
    - ``cut`` in the middle, ``utf8`` (invalid), ``binary`` opcode, ``huge`` (over 2 MiB).
    - ``number``: sizes become ``text`` (``NaN``, ``1e400``, thirty digits).
    - ``edit``: as for a reply, with ``set`` and ``remove``.
    """

    do: Literal[
        "drop", "repeat", "late", "swap", "cut", "utf8", "binary", "huge", "number", "edit"
    ]  # fmt: skip
    kind: FrameKind = "any"
    copies: Count = 1
    after_s: Seconds = 0.0
    numbered: bool = True
    text: str = "NaN"
    set: dict[str, object] = msgspec.field(default_factory=dict)
    remove: tuple[str, ...] = ()


class Subscribe(Counted, frozen=True, kw_only=True, tag="subscribe"):
    """Matching subscriptions to account streams are not made: silence, an empty list, an error."""

    how: Literal["silence", "empty", "error"] = "silence"


class Race(Counted, frozen=True, kw_only=True, tag="race"):
    """The next cancel of a resting order meets a fill of ``part`` of what is left of it.

    ``when`` before: filled, then the cancel is looked at. After: the cancel is acknowledged, the
    order is filled ``by_s`` later, and what is left then is cancelled.
    """

    connection: Venue
    part: Share = 1.0
    when: Literal["before", "after"] = "before"
    by_s: Seconds = 0.02


class Lag(ConnectionFault, frozen=True, kw_only=True, tag="lag"):
    """Reads lag writes by ``by_s`` for ``for_s``: what is younger is not shown, or shown PENDING.

    ``what``: single orders and open orders, histories of fills and orders, or positions.
    ``shown`` pending is GRVT's own state of an order that it has not looked at.
    """

    connection: Venue
    what: Literal["orders", "histories", "positions"]
    by_s: Seconds
    for_s: Seconds
    shown: Literal["missing", "pending"] = "missing"


class Expire(ConnectionFault, frozen=True, kw_only=True, tag="expire"):
    """Void every login cookie of GRVT now: 401 and 1000 until the next login."""

    connection: Literal["grvt"]


class Restart(ConnectionFault, frozen=True, kw_only=True, tag="restart"):
    """GRVT's gateway restarts: every websocket ends, and all sequence numbers start anew."""

    connection: Literal["grvt"]


class Clock(ConnectionFault, frozen=True, kw_only=True, tag="clock"):
    """The venue's clock is ``by_s`` ahead (or behind) for ``for_s``: its time and its windows."""

    connection: Venue
    by_s: Offset
    for_s: Seconds


AnyRoute = Answer | Lose | Slow | EditReply
AnyVenueFault = (
    Drop | Refuse | Delay | AnyRoute | Frames | Subscribe | Race | Lag | Expire | Restart | Clock
)  # fmt: skip
