"""GRVT over REST: what to post where, and what the answers say. No HTTP client in here.

Orders normally go over the websocket; REST serves login, instruments, and as the other way to the
venue when the socket is down. The same ``Call`` goes either way, and ``parse_reply`` gives the same
``Reply``, for the same functions of ``reading``.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from venues.errors import FrameError, SessionRefused
from venues.grvt.codec import Reply, decode_as, encode
from venues.grvt.errors import RpcError
from venues.grvt.requests import Call, Login
from venues.model import GRVT

LOGIN_PATH: Final = "/auth/api_key/login"
TIME_PATH: Final = "/time"
COOKIE_NAME: Final = "gravity"
ACCOUNT_HEADER: Final = "X-Grvt-Account-Id"
JSON_HEADERS: Final = {"Content-Type": "application/json"}

Headers = Iterable[tuple[str, str]]


class RestRequest(msgspec.Struct, frozen=True):
    """A POST: path on its host, JSON body, and headers besides the session's."""

    path: str
    body: bytes

    def __repr__(self) -> str:
        return f"RestRequest({self.path!r}, {len(self.body)} bytes)"

    @property
    def headers(self) -> dict[str, str]:
        """GRVT answers 1003 without the content type."""
        return dict(JSON_HEADERS)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A login. ``expires_ns`` is UTC unix nanoseconds; the cookie is a secret."""

    cookie: str
    account_id: str
    expires_ns: int

    def __repr__(self) -> str:
        return f"Session(expires_ns={self.expires_ns})"

    @property
    def headers(self) -> dict[str, str]:
        """What every private request and the handshake of a private socket carry."""
        return {"Cookie": f"{COOKIE_NAME}={self.cookie}", ACCOUNT_HEADER: self.account_id}


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    result: Raw | UnsetType = UNSET
    code: int | UnsetType = UNSET
    message: str | None = None
    status: int | str | None = None
    request_id: str | int | None = None


class _Time(msgspec.Struct, frozen=True):
    server_time: int


_BODIES: Final = msgspec.json.Decoder(_Body)
_TIMES: Final = msgspec.json.Decoder(_Time)


def post(call: Call) -> RestRequest:
    """A call as a REST request (full field names)."""
    return RestRequest(f"/full/v1/{call.route}", encode(call.body))


def login(api_key: str) -> RestRequest:
    """The login by API key, on the edge host. Its body holds the key: never log it."""
    return RestRequest(LOGIN_PATH, encode(Login(api_key=api_key)))


def parse_reply(status: int, body: bytes, route: str) -> Reply:
    """The answer to a posted call.

    A body with ``code`` and no ``result`` is an error whatever the HTTP status. Raises FrameError
    for what is not GRVT's JSON: a gateway's HTML page, an empty body, a cut one.
    """
    place = f"{route} (HTTP {status})"
    parsed = decode_as(_BODIES.decode, body, place)
    if not isinstance(parsed.result, UnsetType) and status < 400:
        return Reply(request_id=None, method=route, result=Raw(body))
    if not isinstance(parsed.code, UnsetType):
        error = RpcError(parsed.code, parsed.message or "", status)
        return Reply(request_id=None, method=route, error=error)
    raise FrameError(GRVT, place, "neither a result nor an error", body)


def is_error_object(body: bytes) -> bool:
    """True for a body in the venue's own words, and not a gateway's."""
    try:
        return not isinstance(_BODIES.decode(body).code, UnsetType)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def parse_login(status: int, headers: Headers, body: bytes) -> Session:
    """The session that a login has opened.

    What counts is the cookie, not the status alone. Raises SessionRefused when the venue says no
    (4xx with or without its error object, or no cookie), OutcomeUnknown for its rate limit and
    internal errors, FrameError when nothing can be made of the answer (a gateway's page on 5xx, an
    unreadable expiry). None of them shows the cookie.
    """
    fields = list(headers)
    cookies = [value for name, value in fields if name.lower() == "set-cookie"]
    account = next((value for name, value in fields if name.lower() == ACCOUNT_HEADER.lower()), "")
    if status >= 400 or not cookies:
        raise _login_refused(status, body)
    for text in cookies:
        session = _session(text, account)
        if session is not None:
            return session
    raise SessionRefused(GRVT, status, "", f"no cookie named {COOKIE_NAME}")


def parse_time(status: int, body: bytes) -> int:
    """The venue's clock from ``GET /time`` (market-data host), in UTC unix milliseconds."""
    return decode_as(_TIMES.decode, body, f"time (HTTP {status})").server_time


def _login_refused(status: int, body: bytes) -> Exception:
    try:
        parsed = _BODIES.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        parsed = _Body()
    if not isinstance(parsed.code, UnsetType):
        error = RpcError(parsed.code, parsed.message or "", status)
        if error.outcome.definite:
            return SessionRefused(GRVT, status, str(error.code), error.message)
        return error.exception()
    if 400 <= status < 500 or status == 200:
        return SessionRefused(GRVT, status, "", "no cookie in the answer")
    return FrameError(GRVT, f"login (HTTP {status})", "no answer of GRVT's", body)


def _session(text: str, account: str) -> Session | None:
    cookie = SimpleCookie()
    try:
        cookie.load(text)
    except CookieError:
        return None
    morsel = cookie.get(COOKIE_NAME)
    if morsel is None or not morsel.value:
        return None
    if not account:
        raise FrameError(GRVT, "login", f"no {ACCOUNT_HEADER} header")
    return Session(
        cookie=morsel.value, account_id=account, expires_ns=_expiry_ns(morsel["expires"])
    )


def _expiry_ns(text: str) -> int:
    """``Expires`` of the cookie: RFC 1123, always UTC whatever this machine's zone is."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        raise FrameError(GRVT, "login", f"cookie expiry {text!r}") from None
    return int(moment.timestamp()) * 1_000_000_000
