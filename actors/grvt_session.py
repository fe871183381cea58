"""GRVT's login: one session cookie, renewed at half of its life, or when somebody was refused.

A renewal that can't be had is tried again at half of what is left: the old session still works,
and failing this actor would take the trading connection down with it.
"""

from __future__ import annotations

import time
from typing import Final

import msgspec

from actors.access import GrvtAccess
from actors.errors import ConnectionFailed
from actors.http import HttpAnswer, HttpClient
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind
from supervision.timers import Timer
from venues.errors import FrameError, SessionRefused, VenueRefused
from venues.grvt import OutcomeUnknown, Session, rest
from venues.model import GRVT

_SECOND_NS: Final = 1_000_000_000
_SHORTEST_RENEWAL_S: Final = 5.0
_SERVER_ERROR: Final = 500


class GetSession(msgspec.Struct, frozen=True):
    """Ask: the present login. Answered with a venues.grvt.Session."""


class RenewSession(msgspec.Struct, frozen=True):
    """Log in again: at half life (None), or because the venue ``refused`` this session."""

    refused: Session | None = None


class GrvtSession(SupervisedActor):
    """Owns the login. The old session stays until the new one is there."""

    def __init__(self, context: ActorContext, access: GrvtAccess) -> None:
        super().__init__(context)
        self._access = access
        self._http: HttpClient | None = None
        self._session: Session | None = None
        self._renewal: Timer | None = None

    def on_start(self) -> None:
        timing = self._access.connection
        self._http = HttpClient(
            self.name,
            self._access.endpoints.edge,
            connect_timeout_s=timing.connect_timeout_s,
            read_timeout_s=timing.read_timeout_s,
        )
        self._log_in()
        self.report_ready()

    def on_message(self, message: object) -> object:
        if isinstance(message, GetSession):
            return self._session
        if isinstance(message, RenewSession):
            if message.refused is None:
                self._renew()
            elif message.refused == self._session:
                self._log_in()
            return None
        return super().on_message(message)

    def on_interrupt(self) -> None:
        if self._http is not None:
            self._http.abort()

    def on_exit(self, kind: ExitKind) -> None:
        if self._http is not None:
            self._http.close()

    def _renew(self) -> None:
        try:
            self._log_in()
        except (ConnectionFailed, FrameError, OutcomeUnknown, VenueRefused) as error:
            left_s = self._left_s()
            if left_s < _SHORTEST_RENEWAL_S:
                raise
            self.log.warning("session not renewed, {:.0f} s left: {}", left_s, error)
            self.report_health(False, f"session not renewed: {error}")
            self._renew_later(left_s)
        else:
            self.report_health(True)

    def _left_s(self) -> float:
        return 0.0 if self._session is None else _seconds_until(self._session.expires_ns)

    def _log_in(self) -> None:
        assert self._http is not None
        request = rest.login(self._access.api_key.reveal())
        answer = self._http.request("POST", request.path, request.headers, request.body)
        self._session = _session_of(answer)
        left_s = self._left_s()
        self.log.info("logged in, session ends in {:.0f} s", left_s)
        self._renew_later(left_s)

    def _renew_later(self, left_s: float) -> None:
        """Renew at half of what is left; there is one renewal to come, whoever asked for it."""
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = self.after(max(_SHORTEST_RENEWAL_S, left_s / 2), RenewSession())


def _session_of(answer: HttpAnswer) -> Session:
    """The session of a login's answer.

    Raises SessionRefused, which ends this actor for good, only when the venue itself says that it
    does not know us. Maintenance (503, code 1009), a gateway's page and a success without a cookie
    pass by themselves: VenueRefused, FrameError or OutcomeUnknown.
    """
    try:
        return rest.parse_login(answer.status, answer.headers, answer.body)
    except SessionRefused as error:
        if error.code and answer.status < _SERVER_ERROR:
            raise
        raise VenueRefused(GRVT, error.code or f"HTTP {answer.status}", error.text) from error


def _seconds_until(moment_ns: int) -> float:
    return (moment_ns - time.time_ns()) / _SECOND_NS
