"""Where a host is. A name server that fails or hangs does not cut us off from a host we knew.

Names are looked up on a thread of their own, since ``getaddrinfo`` has no deadline. The addresses
that a host had last are kept, and stand in for an answer that fails or does not come in time.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

Address = tuple[Any, ...]
_FRESH_ANSWER_S: Final = 1.0  # for a fresh answer, where an older one is known
_MOST_FAILED: Final = 256  # addresses: a name server may tell others every time
_SHORTEST_S: Final = 0.001  # a timeout of 0 would make the socket non-blocking


class Place(msgspec.Struct, frozen=True):
    """One way to connect to a host: the arguments of ``socket`` and ``connect``."""

    family: int
    kind: int
    protocol: int
    address: Address


class _Lookup:
    """One question that is under way; ``places`` or ``error`` are there once it is ``done``."""

    def __init__(self, host: str, port: int) -> None:
        self.done = threading.Event()
        self.places: tuple[Place, ...] = ()
        self.error: OSError | None = None
        threading.Thread(target=self._ask, args=(host, port), daemon=True, name="resolve").start()

    def _ask(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.places = tuple(Place(f, kind, proto, where) for f, kind, proto, _, where in found)
        except OSError as error:
            self.error = error
        except UnicodeError as error:  # a label that is no host name
            self.error = OSError(str(error))
        finally:
            self.done.set()


class Resolver:
    """Looks up hosts and remembers. Any thread; one question about a host at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[Place, ...]] = {}
        self._asked: dict[tuple[str, int], _Lookup] = {}
        self._failed: set[Address] = set()

    def places(self, host: str, port: int, timeout_s: float) -> tuple[Place, ...]:
        """Where ``host`` is: now, or as far as is known. Raises OSError when nothing is."""
        key = (host, port)
        with self._lock:
            known = self._known.get(key)
            lookup = self._asked.get(key)
            if lookup is None:
                lookup = self._asked[key] = _Lookup(host, port)
        lookup.done.wait(timeout_s if known is None else min(timeout_s, _FRESH_ANSWER_S))
        if not lookup.done.is_set():
            if known is None:
                raise TimeoutError(f"no address of {host} in {timeout_s:g} s")
            return known
        with self._lock:
            if self._asked.get(key) is lookup:
                del self._asked[key]
            if lookup.places:
                self._known[key] = lookup.places
            known = self._known.get(key)
        if known is None:
            raise lookup.error or OSError(f"no address of {host}")
        return known

    def best_first(self, places: tuple[Place, ...]) -> list[Place]:
        """Those that could be connected to, or were not tried yet, before those that could not."""
        with self._lock:
            return sorted(places, key=lambda place: place.address in self._failed)

    def tried(self, place: Place, *, connected: bool) -> None:
        """What came of it, for the next who asks."""
        with self._lock:
            if connected:
                self._failed.discard(place.address)
                return
            if len(self._failed) >= _MOST_FAILED:
                self._failed.clear()
            self._failed.add(place.address)


_RESOLVER: Final = Resolver()


def dial(
    host: str,
    port: int,
    timeout_s: float,
    resolver: Resolver = _RESOLVER,
    *,
    connecting: Callable[[socket.socket], None] = lambda sock: None,
) -> socket.socket:
    """A connected TCP socket whose timeout is what is left of ``timeout_s``.

    Every address is tried until one answers, for its share of the time that is left: one that is
    silent leaves the others theirs, and comes last the next time. ``connecting`` is told of each
    socket while it is being connected; to shut that one down ends the attempt. Raises OSError.
    """
    due_s = time.monotonic() + timeout_s
    refusal: OSError = TimeoutError(f"no connection to {host} in {timeout_s:g} s")
    places = resolver.best_first(resolver.places(host, port, timeout_s))
    for number, place in enumerate(places):
        left_s = due_s - time.monotonic()
        if left_s <= 0:
            break
        sock = socket.socket(place.family, place.kind, place.protocol)
        try:
            _connect(sock, place.address, left_s / (len(places) - number), connecting)
            sock.settimeout(max(_SHORTEST_S, due_s - time.monotonic()))
        except OSError as error:
            sock.close()
            resolver.tried(place, connected=False)
            refusal = error
        except BaseException:
            sock.close()
            raise
        else:
            resolver.tried(place, connected=True)
            return sock
    raise refusal


def _connect(
    sock: socket.socket,
    address: Address,
    share_s: float,
    connecting: Callable[[socket.socket], None],
) -> None:
    """The socket is shown once it is on its way: a shutdown before that would end nothing."""
    sock.setblocking(False)
    code = sock.connect_ex(address)
    connecting(sock)
    if code == errno.EINPROGRESS:
        poller = select.poll()
        poller.register(sock, select.POLLOUT)
        if not poller.poll(share_s * 1000):
            raise TimeoutError(f"no connection to {address[0]} in {share_s:.3g} s")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
