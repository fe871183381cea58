"""Gateway and feed of one simulated venue, and everything that networks do to messages on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from paper.records import AnyRecord, Connection
from tests.simulation.schedule import Schedule
from tests.simulation.trouble import Trouble
from tests.simulation.venue import RESTRICTED, News, SimVenue, VenueOrder
from venues.model import ZERO, Fill, NewOrder, OrderStatus, OrderUpdate, Position, Refusal

if TYPE_CHECKING:
    from tests.simulation.orders_shell import OrdersShell

_REPLY_TIMEOUT_S = 2.0
_PROBATION_S = 0.5
_LATE_S = (5.0, 40.0)
_GUARD_S = 3.0
_KINDS = {
    RESTRICTED: Refusal.MARKET,
    "would not reduce": Refusal.REDUCE_ONLY,
    "would match": Refusal.POST_ONLY,
}


class Wire:
    """One connection at a time; each has an ``epoch``. ``shell`` is who hears from it.

    Of what is on its way, the next shell hears some when an actor has been replaced, and nothing
    when the process has: ``life`` counts processes.
    """

    shell: OrdersShell

    def __init__(
        self, venue: SimVenue, schedule: Schedule, trouble: Trouble, records: list[AnyRecord],
        *, replies_at_once: bool,
    ) -> None:  # fmt: skip
        self.venue = venue
        self.epoch = 0
        self.life = 1
        self.up = self.deaf = False
        self.away_until_s = float("-inf")
        self.reused: list[int] = []
        self._used: set[int] = set()
        self._schedule = schedule
        self._trouble = trouble
        self._records = records
        self._replies_at_once = replies_at_once
        self._answered: set[int] = set()
        self._guarded = False
        venue.tell = self._publish

    # -- the connection ----------------------------------------------------------------------------

    def connect(self) -> None:
        """Come up, with a new epoch."""
        if self.up:
            return
        away_s = self.away_until_s - self._schedule.now_s
        if away_s > 0:
            life = self.life
            back = lambda: self.connect() if self.life == life else None  # noqa: E731
            self._schedule.after(away_s, back, step=False)
            return
        self.epoch += 1
        self.up = True
        self.deaf = False
        self._record("authenticated")
        epoch = self.epoch
        probation = self._schedule.chance(self._trouble.probation)
        self._hop(lambda: self.shell.connected(probation) if self._current(epoch) else None)
        if probation:
            proven = self._if_current(epoch, lambda: self.shell.proven())
            self._schedule.after(_PROBATION_S, proven)

    def cut(self) -> None:
        """Go down now, and come back after an outage; where feed and gateway are two, maybe one."""
        if not self.up:
            return
        if not self._replies_at_once and not self.deaf and self._schedule.random.random() < 0.5:
            self._lose_feed()
            return
        self._go_down()
        # Whoever hears from it learns of the loss a little later than it happened.
        self._hop(lambda: self.shell.disconnected())
        life = self.life
        outage_s = self._schedule.random.uniform(0.02, self._trouble.outage_s)
        self._schedule.after(outage_s, lambda: self.connect() if self.life == life else None)

    def _lose_feed(self) -> None:
        """Only the feed ends: orders have their replies, and questions their answers."""
        self.deaf = True
        self._hop(lambda: self.shell.disconnected(answering=self.up))
        epoch = self.epoch

        def back() -> None:
            if self.deaf and self._current(epoch):
                self.deaf = False
                self._hop(lambda: self.shell.connected(False) if self._current(epoch) else None)

        outage_s = self._schedule.random.uniform(0.02, self._trouble.outage_s)
        self._schedule.after(outage_s, back)

    def die(self) -> None:
        """The process is gone, and with it the socket; the venue has what it has read of it."""
        if self.up:
            self._go_down()
        self.life += 1

    def _go_down(self) -> None:
        self.up = False
        self._record("closed")
        if self._guarded:
            epoch = self.epoch
            self._schedule.after(
                _GUARD_S,
                lambda: self.venue.cancel_all() if self.epoch == epoch else None,
                ours=False,
            )

    # -- requests ----------------------------------------------------------------------------------

    def place(self, new: NewOrder) -> None:
        """Send an order."""
        if new.client_order_id in self._used:
            self.reused.append(new.client_order_id)
        self._used.add(new.client_order_id)
        if not self.up:
            if self._schedule.random.random() < 0.5:
                self.shell.not_sent(new.client_order_id)
            return  # else it lies in the inbox of an actor that is gone
        epoch = self.epoch
        sent_s = self._schedule.host_s
        self._hop(lambda: self.shell.sent(new.client_order_id, sent_s))
        self._schedule.after(_REPLY_TIMEOUT_S, lambda: self._reply_due(new, epoch), step=False)
        if self._schedule.chance(self._trouble.lose_request):
            return
        if self._schedule.chance(self._trouble.refuse):
            self._reply(epoch, new, lambda: self.shell.refused(new.client_order_id))
            return
        self._schedule.after(self._delay_s(), lambda: self._arrive(new, epoch), ours=False)

    def read(self, ask: Callable[[SimVenue], Callable[[], None]]) -> bool:
        """Ask the venue; ``ask`` runs there, and what it returns runs here, if it ever does.

        False when it is known at once that there will be no answer.
        """
        if not self.up or self._schedule.chance(self._trouble.refuse_read):
            return False
        epoch = self.epoch
        if self._schedule.chance(self._trouble.lose_read):
            # A venue that does not answer a question is taken for gone.
            lost = self._if_current(epoch, self.cut)
            self._schedule.after(_REPLY_TIMEOUT_S, lost, step=False)
            return True

        def arrive() -> None:
            answer = self._if_current(epoch, ask(self.venue))
            self._schedule.after(self._delay_s(), answer)

        self._schedule.after(self._delay_s(), arrive, ours=False)
        return True

    def cancel(self, client_order_id: int) -> None:
        """Ask for the cancel of an order; like every request it may be lost, or come late."""
        if not self.up or self._schedule.chance(self._trouble.lose_request):
            return
        epoch = self.epoch

        def arrive() -> None:
            refusal = self.venue.cancel(client_order_id)
            answer = lambda: self.shell.cancel_answered(client_order_id, refusal)  # noqa: E731
            if not self._schedule.chance(self._trouble.lose_reply):
                self._schedule.after(self._delay_s(), self._if_current(epoch, answer))

        self._schedule.after(self._delay_s(), arrive, ours=False)

    def guard(self, on: bool) -> None:
        """Have the venue cancel what rests when it does not hear from us."""
        self._guarded = on

    def _arrive(self, new: NewOrder, epoch: int) -> None:
        if not self._current(epoch) and self._schedule.random.random() < 0.5:
            return  # the venue read the end of the connection before the order
        order = self.venue.place(new)
        if isinstance(order, str):
            kind = _KINDS.get(order)
            self._reply(epoch, new, lambda: self.shell.refused(new.client_order_id, kind))
        elif self._schedule.chance(self._trouble.garble_reply):
            self._reply(epoch, new, lambda: self.shell.doubted(new.client_order_id))
        else:
            self._reply_with(order, epoch)

    def _reply_with(self, order: VenueOrder, epoch: int) -> None:
        if not self._replies_at_once and not order.status.terminal:
            again = lambda: self._reply_with(order, epoch)  # noqa: E731
            self._schedule.after(0.002, again, step=False, ours=False)
            return
        # As Backpack's, it has no room for why the order ended.
        update = msgspec.structs.replace(
            order.update(self.venue.name), reason_follows=order.status.terminal
        )
        self._reply(epoch, order.new, lambda: self.shell.updated(update))

    def _reply(self, epoch: int, new: NewOrder, act: Callable[[], None]) -> None:
        if self._schedule.chance(self._trouble.lose_reply):
            return

        def arrive() -> None:
            if self._current(epoch):
                self._answered.add(new.client_order_id)
                act()

        self._schedule.after(self._delay_s(), arrive)

    def _reply_due(self, new: NewOrder, epoch: int) -> None:
        if self._current(epoch) and new.client_order_id not in self._answered:
            self.shell.doubted(new.client_order_id)

    # -- the feed ----------------------------------------------------------------------------------

    def _publish(self, news: News) -> None:
        if self._schedule.chance(self._trouble.repeat_late):
            late_s = self._schedule.random.uniform(*_LATE_S)
            self._schedule.after(late_s, lambda: self._deliver(news, self.epoch), step=False)
        if not self.up or self.deaf or self._schedule.chance(self._trouble.drop_news):
            return
        if isinstance(news, OrderUpdate) and self._schedule.chance(self._trouble.contradict):
            news = self._contradicted(news)
        epoch, life = self.epoch, self.life
        copies = 1
        while self._schedule.chance(self._trouble.repeat_news) and copies < 4:
            copies += 1
        for _ in range(copies):
            self._schedule.after(
                self._delay_s(), lambda: self._deliver(news, epoch) if self.life == life else None
            )

    def _contradicted(self, news: OrderUpdate) -> OrderUpdate:
        """The same with something in it that can't be, or that we don't know."""
        changes: list[dict[str, Any]] = [
            {"status": OrderStatus.UNKNOWN},
            {"status": OrderStatus.UNKNOWN, "executed": ZERO},
            {"status": OrderStatus.FILLED, "executed": ZERO},
            {"status": OrderStatus.OPEN, "executed": ZERO},
        ]
        if news.executed:
            changes.append({"status": OrderStatus.REJECTED})
            changes.append({"executed": (news.size or ZERO) * 3})
        change = self._schedule.random.choice(changes)
        return msgspec.structs.replace(news, **change)

    def _deliver(self, news: News, epoch: int) -> None:
        # What was read before the end may still lie in the inbox after it.
        if (self.deaf or not self._current(epoch)) and self._schedule.random.random() < 0.5:
            return
        if isinstance(news, Fill):
            self.shell.filled(news)
        elif isinstance(news, Position):
            self.shell.position_seen(news)
        else:
            self.shell.updated(news)

    # -- inside ------------------------------------------------------------------------------------

    def _current(self, epoch: int) -> bool:
        return self.up and self.epoch == epoch

    def _if_current(self, epoch: int, act: Callable[[], None]) -> Callable[[], None]:
        return lambda: act() if self._current(epoch) else None

    def _hop(self, act: Callable[[], None]) -> None:
        life = self.life
        self._schedule.after(0.0001, lambda: act() if self.life == life else None)

    def _delay_s(self) -> float:
        if self._schedule.chance(self._trouble.slow):
            return self._schedule.random.uniform(0.01, 1.5)
        return self._schedule.random.uniform(0.0005, 0.004)

    def _record(self, event: str) -> None:
        now_ns = self._schedule.now_ns
        self._records.append(
            Connection(
                at_ns=now_ns, utc_ns=now_ns, connection=f"{self.venue.name}/private",
                connection_id=self.epoch, event=event,
            )
        )  # fmt: skip
