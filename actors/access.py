"""What the actors of a venue need to reach it: addresses, credentials, deadlines, instruments."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from actors.login_budget import LoginBudget
from actors.request_limiter import RequestLimiter
from config.schema import ConnectionConfig
from config.secrets import Secret
from venues.backpack.requests import RequestBuilder
from venues.clock import VenueClock
from venues.grvt import Endpoints, OrderSigner
from venues.model import BACKPACK, GRVT, Instrument


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrvtAccess:
    """GRVT: hosts, the API key, the sub account that trades, and the key that signs for it.

    The session actor keeps ``clock``, the trading actor dates its signatures with it. ``logins``
    are counted over all lives of the session actor, all requests of the account by ``limiter``.
    """

    endpoints: Endpoints
    api_key: Secret
    sub_account_id: int
    signer: OrderSigner
    instruments: Mapping[str, Instrument]
    connection: ConnectionConfig
    clock: VenueClock = dataclasses.field(default_factory=lambda: VenueClock(GRVT))
    logins: LoginBudget = dataclasses.field(default_factory=LoginBudget)
    limiter: RequestLimiter = dataclasses.field(default_factory=RequestLimiter)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackpackAccess:
    """Backpack: hosts, and the builder that signs requests with the account's key.

    The rest actor keeps ``clock``. Requests of the account are counted by ``limiter``.
    """

    api_url: str
    ws_url: str
    requests: RequestBuilder
    instruments: Mapping[str, Instrument]
    connection: ConnectionConfig
    clock: VenueClock = dataclasses.field(default_factory=lambda: VenueClock(BACKPACK))
    limiter: RequestLimiter = dataclasses.field(default_factory=RequestLimiter)
