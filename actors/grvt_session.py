"""GRVT's login: one session cookie, renewed at half of its life, or when somebody was refused.

A renewal that can't be had, or is refused, is tried again at half of what is left: the old session
still works, and failing this actor would take the trading connection down with it. A
``LoginBudget`` says when the next login may be asked for: too many would be a ban.

It also keeps the venue's clock: from ``GET /time`` at its start, once a minute, and when an order
was refused for its time; or, when that can't be had, from the Date of the login's answer.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from actors import orders
from actors.access import GrvtAccess
from actors.errors import ConnectionFailed, ConnectRefused
from actors.http import HttpAnswer, HttpClient
from supervision.actor import ActorContext, SupervisedActor
from supervision.directory import parent_path
from supervision.states import ExitKind
from supervision.timers import Timer
from venues.errors import FrameError, SessionRefused, VenueError, VenueRefused
from venues.grvt import OutcomeUnknown, Session, rest
from venues.model import GRVT

_SECOND_NS: Final = 1_000_000_000
_SHORTEST_RENEWAL_S: Final = 5.0
_SERVER_ERROR: Final = 500
_MINUTE_S: Final = 60.0
_TROUBLED_S: Final = 5.0  # nothing is opened while the clocks differ
_WINDOW_S: Final = 2.0  # orders are dated by the venue's clock: ours may be off by half of this
_MOST_LOGIN_WAIT_S: Final = 9.0  # a start may take so much longer and still be in time
_CLOCK_TIMEOUT_S: Final = 1.0  # a session is asked for meanwhile
_MS_NS: Final = 1_000_000


class GetSession(msgspec.Struct, frozen=True):
    """Ask: the present login. Answered with a venues.grvt.Session."""


class RenewSession(msgspec.Struct, frozen=True):
    """Log in again: at half life (None), or because the venue ``refused`` this session."""

    refused: Session | None = None


class FirstLogin(msgspec.Struct, frozen=True):
    """The login that this life begins with may be asked for now."""


class MeasureClock(msgspec.Struct, frozen=True):
    """Compare the venue's clock with ours: it is time to (None), or an order written at
    ``refused_s`` (monotonic) was refused for its time."""

    refused_s: float | None = None


class GrvtSession(SupervisedActor):
    """Owns the login. The old session stays until the new one is there."""

    def __init__(self, context: ActorContext, access: GrvtAccess) -> None:
        super().__init__(context)
        self._access = access
        self._http: HttpClient | None = None
        self._session: Session | None = None
        self._renewal: Timer | None = None
        self._time_host: HttpClient | None = None
        self._measured_s = float("-inf")
        self._next_measure: Timer | None = None
        self._stalls_noticed = self.stalls()
        self._clock_said = ("", "")  # in the log, so that an outage fills it with nothing new
        self._orders = self.address(f"{parent_path(context.name)}/orders")

    def on_start(self) -> None:
        timing = self._access.connection
        self._http = HttpClient(
            self.name,
            self._access.endpoints.edge,
            connect_timeout_s=timing.connect_timeout_s,
            read_timeout_s=timing.read_timeout_s,
        )
        self._time_host = HttpClient(
            self.name,
            self._access.endpoints.market_data,
            connect_timeout_s=_CLOCK_TIMEOUT_S,
            read_timeout_s=_CLOCK_TIMEOUT_S,
        )
        if self._take_over():
            return
        wait_s = self._login_wait_s()
        if wait_s > _MOST_LOGIN_WAIT_S:
            raise ConnectRefused(self.name, f"the next login is due in {wait_s:.0f} s")
        if wait_s > 0:
            self.after(wait_s, FirstLogin())
        else:
            self._begin()

    def on_message(self, message: object) -> object:
        if isinstance(message, GetSession):
            self._notice_stall()
            return self._session
        if isinstance(message, RenewSession):
            if message.refused is None:
                self._renew()
            elif message.refused == self._session:
                self._replace(message)
            return None
        if isinstance(message, FirstLogin):
            self._begin()
            return None
        if isinstance(message, MeasureClock):
            if message.refused_s is None or message.refused_s > self._measured_s:
                self._measure_clock()
            return None
        return super().on_message(message)

    def on_interrupt(self) -> None:
        for client in (self._http, self._time_host):
            if client is not None:
                client.abort()

    def on_exit(self, kind: ExitKind) -> None:
        for client in (self._http, self._time_host):
            if client is not None:
                client.close()

    def _take_over(self) -> bool:
        """Go on with the login of our last life, if the venue has not refused it."""
        self._session = self._access.logins.session
        left_s = self._left_s()
        if left_s < 2 * _SHORTEST_RENEWAL_S:
            return False
        self._renew_later(left_s)
        self._measure_clock()
        self.report_ready()
        return True

    def _begin(self) -> None:
        self._log_in()
        self._measure_clock()
        self.report_ready()

    def _replace(self, message: RenewSession) -> None:
        """The venue refused the session: log in anew, now or when there is a login to spare."""
        self._access.logins.refused()
        wait_s = self._login_wait_s()
        if wait_s > 0:
            self.log.warning("session refused; the next login is due in {:.0f} s", wait_s)
            self.after(wait_s, message)
        else:
            self._log_in()

    def _login_wait_s(self) -> float:
        return self._access.logins.wait_s(self.clock.now())

    def _renew(self) -> None:
        try:
            self._log_in()
        except (ConnectionFailed, VenueError, OutcomeUnknown) as error:
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
        asked_s = self.clock.now()
        self._access.limiter.enter(self.name, asked_s)
        login = self._access.logins.asked(asked_s)
        try:
            answer = self._http.request("POST", request.path, request.headers, request.body)
        except ConnectRefused:
            self._access.logins.not_sent(login)
            raise
        self._note_date(answer, asked_s)
        self._session = _session_of(answer)
        self._access.logins.granted(self._session)
        left_s = self._left_s()
        self.log.info("logged in, session ends in {:.0f} s", left_s)
        self._renew_later(left_s)

    def _renew_later(self, left_s: float) -> None:
        """Renew at half of what is left; there is one renewal to come, whoever asked for it."""
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = self.after(max(_SHORTEST_RENEWAL_S, left_s / 2), RenewSession())

    # -- the venue's clock -------------------------------------------------------------------------

    def _note_date(self, answer: HttpAnswer, asked_s: float) -> None:
        """The Date of an answer, if it has one: whole seconds, so the middle of that second."""
        text = next((value for name, value in answer.headers if name.lower() == "date"), "")
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError):
            self.log.debug("no Date in the answer to a login")
            return
        middle_ns = int(moment.timestamp()) * _SECOND_NS + _SECOND_NS // 2
        self._access.clock.measured(middle_ns, asked_s, self.clock.now(), blur_s=0.5)

    def _notice_stall(self) -> None:
        """Whoever sends anything after a stall asks for the login first: the clock is read anew."""
        if (stalls := self.stalls()) != self._stalls_noticed:
            self._stalls_noticed = stalls
            self._access.clock.forget()
            self.tell_self(MeasureClock())

    def _measure_clock(self) -> None:
        """Ask for the time, and say what is wrong with ours. Never ends this actor."""
        assert self._time_host is not None
        asked_s = self._measured_s = self.clock.now()
        unread = ""
        try:
            answer = self._time_host.request("GET", rest.TIME_PATH, {})
            venue_ns = rest.parse_time(answer.status, answer.body) * _MS_NS
        except (ConnectionFailed, FrameError) as error:
            unread = f"could not read the venue's time: {error}"
        else:
            self._access.clock.measured(venue_ns, asked_s, self.clock.now())
        window_s = max(_WINDOW_S, self._access.connection.expiry_s)
        trouble = self._access.clock.trouble(time.time_ns(), self.clock.now(), window_s)
        said, self._clock_said = self._clock_said, (unread, trouble)
        if unread and not said[0]:
            self.log.warning("{}", unread)
        if trouble and trouble != said[1]:
            self.log.warning("nothing new is opened: {}", trouble)
        self._orders.offer(orders.ClockChecked(trouble))
        if self._next_measure is not None:
            self._next_measure.cancel()
        self._next_measure = self.after(_TROUBLED_S if trouble else _MINUTE_S, MeasureClock())


def _session_of(answer: HttpAnswer) -> Session:
    """The session of a login's answer.

    Raises SessionRefused, which ends this actor for good unless an older session still works, only
    when the venue itself says that it does not know us. Maintenance (503, code 1009), a gateway's
    page and a success without a cookie pass by themselves: VenueRefused, FrameError or
    OutcomeUnknown.
    """
    try:
        return rest.parse_login(answer.status, answer.headers, answer.body)
    except SessionRefused as error:
        if error.code and answer.status < _SERVER_ERROR:
            raise
        raise VenueRefused(GRVT, error.code or f"HTTP {answer.status}", error.text) from error


def _seconds_until(moment_ns: int) -> float:
    return (moment_ns - time.time_ns()) / _SECOND_NS
