"""How GRVT speaks: frames in both directions, signatures, sessions, sequence numbers. No I/O.

``requests`` says what can be asked, ``codec`` makes frames of it and reads the answers into
``venues.model``, ``rest`` does the same over HTTP, ``signing`` signs orders.
"""

from venues.grvt.codec import Reply, StreamData, decode_frame, encode_call, encode_subscribe
from venues.grvt.endpoints import Endpoints, endpoints_of
from venues.grvt.errors import Outcome, OutcomeUnknown, RpcError, outcome_of
from venues.grvt.rest import Session
from venues.grvt.sequence import SequenceTracker
from venues.grvt.signing import OrderSigner

__all__ = [
    "Endpoints",
    "OrderSigner",
    "Outcome",
    "OutcomeUnknown",
    "Reply",
    "RpcError",
    "SequenceTracker",
    "Session",
    "StreamData",
    "decode_frame",
    "encode_call",
    "encode_subscribe",
    "endpoints_of",
    "outcome_of",
]
