"""Eight order managers that guess, as bots do, each with the trouble that tempts it."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from tests.simulation.orders_shell import HearsOfFailures
from tests.simulation.trouble import Act, Trouble
from trading import order_manager as manager
from trading.order_manager import Effect, OrderManager
from trading.orders import Order
from trading.transitions import OrderEvent, OrderState
from venues.model import ZERO, Fill, OrderStatus, OrderUpdate

_TAKEN_FOR_FILLED_S: Final = 30.0


class ResendsOnTimeout(OrderManager):
    """No answer is taken for a refusal, and the same need is sent once more."""

    def doubted(self, client_order_id: int, reason: str, now_s: float) -> list[Effect]:
        return self.refused(client_order_id, reason, now_s)


class TakesNotFoundForNotPlaced(OrderManager):
    """An order that one question does not find was never there."""

    def absent(self, client_order_id: int, now_s: float) -> list[Effect]:
        return self.refused(client_order_id, "not found", now_s)


class TakesAckForCancelled(OrderManager):
    """A cancel that the venue has taken for processing is done."""

    def cancel_answered(
        self, client_order_id: int, refusal: str, now_s: float, *, again: bool = False
    ) -> list[Effect]:
        order = self.orders.get(client_order_id)
        if order is None or order.state.resolved or refusal:
            return super().cancel_answered(client_order_id, refusal, now_s, again=again)
        order.happen(OrderEvent.CANCEL)
        return self._publish(order, now_s)


class TakesFailedReadForFlat(HearsOfFailures):
    """A read that brings nothing has read nothing: no position, no fill, no order."""

    def read_failed(self, effect: Effect, now_s: float) -> list[Effect]:
        if isinstance(effect, manager.AskPositions):
            return self.positions_read(())
        if isinstance(effect, manager.AskFills):
            return self.fills_read((), now_s, effect.since_ns)
        if isinstance(effect, manager.AskOrder):
            return self.absent(effect.new.client_order_id, now_s)
        return self.open_orders_read((), now_s)


class MarksFilledAfterAWhile(OrderManager):
    """An order that nobody has heard of for half a minute must have been filled."""

    def due(self, now_s: float) -> list[Effect]:
        effects: list[Effect] = []
        for order in self.unresolved():
            if order.sent_s and now_s - order.sent_s > _TAKEN_FOR_FILLED_S:
                effects += self.updated(_filled(self.venue, order), now_s)
        return effects + super().due(now_s)


class IgnoresPartialAtCancel(OrderManager):
    """A cancelled order has executed nothing."""

    def _publish(self, order: Order, received_s: float = 0.0) -> list[Effect]:
        return [
            manager.PublishOrder(msgspec.structs.replace(effect.view, signed_executed=ZERO))
            if isinstance(effect, manager.PublishOrder)
            and effect.view.state is OrderState.CANCELLED
            else effect
            for effect in super()._publish(order, received_s)
        ]


class ReadsNothingBack(OrderManager):
    """What executed while nobody listened is not looked for."""

    def fills_read(
        self, fills: tuple[Fill, ...], received_s: float, since_ns: int = 0
    ) -> list[Effect]:
        return super().fills_read((), received_s, since_ns)


class CountsDuplicateFills(OrderManager):
    """Every message of a fill is a fill."""

    _heard = 0
    _reading = False

    def filled(self, fill: Fill, received_s: float) -> list[Effect]:
        if not self._reading:
            self._heard += 1
            fill = msgspec.structs.replace(fill, trade_id=f"{fill.trade_id}/{self._heard}")
        return super().filled(fill, received_s)

    def fills_read(
        self, fills: tuple[Fill, ...], received_s: float, since_ns: int = 0
    ) -> list[Effect]:
        self._reading = True
        try:
            return super().fills_read(fills, received_s, since_ns)
        finally:
            self._reading = False


def _filled(venue: str, order: Order) -> OrderUpdate:
    return OrderUpdate(
        venue=venue, symbol=order.new.symbol, client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id, status=OrderStatus.FILLED, executed=order.whole,
    )  # fmt: skip


class Temptation(NamedTuple):
    """A broken manager, and a world in which what it guesses is wrong now and then."""

    broken: type[OrderManager]
    trouble: Trouble


_SILENT: Final = Trouble(garble_reply=0.5, lose_reply=0.3, drop_news=0.7, slow=0.5, lag_s=1.9,
                         order_lag_s=1.9)  # fmt: skip
_CUTS: Final = tuple((step, Act.CUT_HEDGE) for step in range(20, 400, 25))

TEMPTATIONS: Final = (
    Temptation(ResendsOnTimeout, _SILENT),
    Temptation(TakesNotFoundForNotPlaced, _SILENT),
    Temptation(TakesAckForCancelled, Trouble(rests=True, slow=0.3, drop_news=0.3)),
    Temptation(
        TakesFailedReadForFlat,
        Trouble(refuse_read=0.7, slow=0.3, acts=((45, Act.KILL), (110, Act.KILL))),
    ),
    Temptation(
        MarksFilledAfterAWhile,
        Trouble(lose_request=0.3, slow=0.2, outage_s=80.0, acts=_CUTS),
    ),
    Temptation(IgnoresPartialAtCancel, Trouble(partial=0.8, slow=0.3, drop_news=0.3)),
    Temptation(ReadsNothingBack, Trouble(drop_news=0.2, slow=0.3, outage_s=5.0, acts=_CUTS)),
    Temptation(CountsDuplicateFills, Trouble(repeat_news=0.5, partial=0.5, slow=0.3)),
)
