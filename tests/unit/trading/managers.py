"""Order managers in the state that a test begins with, and short looks at their effects."""

from __future__ import annotations

from typing import TypeVar

from tests.support.trading import GRVT_ETH, SECOND_NS, START_NS, new_order, position
from trading.order_effects import Effect, OrderTiming, PublishOrder
from trading.order_manager import OrderManager
from trading.orders import OrderView
from venues.model import Position

TIMING = OrderTiming(
    poll_s=1.0, doubt_poll_s=0.25, settle_s=2.0, live_settle_s=2.0, overlap_s=10.0, drift_s=2.0
)
_Effect = TypeVar("_Effect", bound=Effect)


def at_ns(at_s: float) -> int:
    """UTC, ``at_s`` after the start."""
    return START_NS + int(at_s * SECOND_NS)


def new_manager(timing: OrderTiming = TIMING) -> OrderManager:
    """A manager that has heard of no connection."""
    return OrderManager(GRVT_ETH.venue, frozenset({GRVT_ETH.symbol}), timing, START_NS)


def answer_reads(manager: OrderManager, at_s: float = 0.0, held: str = "0") -> list[Effect]:
    """All that is asked for at a connection is read: nothing rests, no fill, a position."""
    effects = manager.open_orders_read((), at_s) + manager.fills_read((), at_s)
    return effects + manager.positions_read((position(held),))


def ready_manager(
    *, probation: bool = False, held: str = "0", timing: OrderTiming = TIMING
) -> OrderManager:
    """Connected and reconciled at 0 s."""
    manager = new_manager(timing)
    manager.connected(0.0, probation=probation)
    answer_reads(manager, held=held)
    return manager


def sure_manager(held: str = "0", timing: OrderTiming = TIMING) -> OrderManager:
    """Ready, and at 3 s sure of the position that it began with, and of what rests."""
    manager = ready_manager(held=held, timing=timing)
    read_for_long(manager, 1.0, held)
    manager.open_orders_read((), 3.0)
    return manager


def read_positions(
    manager: OrderManager, at_s: float, held: str = "0", *others: Position
) -> list[Effect]:
    """A reading of the positions at ``at_s``."""
    manager.due(at_s)
    return manager.positions_read((position(held), *others))


def read_for_long(manager: OrderManager, from_s: float, held: str) -> list[Effect]:
    """The same position in five readings within two seconds: long enough to be believed."""
    moments_s = [from_s + step / 2 for step in range(5)]
    return [effect for at_s in moments_s for effect in read_positions(manager, at_s, held)]


def with_sent_order(
    manager: OrderManager, signed: str = "0.5", at_s: float = 0.0, *, number: int = 1
) -> OrderManager:
    """Order 1 was written at ``at_s``, to live for 5 s."""
    manager.submit(new_order(number, signed, created_s=at_s), adds_risk=False)
    manager.sent(number, at_s)
    return manager


def only(effects: list[Effect], kind: type[_Effect]) -> list[_Effect]:
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


def published(effects: list[Effect]) -> OrderView:
    """The one view among the effects."""
    (publish,) = only(effects, PublishOrder)
    return publish.view
