"""Where GRVT lives: hosts and chain id of each environment, from the SDK, or given one by one."""

from __future__ import annotations

from typing import Final

import msgspec
from pysdk.grvt_ccxt_env import CHAIN_IDS, GrvtEndpointType, get_grvt_endpoint_domains

_SOCKET_PATH: Final = "/ws/full"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Three hosts as base URLs without a path (``https://...``), and the chain to sign for."""

    edge: str
    trades: str
    market_data: str
    chain_id: int

    @property
    def trades_socket(self) -> str:
        """The private websocket: order entry and account streams."""
        return _socket(self.trades)

    @property
    def market_socket(self) -> str:
        """The public websocket."""
        return _socket(self.market_data)


class UnknownEnvironment(LookupError):
    """GRVT has no environment of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"GRVT has no environment {self.name!r}, only {', '.join(environments())}"


def environments() -> tuple[str, ...]:
    """The names that ``endpoints_of`` knows."""
    return tuple(sorted(CHAIN_IDS))


def endpoints_of(environment: str) -> Endpoints:
    """The hosts of ``prod``, ``testnet``, ``staging`` or ``dev``; else UnknownEnvironment."""
    if environment not in CHAIN_IDS:
        raise UnknownEnvironment(environment)
    domains = get_grvt_endpoint_domains(environment)
    return Endpoints(
        edge=domains[GrvtEndpointType.EDGE],
        trades=domains[GrvtEndpointType.TRADE_DATA],
        market_data=domains[GrvtEndpointType.MARKET_DATA],
        chain_id=CHAIN_IDS[environment],
    )


def _socket(base: str) -> str:
    scheme, _, host = base.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{host.rstrip('/')}{_SOCKET_PATH}"
