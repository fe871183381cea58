"""What the host does in a drill ends with it, whatever it was about to wait for."""

from __future__ import annotations

import threading
from pathlib import Path

from drills.host import Host

BOUND_S = 10.0
LONG_S = 3600.0


def nobody() -> list[str]:
    raise AssertionError("no second copy was asked for")


def test_a_wait_is_over_when_the_hosts_part_ends(tmp_path: Path) -> None:
    with Host(tmp_path, nobody) as host:
        waiting = threading.Thread(target=host.wait, args=(LONG_S,), daemon=True)
        waiting.start()
    waiting.join(BOUND_S)
    assert not waiting.is_alive()


def test_a_wait_that_has_no_time_left_is_none(tmp_path: Path) -> None:
    with Host(tmp_path, nobody) as host:
        host.wait(-1.0)


def test_a_journal_that_can_not_be_locked_is_told_by_its_mark(tmp_path: Path) -> None:
    with Host(tmp_path, nobody) as host:
        host.act(["lock 1"], pid=0)
    assert "lock 1" in host.failures()
