"""What the host does to a trader: its process, its clock, its journal, its names, other copies."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

from drills import starts
from drills.impostor import Impostor
from drills.unfold import words_of

MET_NOTHING: Final = "it met nothing: no such message was handed over"
"""What lay in wait within the process was not reached."""

_SPARE: Final = 1
IN_PROCESS: Final = frozenset(("clock", "names", "part"))
"""What only a fault injector in the service's process can do (``drills.in_process_faults``)."""
IMPOSTOR: Final = "certificate"
NAMES: Final = "names"


class Host:
    """Does what marks at the venues ask for, each on a thread of its own, until its block ends.

    A mark says what, for how many seconds, with which words, and where: ``names 6 hangs at cycle
    9``. ``again`` is the command line of another copy of the trader, ``venue`` the file that says
    where to trade.
    """

    def __init__(
        self, folder: Path, venue: Path, again: starts.Command, impostor: Impostor | None = None
    ) -> None:
        self._folder = folder
        self._venue = venue
        self._again = again
        self._impostor = impostor
        self._done = 0
        self._threads: list[threading.Thread] = []
        self._failures: dict[str, str] = {}
        self._over = threading.Event()
        self._acts: dict[str, Callable[[float, subprocess.Popen[bytes], str], str]] = {
            "lock": self._lock_journal,
            "descriptors": self._use_up_descriptors,
            "second": self._start_second,
            "start": self._start_wrong,
            IMPOSTOR: self._deceive,
            "clock": self._tell,
            NAMES: self._tell,
            "part": self._trouble_part,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.failures()

    @property
    def certificate(self) -> Path | None:
        """What a trader has to trust, if one of the venues' hosts speaks TLS."""
        return None if self._impostor is None else self._impostor.certificate

    def wait(self, for_s: float) -> None:
        """Let time go by; over at once when the host is done."""
        self._over.wait(for_s)

    def act(self, marks: Iterable[str], child: subprocess.Popen[bytes]) -> None:
        """Do what the marks that are new ask for, to that process."""
        names = list(marks)
        for name in names[self._done :]:
            thread = threading.Thread(target=self._do, args=(name, child))
            thread.start()
            self._threads.append(thread)
        self._done = len(names)

    def failures(self) -> dict[str, str]:
        """End what is still going on; what went wrong, by mark."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return dict(self._failures)

    def _do(self, mark: str, child: subprocess.Popen[bytes]) -> None:
        name = words_of(mark)
        what, for_s, *_ = name.split()
        failure = self._acts[what](float(for_s), child, name)
        if failure:
            self._failures[mark] = failure

    def _lock_journal(self, for_s: float, _child: subprocess.Popen[bytes], _name: str) -> str:
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

    def _use_up_descriptors(self, for_s: float, child: subprocess.Popen[bytes], _name: str) -> str:
        """The process may open next to nothing more."""
        pid = child.pid
        try:
            used = len(os.listdir(f"/proc/{pid}/fd"))
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + _SPARE, before[1]))
            self._over.wait(for_s)
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        except OSError as error:
            return f"the limit of descriptors could not be set: {error}"
        return ""

    def _start_second(self, _for_s: float, _child: subprocess.Popen[bytes], _name: str) -> str:
        return starts.second(self._folder, self._venue, self._again, self.certificate)

    def _start_wrong(self, _for_s: float, _child: subprocess.Popen[bytes], _name: str) -> str:
        return starts.wrong(self._folder, self._venue, self._again, self.certificate)

    def _deceive(self, for_s: float, _child: subprocess.Popen[bytes], _name: str) -> str:
        """The host in TLS is somebody else."""
        impostor = self._impostor
        assert impostor is not None
        before = impostor.deceived
        impostor.deceive(on=True)
        self._over.wait(for_s)
        impostor.deceive(on=False)
        if impostor.stolen:
            return f"{impostor.stolen} bytes were told to a host with a false certificate"
        return "" if impostor.deceived > before else "nobody came to the host that was false"

    def _tell(self, _for_s: float, child: subprocess.Popen[bytes], name: str) -> str:
        """To be done within the process."""
        if child.stdin is None:
            return "nobody is within the process who could do it"
        try:
            child.stdin.write(f"{name}\n".encode())
            child.stdin.flush()
        except (OSError, ValueError) as error:  # the second where it has ended, and is closed
            if child.poll() is not None:
                return MET_NOTHING  # another fault of that cycle was faster
            return f"the process did not listen: {error}"
        return ""

    def _trouble_part(self, for_s: float, child: subprocess.Popen[bytes], name: str) -> str:
        """A part of it dies or hangs, once it is handed such a message."""
        met = f"drill: part {' '.join(name.split()[2:])}".encode()
        log = self._folder / "log"
        before = log.read_bytes().count(met)
        failure = self._tell(for_s, child, name)
        if failure:
            return failure
        self._over.wait(for_s)
        if log.read_bytes().count(met) > before or child.poll() is not None:
            return ""  # met, or another fault of that cycle has ended the process
        return MET_NOTHING
