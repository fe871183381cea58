"""A running ``ketch run`` in the hands of its operator: every command, as a process of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.control_schema import PathRequest
from cli.control import find
from tests.support.cli import FAST, command, environment, ketch, started
from tests.support.forked import ROOT
from tests.support.paper_process import Process

HOLD = ("-o", "desks.eth.hold_s=60")
BOUND_S = 60


class Running:
    """A ``ketch run`` and the lines of its log."""

    def __init__(self, state: Path, *arguments: str, **extra: str) -> None:
        self.state = state
        self.process = started(
            state, "run", *arguments, extra={"KETCH__LOG__LEVEL": "debug"} | extra
        )
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in io.TextIOWrapper(self.process.stdout):
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def said(self) -> str:
        with self._changed:
            return "".join(self._lines)

    def wait_line(self, text: str, after: int = 0) -> int:
        """Until a line (from number ``after`` on) holds ``text``; the number of the next one."""

        def found() -> int | None:
            lines = enumerate(self._lines)
            return next((n + 1 for n, line in lines if n >= after and text in line), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._over, BOUND_S)
            number = found()
        assert number, f"never said {text!r}:\n{self.said}"
        return number

    def mark(self) -> int:
        """The number of the line to come."""
        with self._changed:
            return len(self._lines)

    def do(self, *arguments: str, code: int = 0) -> str:
        """A command against this service; what it said."""
        done = ketch(self.state, *arguments)
        assert done.returncode == code, done.stdout + done.stderr + self.said
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def read(self, *arguments: str) -> Any:
        return msgspec.json.decode(self.do(*arguments, "--json"))

    def end(self) -> int:
        code = self.process.wait(BOUND_S)
        self._reader.join(BOUND_S)
        return code


@contextmanager
def running(state: Path, *arguments: str, **extra: str) -> Iterator[Running]:
    run = Running(state, *arguments, **extra)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.end()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that trades short cycles for as long as the module's tests need it."""
    with running(tmp_path_factory.mktemp("state"), *FAST) as run:
        run.wait_line("completed")
        yield run
        run.do("resume")
        run.do("stop")
        assert run.end() == 0, run.said
        assert "duplicates 0, orphans 0, position violations 0, flips 0" in run.said


def test_status_and_tree_show_the_whole_service(service: Running) -> None:
    status = service.read("status")
    (desk,) = status["desks"]
    assert (desk["desk"], [leg["venue"] for leg in desk["legs"]]) == ("eth", ["backpack", "grvt"])
    assert desk["cycles"]
    assert {venue["venue"]: venue["ready"] for venue in status["venues"]} == {
        "grvt": True, "backpack": True,
    }  # fmt: skip
    tree = service.read("tree")
    names = [node["name"] for node in tree["nodes"]]
    assert names[:5] == ["root", "journal", "board", "guard", "grvt"]
    assert names[-1] == "console"
    assert {node["state"] for node in tree["nodes"]} == {"running"}
    assert "nothing is wrong" in service.do("status")
    assert "└── console" in service.do("tree")


def test_the_socket_and_its_folder_are_private(service: Running) -> None:
    path = service.state / "ketch" / "paper" / "control.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_pause_ends_the_cycle_as_planned_and_resume_goes_on(service: Running) -> None:
    service.do("pause", "eth")
    service.do("flatten")  # waits until nothing is open
    before = service.read("status")["desks"][0]
    assert (before["paused"], before["settled"], Decimal(before["net"])) == (True, True, Decimal(0))
    mark = service.mark()
    service.do("resume", "eth")
    service.wait_line("completed", mark)


def test_a_pause_outlives_the_coordinator(service: Running) -> None:
    service.do("flatten")
    mark = service.mark()
    service.do("restart", "eth/coordinator")
    service.wait_line("eth/coordinator is back", mark)
    desk = service.read("status")["desks"][0]
    assert desk["paused"]
    service.do("resume")
    service.wait_line("completed", mark)


def test_a_connection_is_stopped_started_and_restarted(service: Running) -> None:
    assert "ketch pause eth" in service.do("stop", "grvt/trading", code=1)
    service.do("stop", "grvt/trading", "--force")
    assert "ketch start grvt/trading" in service.do("status")
    assert service.read("status")["venues"][0]["ready"] is False
    service.do("start", "grvt/trading")
    mark = service.mark()
    service.wait_line("completed", mark)
    assert "already" in service.do("start", "grvt/trading", code=1)
    service.do("restart", "grvt")
    service.do("reset", "grvt/trading")
    assert "no such child" in service.do("restart", "grvt/nobody", code=1)


def test_a_venue_that_is_replaced_in_the_middle_of_cycles_costs_none_of_them(
    service: Running,
) -> None:
    console = find(service.state / "ketch" / "paper" / "control.sock")
    for path in ("grvt", "grvt/orders", "backpack", "backpack/orders") * 3:
        mark = service.mark()
        assert console.post("/v1/restart", PathRequest(path=path)).status == 200
        mark = service.wait_line(f"{path.partition('/')[0]} is ready", mark)
        service.wait_line("settling", mark)


def test_commands_say_when_they_are_refused(service: Running) -> None:
    assert "no such desk" in service.do("pause", "btc", code=1)
    service.do("restart", code=2)


def test_no_answer_holds_a_secret(service: Running) -> None:
    with subprocess.Popen(
        command("venue", "--seed", "1"), stdout=subprocess.PIPE, text=True,
        env=environment(service.state),
    ) as venue:  # fmt: skip
        assert venue.stdout is not None
        places = msgspec.json.decode(venue.stdout.readline())
        os.kill(venue.pid, signal.SIGTERM)
    grvt, backpack = places["grvt"]["accounts"][0], places["backpack"]["accounts"][0]
    said = service.do("status", "--json") + service.do("tree", "--json")
    said += service.do("reload", "--json")
    for secret in (grvt["api_key"], grvt["private_key"], backpack["secret_key"]):
        assert secret not in said


def test_status_is_cheap_to_start() -> None:
    """What costs is imported only by the commands that need it."""
    code = (
        "import sys, main\n"
        "try: main.ketch(['status', '--socket', '/nowhere'])\n"
        "except BaseException: pass\n"
        "slow = {'pysdk', 'bpx', 'aiohttp', 'pykka', 'loguru', 'rich', 'yaml', 'asyncio',\n"
        "        'eth_account', 'websockets', 'requests', 'urllib3'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    interpreter = command()[0]
    done = subprocess.run(
        [interpreter, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n", done.stderr


def test_flatten_in_the_middle_of_a_cycle_closes_both_legs_and_stays_paused(
    tmp_path: Path,
) -> None:
    with running(tmp_path, *HOLD) as run:
        run.wait_line("holding")
        assert run.do("flatten") == "flatten eth: flat, and paused\n"
        desk = run.read("status")["desks"][0]
        assert (desk["phase"], desk["paused"], Decimal(desk["net"])) == ("idle", True, Decimal(0))
        assert [Decimal(leg["position"]) for leg in desk["legs"]] == [0, 0]
        with subprocess.Popen(
            command("status", "--watch", "--json"),
            stdout=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
        ) as watching:
            assert watching.stdout is not None
            shown = [msgspec.json.decode(watching.stdout.readline()) for _ in range(2)]
            assert run.do("stop") == "stopped (flatten)\n"
        assert [page["schema"] for page in shown] == ["ketch.status/1"] * 2
        assert watching.returncode == 0
        assert run.end() == 0, run.said
        assert "duplicates 0, orphans 0, position violations 0, flips 0" in run.said


def test_a_desk_with_both_legs_open_is_not_taken_down_and_once_flat_it_is(tmp_path: Path) -> None:
    with running(tmp_path, *HOLD) as run:
        run.wait_line("holding")
        for verb in ("stop", "restart"):
            said = run.do(verb, "eth", code=1)
            assert "primary backpack ETH_USDC_PERP +0.5, hedge grvt ETH_USDT_Perp -0.5" in said
            assert "ketch flatten eth closes it now" in said
        names = {node["name"]: node for node in run.read("tree")["nodes"]}
        assert (names["eth/coordinator"]["state"], names["eth/coordinator"]["epoch"]) == (
            "running", 1,
        )  # fmt: skip
        run.do("flatten", "eth")
        assert run.do("stop", "eth") == "stop eth: done\n"
        assert run.do("start", "eth") == "start eth: done\n"
        run.do("stop")
        assert run.end() == 0, run.said


def test_stop_closes_what_is_open_and_drain_lets_the_cycle_end_as_planned(tmp_path: Path) -> None:
    with running(tmp_path, "-o", "desks.eth.hold_s=2") as run:
        run.wait_line("holding")
        assert run.do("stop", "--drain") == "stopped (drain)\n"
        assert run.end() == 0, run.said
        assert "1 completed" in run.said
        assert "no ketch is running" in run.do("status", code=3)


def test_stop_that_cancels_leaves_positions_and_says_so_and_the_next_start_closes_them(
    tmp_path: Path,
) -> None:
    line = tmp_path / "venue.json"
    with Process() as venues:
        line.write_text(json.dumps(venues.line))
        with running(tmp_path, "--venue", str(line), *HOLD) as run:
            run.wait_line("holding")
            said = run.do("stop", "--cancel", code=7)
            assert said.startswith("stopped (cancel); this is left, or may be:\n")
            assert "eth primary backpack ETH_USDC_PERP +0.5" in said
            assert "eth hedge grvt ETH_USDT_Perp -0.5" in said
            assert run.end() == 7, run.said
        with running(tmp_path, "--venue", str(line), "--cycles", "1", *FAST) as run:
            assert run.end() == 0, run.said
            assert "recovered" in run.said


def test_a_signal_means_what_the_configuration_says(tmp_path: Path) -> None:
    with running(tmp_path, "-o", "desks.eth.hold_s=2", "-o", "stop.sigterm=drain") as run:
        run.wait_line("holding")
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0, run.said
        assert "stopping: once the present cycle is over" in run.said
        assert "1 completed" in run.said


def test_reload_applies_supervision_names_the_rest_and_refuses_what_is_wrong(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("{}\n")
    with running(tmp_path, "-c", str(file), *FAST) as run:
        run.wait_line("completed")
        file.write_text(
            "supervision: {policies: {worker: {backoff: {max: 20}}}}\ndesks: {eth: {size: 0.25}}\n"
        )
        done = run.read("reload")
        assert done["outcome"] == "applied"
        assert [change["path"] for change in done["applied"]] == [
            "supervision.policies.worker.backoff.max"
        ]
        assert done["needs_restart"] == [
            {"path": "desks.eth.size", "running": "0.5", "configured": "0.25"}
        ]
        file.write_text("supervision: {policies: {worker: {backoff: {max: -1}}}}\nlgo: 1\n")
        said = run.do("reload", code=78)
        assert f"{file}:1" in said
        assert f"{file}:2" in said
        mark = run.mark()
        run.process.send_signal(signal.SIGHUP)
        mark = run.wait_line("reload: invalid", mark)
        run.wait_line("completed", mark)  # it goes on with what it has
        run.do("stop")
        assert run.end() == 0, run.said
