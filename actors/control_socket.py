"""The control socket in the file system: made private, told from a dead one, found by its clients.

Access is a matter of the file (mode 0600 from its first moment, in a folder of our own) and of the
peer: the kernel says who connected, and only our own user and root are served.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_NAME: Final = "control.sock"
_ROOM: Final = 100  # of the 108 bytes that an address of a unix socket may have
_BACKLOG: Final = 16
_LOOK_S: Final = 1.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_CREDENTIALS: Final = struct.Struct("iII")


class SocketTaken(Exception):
    """Another live process serves ``path``: two services would answer to one name."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(path, pid)
        self.path = path
        self.pid = pid

    def __str__(self) -> str:
        return f"control socket {self.path}: served by another process, {self.pid}"


class Peer(NamedTuple):
    """Who is at the other end, as the kernel has it."""

    pid: int
    uid: int


def control_path(environ: Mapping[str, str], mode: str, state_folder: Path) -> Path:
    """Where a service listens: the manager's runtime folder, the user's, or its state folder."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if runtime:
        return Path(runtime) / _NAME
    user = environ.get("XDG_RUNTIME_DIR", "")
    if user:
        return Path(user) / "ketch" / f"{mode}.sock"
    return state_folder / _NAME


def peer_of(connection: socket.socket) -> Peer:
    """The process at the other end (Linux: SO_PEERCRED)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid)


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection to the socket at ``path``. Raises OSError when nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        with _address(path) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``, in place of one that a dead process (or life) has left.

    Raises SocketTaken when a live one is there, OSError when it can't be made.
    """
    _own_folder(path.parent)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the socket's own inode, less the umask: never wider,
        # not even for a moment, and without touching the umask of the whole process.
        os.fchmod(listener.fileno(), stat.S_IRUSR | stat.S_IWUSR)
        with _address(path) as address:
            listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def remove(path: Path, inode: int) -> None:
    """Take the file away, if it is still the one with that inode."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_ino == inode:
            path.unlink()


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """An address for ``path`` however long it is: an open folder has a short name."""
    if len(os.fsencode(path)) < _ROOM:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _own_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
        folder.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def _clear(path: Path) -> None:
    """Make room at ``path``. What is no socket is not ours to remove: binding will say so."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        with connect(path, _LOOK_S) as connection:
            pid = peer_of(connection).pid
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    if pid != os.getpid():
        raise SocketTaken(path, pid)
    path.unlink(missing_ok=True)  # of a hung console that was given up
