"""How GRVT says no: its error codes, for what the engine and the checks of an order refuse."""

from __future__ import annotations

from typing import Final

import msgspec

from paper.orders import Reason
from venues.errors import FrameError
from venues.grvt import errors
from venues.grvt.errors import CODES
from venues.grvt.numbers import IntText, to_int
from venues.model import Side

STREAM_UNKNOWN: Final = 3001

_REASON_CODES: Final = {
    Reason.UNKNOWN_INSTRUMENT: errors.INSTRUMENT_UNSUPPORTED,
    Reason.PRICE_TICK: errors.PRICE_TICK,
    Reason.PRICE_BAND: errors.PRE_ORDER_CHECK,
    Reason.SIZE_MIN: errors.BELOW_MIN_SIZE,
    Reason.SIZE_STEP: errors.SIZE_GRANULARITY,
    Reason.NOTIONAL_MIN: errors.BELOW_MIN_NOTIONAL,
    Reason.MARGIN: errors.MARGIN,
    Reason.POSITION_LIMIT: errors.MAX_POSITION,
    Reason.OPEN_ORDER_LIMIT: errors.TOO_MANY_ORDERS,
    Reason.DUPLICATE_CLIENT_ID: errors.CLIENT_ID_ACTIVE,
    Reason.REDUCE_TOO_LARGE: errors.REDUCE_TOO_LARGE,
}

_REASON_TEXTS: Final = {
    Reason.NONE: "UNSPECIFIED",
    Reason.CLIENT_CANCEL: "CLIENT_CANCEL",
    Reason.CLIENT_CANCEL_ALL: "CLIENT_BULK_CANCEL",
    Reason.DISCONNECT_COUNTDOWN: "CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED",
    Reason.IOC: "IOC_CANCEL",
    Reason.FOK: "FOK_CANCEL",
    Reason.EXPIRED: "EXPIRED",
    Reason.POST_ONLY: "FAIL_POST_ONLY",
    Reason.REDUCE_ONLY: "FAIL_REDUCE_ONLY",
    Reason.SELF_TRADE: "SELF_TRADE_PROTECTION",
    Reason.MARGIN: "BELOW_MARGIN",
    Reason.POSITION_LIMIT: "EXCEED_MAX_POSITION_SIZE",
    Reason.OPEN_ORDER_LIMIT: "TOO_MANY_MAKER_ORDERS",
    Reason.UNKNOWN_INSTRUMENT: "INSTRUMENT_INVALID",
    Reason.DUPLICATE_CLIENT_ID: "OVERLAPPING_CLIENT_ORDER_ID",
    Reason.LIQUIDATION: "LIQUIDATION",
    Reason.ADL: "LIQUIDATION",
    Reason.REDUCE_ONLY_LIMIT: "REDUCE_ONLY_LIMIT",
    Reason.SELF_MATCHED: "SELF_MATCHED_SUBACCOUNT",
    Reason.MARKET: "MARKET_CANCEL",
    Reason.MAKER_LIMIT: "TOO_MANY_MAKER_ORDERS",
    Reason.SLIPPAGE: "IOC_CANCEL",
    Reason.PRICE_IMPACT: "IOC_CANCEL",
    Reason.PRICE_BAND: "TRADE_PRICE_WORSE_THAN_BANKRUPTCY_PRICE",
}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """GRVT's error object over REST and on the legacy socket."""

    code: int
    message: str
    status: int


class RpcErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """GRVT's error object in a JSON-RPC reply."""

    code: int
    message: str


class GrvtRefusal(Exception):
    """A request that is answered with one of GRVT's codes. Raised by everything in this room."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        row = CODES.get(self.code)
        return 400 if row is None else row.status

    @property
    def text(self) -> str:
        """GRVT's text for the code, and what exactly was wrong where that is known."""
        row = CODES.get(self.code)
        text = "Stream is invalid" if row is None else row.text
        return f"{text}: {self.detail}" if self.detail else text

    @property
    def body(self) -> ErrorBody:
        """The answer over REST."""
        return ErrorBody(code=self.code, message=self.text, status=self.status)

    @property
    def rpc_body(self) -> RpcErrorBody:
        """The answer in a JSON-RPC reply."""
        return RpcErrorBody(code=self.code, message=self.text)


def refusal(reason: Reason, detail: str, side: Side, position_side: Side | None) -> GrvtRefusal:
    """The synchronous refusal for what the engine says of a new order of ``side``."""
    if reason is Reason.REDUCE_ONLY:
        increases = position_side is side
        return GrvtRefusal(
            errors.REDUCE_WOULD_INCREASE if increases else errors.REDUCE_NO_POSITION, detail
        )
    return GrvtRefusal(_REASON_CODES.get(reason, errors.PRE_ORDER_CHECK), detail)


def reject_reason(reason: Reason) -> str:
    """``reject_reason`` of an order that ended for this."""
    return _REASON_TEXTS.get(reason, "UNSPECIFIED")


def integer(value: IntText) -> int:
    """A number of a request. Raises GrvtRefusal for a text that is none."""
    try:
        return to_int(value, "request")
    except FrameError as error:
        raise GrvtRefusal(errors.MALFORMED, error.reason) from None
