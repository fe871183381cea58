"""The exchange's refusals, as raised by the front-end's handlers and written to the wire."""

from __future__ import annotations

import msgspec
from aiohttp import web

from paper.orders import Reason, Refused
from venues.backpack.frames import ErrorBody

_CODES = {
    Reason.UNKNOWN_INSTRUMENT: ("INVALID_SYMBOL", "Invalid symbol"),
    Reason.PRICE_TICK: ("INVALID_PRICE", "Price decimal too long"),
    Reason.PRICE_BAND: ("INVALID_PRICE", "Price is out of bounds"),
    Reason.SIZE_MIN: ("INVALID_QUANTITY", "Quantity is below the minimum order size"),
    Reason.SIZE_STEP: ("INVALID_QUANTITY", "Quantity decimal too long"),
    Reason.DUPLICATE_CLIENT_ID: ("INVALID_CLIENT_REQUEST", "Duplicate client id"),
    Reason.MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    Reason.POSITION_LIMIT: ("POSITION_LIMIT", "Position limit exceeded"),
    Reason.OPEN_ORDER_LIMIT: ("ORDER_LIMIT", "Too many open orders"),
    Reason.POST_ONLY: ("INVALID_ORDER", "Order would immediately match and take."),
    Reason.REDUCE_ONLY: ("INVALID_ORDER", "Reduce only order not reduced"),
    Reason.REDUCE_TOO_LARGE: ("INVALID_ORDER", "Reduce only order not reduced"),
}


class ApiError(Exception):
    """A refusal with the exchange's code; becomes the error object."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(status, code, text)
        self.status = status
        self.code = code
        self.text = text

    @property
    def body(self) -> ErrorBody:
        """As the error object of the wire."""
        return ErrorBody(code=self.code, message=self.text)


class BodyError(Exception):
    """A body that cannot be parsed: the exchange answers it in plain text."""


def refusal(refused: Refused) -> ApiError:
    """The engine's refusal in the exchange's words."""
    fallback = ("INVALID_ORDER", refused.reason.value)
    code, text = _CODES.get(refused.reason, fallback)
    return ApiError(400, code, text)


def invalid(text: str, code: str = "INVALID_CLIENT_REQUEST") -> ApiError:
    """A request that makes no sense."""
    return ApiError(400, code, text)


def not_found(status: int = 404, text: str = "Not Found") -> ApiError:
    """No such thing, or no such order any more."""
    return ApiError(status, "RESOURCE_NOT_FOUND", text)


def json_response(payload: object, status: int = 200) -> web.Response:
    """``payload`` as the exchange sends JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(payload),
        content_type="application/json",
        charset="utf-8",
    )


def error_response(error: ApiError) -> web.Response:
    """The error object."""
    return json_response(error.body, error.status)
