"""What can be tuned in the Backpack front-end: timing, orderings, and the venue's open questions.

Where sources disagree on what the exchange does, a setting chooses; the default is the most likely.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3_600)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
BookState = Literal["Open", "Closed", "CancelOnly", "LimitOnly", "PostOnly"]


class BackpackAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A trader: its account in the engine, and its API key (base64 ED25519 public key)."""

    name: str
    public_key: str


class BackpackSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frozen settings of one front-end.

    ``latency_s`` is spent on the way in and again on the way out of every REST request;
    ``feed_latency_s`` before each websocket message. ``first`` says which of an order's answer and
    its websocket events is seen first. ``lost_replies`` is the share of order requests that are
    carried out and never answered. Both draw from ``seed``.
    """

    latency_s: Seconds = 0.002
    feed_latency_s: Seconds = 0.001
    first: Literal["feed", "reply", "seeded"] = "seeded"
    lost_replies: Share = 0.0
    seed: int = 1
    # Authentication. 401 for a bad signature or window was reported once, in 2024.
    refusal_status: Literal[400, 401] = 400
    future_tolerance_ms: Annotated[int, msgspec.Meta(ge=0)] = 1_000
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 2_000  # per account; 0: no limit
    # Orders.
    duplicates: Literal["refuse", "accept"] = "refuse"
    partial_ioc: Literal["Expired", "PartiallyFilled"] = "Expired"
    cancel_reply: Literal["order", "accepted"] = "order"
    cancel_delay_s: Seconds = 0.05  # of a cancel that was only accepted (202)
    history_lag_s: Seconds = 0.5
    positive_rebates: bool = False  # a maker rebate's sign on the wire is not confirmed
    book_state: BookState = "Open"
    # Depth: faults of the stream and of the snapshot.
    depth_gap_every: Annotated[int, msgspec.Meta(ge=0)] = 0  # drop each n-th message; 0: none
    depth_aggregate: Annotated[int, msgspec.Meta(ge=1)] = 1  # engine updates per message
    stale_snapshots: bool = False
    unsorted_levels: bool = False
    # Websocket keepalive: the exchange pings every 60 s and waits 120 s; it closes with 30 s grace.
    ping_interval_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    pong_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    close_grace_s: Seconds = 1.0
    queue_limit: Annotated[int, msgspec.Meta(ge=1)] = 5_000
    mark_interval_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
