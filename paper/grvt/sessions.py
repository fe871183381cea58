"""Logins by API key: cookies, who is behind one, and when it stops working."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec

from paper.grvt.refusals import GrvtRefusal
from paper.grvt.settings import GrvtAccount
from venues.grvt.errors import NOT_AUTHENTICATED
from venues.grvt.rest import ACCOUNT_HEADER, COOKIE_NAME

_NS: Final = 1_000_000_000


class PaperSession(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie that was handed out."""

    cookie: str
    account: GrvtAccount
    expires_ns: int

    @property
    def set_cookie(self) -> str:
        """The Set-Cookie header: RFC 1123 expiry, and no Secure, since loopback is plain HTTP."""
        expires = formatdate(self.expires_ns // _NS, usegmt=True)
        return f"{COOKIE_NAME}={self.cookie}; Path=/; Expires={expires}; HttpOnly; SameSite=Lax"


class Sessions:
    """Every cookie in force. ``now_ns`` is the venue's UTC clock; loop thread only."""

    def __init__(
        self,
        accounts: Sequence[GrvtAccount],
        *,
        session_s: float,
        login_ends_older: bool,
        seed: int,
        now_ns: Callable[[], int],
    ) -> None:
        self._accounts = {account.api_key: account for account in accounts}
        self._session_ns = int(session_s * _NS)
        self._login_ends_older = login_ends_older
        self._seed = seed
        self._now_ns = now_ns
        self._issued = 0
        self._live: dict[str, PaperSession] = {}

    def login(self, api_key: str) -> PaperSession:
        """A new cookie for the owner of this key; GrvtRefusal 1000 when there is none."""
        account = self._accounts.get(api_key)
        if account is None:
            raise GrvtRefusal(NOT_AUTHENTICATED, "unknown API key")
        if self._login_ends_older:
            self.end(account.name)
        self._forget_expired()
        self._issued += 1
        text = f"{self._seed} {self._issued} {account.name} {self._now_ns()}"
        session = PaperSession(
            cookie=hashlib.blake2b(text.encode(), digest_size=24).hexdigest(),
            account=account,
            # Cookies expire on whole seconds, because their date has no more.
            expires_ns=(self._now_ns() + self._session_ns) // _NS * _NS,
        )
        self._live[session.cookie] = session
        return session

    def end(self, account: str) -> None:
        """Void every cookie of an account at once (what an expiry in mid-session looks like)."""
        self._live = {
            cookie: session
            for cookie, session in self._live.items()
            if session.account.name != account
        }

    def _forget_expired(self) -> None:
        now_ns = self._now_ns()
        self._live = {
            cookie: session for cookie, session in self._live.items() if session.expires_ns > now_ns
        }

    def authenticate(self, headers: Mapping[str, str], query: Mapping[str, str]) -> PaperSession:
        """Who sent this request; GrvtRefusal 1000 without a live cookie and its account id.

        The account id may be in the query where a client cannot set headers on a handshake.
        """
        session = self._live.get(_cookie(headers.get("Cookie", "")))
        if session is None or session.expires_ns <= self._now_ns():
            raise GrvtRefusal(NOT_AUTHENTICATED)
        account_id = headers.get(ACCOUNT_HEADER) or query.get("x_grvt_account_id", "")
        if account_id != session.account.account_id:
            raise GrvtRefusal(NOT_AUTHENTICATED, f"{ACCOUNT_HEADER} is not the cookie's")
        return session


def _cookie(header: str) -> str:
    jar = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return ""
    morsel = jar.get(COOKIE_NAME)
    return "" if morsel is None else morsel.value
