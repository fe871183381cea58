"""What a cycle machine knows, and the judgements it makes of that. Pure; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from trading.cycle_effects import ChangePhase, Effect
from trading.cycle_record import CycleOrders
from trading.desk import DeskState, LegOrder, Phase
from trading.evidence import READINGS
from trading.leg import Leg
from trading.leg_state import LegState
from trading.on_record import CycleRecorded
from trading.orders import OrderView
from trading.plan import Action, ActiveLimit, DeskPlan
from trading.slices import common_step, last_level, levels, next_level
from trading.transitions import OrderState
from venues.model import BPS, ZERO, Instrument, Quote, Refusal, Side

KEY_REFUSALS = 2  # in a row on one leg: the key is wrong, and no order will cure it

_ON_NAKED = ("naked_s", "naked_notional")
_LONGEST_COOL_DOWN_S = 30.0
_FOR_GOOD = (Refusal.FUNDS, Refusal.MARKET)  # the same order would be refused again

Gate = Callable[[Side, float], tuple[str, ...]]
"""Why the primary may not open to this side at this monotonic moment, in words; () when it may."""


def always_open(_side: Side, _now_s: float) -> tuple[str, ...]:
    """The gate of a desk that has none."""
    return ()


class CycleState:
    """The positions, orders, quotes and moments of one desk."""

    def __init__(
        self,
        plan: DeskPlan,
        instruments: Mapping[Leg, Instrument],
        next_cycle: int = 1,
        finished: int = 0,
        halted: str = "",
        awaits_guard: bool = False,
        gate: Gate = always_open,
    ) -> None:
        self.plan = plan
        self.phase = Phase.RECOVERING
        self.cycle = next_cycle - 1
        self.finished = finished
        self.halted = halted
        self.found: Mapping[Leg, Decimal] | None = None  # at the start, and not explained
        self.stopping = False
        self.leaving = False  # cancel what rests, place nothing, leave the rest as it is
        self.paused = False
        self.limits_in_force: tuple[ActiveLimit, ...] = ()
        self.waiting: tuple[str, ...] = ()  # why no cycle opens, in words
        self._awaits_guard = awaits_guard
        self._gate = gate
        self._hurried = False
        self.interrupted = True  # a cycle was open when the last life ended, as far as is known
        self.on_record = CycleRecorded()  # where that cycle stands, by the record alone
        self._half: tuple[Leg, Decimal] | None = None  # the one leg that could be read
        self._first_known_s: dict[Leg, float] = {}
        self._unsure_until_s = float("-inf")
        self._began_unsure = False
        self.legs = {leg: LegState(leg, instruments[leg], plan.ladder) for leg in Leg}
        step = common_step(instruments.values())
        self._levels = levels(plan.size, plan.slices, step)
        self.orders = CycleOrders()
        self._target = ZERO
        self._recovering = False
        self._unwound = False
        self._balancing = False  # in the midst of an unwinding
        self._stuck: Leg | None = None  # could not be reduced in time: the other leg matched it
        self._probes = 0  # orders in a row that closed nothing of it
        self._refused: Refusal | None = None  # a venue has refused this cycle for what lasts
        self._halted_since_s: float | None = None  # while what is held is not known yet
        self._closed_since_s: float | None = None  # the entry is not whole, and may not go on
        self._vain = 0
        self._setbacks = 0
        self._mismatch = False
        self._until_s = float("-inf")
        self._naked_since_s: float | None = None
        self._needed_since_s: float | None = None
        self._asked_positions_s = float("-inf")
        self._trigger_s = 0.0  # when the message was read that is being decided upon
        self._gathered_s = 0.0  # the same of the one that a hedge waits with
        self._effects: list[Effect] = []

    def position(self, leg: Leg) -> Decimal:
        """Signed position of a leg: held at the start plus everything executed since."""
        return self.legs[leg].held + self.orders.executed(leg)

    @property
    def net(self) -> Decimal:
        """The naked quantity: primary plus hedge."""
        return self.position(Leg.PRIMARY) + self.position(Leg.HEDGE)

    @property
    def naked_since_s(self) -> float | None:
        """Monotonic moment since which the net is not zero; None while balanced."""
        return self._naked_since_s

    @property
    def flat(self) -> bool:
        """True when neither leg has a position, nothing is unresolved, and the venues agree."""
        if self._mismatch:
            return False
        return not any(self.position(leg) or self.orders.live(leg) for leg in Leg)

    @property
    def state(self) -> DeskState:
        """What the desk may do now, in one word."""
        if self.halted:
            return DeskState.HALTED
        if self.phase is Phase.RECOVERING:
            return DeskState.RECOVERING
        if self.phase is Phase.DONE:
            return DeskState.DONE
        if self.phase is not Phase.IDLE and (self._ending or self.phase is Phase.UNWINDING):
            return DeskState.REDUCING
        return DeskState.FROZEN if self._held_back else DeskState.TRADING

    @property
    def _held_back(self) -> bool:
        """True while no cycle may be opened, whatever the venues say."""
        return self.paused or bool(self.limits_in_force) or self._awaits_guard

    @property
    def _ending(self) -> bool:
        """True when the present cycle is to be closed without delay."""
        reduce = any(active.action is not Action.FREEZE for active in self.limits_in_force)
        return self.stopping or self._hurried or reduce or bool(self.halted)

    def _pausing(self, now_s: float) -> tuple[str, ...]:
        """Why the next cycle has to wait for its time, where that is worth a word."""
        if now_s < self._unsure_until_s:
            return ("an order of the last life may still execute",)
        if self._setbacks:
            return (f"{self._cool_down_s():g} s of pause after {self._setbacks} setbacks",)
        return ()

    def _may_begin(self, now_s: float) -> bool:
        """True when a cycle may be opened now."""
        reasons = self._closed_by(self._next_side, now_s)
        if self._awaits_guard:
            reasons = ("the guard of the desk has not reported yet", *reasons)
        self.waiting = ("paused", *reasons) if self.paused else reasons
        return not self.waiting

    def _may_add(self, now_s: float) -> bool:
        """True when the cycle that is being opened may go on. A pause lets it take its course."""
        self.waiting = self._closed_by(Side.towards(self._target), now_s)
        return not self.waiting

    @property
    def _next_side(self) -> Side:
        return Side.towards(Decimal(self.plan.direction.sign(self.finished)))

    def _closed_by(self, side: Side, now_s: float) -> tuple[str, ...]:
        """Every reason why nothing may be opened now, in words; the gate is asked last.

        On the way from a fill to its hedge it is not asked at all: that has no time for it.
        """
        reasons = [f"{active.limit}: {active.reason}" for active in self.limits_in_force]
        age_s = self.plan.max_quote_age_s
        for leg in self.legs.values():
            if not leg.new_risk:
                why = f": {leg.why_not}" if leg.why_not else ""
                reasons.append(f"{leg.instrument.venue} is not ready for new risk{why}")
            if not leg.fresh_quote(now_s, age_s):
                reasons.append(f"{leg.instrument.venue} has no price younger than {age_s} s")
        if reasons or self._trigger_s:
            return tuple(reasons)
        return self._gate(side, now_s)

    def _next_to_open(self) -> Decimal:
        """What to move the primary by: to the next slice's end, or further if that is too little.

        A part too small for the hedge would only be carried along.
        """
        held = self.position(Leg.PRIMARY) * self._target_sign
        for level in self._levels[self._levels.index(next_level(self._levels, held)) :]:
            wanted = (level - held) * self._target_sign
            if all(self._tradable(leg, wanted) for leg in Leg):
                return wanted
        return self._target - self.position(Leg.PRIMARY)

    def _next_to_close(self) -> Decimal:
        """What to move the primary by: a slice, but first what was too small for the hedge.

        Closed together they would carry the net from one side of zero to the other. In a hurry, and
        where a slice is too small by itself, all of it.
        """
        ours = self.position(Leg.PRIMARY)
        if self.net * ours > 0 and self._tradable(Leg.PRIMARY, self.net):
            return -self.net
        left = last_level(self._levels, abs(ours))
        rest = left if ours > 0 else -left
        parts = (ours - rest, rest)
        slow = not (self._ending or self._recovering)
        if slow and rest and all(self._tradable(leg, part) for leg in Leg for part in parts):
            return rest - ours
        return -ours

    @property
    def _target_sign(self) -> int:
        return 1 if self._target > 0 else -1

    def _capped_price(self, leg: LegState, quote: Quote, side: Side, now_s: float) -> Decimal:
        cap_bps = min(leg.climb.cap_bps(now_s), self.plan.max_slippage_bps)
        price = quote.touch(side) * (1 + side.sign * cap_bps * BPS)
        return leg.instrument.cap_price(price, side)

    def _disagreed(self) -> bool:
        """Both are read, and one has been read several times as something else than we explain."""
        read = [leg.evidence.size is not None for leg in self.legs.values()]
        return all(read) and any(
            state.evidence.size != self.position(leg) and state.evidence.times >= READINGS
            for leg, state in self.legs.items()
        )

    def _tradable(self, which: Leg, wanted: Decimal) -> bool:
        """Could an order of this size be placed? Before the first quote its size alone decides."""
        leg = self.legs[which]
        if leg.quote is None:
            return leg.instrument.floor_size(abs(wanted)) >= leg.instrument.min_size
        return leg.instrument.tradable(abs(wanted), leg.quote.bid)

    def _balanced(self) -> bool:
        """Nothing unresolved on either leg, and no difference that the hedge could take."""
        if any(self.orders.live(leg) for leg in Leg):
            return False
        return not self._tradable(Leg.HEDGE, self.net)

    def _done_with(self, leg: Leg) -> bool:
        return not self.orders.live(leg) and not self._tradable(leg, self.position(leg))

    def _is_dust(self) -> bool:
        return all(self._done_with(leg) for leg in Leg)

    def _naked_too_long(self, now_s: float) -> bool:
        if self._needed_since_s is None or self.orders.live(Leg.HEDGE):
            return False
        if not self._tradable(Leg.HEDGE, self.net):
            return False  # by another price it was; as it is there is nothing to hedge
        too_long = self._too_naked or now_s >= self._needed_since_s + self.plan.hedge_deadline_s
        return (too_long or self._shut_out(now_s)) and self._tradable(Leg.PRIMARY, self.net)

    @property
    def _too_naked(self) -> bool:
        """A limit on what is naked is reached, and does not just freeze: the hedge had its time."""
        return any(
            active.limit.rpartition(".")[2] in _ON_NAKED
            for active in self.limits_in_force
            if active.action is not Action.FREEZE
        )

    def _shut_out(self, now_s: float) -> bool:
        """The hedge's venue refuses; had it executed all the same, it would show by now.

        It has said so, or its market is known not to take such an order. Then the primary's must.
        """
        hedge = self.legs[Leg.HEDGE]
        if hedge.shut:
            return now_s >= hedge.next_try_s
        return not self._takes(Leg.HEDGE, -self.net) and self._takes(Leg.PRIMARY, -self.net)

    def _takes(self, which: Leg, wanted: Decimal) -> bool:
        """False when the market is known to refuse an order that moves this leg by ``wanted``."""
        return self.legs[which].takes(reducing=self.position(which) * wanted < 0)

    def _why_unwound(self) -> str:
        hedge = self.legs[Leg.HEDGE]
        if hedge.shut:
            return "hedge refused"
        if hedge.mode is not None and not self._takes(Leg.HEDGE, -self.net):
            return f"{hedge.instrument.venue} takes no hedge: its market is {hedge.mode.value}"
        return f"not hedged within {self.plan.hedge_deadline_s} s"

    def _note_refusal(self, leg: LegState, order: LegOrder, view: OrderView) -> None:
        """An order that adds to a position was refused for what lasts: it is not repeated."""
        if view.refusal in _FOR_GOOD and not order.reduce_only:
            leg.shut = True
            self._refused = self._refused or view.refusal

    def _note_key(self, leg: LegState, view: OrderView) -> None:
        """An order is over: was it refused over our key? Several in a row halt the desk."""
        if view.key_refusal is None:
            refused = view.state in (OrderState.REJECTED, OrderState.NOT_SENT)
            if not (refused or (view.reason_follows and not view.signed_executed)):
                leg.key_refusals = 0
                leg.shut = False
            return
        leg.key_refusals += 1
        leg.shut = True
        if leg.key_refusals >= KEY_REFUSALS and not self.halted:
            self.halted = f"{leg.key_refusals} times in a row {view.key_refusal}"
            self._effects.append(ChangePhase(self.phase, f"halted: {self.halted}"))

    def _closable(self, which: Leg) -> bool:
        """Its venue would take an order. What can't be closed on both legs stays balanced."""
        leg = self.legs[which]
        return leg.ready and leg.key_refusals < KEY_REFUSALS and leg.takes(reducing=True)

    def _trust_keys(self) -> None:
        """A person has acted: perhaps the keys have been put right."""
        for leg in self.legs.values():
            leg.key_refusals = 0
            leg.shut = False

    def _cool_down_s(self) -> float:
        """The pause after setbacks in a row: from ``retry_s``, doubling, to half a minute."""
        if not self._setbacks:
            return 0.0
        return min(_LONGEST_COOL_DOWN_S, self.plan.retry_s * 2.0 ** min(self._setbacks, 16))

    def _fits_a_cycle(self, held: Mapping[Leg, Decimal], cycle_size: Decimal) -> bool:
        """No leg is larger than a cycle makes it, and the two do not add up."""
        larger = any(abs(size) > cycle_size for size in held.values())
        return not larger and held[Leg.PRIMARY] * held[Leg.HEDGE] <= 0

    def _note_naked(self, now_s: float) -> None:
        self.orders.exposure.moved(self.net, now_s)
        if self.net and self._naked_since_s is None:
            self._naked_since_s = now_s
        elif not self.net and self._naked_since_s is not None:
            self.orders.naked_ms.append((now_s - self._naked_since_s) * 1000)
            self._naked_since_s = None
        # Dust that no order can take is carried along, and must not use up the next hedge's time.
        if not self._tradable(Leg.HEDGE, self.net):
            self._needed_since_s = None
        elif self._needed_since_s is None:
            self._needed_since_s = now_s

    def _change(self, phase: Phase, detail: str) -> None:
        self.phase = phase
        if phase is Phase.UNWINDING:
            self.orders.reason = self.orders.reason or detail
            for leg in self.legs.values():
                leg.vain_additions = 0
        self._closed_since_s = None
        if phase in (Phase.OPENING, Phase.CLOSING):
            for leg in self.legs.values():
                leg.shut = False
                leg.requotes_used = 0
        self._effects.append(ChangePhase(phase, detail))
