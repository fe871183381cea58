"""What the host does to a trader: its processes, their descriptors, its journal, a second copy."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cli

HOME: Final = Path(cli.__file__).resolve().parent.parent
_STOP_S: Final = 30.0
_YOUNGER_S: Final = 10.0  # the fault list's 5 s, and as long for a start on a busy host
_SPARE: Final = 1


@contextmanager
def started(arguments: list[str], folder: Path, log: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in an environment without settings or keys of ours; it ends with the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KETCH_")}
    unset = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"), "")
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH", "")]))
    own = {"XDG_STATE_HOME": str(folder), "PYTHONPATH": path, "COLUMNS": "120"}
    with (folder / log).open("ab") as said:
        child = subprocess.Popen(
            [*_leash(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=kept | unset | own,
            start_new_session=True,  # a Ctrl-C is for the drill, which then ends it in order
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _leash() -> list[str]:
    """What has it killed when we are: nobody else would ever end it. It becomes the command."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


class Host:
    """Does what marks at the venues ask for, each on a thread of its own, until its block ends.

    ``again`` is the command line of a second copy of the trader.
    """

    def __init__(self, folder: Path, again: Callable[[], list[str]]) -> None:
        self._folder = folder
        self._again = again
        self._done = 0
        self._threads: list[threading.Thread] = []
        self._failures: dict[str, str] = {}
        self._over = threading.Event()
        self._acts: dict[str, Callable[[float, int], str]] = {
            "lock": self._lock_journal,
            "descriptors": self._use_up_descriptors,
            "second": self._start_second,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.failures()

    def wait(self, for_s: float) -> None:
        """Let time go by; over at once when the host is done."""
        self._over.wait(for_s)

    def act(self, marks: Iterable[str], pid: int) -> None:
        """Do what the marks that are new ask for, to the process ``pid``."""
        names = list(marks)
        for name in names[self._done :]:
            thread = threading.Thread(target=self._do, args=(name, pid))
            thread.start()
            self._threads.append(thread)
        self._done = len(names)

    def failures(self) -> dict[str, str]:
        """End what is still going on; what went wrong, by mark."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return dict(self._failures)

    def _do(self, name: str, pid: int) -> None:
        what, _, for_s = name.partition(" ")
        failure = self._acts[what](float(for_s), pid)
        if failure:
            self._failures[name] = failure

    def _lock_journal(self, for_s: float, _pid: int) -> str:
        """Somebody else holds the database."""
        file = self._folder / "ketch" / "paper" / "journal.sqlite"
        try:
            opened = sqlite3.connect(file, timeout=5, isolation_level=None)
            with contextlib.closing(opened) as journal:
                journal.execute("BEGIN EXCLUSIVE")
                self._over.wait(for_s)
                journal.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return f"the journal could not be locked: {error}"
        return ""

    def _use_up_descriptors(self, for_s: float, pid: int) -> str:
        """The process may open next to nothing more."""
        try:
            used = len(os.listdir(f"/proc/{pid}/fd"))
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + _SPARE, before[1]))
            self._over.wait(for_s)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        except OSError as error:
            return f"the limit of descriptors could not be set: {error}"
        return ""

    def _start_second(self, _for_s: float, _pid: int) -> str:
        """Another copy on the same accounts, with a state folder of its own, has to end."""
        folder = self._folder / "second"
        folder.mkdir(exist_ok=True)
        with started(self._again(), folder, "log") as child:
            try:
                code = child.wait(_YOUNGER_S)
            except subprocess.TimeoutExpired:
                return "a second copy on the same accounts goes on"
        return "" if code else "a second copy on the same accounts ended as if all were well"
