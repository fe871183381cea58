"""The paper process as its parent sees it: one line, a control port, a ledger, and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from paper.records import Marked, Opened, decode_records
from tests.support.paper_process import WAIT_S, Process


@pytest.fixture(scope="module")
def paper() -> Iterator[Process]:
    with Process("--seed", "5") as process:
        yield process


def test_the_line_names_every_endpoint_and_two_accounts_a_venue(paper: Process) -> None:
    line = paper.line
    assert line["schema"] == "ketch.venue/1"
    assert set(line["grvt"]) == {"edge", "trades", "market_data", "chain_id", "accounts"}
    assert set(line["backpack"]) == {"api", "ws", "accounts"}
    assert line["backpack"]["ws"].startswith("ws://127.0.0.1:")
    names = [[entry["name"] for entry in line[venue]["accounts"]] for venue in ("grvt", "backpack")]
    assert names == [["main", "spare"], ["main", "spare"]]


def test_test_keys_follow_the_seed(paper: Process) -> None:
    with Process("--seed", "5") as same, Process("--seed", "6") as other:
        assert same.line["grvt"]["accounts"] == paper.line["grvt"]["accounts"]
        assert same.line["backpack"]["accounts"] == paper.line["backpack"]["accounts"]
        assert other.line["grvt"]["accounts"] != paper.line["grvt"]["accounts"]


def test_both_venues_answer(paper: Process) -> None:
    markets = paper.http.request("GET", paper.line["backpack"]["api"] + "/api/v1/markets")
    assert "ETH_USDC_PERP" in {market["symbol"] for market in json.loads(markets.data)}
    moment = paper.http.request("GET", paper.line["grvt"]["market_data"] + "/time")
    assert moment.status == 200


def test_health_accounts_and_connections_are_shown(paper: Process) -> None:
    assert paper.get("/healthz")["ok"] is True
    state = paper.get("/accounts")["grvt"]["main"]
    assert state["summary"]["equity"] == "100000.000000000"
    assert (state["positions"], state["open_orders"]) == ([], [])
    assert paper.get("/connections") == []


def test_the_price_path_is_the_seed_s(paper: Process) -> None:
    query = "/prices?symbol=ETH_USDT_Perp&from=0&count=1"
    mine = paper.get(query)
    with Process("--seed", "5") as again:
        assert again.get(query)["marks"] == mine["marks"]
    assert (mine["step_ms"], len(mine["indexes"])) == (100, 1)
    assert paper.ask("GET", "/prices?symbol=DOGE")[0] == 404


def test_the_ledger_can_be_read_from_an_index_on(paper: Process) -> None:
    url = paper.line["control"] + "/ledger"
    whole = list(decode_records(paper.http.request("GET", url).data.splitlines(keepends=True)))
    assert isinstance(whole[0], Opened)
    rest = paper.http.request("GET", f"{url}?since=1").data.splitlines(keepends=True)
    assert next(iter(decode_records(rest))) == whole[1]


def test_a_run_without_orders_completes_nothing_and_breaks_nothing(paper: Process) -> None:
    verdict = paper.get("/measures?primary=backpack&q=0.5&lot=0.01&planned=20")
    assert (verdict["completed"], verdict["availability"], verdict["net"]) == (0, "0", "0")
    assert verdict["duplicates"] == verdict["orphans"] == verdict["position_errors"] == []
    assert paper.ask("GET", "/measures?primary=kraken")[0] == 400
    assert paper.ask("GET", "/measures?q=lots")[0] == 400


def test_faults_are_armed_fired_shown_and_cleared(paper: Process) -> None:
    later = {"action": "drop", "connection": "grvt/trading", "at": {"cycle": 9, "hook": "fill"}}
    assert paper.ask("POST", "/faults", later)[0] == 200
    canned = {"action": "answer", "connection": "backpack/rest", "route": "/time", "status": 503}
    assert paper.ask("POST", "/faults", canned)[0] == 200
    url = paper.line["backpack"]["api"] + "/api/v1/time"
    statuses = [paper.http.request("GET", url).status for _ in range(2)]
    assert statuses == [503, 200]
    shown = paper.get("/faults")
    assert [fault["connection"] for fault in shown["armed"]] == ["grvt/trading"]
    assert shown["fired"][-1]["action"] == "answer"
    assert paper.ask("DELETE", "/faults") == (200, {"armed": []})
    assert paper.get("/faults")["armed"] == []


def test_a_refused_venue_answers_nothing_until_the_fault_is_cleared(paper: Process) -> None:
    paper.ask("POST", "/faults", {"action": "refuse", "connection": "backpack", "for_s": 60})
    url = paper.line["backpack"]["api"] + "/api/v1/time"
    with pytest.raises(urllib3.exceptions.HTTPError):
        paper.http.request("GET", url)
    paper.ask("DELETE", "/faults")
    assert paper.http.request("GET", url).status == 200


def test_a_fault_that_makes_no_sense_is_answered_with_the_reason(paper: Process) -> None:
    status, body = paper.ask("POST", "/faults", {"action": "drop", "connection": "grvt", "x": 1})
    assert status == 400
    assert "unknown field `x`" in body["error"]
    assert paper.ask("GET", "/nowhere")[0] == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0(number: signal.Signals) -> None:
    with Process() as process:
        process.child.send_signal(number)
        assert process.child.wait(WAIT_S) == 0


def test_the_control_port_can_end_it() -> None:
    with Process() as process:
        assert process.ask("POST", "/shutdown") == (200, {"ok": True})
        assert process.child.wait(WAIT_S) == 0


def test_it_ends_when_its_parent_is_gone() -> None:
    with Process() as process:
        process.hang_up()
        assert process.child.wait(WAIT_S) == 0


def test_the_ledger_file_has_all_that_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Process("--ledger", str(path), "--seed", "8") as process:
        process.ask("POST", "/faults", {"action": "drop", "connection": "grvt"})
    records = list(decode_records(path.read_bytes().splitlines(keepends=True)))
    opened = records[0]
    assert isinstance(opened, Opened)
    assert opened.seed == 8
    assert {record.venue for record in records if isinstance(record, Marked)} == {
        "grvt",
        "backpack",
    }
    assert [record.at_ns for record in records] == sorted(record.at_ns for record in records)


def refused(*arguments: str) -> tuple[int, str]:
    process = Process(*arguments)
    process.child.communicate(timeout=WAIT_S)
    return process.child.wait(), process.said()


def test_a_port_in_use_is_one_clear_line_and_exit_78() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, text = refused("--control-port", str(port))
    assert code == 78
    assert f"paper.control_port: cannot listen on 127.0.0.1:{port}" in text
    assert text.count("\n") == 1


def test_a_ledger_that_cannot_be_written_is_one_clear_line_and_exit_78(tmp_path: Path) -> None:
    code, text = refused("--ledger", str(tmp_path / "nowhere" / "ledger.jsonl"))
    assert code == 78
    assert "cannot be written" in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ('{"sed":1}', "sed"),
        ('{"grvt":{"engine":{"fees":{"maker":"5","taker":"0"}}}}', "maker is 5"),
        ("{", "--settings"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: str, word: str) -> None:
    code, text = refused("--settings", settings)
    assert code == 78
    assert word in text
    assert text.count("\n") == 1


def test_a_ledger_that_breaks_on_the_way_ends_the_process_with_one_clear_line(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "ledger"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with Process("--ledger", str(pipe)) as process:
        os.close(reader)
        assert process.child.wait(WAIT_S) == 1
        text = process.said()
    assert "cannot be written any more" in text
    assert text.count("\n") == 1
