"""Commands as processes forked from one that has imported what they need: ``Forked`` starts one.

Each pytest worker has at most one server for each set of modules; it ends with the worker.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from tests.support.fork_server import Command, News

ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST: Final = 4096
_MS_PER_S: Final = 1000


class ForkServerGone(Exception):
    """The server ended before it could report on a process; its stderr says why."""


class _Server:
    """The process of ``tests.support.fork_server``."""

    def __init__(self, *modules: str) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", str(number), *modules],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
                pass_fds=[number],
                start_new_session=True,
            )
        atexit.register(self._end)

    def start(self, command: Command, streams: list[int]) -> socket.socket:
        """Have it forked with these standard streams; returns the socket that its news come on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            data = msgspec.json.encode(command)
            socket.send_fds(self._requests, [data], [*streams, theirs.fileno()])
        return ours

    def _end(self) -> None:
        self._requests.close()
        self._process.wait()


_server = cache(_Server)


class Forked:
    """A process, with what the tests use of ``subprocess.Popen``.

    ``target`` is a module or a script; ``imported`` is what its server has imported. A stream is a
    file, a descriptor, PIPE, DEVNULL, or (stderr only) STDOUT.
    """

    def __init__(
        self,
        target: str,
        *arguments: str,
        imported: tuple[str, ...],
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.PIPE,
        stderr: int | IO[Any] = subprocess.STDOUT,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
    ) -> None:
        command = Command(
            target=target,
            arguments=arguments,
            environment=dict(os.environ if env is None else env),
            folder=str(Path.cwd()),
            new_session=start_new_session,
        )
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.returncode: int | None = None
        with ExitStack() as theirs:
            read, self.stdin = _stream(stdin, theirs, "wb")
            written, self.stdout = _stream(stdout, theirs, "rb")
            said = written if stderr == subprocess.STDOUT else _stream(stderr, theirs, "rb")[0]
            self._news = _server(*imported).start(command, [read, written, said])
        self.pid = self._hear().pid

    def poll(self) -> int | None:
        """Its exit code once it has ended, negative for the signal that killed it."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutExpired, like ``Popen``."""
        returncode = self._look(timeout)
        if returncode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return returncode

    def communicate(self, timeout: float | None = None) -> bytes:
        """Close its stdin and wait for its end; what was left to read of its stdout."""
        if self.stdin is not None:
            self.stdin.close()
        said = b"" if self.stdout is None else self.stdout.read()
        self.wait(timeout)
        return said

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poller = select.poll()
            poller.register(self._news, select.POLLIN)
            if poller.poll(None if timeout is None else timeout * _MS_PER_S):
                self.returncode = self._hear().returncode
                self._news.close()
        return self.returncode

    def _hear(self) -> News:
        data = self._news.recv(_LONGEST)
        if not data:
            raise ForkServerGone
        return msgspec.json.decode(data, type=News)


def _stream(wanted: int | IO[Any], theirs: ExitStack, mode: str) -> tuple[int, IO[Any] | None]:
    """The child's descriptor, which ``theirs`` closes if it is made here, and our end of a pipe."""
    if not isinstance(wanted, int):
        return wanted.fileno(), None
    if wanted >= 0:
        return wanted, None
    if wanted == subprocess.DEVNULL:
        file = os.open(os.devnull, os.O_RDWR)
        theirs.callback(os.close, file)
        return file, None
    assert wanted == subprocess.PIPE
    reading, writing = os.pipe()
    inner, outer = (reading, writing) if mode == "wb" else (writing, reading)
    theirs.callback(os.close, inner)
    return inner, os.fdopen(outer, mode)
