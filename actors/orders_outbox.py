"""What goes out of a venue's orders actor: to its gateway, to the journal, and to the desks.

The messages to desks are here, at the top, because both ends of them import this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors import gateway, journal
from supervision.errors import Unavailable
from supervision.states import ChildState, StatusMessage
from trading import order_manager as manager
from trading.capabilities import Capabilities
from trading.order_manager import Effect, OrderManager
from trading.orders import OrderView
from trading.reads import Read
from trading.request_budget import Lane, RequestUsage
from venues.model import AccountSummary, Fill, NewOrder, Position

if TYPE_CHECKING:
    from loguru import Logger

    from supervision.directory import Address


class OrderProgressed(msgspec.Struct, frozen=True):
    """What is known of one of the desk's orders."""

    venue: str
    epoch: int
    view: OrderView


class VenueReadiness(msgspec.Struct, frozen=True):
    """Whether the venue takes orders, and new risk; ``can`` tells more.

    A new ``epoch`` has forgotten all orders.
    """

    venue: str
    epoch: int
    ready: bool
    new_risk: bool
    detail: str
    can: Capabilities = Capabilities()


class PositionsHeld(msgspec.Struct, frozen=True):
    """The venue's positions in our symbols, read after a reconciliation or on request.

    In ``unsettled`` symbols, orders without a known outcome may or may not be in it. From
    ``since_s`` (monotonic) on, every order of the venue has been known to the actor that says this.
    It was asked for at ``asked_s``, and shows nothing later.
    """

    venue: str
    sizes: dict[str, Decimal]
    unsettled: frozenset[str] = frozenset()
    since_s: float = 0.0
    asked_s: float = float("inf")


class DriftFound(msgspec.Struct, frozen=True):
    """The venue holds something that our orders do not explain.

    In ``symbol``: of concern to the desk that trades it; "": to all.
    """

    venue: str
    detail: str
    symbol: str = ""


class ForcedClose(msgspec.Struct, frozen=True):
    """The venue has closed something of the account's position in ``symbol`` by itself."""

    venue: str
    symbol: str
    detail: str
    fill: Fill

    @property
    def why(self) -> str:
        """For the desk: who, and what."""
        return f"{self.venue}: {self.detail}"


class VenueBalances(msgspec.Struct, frozen=True):
    """The account's money, as it was read at ``read_s`` (monotonic; by default just now)."""

    venue: str
    epoch: int
    summary: AccountSummary
    read_s: float = float("inf")


class VenuePositions(msgspec.Struct, frozen=True):
    """All positions of the account, also those of markets that nobody here trades.

    As they were read at ``read_s`` (monotonic; by default just now).
    """

    venue: str
    positions: tuple[Position, ...]
    read_s: float = float("inf")


class VenueReported(msgspec.Struct, frozen=True):
    """For who looks on: what can be had of a venue, and where its request budget stands."""

    venue: str
    can: Capabilities
    requests: RequestUsage


class Outbox:
    """Carries out what the manager wants done. In the orders actor's thread.

    Orders go to the gateway, reads and cancels to who is ``asked`` now; on a detour all of them.
    ``unreached`` is told the name of one of them that took no message.
    """

    def __init__(
        self,
        venue: str,
        epoch: int,
        orders: OrderManager,
        log: Logger,
        *,
        own: Address,
        gateway_address: Address,
        journal_address: Address,
        desks: Mapping[str, Address],
        money: tuple[Address, ...],
        board: Address,
        now: Callable[[], float],
        usage: Callable[[], RequestUsage],
        unreached: Callable[[str], None],
    ) -> None:
        self.venue = venue
        self.epoch = epoch
        self.since_s = 0.0
        self.desk_of: dict[int, str] = {}
        self._desk_epochs: dict[str, int] = {}
        self._left: set[int] = set()  # by desks that have ended: nobody will release them
        self._manager = orders
        self._log = log
        self._own = own
        self._gateway = gateway_address
        self.asked = gateway_address
        self._journal = journal_address
        self._desks = desks
        self._money = {address.name: address for address in money}
        self._board = board
        self._now = now
        self._usage = usage
        self._unreached = unreached
        self._readings: dict[type, VenueBalances | VenuePositions] = {}
        self._unheard: dict[tuple[str, str], DriftFound] = {}  # by desk not there, and symbol

    def carry_out(self, effects: list[Effect]) -> None:
        """All of them, in their order."""
        for effect in effects:
            _CARRIERS[type(effect)](self, effect)

    @property
    def listeners(self) -> tuple[str, ...]:
        """Whose lives matter: a new one has been told nothing yet."""
        return (*self._desks, *(name for name in self._money if name not in self._desks))

    def release(self, client_order_ids: tuple[int, ...]) -> None:
        """No desk wants to hear of these any more."""
        for client_order_id in client_order_ids:
            self.desk_of.pop(client_order_id, None)
            self._left.discard(client_order_id)

    def polled(self) -> None:
        """Now and then: report, and release what nobody else will, once the journal has it all."""
        self.report()
        known = {number: self._manager.orders.get(number) for number in self._left}
        over = [i for i, o in known.items() if o is None or (o.state.resolved and o.fills_complete)]
        if over:
            self.release(tuple(over))
            self._manager.forget(frozenset(self.desk_of))

    def left_by(self, status: StatusMessage) -> list[int]:
        """The client order ids of a desk that has ended, or that begins anew without them."""
        name, epoch = status.name, status.epoch
        same = self._desk_epochs.setdefault(name, epoch) == epoch
        self._desk_epochs[name] = epoch
        if same and status.state in _THERE:
            return []
        left = [number for number, desk in self.desk_of.items() if desk == name]
        self._left.update(left)
        return left

    def introduce(self, name: str) -> None:
        """One of ``listeners`` (anew): tell it the last readings, and a desk where things stand."""
        if name in self._desks:
            self._introduce_desk(self._desks[name])
        if name in self._money:
            for message in self._readings.values():
                self._hand(message, self._money[name])

    def _introduce_desk(self, desk: Address) -> None:
        ready, detail = self._manager.ready, self._manager.no_new_risk
        new_risk = self._manager.new_risk
        detail = detail if ready else "connecting"
        can = self._manager.can
        desk.offer(VenueReadiness(self.venue, self.epoch, ready, new_risk, detail, can))
        for name, symbol in [key for key in self._unheard if key[0] == desk.name]:
            desk.offer(self._unheard.pop((name, symbol)))

    def _tell_money(self, message: VenueBalances | VenuePositions) -> None:
        self._readings[type(message)] = message
        for address in self._money.values():
            self._hand(message, address)

    def _hand(self, message: VenueBalances | VenuePositions, to: Address) -> None:
        # A desk has PositionsHeld, which says what can be relied on.
        if isinstance(message, VenueBalances) or to.name not in self._desks:
            to.offer(message)

    def _send(self, effect: manager.SendOrder) -> None:
        try:
            lane = Lane.RISK if effect.adds_risk else Lane.REDUCE
            # In one hand only: by which route it went is where its outcome is known.
            route = self.asked if self._manager.detour else self._gateway
            route.tell(gateway.PlaceOrder(effect.new, lane), half_open=True)
        except Unavailable as error:
            self._unreached(route.name)
            self.carry_out(self._manager.not_sent(effect.new.client_order_id, str(error)))

    def _cancel(self, effect: manager.CancelOrder) -> None:
        # One that is lost is asked for again once the venue has said that the order still rests.
        self._put(gateway.CancelOrder(effect.symbol, effect.client_order_id))

    def _ask(self, question: gateway.Question) -> None:
        # An unanswered question is asked again when it is due; nothing is concluded meanwhile.
        self._put(msgspec.structs.replace(question, asked_s=self._now()))

    def _put(self, message: gateway.CancelOrder | gateway.Question) -> None:
        if not self.asked.offer(message):
            self._unreached(self.asked.name)

    def withheld(self, message: gateway.ReadWithheld) -> list[Effect]:
        """A question of ``_ask`` was not sent."""
        question = message.question
        if isinstance(question, gateway.ReadOrder):
            return self._manager.question_withheld(question.new.client_order_id)
        read = _READS.get(type(question))
        return [] if read is None else self._manager.withheld(read)

    @property
    def _lane(self) -> Lane:
        return Lane.DOUBT if self._manager.pressing else Lane.ROUTINE

    @property
    def _routine(self) -> Lane:
        # Balances make sure of nothing; without them a venue does not become ready.
        return Lane.ROUTINE if self._manager.ready else Lane.DOUBT

    def _guard(self, effect: manager.GuardResting) -> None:
        self._gateway.offer(gateway.GuardResting(effect.on))

    def _record_intent(self, effect: manager.RecordIntent) -> None:
        new: NewOrder = effect.new
        desk = self.desk_of.get(new.client_order_id, "")
        reply_to = self._own.name if effect.awaited else ""
        intent = journal.RecordIntent(new, self.venue, desk, reply_to)
        if not effect.awaited:
            self._journal.offer(intent)
            return
        try:
            self._journal.tell(intent)
        except Unavailable as error:
            self.carry_out(self._manager.intent_refused(new.client_order_id, str(error)))

    # A fill or an outcome that no journal takes now is told to its next life: see JournalMirror.

    def _record_fill(self, effect: manager.RecordFill) -> None:
        self._journal.offer(journal.RecordFill(self.venue, effect.fill))

    def _record_outcome(self, effect: manager.RecordOutcome) -> None:
        self._journal.offer(journal.RecordOrder(self.venue, effect.view))

    def _publish(self, effect: manager.PublishOrder) -> None:
        desk = self._desks.get(self.desk_of.get(effect.view.client_order_id, ""))
        if desk is not None:
            desk.offer(OrderProgressed(self.venue, self.epoch, effect.view))

    def _publish_readiness(self, effect: manager.PublishReadiness) -> None:
        if not effect.ready:
            self._readings.clear()  # old by the time that somebody begins anew
        word = "ready" if effect.ready else "not ready"
        if effect.ready and not effect.new_risk:
            word = "ready to reduce risk only"
        self._log.info(
            "{} is {}{}", self.venue, word, f": {effect.detail}" if effect.detail else ""
        )
        self.report()  # before a desk can say that it is ready
        ready, new_risk, can = effect.ready, effect.new_risk, self._manager.can
        self._tell_desks(
            VenueReadiness(self.venue, self.epoch, ready, new_risk, effect.detail, can)
        )

    def _publish_positions(self, effect: manager.PublishPositions) -> None:
        sizes = dict(effect.sizes)
        self._tell_desks(
            PositionsHeld(self.venue, sizes, effect.unsettled, self.since_s, effect.asked_s)
        )
        self._tell_money(VenuePositions(self.venue, effect.whole, self._now()))

    def _publish_balances(self, effect: manager.PublishBalances) -> None:
        self._tell_money(VenueBalances(self.venue, self.epoch, effect.summary, self._now()))

    def _publish_drift(self, effect: manager.PublishDrift) -> None:
        self._log.error("drift: {}", effect.detail)
        drift = DriftFound(self.venue, effect.detail, effect.symbol)
        for name, desk in self._desks.items():  # it is said once, also to who is not there yet
            if not desk.offer(drift):
                self._unheard.setdefault((name, effect.symbol), drift)

    def _publish_forced(self, effect: manager.PublishForced) -> None:
        self._log.error("forced: {}", effect.detail)
        self._tell_desks(ForcedClose(self.venue, effect.symbol, effect.detail, effect.fill))

    def _publish_outside(self, effect: manager.PublishOutside) -> None:
        self._log.warning("not ours, and left alone: {}", effect.detail)

    def _publish_contradiction(self, effect: manager.PublishContradiction) -> None:
        log = self._log.bind(venue=effect.venue, client_order_id=effect.client_order_id)
        log.warning("contradiction, asked again: order {}: {}", effect.client_order_id, effect.what)

    def report(self) -> None:
        """Tell the board how the venue is."""
        self._board.offer(VenueReported(self.venue, self._manager.can, self._usage()))

    def _tell_desks(self, message: object) -> None:
        for desk in self._desks.values():
            desk.offer(message)


_THERE: Final = (ChildState.STARTING, ChildState.RUNNING, ChildState.HALF_OPEN)
_READS: Final[dict[type, Read]] = {
    gateway.ReadFills: Read.FILLS,
    gateway.ReadOpenOrders: Read.OPEN_ORDERS,
    gateway.ReadPositions: Read.POSITIONS,
    gateway.ReadBalances: Read.BALANCES,
}
_CARRIERS: Final[dict[type, Callable[[Outbox, Any], None]]] = {
    manager.SendOrder: Outbox._send,
    manager.CancelOrder: Outbox._cancel,
    manager.GuardResting: Outbox._guard,
    manager.RecordIntent: Outbox._record_intent,
    manager.RecordFill: Outbox._record_fill,
    manager.RecordOutcome: Outbox._record_outcome,
    manager.PublishOrder: Outbox._publish,
    manager.PublishReadiness: Outbox._publish_readiness,
    manager.PublishPositions: Outbox._publish_positions,
    manager.PublishBalances: Outbox._publish_balances,
    manager.PublishDrift: Outbox._publish_drift,
    manager.PublishForced: Outbox._publish_forced,
    manager.PublishOutside: Outbox._publish_outside,
    manager.PublishContradiction: Outbox._publish_contradiction,
    manager.AskOrder: lambda box, effect: box._ask(gateway.ReadOrder(effect.new, lane=box._lane)),
    manager.AskFills: lambda box, effect: box._ask(
        gateway.ReadFills(effect.since_ns, lane=box._lane)
    ),
    manager.AskOpenOrders: lambda box, _effect: box._ask(gateway.ReadOpenOrders(lane=box._lane)),
    manager.AskPositions: lambda box, _effect: box._ask(gateway.ReadPositions(lane=box._lane)),
    manager.AskBalances: lambda box, _effect: box._ask(gateway.ReadBalances(lane=box._routine)),
}
