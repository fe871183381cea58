"""What is read of a Backpack account over HTTP, and how an answer becomes a message for its orders.

Runs on the lane threads of ``actors.backpack_rest``. A read may take several requests: the first is
let through by the venue's request budget before it gets here, the others are counted. So what only
the guards need is asked for in routine readings, and not in those that settle a doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors import gateway, orders
from actors.http import HttpAnswer, HttpClient
from trading.request_budget import Lane
from venues.backpack import codec
from venues.backpack.codec import Verdict
from venues.backpack.requests import HttpRequest, RequestBuilder
from venues.errors import FrameError, VenueError
from venues.model import BACKPACK, Fill, NewOrder, OrderUpdate, Position

if TYPE_CHECKING:
    from loguru import Logger

    from supervision.clock import Clock

_PAGE: Final = 100
_NS_PER_MS: Final = 1_000_000
_CLOCKS_DIFFER_NS: Final = 3_600_000_000_000  # an hour: enough for clocks, too short for ids

Call = Callable[[HttpClient, HttpRequest], HttpAnswer]


class _Liquidation(msgspec.Struct, frozen=True):
    """What was told of a position of ``size`` at ``read_s``; ``known``: it was told."""

    size: Decimal
    price: Decimal | None
    known: bool
    read_s: float

    def holds_for(self, size: Decimal) -> bool:
        """False for a position that has turned or grown, whose liquidation is nearer now."""
        return size * self.size > 0 and abs(size) <= abs(self.size)


class Reads:
    """Answers the reads of ``actors.gateway``. ``call`` sends a request that is paid for, ``more``
    one that is not yet; both raise what ``HttpClient.request`` does. A liquidation price is good
    for ``keep_s`` at most.
    """

    def __init__(
        self,
        build: RequestBuilder,
        call: Call,
        more: Call,
        *,
        epoch: int,
        clock: Clock,
        log: Logger,
        keep_s: float,
    ) -> None:
        self._build = build
        self._call = call
        self._more = more
        self.epoch = epoch
        self.clock = clock
        self.log = log
        self._keep_s = keep_s
        self._liquidations: dict[str, _Liquidation] = {}

    def read(self, client: HttpClient, message: object) -> object:
        """Carry out one read; returns the message for the orders actor.

        Raises VenueRefused, SessionRefused or FrameError for an answer that says nothing.
        """
        return _READS[type(message)](self, client, message)

    def _read_order(self, client: HttpClient, message: gateway.ReadOrder) -> object:
        """Find one order: among the resting ones, else in the history."""
        new = message.new
        query = self._build.query_order(new.symbol, client_order_id=new.client_order_id)
        answer = self._call(client, query)
        found = codec.decode_order(answer.status, answer.body, new.client_order_id)
        update = found.update
        if update is None and found.outcome.verdict is not Verdict.NOT_FOUND:
            raise found.error or FrameError(BACKPACK, query.path, "no order in the answer")
        if update is None:
            history = self._more(client, self._build.order_history(new.symbol, limit=_PAGE))
            rows = codec.decode_order_history(history.status, history.body)
            matching = [row for row in rows if _is_of(row, new)]
            update = matching[0] if matching else None
        if update is None:
            return orders.OrderAbsent(new.client_order_id, self.epoch, asked_s=message.asked_s)
        return orders.OrderReported(update, self.clock.now())

    def _read_fills(self, client: HttpClient, message: gateway.ReadFills) -> object:
        """Read the fill history page by page, all of it."""
        fills: list[Fill] = []
        send = self._call
        while True:
            request = self._build.fill_history(
                from_ms=message.since_ns // _NS_PER_MS, limit=_PAGE, offset=len(fills)
            )
            answer, send = send(client, request), self._more
            page = codec.decode_fills(answer.status, answer.body)
            fills.extend(page)
            if len(page) < _PAGE:
                break
        oldest_first = tuple(reversed(fills))
        return orders.FillsRead(
            oldest_first, self.epoch, self.clock.now(), message.since_ns, asked_s=message.asked_s
        )

    def _read_open_orders(self, client: HttpClient, message: gateway.ReadOpenOrders) -> object:
        """Read what rests."""
        answer = self._call(client, self._build.open_orders())
        updates = codec.decode_open_orders(answer.status, answer.body)
        now_s = self.clock.now()
        return orders.OpenOrdersRead(updates, self.epoch, now_s, asked_s=message.asked_s)

    def _read_positions(self, client: HttpClient, message: gateway.ReadPositions) -> object:
        """Read the positions; their liquidation prices when nothing else has to be made sure of."""
        answer = self._call(client, self._build.positions())
        held = codec.decode_positions(answer.status, answer.body)
        routine = message.lane is Lane.ROUTINE
        found = {one.symbol: self._liquidation(client, one, anew=routine) for one in held}
        self._liquidations = found
        valued = tuple(
            msgspec.structs.replace(
                one,
                liquidation_price=found[one.symbol].price,
                liquidation_known=found[one.symbol].known,
            )
            for one in held
        )
        return orders.PositionsRead(valued, self.epoch, asked_s=message.asked_s)

    def _liquidation(self, client: HttpClient, position: Position, *, anew: bool) -> _Liquidation:
        """The one that was read before, while it holds; it is told of a position asked for alone.

        One that could not be read counts as read too: else each reading in doubt would try again.
        """
        size, now_s = position.size, self.clock.now()
        last = self._liquidations.get(position.symbol)
        if last is not None and not (last.holds_for(size) and now_s - last.read_s <= self._keep_s):
            last = None
        if last is not None and not anew:
            return last
        try:
            answer = self._more(client, self._build.positions(position.symbol))
            alone = codec.decode_positions(answer.status, answer.body, single=True)
        except VenueError as error:  # what is held is known, which is what matters more
            self.log.warning("no liquidation price of {}: {}", position.symbol, error)
            return last or _Liquidation(size, None, False, now_s)
        return _Liquidation(size, alone[0].liquidation_price if alone else None, True, now_s)

    def _read_balances(self, client: HttpClient, _: gateway.ReadBalances) -> object:
        """Read the account's money, and its fees."""
        account = self._call(client, self._build.account())
        collateral = self._more(client, self._build.collateral())
        summary = codec.account_summary(
            codec.decode_account(account.status, account.body),
            codec.decode_collateral(collateral.status, collateral.body),
        )
        return orders.BalancesRead(summary, self.epoch)


def _is_of(row: OrderUpdate, new: NewOrder) -> bool:
    """The same id is not enough: ids are 32 bits, and a journal may have been begun anew."""
    if row.client_order_id != new.client_order_id:
        return False
    return not row.event_ns or row.event_ns >= new.created_ns - _CLOCKS_DIFFER_NS


_READS: Final[dict[type, Callable[[Reads, HttpClient, Any], object]]] = {
    gateway.ReadOrder: Reads._read_order,
    gateway.ReadFills: Reads._read_fills,
    gateway.ReadOpenOrders: Reads._read_open_orders,
    gateway.ReadPositions: Reads._read_positions,
    gateway.ReadBalances: Reads._read_balances,
}
READS: Final = frozenset(_READS)
