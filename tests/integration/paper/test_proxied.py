"""The paper process with endpoints behind the fault proxy, over the real protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.paper_process import Hedger, Process
from venues.model import Side

PROXIED = json.dumps({"proxied": ["backpack/ws", "grvt/trades"]})


@pytest.fixture
def hedger() -> Iterator[Hedger]:
    with Process("--seed", "11", "--settings", PROXIED) as process:
        trader = Hedger(process)
        yield trader
        trader.close()


def test_cycles_run_through_the_proxy(hedger: Hedger) -> None:
    hedger.open_and_close()
    assert hedger.process.get("/measures?primary=backpack&planned=1")["completed"] == 1


def test_the_feed_goes_dark_at_the_fill_and_its_socket_stays_open(hedger: Hedger) -> None:
    fault = {
        "action": "blackhole",
        "connection": "backpack/feed",
        "at": {"cycle": 1, "hook": "primary_fill"},
    }
    assert hedger.process.ask("POST", "/faults", fault)[0] == 200
    hedger.primary(Side.BUY)
    shown = hedger.process.get("/faults?hits=1&wait_s=10")
    assert [hit["detail"] for hit in shown["hits"]] == ["backpack/feed"]
    names = [entry["connection"] for entry in hedger.process.get("/connections")]
    assert "backpack/feed" in names
    with pytest.raises(TimeoutError):
        hedger.feed.recv(0.05)


def test_a_wire_fault_without_proxy_is_refused_with_the_setting_that_is_missing(
    hedger: Hedger,
) -> None:
    fault = {"action": "rst", "connection": "backpack/api"}
    status, body = hedger.process.ask("POST", "/faults", fault)
    assert status == 400
    assert '"proxied": ["backpack/api"]' in body["error"]
