"""A process that has imported what commands need, and forks a process for each that is asked for.

``python -m tests.support.fork_server FD MODULE...``: imports the modules, then takes requests from
the socket with that number until its other end is closed. The fork runs the command as a fresh
interpreter would (as ``__main__``, with its own arguments, environment, folder and standard
streams), without the second of processor time that the imports take. The server has one thread and
opens nothing else, so nothing of it can leak into a fork.
"""

from __future__ import annotations

import gc
import importlib
import os
import runpy
import selectors
import socket
import sys
import time
from typing import Final, NoReturn

import msgspec

_LONGEST: Final = 1 << 20
_STREAMS: Final = (0, 1, 2)
_FILES: Final = (*_STREAMS, 3)  # of a request: its standard streams, and where it is reported


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run; its standard streams and the socket to report to come with it."""

    target: str
    """A module (``paper``), or the path of a script (``.../main.py``)."""
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    new_session: bool


class News(msgspec.Struct, frozen=True):
    """The process that was started; later once more, with its exit code as ``Popen`` has it."""

    pid: int
    returncode: int | None = None


class Server:
    """The requests, and the children that have not ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)
        self._children: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> Command | None:
        """Fork on request; returns the command in a fork, None at the end of the requests."""
        while True:
            for key, _ in self._selector.select():
                if key.fd in self._children:
                    self._report_end(key.fd)
                    continue
                data, files, _, _ = socket.recv_fds(self._requests, _LONGEST, len(_FILES))
                if not data:
                    return None
                command = msgspec.json.decode(data, type=Command)
                if self._fork(files):
                    return command

    def _fork(self, files: list[int]) -> bool:
        """True in the fork, which has its streams and nothing else of the server's then."""
        assert len(os.listdir("/proc/self/task")) == 1, "a fork would lose the other threads"
        *streams, report = files
        pid = os.fork()
        if pid == 0:
            for stream, file in zip(_STREAMS, streams, strict=True):
                os.dup2(file, stream)
        for file in streams:
            os.close(file)
        reports = socket.socket(fileno=report)
        if pid == 0:
            reports.close()
            self._close()
            return True
        ended = os.pidfd_open(pid)
        self._children[ended] = pid, reports
        self._selector.register(ended, selectors.EVENT_READ)
        _report(reports, News(pid))
        return False

    def _report_end(self, ended: int) -> None:
        self._selector.unregister(ended)
        pid, reports = self._children.pop(ended)
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        _report(reports, News(pid, os.waitstatus_to_exitcode(status)))
        reports.close()

    def _close(self) -> None:
        for ended, (_, reports) in self._children.items():
            os.close(ended)
            reports.close()
        self._selector.close()
        self._requests.close()


def _report(reports: socket.socket, news: News) -> None:
    try:
        reports.send(msgspec.json.encode(news))
    except BrokenPipeError:
        return  # whoever asked for it has stopped waiting


def _become(command: Command) -> None:
    """Run it in this process. Ends as the command does."""
    if command.new_session:
        os.setsid()
    os.environ.clear()
    os.environ.update(command.environment)
    time.tzset()
    os.chdir(command.folder)
    sys.argv[:] = [command.target, *command.arguments]
    if command.target.endswith(".py"):
        runpy.run_path(command.target, run_name="__main__")
    else:
        runpy.run_module(command.target, run_name="__main__", alter_sys=True)


def main() -> NoReturn:
    """Import, serve, and in a fork become the command."""
    number, *modules = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # stays shared with the forks
    command = Server(socket.socket(fileno=int(number))).serve()
    if command is not None:
        _become(command)
    sys.exit()


if __name__ == "__main__":
    main()
