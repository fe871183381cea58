"""What the tests start by forking is what an interpreter of its own would be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import command, environment, ketch
from tests.support.forked import Forked

_WAIT_S = 30
_WHAT_IT_IS = """
import json, os, sys
print(json.dumps({
    "name": __name__, "arguments": sys.argv[1:], "environment": dict(os.environ),
    "folder": os.getcwd(), "files": sorted(map(int, os.listdir("/proc/self/fd"))),
    "threads": len(os.listdir("/proc/self/task")), "session": os.getsid(0) == os.getpid(),
    "asked": sys.stdin.read(),
}))
print("to stderr", file=sys.stderr)
sys.exit(7)
"""


def script(folder: Path, text: str, *arguments: str, **options: Any) -> Forked:
    file = folder / "script.py"
    file.write_text(text)
    return Forked(str(file), *arguments, imported=("json",), **options)


def test_a_fork_has_its_own_arguments_environment_streams_and_nothing_else(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        child = script(
            tmp_path, _WHAT_IT_IS, "one", "two", env={"A": "b"}, stdin=subprocess.PIPE,
            stderr=stderr, start_new_session=True,
        )  # fmt: skip
    assert json.loads(child.communicate(_WAIT_S)) == {
        "name": "__main__", "arguments": ["one", "two"], "environment": {"A": "b"},
        "folder": str(Path.cwd()), "files": [0, 1, 2, 3], "threads": 1, "session": True,
        "asked": "",
    }  # fmt: skip
    assert child.returncode == 7
    assert (tmp_path / "stderr").read_text() == "to stderr\n"


def test_a_fork_dies_of_its_signals(tmp_path: Path) -> None:
    child = script(tmp_path, "input()", stdin=subprocess.PIPE)
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(_WAIT_S) == -signal.SIGKILL
    child.kill()  # of no effect, also if the number is somebody else's by now


def test_the_command_says_the_same_however_it_is_started(tmp_path: Path) -> None:
    for arguments in (("config", "show"), ("run", "-o", "desks.eth.size=0.005"), ("status",)):
        executed = subprocess.run(
            command(*arguments), capture_output=True, text=True, env=environment(tmp_path),
            check=False, timeout=_WAIT_S,
        )  # fmt: skip
        forked = ketch(tmp_path, *arguments)
        assert forked.stdout == executed.stdout
        assert forked.stderr == executed.stderr
        assert forked.returncode == executed.returncode
