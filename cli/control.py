"""The operator's side of the control socket: find the service, ask it, wait for what it does.

Imports nothing slow: ``ketch status`` starts from a cold shell.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from actors import control_schema as schema
from actors.control_socket import connect, peer_of
from cli.exits import NOT_RUNNING, REFUSED, TIMEOUT, USAGE, CommandFailed

T = TypeVar("T", bound=msgspec.Struct)

_REQUEST_S: Final = 15.0
_LOOK_S: Final = 1.0
_MODES: Final = ("live", "paper")
_SERVICES: Final = Path("/run")


class Reply(msgspec.Struct, frozen=True):
    """An answer: its HTTP status, and the document as it came."""

    status: int
    body: bytes

    def read(self, kind: type[T]) -> T:
        """The document as a ``kind``. Raises CommandFailed when it is another: 1, after a 504 5."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.DecodeError:
            # Not what was asked for: then it says why not, or is no answer of this version at all.
            code = TIMEOUT if self.status == 504 else REFUSED
            raise CommandFailed(code, self._why_not()) from None

    def _why_not(self) -> str:
        try:
            error = msgspec.json.decode(self.body, type=schema.Error)
        except msgspec.DecodeError:
            return "the service answered something else; is it of another version?"
        return f"refused: {error.detail or error.error}"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket at ``path``."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_REQUEST_S)
        self._path = path

    def connect(self) -> None:
        """Open the socket. Raises OSError."""
        self.sock = connect(self._path, _REQUEST_S)


class Service:
    """A running service. Raises CommandFailed: 3 when it isn't, 1 refused, 5 no answer in time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, route: str) -> Reply:
        """Ask."""
        return self._request("GET", route, None)

    def post(self, route: str, body: msgspec.Struct) -> Reply:
        """Order."""
        return self._request("POST", route, msgspec.json.encode(body))

    def status(self) -> schema.Status:
        """The board."""
        return self.get("/v1/status").read(schema.Status)

    def stop(self, how: schema.StopHow, deadline_s: float) -> schema.StopDone:
        """Tell it to stop; how it has ended, once it has, and at ``deadline_s`` timeout.

        ``unknown``: it has gone without a word.
        """
        reply = self.post("/v1/stop-service", schema.StopRequest(how=how, wait=True))
        done = reply.read(schema.StopDone)
        while done.outcome == "timeout" and time.monotonic() < deadline_s:
            try:
                done = self.get("/v1/end").read(schema.StopDone)
            except CommandFailed as failure:
                if failure.code != TIMEOUT:
                    return schema.StopDone(how=how, outcome="unknown")
        return done

    @contextlib.contextmanager
    def process(self) -> Iterator[Process]:
        """The process behind the socket, to wait for."""
        with _explained(self.path):
            connection = connect(self.path, _REQUEST_S)
        with connection:
            pid = peer_of(connection).pid
        try:
            handle = os.pidfd_open(pid)
        except OSError as error:
            text = f"process {pid}: {error.strerror}; it has ended, or cannot be seen from here"
            raise CommandFailed(NOT_RUNNING, text) from None
        try:
            yield Process(pid, handle)
        finally:
            os.close(handle)

    def _request(self, method: str, route: str, body: bytes | None) -> Reply:
        connection = _UnixConnection(self.path)
        with _explained(self.path), contextlib.closing(connection):
            # A service that refuses at once may have closed before it had read everything.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, route, body)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())


class Process:
    """A process that somebody else started, and whose end can be waited for."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle

    def ends_within(self, timeout_s: float) -> bool:
        """Wait for its end, at most so long."""
        return bool(select.select([self._handle], [], [], max(0.0, timeout_s))[0])


def find(chosen: Path | None) -> Service:
    """The one service that runs, or the one that was ``chosen``.

    Raises CommandFailed: 3 when none runs, 2 when it is not clear which, 1 when it is somebody
    else's.
    """
    if chosen is not None:
        return Service(chosen)
    live: list[Path] = []
    barred: list[Path] = []
    for path in places(os.environ):
        try:
            connect(path, _LOOK_S).close()
        except PermissionError:
            barred.append(path)
        except OSError:
            continue
        else:
            live.append(path)
    if len(live) > 1:
        text = "several services run; choose one with --socket:\n  " + "\n  ".join(map(str, live))
        raise CommandFailed(USAGE, text)
    if live:
        return Service(live[0])
    if barred:
        raise CommandFailed(REFUSED, _barred(barred[0]))
    text = "no ketch is running for this user; if one runs elsewhere, name its --socket"
    raise CommandFailed(NOT_RUNNING, text)


def places(environ: Mapping[str, str]) -> list[Path]:
    """Where a service's socket may be, by the rules of ``actors.control_socket``."""
    found = [Path(runtime) / "control.sock" for runtime in _first(environ, "RUNTIME_DIRECTORY")]
    for base in (_SERVICES, *map(Path, _first(environ, "XDG_RUNTIME_DIR"))):
        found.append(base / "ketch" / "control.sock")
        found += [base / "ketch" / f"{mode}.sock" for mode in _MODES]
        found += sorted(base.glob("ketch-*/control.sock"))
        found += sorted(base.glob("ketch/*/control.sock"))
    home = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    states = [*_first(environ, "STATE_DIRECTORY"), str(Path(home) / "ketch")]
    found += [Path(state) / mode / "control.sock" for state in states for mode in _MODES]
    return list(dict.fromkeys(found))


def _first(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    value = environ.get(name, "").partition(":")[0]
    return (value,) if value else ()


def _barred(path: Path) -> str:
    return f"control socket {path}: belongs to another user; ask as that user, or as root"


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What the socket says, as a sentence and an exit code."""
    try:
        yield
    except PermissionError:
        raise CommandFailed(REFUSED, _barred(path)) from None
    except TimeoutError:
        text = f"no answer within {_REQUEST_S:g} s; what was asked for may still happen"
        raise CommandFailed(TIMEOUT, text) from None
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise CommandFailed(NOT_RUNNING, f"no ketch is running at {path}") from None
    except (OSError, http.client.HTTPException) as error:
        text = f"the service ended while it was asked ({type(error).__name__})"
        raise CommandFailed(NOT_RUNNING, text) from None


def deadline(timeout_s: float) -> float:
    """The monotonic moment ``timeout_s`` from now."""
    return time.monotonic() + timeout_s
