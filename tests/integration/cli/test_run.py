"""``ketch run`` on the paper venues, as an operator starts it; judged by the venues' ledger."""

from __future__ import annotations

import os
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.support.cli import (
    FAST,
    SWAPPED,
    assert_sound,
    command,
    environment,
    ketch,
    run_and_sum_up,
)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_clean_run_completes_every_cycle_and_is_hardly_ever_naked(
    tmp_path: Path, seed: int
) -> None:
    code, summary, said = run_and_sum_up(tmp_path, "--cycles", "12", "--seed", str(seed))
    assert code == 0, said
    assert_sound(summary, 12)
    assert Decimal(summary["verdict"]["naked_q_s"]["max"]) <= Decimal("0.5")
    assert summary["restarts"] == {}


def test_either_venue_can_be_the_primary(tmp_path: Path) -> None:
    code, summary, said = run_and_sum_up(tmp_path, "--cycles", "8", "--seed", "3", *SWAPPED)
    assert code == 0, said
    assert_sound(summary, 8)
    assert (summary["primary"], summary["hedge"]) == ("grvt", "backpack")


@pytest.mark.parametrize("roles", [(), SWAPPED], ids=["backpack first", "grvt first"])
def test_connections_lost_at_the_fill_to_be_hedged_cost_no_cycle(
    tmp_path: Path, roles: tuple[str, ...]
) -> None:
    drops = ("--drop", "grvt/trading@2", "--drop", "backpack/feed@4", "--drop", "grvt/market@6")
    code, summary, said = run_and_sum_up(tmp_path, "--cycles", "8", "--seed", "5", *drops, *roles)
    assert code == 0, said
    assert_sound(summary, 8)
    assert summary["restarts"]["grvt/trading"] == 1
    assert summary["restarts"]["backpack/feed"] == 1


def test_cycle_numbers_and_so_order_ids_go_on_in_the_next_run(tmp_path: Path) -> None:
    run_and_sum_up(tmp_path, "--cycles", "2")
    done = ketch(tmp_path, "run", "--cycles", "1", *FAST)
    assert "cycle 3 " in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_cycle_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    arguments = ["run", "--ledger", str(ledger), "-o", "desks.eth.hold_s=60"]
    with subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(tmp_path, KETCH__LOG__LEVEL="debug"),
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "holding" in line:
                process.send_signal(number)
                break
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said + rest
    assert "duplicates 0, orphans 0, position violations 0, flips 0" in rest


def test_whoever_looks_on_may_go_and_the_run_goes_on(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    with subprocess.Popen(
        command("run", "--cycles", "4", "--summary", str(summary), *FAST),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
    assert_sound(msgspec.json.decode(summary.read_bytes()), 4)


def test_a_second_run_in_the_same_state_folder_is_refused(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", "-o", "desks.eth.hold_s=60"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path, KETCH__LOG__LEVEL="debug"),
    ) as first:
        assert first.stderr is not None
        next(line for line in first.stderr if "holding" in line)
        second = ketch(tmp_path, "run", "--cycles", "1")
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
    assert second.returncode == 78
    assert f"in use by another ketch, process {first.pid}" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("-o", "desks.eth.size=0.005"), 78, "desks.eth.size: got 0.005, expected at least 0.01"),
        (("-o", "desks.eth.size=0.515"), 78, "expected a multiple of 0.01"),
        (("-o", "desks.eth.size=1e30"), 78, "expected a decimal number > 0 and <= 1000000000000"),
        (("-o", "desks.eth.szie=1"), 78, 'unknown key desks.eth.szie; did you mean "size"?'),
        (("-o", "desks.eth.hedge.symbol=FOO"), 78, "expected a perpetual that grvt lists"),
        (("-o", "state_dir=/proc/none"), 78, "state folder /proc/none/paper"),
        (("--ledger", "/nowhere/ledger"), 78, "ledger /nowhere/ledger: cannot be written"),
        (("--summary", "/nowhere/summary"), 78, "/nowhere is not a writable folder"),
        (("-o", "mode=live"), 78, "say so with --live"),
        (("-o", "mode=live", "--live"), 78, "BACKPACK_SECRET_KEY is missing"),
        (("--live",), 2, "set mode: live to mean it"),
        (("--drop", "grvt"), 2, "is not CONNECTION@CYCLE"),
        (("--cycles", "0"), 2, "--cycles"),
    ],
)
def test_bad_input_gets_one_clear_message_and_starts_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    done = ketch(tmp_path, "run", "--cycles", "1", *arguments)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ketch(tmp_path, "run", "--cycles", "1", "-o", f"paper.control_port={port}")
    assert done.returncode == 78
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_credential_of_the_venues_is_ever_shown(tmp_path: Path) -> None:
    done = ketch(tmp_path, "run", "--cycles", "1", *FAST, KETCH__LOG__LEVEL="trace")
    said = done.stdout + done.stderr
    for file in tmp_path.rglob("*"):
        if file.is_file():
            said += file.read_bytes().decode("latin-1")
    for secret in _paper_secrets(tmp_path):
        assert secret not in said


def _paper_secrets(tmp_path: Path) -> list[str]:
    with subprocess.Popen(
        command("venue", "--seed", "1"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as venue:
        assert venue.stdout is not None
        places = msgspec.json.decode(venue.stdout.readline())
        os.kill(venue.pid, signal.SIGTERM)
    grvt, backpack = places["grvt"]["accounts"][0], places["backpack"]["accounts"][0]
    return [grvt["api_key"], grvt["private_key"], backpack["secret_key"]]
