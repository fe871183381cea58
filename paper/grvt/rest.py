"""GRVT's HTTP side: login, the API routes, the clock, and the handshakes of the websockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from paper.grvt.refusals import GrvtRefusal
from paper.grvt.routes import Routes
from paper.grvt.sessions import Sessions
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.orders import SessionLedger
from venues.grvt import errors
from venues.grvt.codec import encode
from venues.grvt.requests import Login
from venues.grvt.rest import ACCOUNT_HEADER
from venues.model import GRVT

API_PREFIX = "/full/v1/"
_JSON = "application/json"

Authenticate = Callable[[web.Request], GrvtAccount | None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _LoggedIn(msgspec.Struct, frozen=True, kw_only=True):
    status: str = "success"
    location: str = ""
    funding_account_address: str
    sub_account_id: str


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=encode(body), status=status, content_type=_JSON)


def refused(error: GrvtRefusal) -> web.Response:
    """GRVT's error object with its HTTP status."""
    return answer(error.body, error.status)


async def read_body(request: web.Request) -> bytes:
    """The body of a POST; GrvtRefusal 1003 without the JSON content type."""
    if request.content_type != _JSON:
        raise GrvtRefusal(errors.MALFORMED, f"Content-Type is not {_JSON}")
    return await request.read()


class ApiHandler:
    """``POST /full/v1/{route}`` of one host."""

    def __init__(self, routes: Routes, authenticate: Authenticate, settings: GrvtSettings) -> None:
        self._routes = routes
        self._authenticate = authenticate
        self._latency_s = settings.latency_s

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request; work that the answer promises is done right before or after it."""
        await asyncio.sleep(self._latency_s)
        try:
            account = self._authenticate(request)
            body = await read_body(request)
            served = self._routes.call(request.match_info["route"], body, account)
        except GrvtRefusal as error:
            response = refused(error)
        else:
            if served.work is not None and served.work_first:
                served.work()
            elif served.work is not None:
                asyncio.get_running_loop().call_soon(served.work)
            response = answer(served.result)
        await asyncio.sleep(self._latency_s)
        return response


class LoginHandler:
    """``POST /auth/api_key/login``."""

    def __init__(self, sessions: Sessions, ledger: SessionLedger, settings: GrvtSettings) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._latency_s = settings.latency_s

    async def serve(self, request: web.Request) -> web.Response:
        """Hand out a cookie, or refuse."""
        await asyncio.sleep(2 * self._latency_s)
        try:
            body = await read_body(request)
            session = self._sessions.login(_login(body).api_key)
        except GrvtRefusal as error:
            self._ledger.logged_in(GRVT, "", False)
            return refused(error)
        account = session.account
        self._ledger.logged_in(GRVT, account.name, True)
        response = answer(
            _LoggedIn(
                funding_account_address=account.signer.lower(),
                sub_account_id=str(account.sub_account_id),
            )
        )
        response.headers["Set-Cookie"] = session.set_cookie
        response.headers[ACCOUNT_HEADER] = account.account_id
        return response


def _login(body: bytes) -> Login:
    try:
        return msgspec.json.decode(body, type=Login)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Not with the decoder's words: the body holds a key.
        raise GrvtRefusal(errors.MALFORMED) from None
