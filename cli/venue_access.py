"""How this run reaches the venues: where they are, which account trades there, with which keys."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.access import BackpackAccess, GrvtAccess
from actors.request_limiter import RequestLimiter
from cli.accounts import Account
from cli.settings import Settings
from cli.start import Start
from config.secrets import Secret
from venues.backpack.requests import RequestBuilder
from venues.grvt import Endpoints, OrderSigner
from venues.grvt.endpoints import endpoints_of
from venues.model import BACKPACK, GRVT, Instrument

_PAPER = "paper"


class VenueAccess(msgspec.Struct, frozen=True, kw_only=True):
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


def venue_access(start: Start) -> VenueAccess:
    """Where this run trades. Raises CommandFailed when the paper venues did not start."""
    if start.venues is None:
        venues = start.loaded.config.venues
        return VenueAccess(
            grvt=endpoints_of(venues.grvt.environment),
            backpack_api=venues.backpack.api_url,
            backpack_ws=venues.backpack.ws_url,
            # Backpack has no other: a host of another name is a way to the same exchange.
            environments={GRVT: venues.grvt.environment, BACKPACK: "prod"},
            secrets=start.secrets,
        )
    grvt, backpack = start.venues.places.grvt, start.venues.places.backpack
    account, keys = grvt.accounts[0], backpack.accounts[0]
    return VenueAccess(
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
    settings: Settings, access: VenueAccess, instruments: Mapping[str, Instrument]
) -> GrvtAccess:
    """What GRVT's actors need."""
    return GrvtAccess(
        endpoints=access.grvt,
        api_key=access.secrets["GRVT_API_KEY"],
        sub_account_id=int(access.secrets["GRVT_TRADING_ACCOUNT_ID"].reveal()),
        signer=OrderSigner(access.secrets["GRVT_PRIVATE_KEY"].reveal(), access.grvt.chain_id),
        instruments=instruments,
        connection=settings.venues.grvt.connection,
        limiter=RequestLimiter(settings.venues.grvt.rate),
    )


def backpack_access(
    settings: Settings, access: VenueAccess, instruments: Mapping[str, Instrument]
) -> BackpackAccess:
    """What Backpack's actors need."""
    return BackpackAccess(
        api_url=access.backpack_api,
        ws_url=access.backpack_ws,
        requests=RequestBuilder(
            access.secrets["BACKPACK_PUBLIC_KEY"].reveal(),
            access.secrets["BACKPACK_SECRET_KEY"].reveal(),
            order_window_ms=settings.venues.backpack.window_ms,
        ),
        instruments=instruments,
        connection=settings.venues.backpack.connection,
        limiter=RequestLimiter(settings.venues.backpack.rate),
    )
