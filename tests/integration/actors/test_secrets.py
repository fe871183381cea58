"""No key and no cookie in anything that a run leaves behind or shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from supervision.states import ChildState
from tests.support.actors_tree import FRONT, Judge, running
from tests.support.paper_process import Process

SESSIONS = FRONT[:-1] + ', "grvt": {"front": {"session_s": 2, "expired_socket": "close"}}}'


def secrets_of(line: Any) -> dict[str, str]:
    """What nobody may see, by name. A key without its prefix is the key, too."""
    account, keys = line["grvt"]["accounts"][0], line["backpack"]["accounts"][0]
    return {
        "api key": account["api_key"],
        "private key": account["private_key"].removeprefix("0x"),
        "secret key": keys["secret_key"],
    }


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything that is logged, with variables of tracebacks left out as in a run."""
    lines: list[str] = []
    form = "{level} {message} {extra} {exception}"
    sink = logger.add(lines.append, level=0, format=form, diagnose=False, backtrace=False)
    yield lines
    logger.remove(sink)


def test_a_run_with_every_kind_of_trouble_shows_no_secret(
    tmp_path: Path, lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with Process("--settings", SESSIONS) as process:
        judge = Judge(process)
        secrets = secrets_of(process.line)
        cookies: set[str] = set()
        with running(process, tmp_path, cycles=None) as run:
            run.wait_cycles(1)
            cookies.add(run.cookie())
            for route, status in (("/api/v1/order", 502), ("/api/v1/position", 500)):
                judge.fault(
                    action="answer", connection="backpack/rest", route=route, status=status,
                    body="<html>", at=judge.at("hedge_fill", 1),
                )  # fmt: skip
            run.wait_status("grvt/trading", ChildState.RUNNING, 2)  # its session has ended
            cookies.add(run.cookie())
            judge.fault(action="drop", connection="backpack")
            judge.fault(action="drop", connection="grvt")
            for name in ("grvt/session", "backpack/rest", "journal", "eth/coordinator"):
                run.root.kill(name)
            run.wait_cycles(len(run.records) + 2)
            run.finish()
    output = capfd.readouterr()
    places = {
        "log": "".join(lines),
        "output": output.out + output.err,
        "statuses": repr(run.statuses),
        "records": repr(run.records),
        "tree": repr(vars(run)),
        "state": "".join(f.read_bytes().decode("latin-1") for f in tmp_path.iterdir()),
    }
    assert len(cookies) == 2
    assert len(lines) > 50
    for name, secret in (secrets | {cookie: cookie for cookie in cookies}).items():
        assert len(secret) > 8
        assert {place for place, text in places.items() if secret in text} == set(), name


def test_the_command_itself_shows_no_secret_at_its_most_talkative(tmp_path: Path) -> None:
    with Process("--seed", "1") as process:
        secrets = secrets_of(process.line)  # they follow from the seed
    run = subprocess.run(
        [sys.executable, "-m", "main", "run", "--cycles", "2", "--seed", "1",
         "--drop", "grvt/trading@1", "-o", "log.level=trace", "-o", "log.format=json",
         "--ledger", str(tmp_path / "ledger"), "--summary", str(tmp_path / "summary")],
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2_000:]
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert any(f.suffix == ".sqlite" for f in files)
    shown = b"".join([run.stdout, run.stderr, *(f.read_bytes() for f in files)])
    for name, secret in secrets.items():
        assert secret.encode() not in shown, name
