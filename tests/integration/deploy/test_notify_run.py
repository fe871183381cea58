"""``ketch run`` on the paper venues as a service manager sees it, over its notification socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import command, environment

_HOLD = ("-o", "desks.eth.hold_s=60")
_BOUND_S = 60.0


class Seen:
    """A running service and what it has told its manager."""

    def __init__(self, address: str, state: Path, *arguments: str) -> None:
        self.messages: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(_BOUND_S)
        self.process = subprocess.Popen(
            command("run", *arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(state, NOTIFY_SOCKET=address, WATCHDOG_USEC="1000000"),
        )

    def until(self, field: str, text: str = "") -> dict[str, str]:
        """The next message with this field, and this text in it."""
        while True:
            lines = self._socket.recv(65536).decode().split("\n")
            message = dict(line.split("=", 1) for line in lines)
            self.messages.append(message)
            if text in message.get(field, "\0"):
                return message

    @property
    def status(self) -> str:
        """The line that the manager shows now: the last that it was told."""
        return next(said["STATUS"] for said in reversed(self.messages) if "STATUS" in said)

    def close(self) -> None:
        """End it, however far it has come."""
        self.process.kill()
        self.process.wait()
        self._socket.close()


@contextmanager
def service(address: str, state: Path, *arguments: str) -> Iterator[Seen]:
    seen = Seen(address, state, *arguments)
    try:
        yield seen
    finally:
        seen.close()


def test_a_run_is_ready_alive_and_reloaded_and_stops_in_order(tmp_path: Path) -> None:
    with service(str(tmp_path / "notify"), tmp_path, *_HOLD) as seen:
        seen.until("READY", "1")
        assert seen.status.endswith("backpack ready; grvt ready")
        seen.until("WATCHDOG", "1")
        seen.process.send_signal(signal.SIGHUP)
        assert int(seen.until("RELOADING", "1")["MONOTONIC_USEC"]) > 0
        seen.until("READY", "1")
        seen.process.send_signal(signal.SIGTERM)
        stopping = seen.until("STOPPING", "1")
        assert "STATUS" in stopping
        assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 0
        seen.until("STATUS", "ended with exit code 0")
        assert seen.process.wait(_BOUND_S) == 0
    names = [name for message in seen.messages for name in message if name != "STATUS"]
    assert names.index("READY") < names.index("WATCHDOG") < names.index("RELOADING")
    assert names.index("RELOADING") < names.index("STOPPING")


def test_the_name_of_the_socket_may_be_abstract(tmp_path: Path) -> None:
    address = f"@ketch-test-run-{os.getpid()}"
    with service(address, tmp_path, *_HOLD) as seen:
        seen.until("READY", "1")
        seen.process.send_signal(signal.SIGTERM)
        seen.until("STOPPING", "1")
