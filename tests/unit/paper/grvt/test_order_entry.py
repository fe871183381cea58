"""An order's life on GRVT: acknowledged first, then told on the streams."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from tests.support.grvt import CLIENT_ID, SUB_ACCOUNT
from tests.support.grvt_paper import Desk, bob, changed, signed, statuses
from venues.grvt import requests


def acked(sent: list[dict[str, Any]]) -> dict[str, Any]:
    (reply,) = [message for message in sent if "id" in message]
    result: dict[str, Any] = reply["result"]["result"]
    return result


def test_the_acknowledgement_is_a_full_echo_without_an_order_id() -> None:
    echo = acked(Desk().place(tif="gtc", price="2400"))
    assert (echo["order_id"], echo["state"]["status"]) == ("0x00", "PENDING")
    assert echo["legs"][0] == {
        "instrument": "ETH_USDT_Perp", "size": "0.5", "limit_price": "2400.0",
        "is_buying_asset": True,
    }  # fmt: skip
    assert echo["signature"]["signer"] == echo["signature"]["signer"].lower()
    assert echo["metadata"]["client_order_id"] == str(CLIENT_ID)
    assert echo["state"]["book_size"] == ["0.5"]


def test_a_resting_order_opens_fills_in_parts_and_ends_filled() -> None:
    desk = Desk().listen("v1.order", "v1.state")
    sent = desk.place(tif="gtc", price="2500")
    assert statuses(sent) == statuses(sent, "v1.state") == ["OPEN"]
    desk.exchange.submit(bob("sell", "0.2", "2500"))
    (partial,) = [m for m in desk.line.taken() if m["stream"] == "v1.state"]
    state = partial["feed"]["order_state"]
    assert (state["status"], state["traded_size"], state["book_size"]) == ("OPEN", ["0.2"], ["0.3"])
    desk.exchange.submit(bob("sell", "0.3", "2500"))
    last = desk.line.taken()[-1]["feed"]["state"]
    assert (last["status"], last["book_size"], last["traded_size"]) == ("FILLED", ["0.0"], ["0.5"])
    assert last["avg_fill_price"] == ["2500.0"]


@pytest.mark.parametrize(("shown", "seen"), [(True, ["OPEN", "FILLED"]), (False, ["FILLED"])])
def test_a_taker_that_fills_at_once_may_skip_open(shown: bool, seen: list[str]) -> None:
    assert statuses(Desk(taker_open=shown).listen("v1.order").place()) == seen


def test_what_an_ioc_leaves_is_cancelled_with_its_own_reason() -> None:
    sent = Desk(taker_open=False).listen("v1.order").place(size="6")
    assert statuses(sent) == ["OPEN", "OPEN", "CANCELLED/IOC_CANCEL"]
    assert sent[-1]["feed"]["state"]["traded_size"] == ["5.0"]


def test_a_fok_that_cannot_fill_whole_is_cancelled() -> None:
    sent = Desk().listen("v1.state").place(size="6", tif="fok")
    assert statuses(sent, "v1.state") == ["OPEN", "CANCELLED/FOK_CANCEL"]


def test_a_post_only_order_that_would_cross_is_rejected_after_its_ack_and_never_open() -> None:
    sent = Desk().listen("v1.order").place(tif="gtc", post_only=True)
    assert acked(sent)["state"]["status"] == "PENDING"
    assert statuses(sent) == ["REJECTED/FAIL_POST_ONLY"]


def test_a_reduce_only_failure_can_come_late() -> None:
    sent = Desk(reduce_only="reject").listen("v1.order").place(reduce_only=True)
    assert statuses(sent) == ["REJECTED/FAIL_REDUCE_ONLY"]


def test_an_order_whose_time_is_over_is_cancelled_as_expired() -> None:
    desk = Desk().listen("v1.order")
    desk.place(tif="gtc", price="2400", lifetime_s=5.0)
    desk.clock.forward(6)
    desk.exchange.tick()
    assert statuses(desk.line.taken()) == ["CANCELLED/EXPIRED"]


@pytest.mark.parametrize(("first", "ack_at"), [("reply", 0), ("feed", -1)])
def test_the_first_feed_message_comes_after_or_before_the_ack(first: str, ack_at: int) -> None:
    sent = Desk(first=first).listen("v1.order", "v1.fill").place()
    assert "id" in sent[ack_at]


def test_the_seeded_order_of_ack_and_feed_is_both_and_reproducible() -> None:
    def run() -> list[bool]:
        desk = Desk(first="seeded", seed=3).listen("v1.order")
        return ["id" in desk.place(client_order_id=2**63 + n, size="0.01")[0] for n in range(12)]

    assert run() == run()
    assert set(run()) == {True, False}


def test_fills_share_the_taker_s_number_and_carry_fee_and_rebate() -> None:
    desk = Desk().listen("v1.fill")
    desk.exchange.submit(bob("sell", "0.2", "2500"))
    fills = [m["feed"] for m in desk.place(price="2500.10") if m.get("stream") == "v1.fill"]
    assert [fill["size"] for fill in fills] == ["0.2", "0.3"]
    serials = {fill["trade_id"].partition("-")[0] for fill in fills}
    assert len(serials) == 1
    assert {fill["trade_id"].partition("-")[2] for fill in fills} == {"1", "2"}
    assert (fills[0]["fee"], fills[0]["fee_rate"], fills[0]["is_taker"]) == ("0.275", "0.055", True)
    assert fills[0]["client_order_id"] == str(CLIENT_ID)


def test_a_maker_s_rebate_is_a_negative_fee() -> None:
    desk = Desk().listen("v1.fill")
    desk.place(tif="gtc", price="2500")
    desk.exchange.submit(bob("sell", "0.5", "2500"))
    fill = desk.line.taken()[0]["feed"]
    assert (fill["fee"], fill["is_taker"]) == ("-0.125", False)


def test_a_flip_passes_through_zero_in_one_position_message() -> None:
    desk = Desk().listen("v1.position")
    desk.place()
    sent = desk.place(side="sell", size="0.7", price="2499.90", client_order_id=2**63 + 9)
    assert [m["feed"]["size"] for m in sent if "feed" in m] == ["-0.2"]


def test_a_client_id_is_unique_while_active_and_free_afterwards() -> None:
    desk = Desk()
    desk.place(tif="gtc", price="2400")
    (again,) = desk.place(tif="gtc", price="2401")
    assert again["error"]["code"] == 2012
    desk.call(requests.cancel_order(SUB_ACCOUNT, CLIENT_ID))
    assert acked(desk.place(tif="gtc", price="2402"))


def test_a_client_id_in_use_may_be_rejected_on_the_feed_instead() -> None:
    desk = Desk(client_id_in_use="reject").listen("v1.order")
    desk.place(tif="gtc", price="2400")
    sent = desk.place(tif="gtc", price="2401")
    assert statuses(sent) == ["REJECTED/OVERLAPPING_CLIENT_ORDER_ID"]
    assert len(desk.exchange.open_orders("ann")) == 1


def test_an_identical_signature_is_acknowledged_and_ignored() -> None:
    desk = Desk().listen("v1.fill")
    body = requests.create_order(signed(desk.clock.now_ns)).body
    desk.send("v1/create_order", body)
    (reply,) = desk.send("v1/create_order", body)
    assert reply["result"]["result"]["order_id"] == "0x00"
    assert len(desk.exchange.order_history("ann")) == 1


def test_an_identical_signature_under_another_client_id_is_ignored_too() -> None:
    desk = Desk(repeated_signature="refuse")
    order = signed(desk.clock.now_ns)
    desk.send("v1/create_order", requests.create_order(order).body)
    (reply,) = desk.send("v1/create_order", changed(order, metadata__client_order_id="42"))
    assert reply["error"]["code"] == 2012


def test_a_cancel_is_acknowledged_and_then_told() -> None:
    desk = Desk().listen("v1.order")
    desk.place(tif="gtc", price="2400")
    sent = desk.call(requests.cancel_order(SUB_ACCOUNT, CLIENT_ID))
    assert acked(sent) == {"ack": True}
    assert statuses(sent) == ["CANCELLED/CLIENT_CANCEL"]
    assert [order.request.client_order_id for order in desk.to_cancel] == [CLIENT_ID]


def test_a_cancel_by_order_id() -> None:
    desk = Desk().listen("v1.order")
    order_id = desk.place(tif="gtc", price="2400")[-1]["feed"]["order_id"]
    body = {"sub_account_id": str(SUB_ACCOUNT), "order_id": order_id}
    assert statuses(desk.send("v1/cancel_order", body)) == ["CANCELLED/CLIENT_CANCEL"]


def test_a_cancel_of_nothing_is_acknowledged_or_not_found() -> None:
    call = requests.cancel_order(SUB_ACCOUNT, 4711)
    assert acked(Desk().call(call)) == {"ack": True}
    desk = Desk(unknown_cancel="refuse")
    (reply,) = desk.call(call)
    assert reply["error"]["code"] == 1004
    assert desk.to_cancel == []


def test_a_cancel_with_a_lifetime_kills_a_create_that_comes_later() -> None:
    desk = Desk().listen("v1.order", "v1.cancel")
    desk.call(requests.cancel_order(SUB_ACCOUNT, CLIENT_ID, time_to_live_ms=500))
    sent = desk.place()
    assert acked(sent)
    assert statuses(sent) == ["CANCELLED/CLIENT_CANCEL"]
    (found,) = desk.call(requests.query_order(SUB_ACCOUNT, CLIENT_ID))
    assert found["result"]["result"]["state"]["status"] == "CANCELLED"
    assert not desk.exchange.order_history("ann")


def test_a_cancel_window_that_ends_unused_is_told_on_v1_cancel() -> None:
    desk = Desk().listen("v1.cancel")
    call = requests.cancel_order(SUB_ACCOUNT, CLIENT_ID, time_to_live_ms=555)
    desk.call(call)
    assert [timer.delay_s for timer in desk.timers.waiting] == [0.5]
    second = desk.call(call)
    assert [m["feed"]["cancel_status"] for m in second if "feed" in m] == ["DROPPED_DUPLICATE"]
    desk.timers.run_out()
    assert desk.line.taken()[0]["feed"]["cancel_status"] == "EXPIRED"
    assert acked(desk.place())


def test_a_cancel_window_of_more_than_five_seconds_is_refused() -> None:
    (reply,) = Desk().call(requests.cancel_order(SUB_ACCOUNT, 1, time_to_live_ms=5001))
    assert reply["error"]["code"] == 2301


def test_cancel_all_cancels_each_order_that_its_filters_name() -> None:
    desk = Desk().listen("v1.order")
    desk.place(tif="gtc", price="2400")
    desk.place(tif="gtc", price="2401", client_order_id=2**63 + 7)
    body = {"sub_account_id": str(SUB_ACCOUNT), "base": ["BTC"]}
    assert statuses(desk.send("v1/cancel_all_orders", body)) == []
    sent = desk.call(requests.cancel_all_orders(SUB_ACCOUNT))
    assert statuses(sent) == ["CANCELLED/CLIENT_BULK_CANCEL"] * 2
    assert len(desk.to_cancel) == 2


def test_the_countdown_is_floored_refreshed_and_fires() -> None:
    desk = Desk().listen("v1.order")
    desk.place(tif="gtc", price="2400")
    desk.call(requests.cancel_on_disconnect(SUB_ACCOUNT, 30_999))
    desk.call(requests.cancel_on_disconnect(SUB_ACCOUNT, 2_500))
    assert [timer.delay_s for timer in desk.timers.waiting] == [2]
    desk.line.taken()
    desk.timers.run_out()
    told = statuses(desk.line.taken())
    assert told == ["CANCELLED/CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED"]


@pytest.mark.parametrize("countdown_ms", [0, 1000])
def test_a_short_countdown_disarms(countdown_ms: int) -> None:
    desk = Desk()
    desk.call(requests.cancel_on_disconnect(SUB_ACCOUNT, 30_000))
    desk.call(requests.cancel_on_disconnect(SUB_ACCOUNT, countdown_ms))
    assert not desk.timers.waiting


def test_a_countdown_above_five_minutes_is_refused() -> None:
    (reply,) = Desk().call(requests.cancel_on_disconnect(SUB_ACCOUNT, 300_001))
    assert reply["error"]["code"] == 6000


def test_histories_run_newest_first_in_pages() -> None:
    desk = Desk()
    for n in range(5):
        desk.place(client_order_id=2**63 + n, size="0.01")
    seen, cursor = [], ""
    for _ in range(3):
        page = requests.History(sub_account_id=str(SUB_ACCOUNT), limit=2, cursor=cursor or UNSET)
        (reply,) = desk.call(requests.Call("order_history", page))
        seen += [int(o["metadata"]["client_order_id"]) for o in reply["result"]["result"]]
        cursor = reply["result"]["next"]
    assert (seen, cursor) == ([2**63 + n for n in (4, 3, 2, 1, 0)], "")


def test_fills_since_a_moment() -> None:
    desk = Desk()
    desk.place(client_order_id=2**63 + 1)
    desk.clock.forward(10)
    desk.place(client_order_id=2**63 + 2)
    (reply,) = desk.call(requests.fill_history(SUB_ACCOUNT, start_ns=desk.clock.now_ns - 1))
    rows = reply["result"]["result"]
    assert [row["client_order_id"] for row in rows] == [str(2**63 + 2)]


@pytest.mark.parametrize(
    ("body", "code"),
    [({"client_order_id": "12345"}, 1004), ({}, 3021), ({"order_id": "0xff"}, 1004)],
)
def test_a_query_of_an_order_that_is_not_there(body: dict[str, str], code: int) -> None:
    (reply,) = Desk().send("v1/order", {"sub_account_id": str(SUB_ACCOUNT)} | body)
    assert reply["error"]["code"] == code


def test_the_summary_and_positions_follow_the_engine() -> None:
    desk = Desk()
    desk.place()
    (positions,) = desk.call(requests.positions(SUB_ACCOUNT))
    (summary,) = desk.call(requests.account_summary(SUB_ACCOUNT))
    assert positions["result"]["result"][0]["size"] == "0.5"
    assert summary["result"]["result"]["positions"] == positions["result"]["result"]
    assert summary["result"]["result"]["total_equity"] == "99999.262472"
