"""The whole pure core between two simulated venues, on one virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from random import Random

import msgspec

from paper.measures import measure
from paper.records import AnyRecord
from paper.verdict import Scope
from tests.simulation.desk_shell import DeskShell
from tests.simulation.desk_shell import Setting as DeskSetting
from tests.simulation.journal import Journal
from tests.simulation.judgement import Outcome
from tests.simulation.orders_shell import OrdersShell, PositionRead
from tests.simulation.process import Process
from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Act, Trouble
from tests.simulation.venue import RESTRICTED, SimVenue
from tests.simulation.wire import Wire
from tests.support.trading import BACKPACK_ETH, GRVT_ETH
from trading.leg import Leg
from trading.order_manager import OrderManager
from trading.orders import OrderView
from trading.plan import DeskPlan, MakerPlan, Style
from venues.model import GRVT, Fill, Instrument, MarketMode

_MOVE_PERIOD_S = 0.1
_QUOTE_PERIOD_S = 0.9  # a second old is too old
_BY_HAND = Decimal("0.2")
_WHOLE, _THIRD = Decimal(1), Decimal("0.33")
_RESTRICTED_S = 4.0
_SHUT_S = 12.0
_LOOKS_AGAIN_S = 60.0
_AFTERMATH_S = 3.0
_AFTERMATHS = 20
_JUMP_S = 40.0
_JUMP_LASTS_S = 10.0
_SLEEP_S = 20.0
_FREEZE_S = 3.0
_RESTART_S = 0.2
_UNREAD_S = 21.0
_CRASH_LOOP = 3  # within a minute: the next process closes what is open, and opens nothing
_CONNECTION_LASTS_S = 5.0  # without a pong


def _resting(plan: DeskPlan) -> DeskPlan:
    """The same desk, in and out by orders that rest: a short while, so that cancels meet fills."""
    maker = MakerPlan(requotes=4, max_age_s=0.7, follow_bps=Decimal(1))
    return msgspec.structs.replace(plan, entry=Style.MAKER, exit=Style.MAKER, maker=maker)


class World:
    """One run. The desk's address stays the same whichever incarnation is behind it.

    ``manager`` can be a broken one, to see that the judgement finds it out.
    """

    def __init__(
        self,
        seed: int,
        trouble: Trouble,
        plan: DeskPlan,
        legs: Mapping[Leg, Instrument] | None = None,
        manager: type[OrderManager] = OrderManager,
    ) -> None:
        self.schedule = Schedule(seed)
        self.trouble = trouble
        self.plan = plan = _resting(plan) if trouble.rests else plan
        self.instruments = legs or {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}
        self.manager = manager
        self.records: list[AnyRecord] = []
        self.journal = Journal(self.schedule, trouble)
        self.journal.on_change = self._journal_changed
        self._prices = Random(f"prices {seed}")
        self._cents = 250_000
        self._moves = 0
        self._mid_now = Decimal(2500)
        self._acts = dict(trouble.acts)
        self._mute = dict.fromkeys(Leg, False)
        self._stopped = False
        self.looped = False
        self._loops = ""
        self.venues = {
            leg: SimVenue(instrument, self.schedule, trouble, self.records, self._mid)
            for leg, instrument in self.instruments.items()
        }
        self.wires = {
            leg: Wire(
                venue, self.schedule, trouble, self.records,
                replies_at_once=venue.name == GRVT,
            )
            for leg, venue in self.venues.items()
        }  # fmt: skip
        self.orders: dict[Leg, OrdersShell] = {}
        self._setting = DeskSetting(
            plan, self.instruments, self.schedule, self.journal, lambda leg: self.orders[leg],
            self._desk_failed,
        )  # fmt: skip
        self.schedule.on_step = self._step
        self._begin()
        for leg in Leg:
            self._quote(leg)

    def run(self, limit_s: float) -> Outcome:
        """Run until the desk is over, then a while longer, and judge.

        One that is replaced just as it has ended may be without its last record, and goes on.
        """
        began_s = self.schedule.now_s
        took_s = 0.0
        while took_s < limit_s:
            self.schedule.run_until(self._over, limit_s - took_s)
            took_s = self.schedule.now_s - began_s
            self._settle()
            if self._over():
                break
            took_s = self.schedule.now_s - began_s
        desk = self.desk.machine
        return Outcome(
            phase=desk.phase, halted=desk.halted, finished=self.journal.finished,
            opened_after_stop=self.desk.opened_after_stop, took_s=took_s,
            steps=self.schedule.steps,
            positions=tuple(venue.position - venue.by_hand for venue in self.venues.values()),
            looped=self.looped,
            forced=any(venue.forced for venue in self.venues.values()),
            unrecorded=self._unrecorded(),
            reused=tuple(number for wire in self.wires.values() for number in wire.reused),
            records=tuple(self.journal.records),
            measures=measure(self.records, self._scope(), self.schedule.now_ns),
        )  # fmt: skip

    def _settle(self) -> None:
        """What is still on its way has time to do harm, and the journal to hear of every fill."""
        for _ in range(_AFTERMATHS):
            self.schedule.run_until(lambda: False, _AFTERMATH_S)
            if not (self.schedule.steps_due or self._unrecorded()):
                return

    def _unrecorded(self) -> tuple[str, ...]:
        """Fills of ours that the journal has not, or has and never were. It may lack forced ones:
        who heard of one may have died of it."""
        return tuple(
            f"{venue.name} trade {key[1]}"
            for venue in self.venues.values()
            for key in {fill.key for fill in venue.our_fills}
            ^ {key for key, f in self.journal.fills.get(venue.name, {}).items() if not f.forced}
        )

    def _over(self) -> bool:
        return self.process.alive and self.desk.over

    # -- the desk's address ------------------------------------------------------------------------

    def progressed(self, venue: str, view: OrderView) -> None:
        self.desk.progressed(venue, view)

    def readiness(self, venue: str, epoch: int, ready: bool, new_risk: bool) -> None:
        self.desk.readiness(venue, epoch, ready, new_risk)

    def positions(self, venue: str, read: PositionRead) -> None:
        self.desk.positions(venue, read)

    def drift(self, venue: str, detail: str) -> None:
        self.desk.drift(venue, detail)

    def forced(self, venue: str, fill: Fill, detail: str) -> None:
        self.desk.forced(venue, fill, detail)

    # -- what is done to it ------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Do this to the world now. Nothing can be done to a process that is not there."""
        if self.process.alive:
            self._doings()[act]()

    def _doings(self) -> dict[Act, Callable[[], None]]:
        return {
            Act.CUT_PRIMARY: self.wires[Leg.PRIMARY].cut,
            Act.CUT_HEDGE: self.wires[Leg.HEDGE].cut,
            Act.RESTART_DESK: self._restart_desk,
            Act.RESTART_PRIMARY_ORDERS: partial(self._restart_orders, Leg.PRIMARY),
            Act.RESTART_HEDGE_ORDERS: partial(self._restart_orders, Leg.HEDGE),
            Act.RESTART_JOURNAL: self.journal.fail,
            Act.KILL: partial(self._kill, 1.0),
            Act.KILL_FOR_LONG: partial(self._kill, 30.0),
            Act.KILL_AGAIN: self._kill_again,
            Act.KILL_UNREAD_PRIMARY: partial(self._kill_unread, Leg.PRIMARY),
            Act.KILL_UNREAD_HEDGE: partial(self._kill_unread, Leg.HEDGE),
            Act.STOP: self._stop,
            Act.FLATTEN: self._flatten,
            Act.CLOCK_AHEAD: partial(self._jump, _JUMP_S),
            Act.CLOCK_BACK: partial(self._jump, -_JUMP_S),
            Act.SUSPEND: partial(self._stand, _SLEEP_S, True),
            Act.FREEZE: partial(self._stand, _FREEZE_S, False),
            Act.FORCE_PRIMARY: partial(self.venues[Leg.PRIMARY].force, _WHOLE, told=True),
            Act.FORCE_HEDGE: partial(self.venues[Leg.HEDGE].force, _THIRD, told=True),
            Act.TAKE_HEDGE: partial(self.venues[Leg.HEDGE].force, _WHOLE, told=False),
            Act.RESTRICT_PRIMARY: partial(self._restrict, Leg.PRIMARY),
            Act.RESTRICT_HEDGE: partial(self._restrict, Leg.HEDGE),
            Act.SHUT_PRIMARY: partial(self._shut, Leg.PRIMARY),
            Act.SHUT_HEDGE: partial(self._shut, Leg.HEDGE),
            Act.TRADE_PRIMARY: partial(self.venues[Leg.PRIMARY].trade_by_hand, _BY_HAND),
            Act.TRADE_HEDGE: partial(self.venues[Leg.HEDGE].trade_by_hand, _BY_HAND),
        }

    def _step(self, number: int) -> None:
        act = self._acts.get(number)
        if act is not None and not self._over():
            self.act(act)

    def _stop(self) -> None:
        self._stopped = True
        self.desk.stop()

    def _flatten(self) -> None:
        self.desk.flatten()
        self.schedule.after(1.0, self._resume)

    def _resume(self) -> None:
        """The operator tries until there is somebody to hear it, or all is over."""
        if self._over():
            return
        if self.process.alive and self.desk.alive:
            self.desk.resume()
            self.schedule.after(_LOOKS_AGAIN_S, self._resume_again, step=False)
        else:
            self.schedule.after(1.0, self._resume)

    def _resume_again(self) -> None:
        """A process that was killed just then, without a journal, has forgotten the resume."""
        if self.process.alive and self.desk.machine.paused:
            self._resume()

    def _jump(self, by_s: float) -> None:
        self.schedule.clock_error_s = by_s
        self.schedule.after(_JUMP_LASTS_S, self._set_clock, ours=False)

    def _set_clock(self) -> None:
        self.schedule.clock_error_s = 0.0

    def _stand(self, length_s: float, clock_stands: bool) -> None:
        self.schedule.stand(length_s, clock_stands=clock_stands)
        if length_s > _CONNECTION_LASTS_S:
            for wire in self.wires.values():
                self.schedule.after(0.001, wire.cut)

    def _restrict(self, leg: Leg) -> None:
        """Half of the time the desk is told of it only by what is refused."""
        venue = self.venues[leg]
        venue.mode = MarketMode.REDUCE_ONLY
        self._mute[leg] = self.schedule.random.random() < 0.5
        self.schedule.after(_RESTRICTED_S, partial(self._permit, venue), ours=False)

    def _permit(self, venue: SimVenue) -> None:
        venue.mode = MarketMode.NORMAL

    def _shut(self, leg: Leg) -> None:
        """Nobody is told of it, and half of the time the refusals do not say what they are for."""
        venue = self.venues[leg]
        venue.refuses = RESTRICTED if self.schedule.random.random() < 0.5 else "no"
        self.schedule.after(_SHUT_S, partial(setattr, venue, "refuses", ""), ours=False)

    def _journal_changed(self) -> None:
        for shell in self.orders.values():
            self.process.tell(shell.journal_changed)
        self.process.tell(lambda: self.desk.journal_changed())

    # -- lives -------------------------------------------------------------------------------------

    def _begin(self) -> None:
        crashes = self.journal.begin_run()
        self.process = Process(self.schedule, self.journal)
        self._loops = f"{crashes} crashes" if crashes >= _CRASH_LOOP else ""
        self.looped = self.looped or bool(self._loops)
        self.desk = DeskShell(self._setting, self.process, self._loops)
        for leg in Leg:
            self._new_orders(leg, 1)

    def _kill(self, away_s: float) -> None:
        self.process.alive = self.desk.alive = False
        for shell in self.orders.values():
            shell.alive = False
        for wire in self.wires.values():
            wire.die()
        self.journal.die()
        self._stopped = False
        self.schedule.after(away_s, self._begin)

    def _kill_again(self) -> None:
        self._kill(1.0)
        again_s = 1.0 + self.schedule.random.uniform(0.001, 2.0)
        self.schedule.after(again_s, lambda: None if self._over() else self.act(Act.KILL))

    def _kill_unread(self, leg: Leg) -> None:
        self._kill(1.0)
        self.wires[leg].away_until_s = self.schedule.now_s + _UNREAD_S

    def _desk_failed(self) -> None:
        process = self.process
        self.schedule.after(
            _RESTART_S, lambda: self._restart_desk() if process.alive else None, step=False
        )

    def _restart_desk(self) -> None:
        self.desk.alive = False
        if not self.journal.up:  # it asks where it left off, and fails
            self._desk_failed()
            return
        self.desk = DeskShell(self._setting, self.process, self._loops)
        self.desk.machine.stopping = self._stopped
        for shell in self.orders.values():
            self.process.tell(shell.introduce)

    def _restart_orders(self, leg: Leg) -> None:
        """The connections stand behind the orders actor, and start anew with it."""
        shell = self.orders[leg]
        shell.alive = False
        self._new_orders(leg, shell.epoch + 1)

    def _new_orders(self, leg: Leg, epoch: int) -> None:
        wire, process = self.wires[leg], self.process
        shell = OrdersShell(wire, self.schedule, self.journal, process, self, epoch, self.manager)
        self.orders[leg] = wire.shell = shell
        process.tell(shell.introduce)
        wire.cut()
        self.schedule.after(0.01, lambda: wire.connect() if process.alive else None)

    # -- the market --------------------------------------------------------------------------------

    def _mid(self) -> Decimal:
        """The same walk for both venues, whatever is done there: a move every 100 ms."""
        moves = int((self.schedule.now_s - 1000.0) / _MOVE_PERIOD_S)
        if moves > self._moves:
            for _ in range(moves - self._moves):
                self._cents += int(self._prices.random() * 41) - 20
            self._moves = moves
            self._mid_now = Decimal(self._cents) / 100
        return self._mid_now

    def _quote(self, leg: Leg) -> None:
        self.schedule.after(_QUOTE_PERIOD_S, lambda: self._quote(leg), step=False)
        if self.process.alive and not self.desk.over:
            if not self._mute[leg]:
                self.desk.moded(leg, self.venues[leg].mode)
            self.desk.quoted(leg, self.venues[leg].quote())

    def _scope(self) -> Scope:
        primary, hedge = self.instruments[Leg.PRIMARY], self.instruments[Leg.HEDGE]
        return Scope(
            primary=primary.venue, primary_symbol=primary.symbol, hedge=hedge.venue,
            hedge_symbol=hedge.symbol, q=self.plan.size, lot=hedge.step,
            planned=self.plan.cycles or 0,
        )  # fmt: skip
