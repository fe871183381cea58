"""The service manager's notification protocol, sd_notify(3): one datagram says one thing.

Without ``$NOTIFY_SOCKET`` everything here does nothing. With it, nothing here ever waits or raises:
a full socket means that the same thing is said again a moment later, a lost one costs a log line.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from loguru import logger

_FLAGS: Final = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Notifier:
    """Sends notifications. Any thread; every call returns at once.

    ``address`` is a path, or ``@name`` for an abstract socket; empty: nobody listens.
    ``watchdog_s`` is the longest pause between two ``WATCHDOG=1``, in seconds, or None.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = address
        self._complained = False
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int | None = None) -> Notifier:
        """As ``$NOTIFY_SOCKET``, ``$WATCHDOG_USEC`` and ``$WATCHDOG_PID`` say.

        An address of a kind that we do not speak is a warning and counts as none.
        """
        address = environ.get("NOTIFY_SOCKET", "")
        if address and (address[0] not in "/@" or len(address) == 1):
            logger.warning("NOTIFY_SOCKET {!r} is neither a path nor @name: not used", address)
            address = ""
        return cls(address, _watchdog_s(environ, os.getpid() if pid is None else pid))

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return self._socket is not None

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send ``fields`` as one message. False: it is not out, say it again later."""
        if self._socket is None:
            return True
        message = "\n".join(f"{name}={value}" for name, value in fields.items()).encode()
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            self._socket.sendto(message, _FLAGS, address)
        except BlockingIOError:
            return False
        except OSError as error:
            if not self._complained:
                self._complained = True
                logger.warning("the service manager at {} is lost: {}", self._address, error)
            return False
        self._complained = False
        return True

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def one_line(text: str, limit: int = 400) -> str:
    """``text`` as a STATUS can carry it: one printable line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """The watchdog is meant for one process: for us, or for nobody if it names another."""
    text, meant_for = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text or (meant_for and meant_for != str(pid)):
        return None
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        logger.warning("WATCHDOG_USEC {!r} is no number of microseconds: not used", text)
        return None
    return int(text) / 1e6
