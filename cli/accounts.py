"""One trader an account: while a process trades on a venue's account, no other of this host can.

Two that trade on one account take each other's fills for faults and hedge them. The state folder's
lock does not help when each has a folder of its own, nor does any file: services of several users,
each in its sandbox, share no folder that all may write to. So what is held is a name in the
kernel's abstract socket namespace, which is the host's (network namespace's), needs no permission,
and is free again the moment its holder ends, however it ends. The name is a hash of the account.
Whoever finds it taken asks there who the holder is.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from actors.control_socket import peer_of
from cli.exits import CONFIGURATION, CommandFailed

_ANSWER_S: Final = 1.0
_TRIES: Final = 3  # a holder may end, or not listen yet, just when it is asked
_SHOWN: Final = 4
_MOST: Final = 4_096


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a venue. ``environment`` tells apart what has the same ``key`` elsewhere."""

    venue: str
    environment: str
    key: str

    def __str__(self) -> str:
        return f"{self.venue} account …{self.key[-_SHOWN:]} ({self.environment})"

    def __repr__(self) -> str:
        return f"<{self}>"

    @property
    def address(self) -> str:
        """The abstract socket that stands for it."""
        text = msgspec.json.encode((self.venue, self.environment, self.key))
        return "\0ketch/account/" + hashlib.blake2b(text, digest_size=16).hexdigest()


@contextlib.contextmanager
def only_trader(accounts: Iterable[Account], folder: Path) -> Iterator[None]:
    """Hold ``accounts``. CommandFailed (78), naming the holder, if one is held already.

    ``folder`` is the state folder, which a second process of the same user is told.
    """
    with contextlib.ExitStack() as stack:
        for account in accounts:
            stack.enter_context(_held(account, folder))
        yield


@contextlib.contextmanager
def _held(account: Account, folder: Path) -> Iterator[None]:
    listener = _claim(account)
    thread = threading.Thread(
        target=_tell_who, args=(listener, folder), name="account", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # accept() returns
        thread.join()
        listener.close()


def _claim(account: Account) -> socket.socket:
    holder = ""
    for _ in range(_TRIES):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(account.address)
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        holder = _holder(account)
        if holder:
            break
    holder = holder or "that is just starting or ending"
    text = f"{account}: another ketch trades on it, {holder}; one account has one trader, stop it"
    raise CommandFailed(CONFIGURATION, text)


def _holder(account: Account) -> str:
    """Who holds the account, in words; empty when it is nobody any more (or not yet)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(account.address)
        except ConnectionRefusedError:
            return ""
        except (TimeoutError, BlockingIOError):
            return "a process that does not answer"
        pid = peer_of(connection).pid
        with contextlib.suppress(OSError):
            folder = connection.recv(_MOST).decode("utf-8", "replace")
            if folder:
                return f"process {pid}, state folder {folder}"
    return f"process {pid}"


def _tell_who(listener: socket.socket, folder: Path) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_ANSWER_S)
            if peer_of(connection).uid in (0, os.geteuid()):
                connection.sendall(os.fsencode(folder)[:_MOST])
