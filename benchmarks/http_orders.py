"""A Backpack order over our keep-alive HTTP, next to a bare request with the same bytes.

Ours builds and signs the order (bpx-py), sends it, reads the answer and decodes it; the floor sends
one that is ready made with http.client and reads the answer.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Final

import msgspec

from actors.http import HttpClient
from benchmarks.harness import Figure, interleave, repeated, scaled
from benchmarks.peer import Peer
from benchmarks.samples import BACKPACK_ETH, BACKPACK_PUBLIC, BACKPACK_SECRET, ORDER
from venues.backpack.codec import decode_placed
from venues.backpack.requests import RequestBuilder

_ROUNDS: Final = 31
_TIMES: Final = 40
_PLACE: Final = "/floor"  # the script answers there and waits for no fills
_TIMEOUT_S: Final = 10.0
_ORDER: Final = msgspec.structs.replace(ORDER, symbol=BACKPACK_ETH.symbol, client_order_id=12345)


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """The whole order, and what of it is the building and signing alone."""
    times, rounds = scaled(_TIMES, scale), scaled(_ROUNDS, scale)
    builder = RequestBuilder(BACKPACK_PUBLIC, BACKPACK_SECRET)
    with Peer() as peer:
        client = HttpClient(
            "benchmark", f"http://127.0.0.1:{peer.ports.http}{_PLACE}",
            connect_timeout_s=_TIMEOUT_S, read_timeout_s=_TIMEOUT_S,
        )  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", peer.ports.http, timeout=_TIMEOUT_S)
        bare = repeated(_bare(connection, builder), times)
        ours = interleave(repeated(_ours(client, builder), times), bare, rounds)
        client_alone = interleave(repeated(_sending(client, builder), times), bare, rounds)
        client.close()
        connection.close()
    return (
        ours.figure("Backpack order built, signed, sent, answered / bare request", 2.0),
        client_alone.figure("the same without building and signing / bare request"),
    )


def _ours(client: HttpClient, builder: RequestBuilder) -> Callable[[], object]:
    def work() -> object:
        request = builder.execute_order(_ORDER)
        headers = dict(request.headers)
        answer = client.request(request.method, request.target, headers, request.body)
        return decode_placed(answer.status, answer.body, _ORDER.client_order_id).update

    return work


def _sending(client: HttpClient, builder: RequestBuilder) -> Callable[[], object]:
    request = builder.execute_order(_ORDER)
    headers = dict(request.headers)
    return lambda: client.request(request.method, request.target, headers, request.body)


def _bare(connection: http.client.HTTPConnection, builder: RequestBuilder) -> Callable[[], object]:
    request = builder.execute_order(_ORDER)
    headers = dict(request.headers)

    def work() -> bytes:
        connection.request(request.method, _PLACE + request.target, request.body, headers)
        return connection.getresponse().read()

    return work
