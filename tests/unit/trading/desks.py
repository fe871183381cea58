"""A desk under test: the cycle machine, a clock of its own, and the venues' answers by hand.

The primary leg is ETH on Backpack and the hedge ETH on GRVT, both around 2500.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, SECOND_NS, D, plan, quote
from trading.cycle import CycleMachine
from trading.cycle_effects import CancelOrder, Effect, FinishCycle, PlaceOrder
from trading.cycle_state import Gate, always_open
from trading.desk import CycleRecord, LegOrder, Phase
from trading.leg import Leg
from trading.orders import OrderView
from trading.transitions import OrderState
from venues.errors import KeyCheck, KeyRefusal
from venues.model import Fill, Instrument, Refusal, Side

PRIMARY, HEDGE = Leg.PRIMARY, Leg.HEDGE
_Effect = TypeVar("_Effect", bound=Effect)


class Desk:
    """A machine and everything that it has wanted so far."""

    def __init__(
        self,
        *,
        hedge: Instrument = GRVT_ETH,
        next_cycle: int = 1,
        finished: int = 0,
        halted: str = "",
        awaits_guard: bool = False,
        gate: Gate = always_open,
        **figures: Any,
    ) -> None:
        instruments = {PRIMARY: BACKPACK_ETH, HEDGE: hedge}
        self.machine = CycleMachine(
            plan(**figures), instruments, next_cycle, finished, halted, awaits_guard, gate
        )
        self.instruments = instruments
        self.now_s = 0.0
        self.effects: list[Effect] = []

    # -- what it did ------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        return self.machine.phase

    @property
    def orders(self) -> list[LegOrder]:
        return [effect.order for effect in self.of(PlaceOrder)]

    @property
    def records(self) -> list[CycleRecord]:
        return [effect.record for effect in self.of(FinishCycle)]

    def of(self, kind: type[_Effect]) -> list[_Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def on(self, leg: Leg) -> list[LegOrder]:
        """Every order placed on a leg."""
        return [order for order in self.orders if order.leg is leg]

    def live(self, leg: Leg) -> LegOrder:
        """The one order of a leg that has no outcome."""
        (order,) = [order for order in self.machine.orders.unresolved() if order.leg is leg]
        return order

    # -- what happens to it -----------------------------------------------------------------------

    def take(self, effects: list[Effect]) -> list[Effect]:
        self.effects += effects
        return effects

    def recover(
        self, primary: str = "0", hedge: str = "0", *, explained: bool = True, **known: Any
    ) -> Desk:
        held = {PRIMARY: D(primary), HEDGE: D(hedge)}
        self.take(self.machine.recover(held, explained, self.now_s, **known))
        return self

    def readiness(self, leg: Leg, ready: bool, new_risk: bool | None = None) -> list[Effect]:
        risk = ready if new_risk is None else new_risk
        return self.take(self.machine.readiness(leg, ready, risk, self.now_s))

    def quotes(self, *legs: Leg, mid: str = "2500") -> None:
        for leg in legs or tuple(Leg):
            news = quote(self.instruments[leg], mid)
            self.take(self.machine.quoted(leg, news, self.now_s))

    def venues_up(self) -> Desk:
        """Both venues ready, both quotes fresh."""
        for leg in Leg:
            self.readiness(leg, True)
        self.quotes()
        return self

    def wait(self, seconds: float, *, quiet: bool = False) -> Desk:
        """Time passes; quotes keep coming unless it is ``quiet``."""
        self.now_s += seconds
        if not quiet:
            self.quotes()
        self.take(self.machine.tick(self.now_s))
        return self

    def report(
        self,
        order: LegOrder,
        executed: str | Decimal,
        state: OrderState,
        *,
        price: str | None = None,
        fees: str = "0",
        fills_complete: bool = True,
        sent_s: float = 0.0,
        received_s: float = 0.0,
        key_refusal: KeyRefusal | None = None,
        refusal: Refusal | None = None,
        reason_follows: bool = False,
    ) -> list[Effect]:
        """The orders actor publishes what is known of an order; ``executed`` is cumulative."""
        size = abs(D(executed))
        view = OrderView(
            client_order_id=1, symbol=self.instruments[order.leg].symbol, size=order.size,
            signed_executed=size * order.side.sign,
            quote_amount=size * (order.mid if price is None else D(price)), fees=D(fees),
            state=state, reason="", fills_complete=fills_complete, sent_s=sent_s,
            received_s=received_s, key_refusal=key_refusal, refusal=refusal,
            reason_follows=reason_follows,
        )  # fmt: skip
        return self.take(self.machine.order_progressed(order.leg, order.attempt, view, self.now_s))

    def report_part(self, order: LegOrder, executed: Decimal) -> list[Effect]:
        """An order ends with this much executed, rounded down to its venue's step."""
        size = self.instruments[order.leg].floor_size(executed)
        return self.report(order, size, OrderState.CANCELLED)

    def fill(self, leg: Leg, **known: Any) -> list[Effect]:
        """The live order of a leg fills."""
        order = self.live(leg)
        return self.report(order, order.size, OrderState.FILLED, **known)

    def part_fill(self, leg: Leg, executed: str, **known: Any) -> list[Effect]:
        """The live order of a leg has executed this much, and goes on."""
        return self.report(self.live(leg), executed, OrderState.PARTIALLY_FILLED, **known)

    def cancel(self, leg: Leg, executed: str = "0", **known: Any) -> list[Effect]:
        """The live order of a leg ends with this much executed."""
        return self.report(self.live(leg), executed, OrderState.CANCELLED, **known)

    def refuse_key(self, leg: Leg) -> list[Effect]:
        """The venue of a leg refuses its live order over our key."""
        refusal = KeyRefusal(self.instruments[leg].venue, "2000", KeyCheck.KEY)
        return self.report(self.live(leg), "0", OrderState.REJECTED, key_refusal=refusal)

    def refuse(self, leg: Leg, refusal: Refusal, executed: str = "0") -> list[Effect]:
        """The venue does not execute the live order of a leg, or not all of it, for this."""
        order = self.live(leg)
        state = OrderState.EXPIRED if D(executed) else OrderState.REJECTED
        return self.report(order, executed, state, refusal=refusal)

    def cancels(self, leg: Leg) -> list[int]:
        """The attempts of a leg that it wanted cancelled, in order."""
        return [effect.attempt for effect in self.of(CancelOrder) if effect.leg is leg]

    def positions(self, primary: str | Decimal, hedge: str | Decimal) -> list[Effect]:
        """Both venues tell what they hold."""
        effects = self.take(self.machine.positions_read(PRIMARY, D(primary), self.now_s))
        return effects + self.take(self.machine.positions_read(HEDGE, D(hedge), self.now_s))

    def force(
        self, leg: Leg, signed: str, price: str = "2500", fee: str = "0",
        trade_id: str = "1", *, fee_told: bool = True, reason: str = "by force",
        earlier: bool = False,
    ) -> list[Effect]:  # fmt: skip
        """The venue of a leg says that it has executed this by itself, or before this cycle."""
        instrument = self.instruments[leg]
        told = Fill(
            venue=instrument.venue, symbol=instrument.symbol, trade_id=trade_id,
            venue_order_id="liquidation", client_order_id=None, side=Side.towards(D(signed)),
            size=abs(D(signed)), price=D(price), fee=D(fee), maker=False,
            event_ns=int(self.now_s * SECOND_NS), forced=True, fee_told=fee_told,
        )  # fmt: skip
        return self.take(self.machine.forced(leg, told, reason, self.now_s, earlier=earlier))

    def settle(self) -> list[Effect]:
        """Both venues hold what the desk expects."""
        return self.positions(*(self.machine.position(leg) for leg in (PRIMARY, HEDGE)))

    # -- the way through a cycle ------------------------------------------------------------------

    def open(self) -> Desk:
        """Primary and hedge fill: the desk holds."""
        self.fill(PRIMARY)
        self.fill(HEDGE)
        assert self.phase is Phase.HOLDING
        return self

    def close(self) -> Desk:
        """The time to hold is over, both legs close, and both venues confirm it."""
        self.wait(self.machine.plan.hold_s)
        self.fill(PRIMARY)
        self.fill(HEDGE)
        self.settle()
        return self


def started(**figures: Any) -> Desk:
    """A desk that began flat and has placed its first primary order."""
    return Desk(**figures).recover().venues_up()


def holding(**figures: Any) -> Desk:
    """A desk that holds 0.5 against -0.5."""
    return started(**figures).open()


def closing(**figures: Any) -> Desk:
    """A desk that has placed the order that closes the primary."""
    return holding(**figures).wait(0.5)


def settling(**figures: Any) -> Desk:
    """A desk that is flat and waits for the venues to confirm it."""
    desk = closing(**figures)
    desk.fill(PRIMARY)
    desk.fill(HEDGE)
    return desk


def unwinding(**figures: Any) -> Desk:
    """A desk whose hedge venue was lost after the primary filled, for too long."""
    desk = started(**figures)
    desk.readiness(HEDGE, False)
    desk.fill(PRIMARY)
    return desk.wait(5.0)


def three_times_not_reduced() -> Desk:
    """A desk whose venue has refused three times to take the primary off."""
    desk = closing()
    for _ in range(2):
        desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
        desk.wait(1.0)
    desk.report(desk.live(PRIMARY), "0", OrderState.REJECTED)
    return desk
