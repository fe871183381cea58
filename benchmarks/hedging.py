"""Primary fill frame read to hedge order frame written: the whole service, and the floor.

The service is the real tree. A scripted venue takes its primary order and fills it piece by piece,
each piece when the hedge of the last is done. The floor gets the same frames on the same kind of
sockets and does the same work in one thread: receive, decode, cap and round the price, sign,
encode, send. Both read their clock at the same two places: when the socket turned readable, and
when the order was written; the service has that in its own cycle records.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from benchmarks.bare import BareSocket
from benchmarks.harness import US, Figure, quantile, scaled
from benchmarks.peer import Peer
from benchmarks.samples import CHAIN_ID, GRVT_ETH, ORDER, PRIVATE_KEY, SUB_ACCOUNT
from benchmarks.scripted.frames import ASK, BID
from benchmarks.scripted.venues import FLOOR, OURS, Ports
from benchmarks.service import WAIT_S, RunningService
from venues.backpack.frames import ORDER_STREAM
from venues.backpack.streams import OrderEvent, decode_stream
from venues.grvt import OrderSigner, encode_call, requests
from venues.model import BPS, Fill, Side

_ROUNDS: Final = 25
_CYCLES: Final = 4  # a round
_PIECES: Final = 4  # of each of a cycle's two primary orders
_AT_REST_S: Final = 0.01  # by then the service has done everything that the last hedge caused
_CAP_BPS: Final = Decimal(5)


class Samples(msgspec.Struct, frozen=True):
    """Seconds per hedge: by the client's clock readings, and as the venue saw it."""

    ours: list[float]
    ours_at_venue: list[float]
    floor: list[float]
    floor_at_venue: list[float]


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """p50 and p99 of both at rest, the median as the venue sees it, and that of busy clients."""
    taken = sample(scaled(_ROUNDS, scale), scaled(_CYCLES, scale))
    busy = sample(scaled(_ROUNDS / 2, scale), scaled(_CYCLES, scale), pause_s=0.0)
    return (
        _figure("primary fill read to hedge written, p50", taken.ours, taken.floor, 0.5, 1.5),
        _figure("primary fill read to hedge written, p99", taken.ours, taken.floor, 0.99, 2.0),
        _figure(
            "the same at the venue: fill sent to hedge received, p50",
            taken.ours_at_venue, taken.floor_at_venue, 0.5, None,
        ),
        _figure("the same, fills back to back, p50", busy.ours, busy.floor, 0.5, None),
    )  # fmt: skip


def sample(rounds: int, cycles: int, pieces: int = _PIECES, pause_s: float = _AT_REST_S) -> Samples:
    """Both sides by turns; the first round of each is not counted.

    ``pause_s`` is what the venue lets pass between a hedge and the next fill.
    """
    taken = Samples([], [], [], [])
    with Peer() as peer, RunningService(peer.ports, pieces) as service:
        floor = _Floor(peer.ports)
        for number in range(rounds + 1):
            ours_at_venue, ours = hedged(peer, service, cycles, pieces, pause_s)
            floor_at_venue, bare = floor.hedge(peer, len(ours_at_venue), pause_s)
            if number:
                taken.ours.extend(ours)
                taken.ours_at_venue.extend(ours_at_venue)
                taken.floor.extend(bare)
                taken.floor_at_venue.extend(floor_at_venue)
        floor.close()
    return taken


def hedged(
    peer: Peer, service: RunningService, cycles: int, pieces: int, pause_s: float
) -> tuple[list[float], list[float]]:
    """So many cycles of a service; seconds of each hedge, as the venue saw it and as we did."""
    peer.order_fills(OURS, 2 * cycles, pieces, pause_s)
    at_venue = peer.fills_done()
    records = [service.records.get(timeout=WAIT_S) for _ in range(cycles)]
    return at_venue, [ms / 1000 for record in records for ms in record.fill_to_hedge_sent_ms]


class _Floor:
    """One thread, two sockets."""

    def __init__(self, ports: Ports) -> None:
        self._signer = OrderSigner(PRIVATE_KEY, CHAIN_ID)
        self._feed = BareSocket(f"ws://127.0.0.1:{ports.backpack}/floor")
        self._trades = BareSocket(f"ws://127.0.0.1:{ports.trades}/floor")
        self._feed.send(msgspec.json.encode({"method": "SUBSCRIBE", "params": [ORDER_STREAM]}))
        self._numbers = 0
        self._poller = select.poll()
        self._poller.register(self._feed.sock, select.POLLIN)
        self._poller.register(self._trades.sock, select.POLLIN)

    def hedge(self, peer: Peer, fills: int, pause_s: float) -> tuple[list[float], list[float]]:
        """Hedge so many fills; what the venue and what we measured."""
        peer.order_fills(FLOOR, 1, fills, pause_s)
        took_s: list[float] = []
        while len(took_s) < fills:
            ready = self._poller.poll(WAIT_S * 1000)
            if not ready:
                raise TimeoutError("no fill")
            received_s = time.monotonic()
            for descriptor, _ in ready:
                if descriptor == self._feed.sock.fileno():
                    sent = self._hedge_all(self._feed.receive())
                    took_s.extend(sent_s - received_s for sent_s in sent)
                else:
                    self._trades.receive()
        return peer.fills_done(), took_s

    def close(self) -> None:
        self._feed.close()
        self._trades.close()

    def _hedge_all(self, messages: Iterable[bytes]) -> list[float]:
        events = (decode_stream(message) for message in messages)
        return [
            self._hedge(event.fill)
            for event in events
            if isinstance(event, OrderEvent) and event.fill is not None
        ]

    def _hedge(self, fill: Fill) -> float:
        self._numbers += 1
        side = fill.side.opposite
        touch = ASK if side is Side.BUY else BID
        new = msgspec.structs.replace(
            ORDER,
            side=side,
            size=GRVT_ETH.floor_size(fill.size),
            price=GRVT_ETH.cap_price(touch * (1 + side.sign * _CAP_BPS * BPS), side),
            client_order_id=2**63 + self._numbers,
            nonce=self._numbers,
        )
        order = self._signer.order(new, GRVT_ETH, SUB_ACCOUNT)
        return self._trades.send(encode_call(requests.create_order(order), self._numbers))


def _figure(
    name: str, ours: list[float], floor: list[float], share: float, limit: float | None
) -> Figure:
    return Figure(
        name=name,
        measured=quantile(ours, share) * US,
        floor=quantile(floor, share) * US,
        unit="µs",
        limit=limit,
    )
