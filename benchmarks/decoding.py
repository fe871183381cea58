"""A GRVT order frame read into the model, next to what json.loads makes of it."""

from __future__ import annotations

import json
from typing import Final

from benchmarks.harness import Figure, interleave, repeated, scaled
from venues.grvt import StreamData, decode_frame
from venues.grvt.reading import read_stream

_ROUNDS: Final = 31
_FRAME: Final = (
    b'{"stream":"v1.order","selector":"2147050003876484","sequence_number":"41","feed":'
    b'{"order_id":"0x0101010503a12f6e000000007791f1bd","sub_account_id":"2147050003876484",'
    b'"is_market":false,"time_in_force":"IMMEDIATE_OR_CANCEL","post_only":false,'
    b'"reduce_only":false,"legs":[{"instrument":"ETH_USDT_Perp","size":"0.5",'
    b'"limit_price":"2500.25","is_buying_asset":false}],"signature":{"signer":"0x19e7e376e7c213b7'
    b'e7e7e46cc70a5dd086daff2a","r":"0xf82b","s":"0x798d","v":28,'
    b'"expiration":"1767225600000000000","nonce":1234567890,"chain_id":"0"},'
    b'"metadata":{"client_order_id":"9223372036854775809","create_time":"1767225300000000000",'
    b'"broker":"UNSPECIFIED"},"state":{"status":"FILLED","reject_reason":"UNSPECIFIED",'
    b'"book_size":["0.0"],"traded_size":["0.5"],"update_time":"1767225300000000000",'
    b'"avg_fill_price":["2500.3"]}},"prev_sequence_number":"40"}'
)


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """The whole way to an OrderUpdate, and the envelope alone."""
    times, rounds = scaled(500, scale), scaled(_ROUNDS, scale)
    loads = repeated(lambda: json.loads(_FRAME), times)
    whole = interleave(repeated(_read, times), loads, rounds)
    envelope = interleave(repeated(lambda: decode_frame(_FRAME), times), loads, rounds)
    return (
        whole.figure("GRVT order frame to the model / json.loads alone"),
        envelope.figure("GRVT envelope of that frame / json.loads alone"),
    )


def _read() -> object:
    frame = decode_frame(_FRAME)
    assert isinstance(frame, StreamData)
    return read_stream(frame)
