"""How this run reaches the venues: where they are, which account trades there, with which keys."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.access import BackpackAccess, GrvtAccess
from actors.request_gate import RequestGate
from cli.accounts import Account
from cli.settings import Settings
from cli.start import Start
from config.secrets import Secret
from venues.backpack.requests import RequestBuilder
from venues.grvt import Endpoints, OrderSigner
from venues.grvt.endpoints import endpoints_of
from venues.model import BACKPACK, GRVT, Instrument

_PAPER = "paper"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses and credentials, of the paper venues or of the real ones."""

    grvt: Endpoints
    backpack_api: str
    backpack_ws: str
    environments: dict[str, str]
    secrets: dict[str, Secret]

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Those that this run trades on. A paper account is the one of its own process."""
        paper = self.environments[GRVT] == _PAPER
        keys = {
            GRVT: self.secrets["GRVT_TRADING_ACCOUNT_ID"],
            BACKPACK: self.secrets["BACKPACK_PUBLIC_KEY"],
        }
        places = {GRVT: self.grvt.edge, BACKPACK: self.backpack_api}
        return tuple(
            Account(
                venue=venue,
                environment=places[venue] if paper else self.environments[venue],
                key=key.reveal(),
            )
            for venue, key in keys.items()
        )


def reach(start: Start) -> Reach:
    """Where this run trades. Raises CommandFailed when the paper venues did not start."""
    if start.venues is None:
        venues = start.loaded.config.venues
        return Reach(
            grvt=endpoints_of(venues.grvt.environment),
            backpack_api=venues.backpack.api_url,
            backpack_ws=venues.backpack.ws_url,
            # Backpack has no other: a host of another name is a way to the same exchange.
            environments={GRVT: venues.grvt.environment, BACKPACK: "prod"},
            secrets=start.secrets,
        )
    grvt, backpack = start.venues.places.grvt, start.venues.places.backpack
    account, keys = grvt.accounts[0], backpack.accounts[0]
    return Reach(
        grvt=Endpoints(
            edge=grvt.edge,
            trades=grvt.trades,
            market_data=grvt.market_data,
            chain_id=grvt.chain_id,
        ),
        backpack_api=backpack.api,
        backpack_ws=backpack.ws,
        environments={GRVT: _PAPER, BACKPACK: _PAPER},
        secrets={
            "GRVT_API_KEY": Secret(account.api_key),
            "GRVT_PRIVATE_KEY": Secret(account.private_key),
            "GRVT_TRADING_ACCOUNT_ID": Secret(account.sub_account_id),
            "BACKPACK_PUBLIC_KEY": Secret(keys.public_key),
            "BACKPACK_SECRET_KEY": Secret(keys.secret_key),
        },
    )


def grvt_access(
    settings: Settings, reach: Reach, instruments: Mapping[str, Instrument]
) -> GrvtAccess:
    """What GRVT's actors need."""
    return GrvtAccess(
        endpoints=reach.grvt,
        api_key=reach.secrets["GRVT_API_KEY"],
        sub_account_id=int(reach.secrets["GRVT_TRADING_ACCOUNT_ID"].reveal()),
        signer=OrderSigner(reach.secrets["GRVT_PRIVATE_KEY"].reveal(), reach.grvt.chain_id),
        instruments=instruments,
        connection=settings.venues.grvt.connection,
        gate=RequestGate(settings.venues.grvt.rate),
    )


def backpack_access(
    settings: Settings, reach: Reach, instruments: Mapping[str, Instrument]
) -> BackpackAccess:
    """What Backpack's actors need."""
    return BackpackAccess(
        api_url=reach.backpack_api,
        ws_url=reach.backpack_ws,
        requests=RequestBuilder(
            reach.secrets["BACKPACK_PUBLIC_KEY"].reveal(),
            reach.secrets["BACKPACK_SECRET_KEY"].reveal(),
            order_window_ms=settings.venues.backpack.window_ms,
        ),
        instruments=instruments,
        connection=settings.venues.backpack.connection,
        gate=RequestGate(settings.venues.backpack.rate),
    )
