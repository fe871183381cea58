"""How the GRVT front-end behaves where GRVT is configurable, or where nobody knows for certain."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class GrvtAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who may trade. ``name`` is the account in the engine, ``signer`` the address that
    may sign for ``sub_account_id``, ``account_id`` the X-Grvt-Account-Id of the login."""

    name: str
    api_key: str
    sub_account_id: int
    signer: str
    account_id: str

    def __repr__(self) -> str:
        return f"GrvtAccount({self.name!r}, sub_account_id={self.sub_account_id})"


class GrvtSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latencies are one way, in seconds; the rest chooses between behaviours that GRVT's
    documents leave open, so that a client can be shown all of them.

    ``first``: whether an order's first feed message leaves before the reply to its request.
    ``feed_order``: the messages of one event in their natural order over all streams, or shuffled
    (each stream keeps its own order). ``taker_open``: a taker that fills at once shows OPEN first.
    ``client_id_in_use`` and ``reduce_only``: refused in the reply, or acknowledged and then
    REJECTED on the feed. ``repeated_signature``: what a re-sent identical order is answered.
    ``unknown_cancel``: what a cancel of an order that is not there is answered.
    ``cancel_window_ms``: the time-to-live of a cancel that names none.
    ``expired_socket``: a websocket whose cookie expires goes on, or is closed.
    ``bad_handshake``: 401, or accepted and then 1000 to every private request.
    ``fill_snapshots``: how many past fills a subscription to v1.fill starts with.
    ``duplicate_every`` and ``gap_every``: each n-th stream message is sent twice, or is lost
    while its number is used up; 0 is never.
    """

    latency_s: Seconds = 0.0
    feed_latency_s: Seconds = 0.0
    session_s: Annotated[float, msgspec.Meta(gt=0, le=604_800)] = 86_400.0
    login_ends_older: bool = False
    chain_id: int = 325
    first: Literal["feed", "reply", "seeded"] = "reply"
    feed_order: Literal["natural", "shuffled"] = "natural"
    seed: int = 1
    taker_open: bool = True
    client_id_in_use: Literal["refuse", "reject"] = "refuse"
    reduce_only: Literal["refuse", "reject"] = "refuse"
    repeated_signature: Literal["ack", "refuse"] = "ack"
    unknown_cancel: Literal["ack", "refuse"] = "ack"
    cancel_window_ms: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 0
    expired_socket: Literal["keep", "close"] = "keep"
    bad_handshake: Literal["refuse", "accept"] = "refuse"
    fill_snapshots: Count = 0
    duplicate_every: Count = 0
    gap_every: Count = 0
    outbox: Annotated[int, msgspec.Meta(ge=1)] = 2_000
