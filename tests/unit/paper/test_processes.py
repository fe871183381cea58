"""A process and its id: the one that was named, or nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from paper.processes import OneProcess, born_at


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_signalled(child: subprocess.Popen[bytes]) -> None:
    process = OneProcess(child.pid, born_at(child.pid))
    process.send(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        process.send(signal.SIGKILL)
    process.close()


def test_another_process_that_has_the_id_by_now_is_left_alone(
    child: subprocess.Popen[bytes],
) -> None:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ProcessLookupError):
        OneProcess(child.pid, "1")
    assert len(os.listdir("/proc/self/fd")) == handles
    assert child.poll() is None


def test_no_process_is_nobody(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert born_at(child.pid) is None
    with pytest.raises(ProcessLookupError):
        OneProcess(child.pid, None)


def test_processes_are_told_apart_by_when_they_began(child: subprocess.Popen[bytes]) -> None:
    assert born_at(child.pid) == born_at(child.pid)
    assert born_at(child.pid) != born_at(os.getpid())
