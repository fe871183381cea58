"""One trader an account, over all processes and state folders of the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.accounts import Account, only_trader
from cli.exits import CommandFailed
from tests.support.forked import ROOT

HERE = f"test of process {os.getpid()}"  # names are the host's: other test runs have their own
ACCOUNT = Account(venue="grvt", environment=HERE, key="8289849667772468")
OTHER = Account(venue="grvt", environment=HERE, key="1112223334445556")
BACKPACK = Account(venue="backpack", environment=HERE, key="dGVzdCBrZXkgb2YgYSB0cmFkZXI=")


@contextmanager
def another_process(*accounts: Account, folder: str = "/var/lib/other") -> Iterator[int]:
    """A process that trades on ``accounts``; its id."""
    made = ", ".join(
        f"Account(venue={a.venue!r}, environment={a.environment!r}, key={a.key!r})"
        for a in accounts
    )
    code = (
        "import sys; from pathlib import Path; from cli.accounts import Account, only_trader\n"
        f"with only_trader([{made}], Path({folder!r})):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def refusal(*accounts: Account) -> str:
    with pytest.raises(CommandFailed) as caught, only_trader(accounts, Path("/mine")):
        pass
    assert caught.value.code == 78
    return str(caught.value)


def test_a_second_process_is_refused_and_told_the_firsts_id_and_folder() -> None:
    with another_process(ACCOUNT) as pid:
        said = refusal(ACCOUNT)
    assert f"another ketch trades on it, process {pid}, state folder /var/lib/other;" in said


def test_the_refusal_does_not_show_the_account() -> None:
    with only_trader([BACKPACK], Path("/mine")):
        said = refusal(BACKPACK)
    assert "backpack account …ZXI=" in said
    assert BACKPACK.key not in said
    assert BACKPACK.key not in repr(BACKPACK) + BACKPACK.address


def test_one_account_in_common_is_one_too_many_and_nothing_is_held_after_a_refusal() -> None:
    with another_process(BACKPACK):
        assert str(BACKPACK) in refusal(ACCOUNT, BACKPACK)
        with only_trader([ACCOUNT], Path("/mine")):
            pass


def test_other_accounts_and_other_environments_are_none_of_its_business() -> None:
    elsewhere = Account(venue="grvt", environment=f"{HERE}, testnet", key=ACCOUNT.key)
    with another_process(ACCOUNT), only_trader([OTHER, elsewhere, BACKPACK], Path("/mine")):
        pass


def test_an_account_is_free_as_soon_as_its_trader_is_killed() -> None:
    with another_process(ACCOUNT) as pid:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with only_trader([ACCOUNT], Path("/mine")):
            pass


def test_a_trader_that_is_suspended_still_trades_on_its_account() -> None:
    with another_process(ACCOUNT) as pid:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        said = refusal(ACCOUNT)
    assert f"another ketch trades on it, process {pid};" in said


def test_an_account_can_be_held_again_once_it_was_let_go() -> None:
    for _ in range(2):
        with only_trader([ACCOUNT, BACKPACK], Path("/mine")):
            assert "process" in refusal(ACCOUNT)
