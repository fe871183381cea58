"""Whatever a client sends, in whatever mode: the rules that GRVT's streams always keep."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from paper.orders import Refused
from tests.support.grvt import SUB_ACCOUNT
from tests.support.grvt_paper import Desk, bob, changed, signed
from venues.grvt import requests

STREAMS = ("v1.order", "v1.state", "v1.fill", "v1.position", "v1.cancel")
FINAL = {"FILLED", "CANCELLED", "REJECTED"}
SIDES = st.sampled_from(["buy", "sell"])
PRICES = st.sampled_from(["2499", "2499.9", "2500", "2500.1", "2501"])
SIZES = st.sampled_from(["0.1", "0.5", "6"])
IDS = st.integers(2**63, 2**63 + 3)

PLACE = st.fixed_dictionaries(
    {
        "side": SIDES,
        "price": PRICES,
        "size": SIZES,
        "tif": st.sampled_from(["gtc", "ioc", "fok"]),
        "client_order_id": IDS,
        "post_only": st.booleans(),
        "reduce_only": st.booleans(),
        "lifetime_s": st.sampled_from([1.0, 60.0]),
    }
)
STEPS = st.lists(
    st.one_of(
        PLACE.map(lambda order: ("place", order)),
        st.tuples(st.just("cancel"), st.tuples(IDS, st.sampled_from([None, 500]))),
        st.tuples(st.just("bob"), st.tuples(SIDES, SIZES, PRICES)),
        st.tuples(st.just("wait"), st.just(2.0)),
        st.tuples(st.just("cancel all"), st.none()),
        st.tuples(st.just("timers"), st.none()),
    ),
    max_size=14,
)
MODES = st.fixed_dictionaries(
    {
        "first": st.sampled_from(["feed", "reply", "seeded"]),
        "feed_order": st.sampled_from(["natural", "shuffled"]),
        "taker_open": st.booleans(),
        "client_id_in_use": st.sampled_from(["refuse", "reject"]),
        "reduce_only": st.sampled_from(["refuse", "reject"]),
        "unknown_cancel": st.sampled_from(["ack", "refuse"]),
        "seed": st.integers(0, 9),
    }
)


def do(desk: Desk, step: tuple[str, Any]) -> list[dict[str, Any]]:
    kind, what = step
    if kind == "place":
        return desk.place(**what)
    if kind == "cancel":
        return desk.call(requests.cancel_order(SUB_ACCOUNT, what[0], time_to_live_ms=what[1]))
    if kind == "cancel all":
        return desk.call(requests.cancel_all_orders(SUB_ACCOUNT))
    if kind == "timers":
        desk.timers.run_out()
    elif kind == "wait":
        desk.clock.forward(what)
        desk.exchange.tick()
    else:
        try:
            desk.exchange.submit(bob(*what))
        except Refused:
            return []
    return desk.line.taken()


@settings(max_examples=250, deadline=None)
@given(STEPS, MODES)
def test_orders_only_move_forward_and_all_streams_agree(
    steps: list[tuple[str, Any]], modes: dict[str, Any]
) -> None:
    desk = Desk(**modes).listen(*STREAMS)
    sent = [message for step in steps for message in do(desk, step)]
    _check_numbers(sent)
    traded = _check_states(sent, "v1.order")
    assert _check_states(sent, "v1.state") == traded
    _check_fills(sent, traded)


def _check_numbers(sent: list[dict[str, Any]]) -> None:
    numbers = defaultdict(list)
    for message in sent:
        if "feed" in message:
            numbers[message["stream"]].append(int(message["sequence_number"]))
    for seen in numbers.values():
        assert seen == list(range(1, len(seen) + 1))


def _check_states(sent: list[dict[str, Any]], stream: str) -> dict[str, Decimal]:
    """Gives what each order has traded in the end."""
    seen: dict[str, list[str]] = defaultdict(list)
    traded: dict[str, Decimal] = defaultdict(Decimal)
    for message in sent:
        if message.get("stream") != stream:
            continue
        feed = message["feed"]
        state = feed["state"] if stream == "v1.order" else feed["order_state"]
        order_id, executed = feed["order_id"], Decimal(state["traded_size"][0])
        assert not FINAL.intersection(seen[order_id])
        assert not (state["status"] == "REJECTED" and seen[order_id])
        assert executed >= traded[order_id]
        seen[order_id].append(state["status"])
        traded[order_id] = executed
    return {order_id: size for order_id, size in traded.items() if size}


def _check_fills(sent: list[dict[str, Any]], traded: dict[str, Decimal]) -> None:
    filled: dict[str, Decimal] = defaultdict(Decimal)
    position = Decimal(0)
    keys = set()
    for message in sent:
        if message.get("stream") == "v1.fill":
            fill = message["feed"]
            filled[fill["order_id"]] += Decimal(fill["size"])
            position += Decimal(fill["size"]) * (1 if fill["is_buyer"] else -1)
            keys.add((fill["trade_id"], fill["order_id"]))
    assert filled == traded
    fills = [message for message in sent if message.get("stream") == "v1.fill"]
    assert len(keys) == len(fills)
    positions = [m["feed"]["size"] for m in sent if m.get("stream") == "v1.position"]
    assert len(positions) == len(fills)
    assert not positions or Decimal(positions[-1]) == position


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["method", "params", "id", "stream", "selectors", "feed", "is_full"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
METHODS = st.sampled_from(
    ["subscribe", "unsubscribe", "v1/create_order", "v1/cancel_order", "v1/order", "v1/positions",
     "v1/fill_history", "v1/cancel_on_disconnect", "v1/cancel_all_orders", "v2/x"]
)  # fmt: skip


@given(JSON, METHODS)
def test_any_request_gets_exactly_one_answer(params: object, method: str) -> None:
    desk = Desk()
    desk.rpc.handle(json.dumps({"method": method, "params": params, "id": 1}), desk.line)
    assert [message["id"] for message in desk.line.taken()] == [1]


@given(JSON | st.text(max_size=20))
def test_any_frame_is_answered_in_both_dialects(frame: object) -> None:
    desk = Desk()
    text = frame if isinstance(frame, str) else json.dumps(frame)
    desk.rpc.handle(text, desk.line)
    desk.legacy.handle(text, desk.line)
    assert len(desk.line.taken()) == 2


@given(
    st.sampled_from(
        ["sub_account_id", "is_market", "time_in_force", "legs", "signature", "metadata", "state",
         "legs__size", "legs__limit_price", "legs__instrument", "signature__v", "signature__r",
         "signature__s", "signature__nonce", "signature__expiration", "signature__chain_id",
         "metadata__client_order_id", "order_id", "post_only"]
    ),
    JSON | st.sampled_from(["NaN", "Infinity", "1e999999", "-0", "1e-999999", "٣", "0x", "-5"]),
)  # fmt: skip
def test_an_order_with_any_field_changed_is_answered_once_and_never_crashes(
    field: str, value: object
) -> None:
    desk = Desk()
    sent = desk.send("v1/create_order", changed(signed(desk.clock.now_ns), **{field: value}))
    assert [message["id"] for message in sent] == [7]
    assert len(desk.exchange.order_history("ann")) <= 1
