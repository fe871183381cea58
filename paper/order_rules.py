"""Orders that meet a venue's rules on request: refused, cut short, executed in many pieces."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeVar

from paper.book import OrderBook, Working
from paper.faults import Deny, Faults, OrderRule, Shatter
from paper.matching import Matcher
from paper.orders import Exchange, OrderRequest, PaperOrder, Reason, Refused, Status
from venues.model import ZERO, TimeInForce

# What ends an order that was looked at and matched; for anything else it is rejected unless a part
# of it was executed. An order that was open is never rejected at GRVT.
_ENDINGS: Final = frozenset(
    {
        Reason.IOC, Reason.FOK, Reason.SELF_TRADE, Reason.SELF_MATCHED, Reason.MARKET,
        Reason.MAKER_LIMIT, Reason.REDUCE_ONLY_LIMIT, Reason.SLIPPAGE, Reason.PRICE_IMPACT,
    }
)  # fmt: skip
_Rule = TypeVar("_Rule", bound=OrderRule)


class OrderRules:
    """One venue's: a front-end asks ``check`` at entry, the engine matches with ``run``."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults
        exchange.matched_by(self.run)

    def check(self, request: OrderRequest) -> None:
        """Raise Refused when a fault wants this order refused at entry."""
        fault = self._take(Deny, request, "entry")
        if fault is not None:
            self._faults.effects.hit(fault, "not executed")
            raise Refused(fault.reason)

    def run(self, matcher: Matcher, working: Working, book: OrderBook, now_ns: int) -> None:
        """Match an accepted order as the faults that act now let it be matched."""
        order = working.order
        deny = None if order is None else self._take(Deny, order.request, "after")
        if order is None or deny is None:
            matcher.run(working, book, now_ns, piece=self._piece(order))
            return
        most = self._part(order, Decimal(str(deny.part)))
        if deny.shrink and most:
            matcher.shrink(working, order, most, now_ns)
        matcher.run(working, book, now_ns, most=most, piece=self._piece(order))
        if order.status.live:
            matcher.end(working, _status(order, deny.reason), deny.reason, now_ns)
        self._faults.effects.hit(deny, f"{order.executed} of {order.request.size}")

    def _piece(self, order: PaperOrder | None) -> Decimal | None:
        """The most that one match may execute of it; None for no limit."""
        fault = None if order is None else self._take(Shatter, order.request)
        if order is None or fault is None:
            return None
        self._faults.effects.hit(fault, f"{fault.pieces} pieces")
        step = self._exchange.instrument(order.request.symbol).step
        return max(step, self._part(order, Decimal(1) / fault.pieces))

    def _part(self, order: PaperOrder, part: Decimal) -> Decimal:
        """A part of its size, in whole steps."""
        return self._exchange.instrument(order.request.symbol).floor_size(order.size * part)

    def _take(self, kind: type[_Rule], request: OrderRequest, when: str = "") -> _Rule | None:
        def matches(fault: _Rule) -> bool:
            if isinstance(fault, Deny) and fault.when != when:
                return False
            return self._is(fault, request)

        if request.manual:
            return None
        return self._faults.effects.take(kind, self._exchange.venue, matches)

    def _is(self, fault: OrderRule, request: OrderRequest) -> bool:
        if fault.symbol not in (None, request.symbol):
            return False
        if fault.of in ("increasing", "reducing"):
            return self._reduces(request) is (fault.of == "reducing")
        return {
            "any": True,
            "reduce_only": request.reduce_only,
            "post_only": request.post_only,
            "ioc": request.time_in_force is TimeInForce.IOC,
        }[fault.of]

    def _reduces(self, request: OrderRequest) -> bool:
        held: Decimal = sum(
            (
                position.size
                for position in self._exchange.positions(request.account)
                if position.symbol == request.symbol
            ),
            ZERO,
        )
        return held * request.side.sign < 0


def _status(order: PaperOrder, reason: Reason) -> Status:
    ended = order.executed or reason in _ENDINGS
    return Status.CANCELLED if ended else Status.REJECTED
