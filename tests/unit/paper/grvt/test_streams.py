"""Subscriptions and their sequence numbers, on both dialects of GRVT's websockets."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from paper.faults import Faults
from paper.faults.streams import StreamFaults
from paper.grvt.public_streams import PublicSource
from paper.grvt.refusals import GrvtRefusal
from tests.support.grvt import SUB_ACCOUNT
from tests.support.grvt_paper import SYMBOL, Desk, Line, exchange
from tests.support.paper import ManualClock, StillMarket
from venues.errors import SequenceGap
from venues.grvt.codec import StreamData, Subscription, decode_frame
from venues.grvt.sequence import SequenceTracker

SUB = str(SUB_ACCOUNT)


def subscribe(desk: Desk, stream: str, *selectors: str) -> list[dict[str, Any]]:
    return desk.send("subscribe", {"stream": stream, "selectors": list(selectors)})


def numbers(sent: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(m["sequence_number"], m["prev_sequence_number"]) for m in sent if "feed" in m]


def test_a_subscription_starts_at_its_first_number_and_goes_on_by_one() -> None:
    desk = Desk(taker_open=False)
    (reply,) = subscribe(desk, "v1.order", SUB)
    assert reply["result"] == {
        "stream": "v1.order", "subs": [SUB], "unsubs": [], "num_snapshots": [0],
        "first_sequence_number": ["1"], "latest_sequence_number": ["0"],
    }  # fmt: skip
    assert numbers(desk.place()) == [("1", "0")]
    assert numbers(desk.place(client_order_id=2**63 + 2)) == [("2", "1")]


def test_a_later_subscriber_joins_the_same_numbers() -> None:
    desk = Desk().listen("v1.fill")
    desk.place()
    other = Line()
    frame = {"method": "subscribe", "params": {"stream": "v1.fill", "selectors": [SUB]}, "id": 1}
    desk.rpc.handle(json.dumps(frame), other)
    assert other.taken()[0]["result"]["first_sequence_number"] == ["2"]
    desk.place(client_order_id=2**63 + 2)
    assert numbers(other.taken()) == [("2", "1")]


def test_open_positions_come_as_snapshots() -> None:
    desk = Desk()
    desk.place()
    reply, snapshot = subscribe(desk, "v1.position", SUB)
    assert reply["result"]["num_snapshots"] == [1]
    assert (snapshot["sequence_number"], snapshot["feed"]["size"]) == ("0", "0.5")


def test_past_fills_may_come_as_snapshots_oldest_first() -> None:
    desk = Desk(fill_snapshots=2)
    for n in range(3):
        desk.place(client_order_id=2**63 + n, size="0.01")
    reply, *snapshots = subscribe(desk, "v1.fill", SUB)
    assert reply["result"]["num_snapshots"] == [2]
    ids = [message["feed"]["client_order_id"] for message in snapshots]
    assert ids == [str(2**63 + 1), str(2**63 + 2)]


def test_a_selector_may_name_one_instrument() -> None:
    desk = Desk()
    subscribe(desk, "v1.state", f"{SUB}-{SYMBOL}")
    assert {m["selector"] for m in desk.place() if "feed" in m} == {f"{SUB}-{SYMBOL}"}


@pytest.mark.parametrize(
    ("stream", "selector", "code"),
    [
        ("v1.order", "abc", 3020),
        ("v1.order", "7", 1001),
        ("v1.order", f"{SUB}-XYZ", 3000),
        ("v1.weather", SUB, 3001),
        ("v1.book.s", "ETH_USDT_Perp@500-10", 3001),
    ],
)
def test_a_bad_private_selector_has_its_code(stream: str, selector: str, code: int) -> None:
    (reply,) = subscribe(Desk(), stream, selector)
    assert reply["error"]["code"] == code


@pytest.mark.parametrize(
    ("stream", "selector", "code"),
    [
        ("v1.book.s", "ETH_USDT_Perp", 1101),
        ("v1.book.s", "ETH_USDT_Perp@500-10@1", 1101),
        ("v1.book.s", "@500-10", 1102),
        ("v1.book.s", "ETH_USDT_Perp@500", 1103),
        ("v1.book.s", "ETH_USDT_Perp@500-100-10", 1103),
        ("v1.mini.s", "ETH_USDT_Perp@500-10", 1103),
        ("v1.book.s", "XYZ_USDT_Perp@500-10", 3000),
        ("v1.book.s", "ETH_USDT_Perp@50-10", 3030),
        ("v1.mini.s", "ETH_USDT_Perp@fast", 3030),
        ("v1.book.s", "ETH_USDT_Perp@500-11", 3031),
        ("v1.trade", "ETH_USDT_Perp@1", 3013),
        ("v1.order", SUB, 3001),
    ],
)
def test_a_bad_public_selector_has_its_code(stream: str, selector: str, code: int) -> None:
    faults = StreamFaults(Faults(), "grvt/market")
    source = PublicSource(exchange(StillMarket("2500"), ManualClock()), faults)
    with pytest.raises(GrvtRefusal) as caught:
        source.check(stream, selector, None)
    assert caught.value.code == code


def test_a_failed_subscription_changes_nothing() -> None:
    desk = Desk()
    (reply,) = subscribe(desk, "v1.order", SUB, "7")
    assert "error" in reply
    assert [m for m in desk.place() if "feed" in m] == []


def test_unsubscribing_ends_a_stream() -> None:
    desk = Desk().listen("v1.fill")
    (reply,) = desk.send("unsubscribe", {"stream": "v1.fill", "selectors": [SUB, "7"]})
    assert reply["result"] == {"stream": "v1.fill", "unsubs": [SUB]}
    assert [m for m in desk.place() if "feed" in m] == []


def test_a_connection_that_leaves_hears_nothing_more() -> None:
    desk = Desk().listen("v1.fill", "v1.order")
    desk.hub.leave(desk.line)
    assert [m for m in desk.place() if "feed" in m] == []


def test_duplicates_are_sent_twice_with_one_number() -> None:
    desk = Desk(duplicate_every=2, taker_open=True).listen("v1.order")
    assert numbers(desk.place()) == [("1", "0"), ("2", "1"), ("2", "1")]


def test_a_gap_uses_up_a_number_and_the_tracker_sees_it() -> None:
    desk = Desk(gap_every=2)
    tracker = SequenceTracker()
    (reply,) = subscribe(desk, "v1.order", SUB)

    tracker.subscribed(msgspec.convert(reply["result"], Subscription))
    sent = desk.place() + desk.place(client_order_id=2**63 + 2)
    first, third = (decode_frame(json.dumps(message)) for message in sent if "feed" in message)
    assert isinstance(first, StreamData)
    assert isinstance(third, StreamData)
    assert tracker.accept(first)
    with pytest.raises(SequenceGap):
        tracker.accept(third)


def test_shuffled_streams_keep_their_own_order() -> None:
    def run(seed: int) -> list[str]:
        desk = Desk(feed_order="shuffled", seed=seed)
        desk.listen("v1.order", "v1.state", "v1.fill", "v1.position")
        sent = desk.place(size="6")
        for stream in ("v1.order", "v1.state", "v1.fill", "v1.position"):
            own = [int(m["sequence_number"]) for m in sent if m.get("stream") == stream]
            assert own == sorted(own)
        return [m["stream"] for m in sent if "feed" in m]

    assert run(1) == run(1)
    assert len({tuple(run(seed)) for seed in range(8)}) > 1


def test_a_gateway_that_restarts_counts_from_one_again() -> None:
    desk = Desk().listen("v1.fill")
    desk.place()
    desk.hub.restart()
    assert numbers(desk.place(client_order_id=2**63 + 2)) == [("1", "0")]


@pytest.mark.parametrize(
    "frame",
    ["", "[]", "{}", '{"method":7}', '{"method":"v1/order","id":-1}', "\xff", "<html>"],
)
def test_a_frame_that_is_no_request_is_answered_with_1003(frame: str) -> None:
    desk = Desk()
    desk.rpc.handle(frame, desk.line)
    (reply,) = desk.line.taken()
    assert reply["error"]["code"] == 1003


def test_an_unknown_method_is_malformed_and_a_missing_id_is_not_echoed() -> None:
    desk = Desk()
    desk.rpc.handle('{"jsonrpc":"2.0","method":"v1/nonsense","params":{}}', desk.line)
    (reply,) = desk.line.taken()
    assert reply["error"]["code"] == 1003
    assert "id" not in reply


def legacy(desk: Desk, **request: object) -> list[dict[str, Any]]:
    desk.legacy.handle(json.dumps(request), desk.line)
    return desk.line.taken()


def test_the_legacy_dialect_answers_bare() -> None:
    desk = Desk(taker_open=False)
    (reply,) = legacy(
        desk, request_id=1, stream="v1.order", feed=[SUB], method="subscribe", is_full=True
    )
    assert (reply["request_id"], reply["subs"], reply["num_snapshots"]) == (1, [SUB], [0])
    assert "jsonrpc" not in reply
    (message,) = [m for m in desk.place() if "feed" in m]
    assert message["feed"]["state"]["status"] == "FILLED"


def test_the_legacy_dialect_s_errors_are_bare_too() -> None:
    desk = Desk()
    (unknown,) = legacy(desk, stream="v1.x", feed=[SUB], method="subscribe", is_full=True)
    assert (unknown["code"], unknown["status"]) == (3001, 400)
    (json_rpc,) = legacy(desk, jsonrpc="2.0", method="v1/order", params={}, id=1)
    assert json_rpc["code"] == 1003
    (lite,) = legacy(desk, stream="v1.order", feed=[SUB], method="subscribe")
    assert lite["code"] == 1003
