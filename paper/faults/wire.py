"""What a network does between a venue and its clients; the proxy of paper/proxy.py does it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paper.faults.base import BACKPACK_NAMES, GRVT_NAMES, Fault, Rate, Seconds

Direction = Literal["up", "down", "both"]
WireName = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^(grvt(/({GRVT_NAMES}|edge|trades|market-data))?"
        f"|backpack(/({BACKPACK_NAMES}|api|ws))?)$"
    ),
]


class WireFault(Fault, frozen=True, kw_only=True):
    """A fault of the TCP proxy: of an endpoint, or of a connection by its name.

    With an endpoint's or venue's name it holds for connections yet to come as well.
    """

    connection: WireName


class WireTimed(WireFault, frozen=True, kw_only=True):
    """It lasts for ``for_s``, or until faults are cleared."""

    for_s: Seconds | None = None


class Blackhole(WireTimed, frozen=True, kw_only=True, tag="blackhole"):
    """Sockets stay open and nothing is forwarded; new connections are accepted and silent.

    A connection that lost a byte stays silent for good.
    """


class Closed(WireTimed, frozen=True, kw_only=True, tag="closed"):
    """Nobody listens: new connections are refused. Those that are open go on."""


class Hold(WireTimed, frozen=True, kw_only=True, tag="hold"):
    """Buffer one direction (``up``: to the venue), then release it in order."""

    direction: Direction = "both"


class NoRead(WireTimed, frozen=True, kw_only=True, tag="noread"):
    """Stop reading: the sender's buffers fill up."""

    direction: Direction = "both"


class Trickle(WireTimed, frozen=True, kw_only=True, tag="trickle"):
    """Forward no more than ``bytes_per_s``."""

    bytes_per_s: Rate
    direction: Direction = "down"


class Rst(WireFault, frozen=True, kw_only=True, tag="rst"):
    """Reset the live connections, at both ends."""


class Fin(WireFault, frozen=True, kw_only=True, tag="fin"):
    """Close the live connections in order, at both ends."""


class Cut(WireFault, frozen=True, kw_only=True, tag="cut"):
    """Reset the connection that first forwards ``after_bytes`` more, and would forward another."""

    after_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    direction: Direction = "down"


AnyWire = Blackhole | Closed | Hold | NoRead | Trickle | Rst | Fin | Cut
