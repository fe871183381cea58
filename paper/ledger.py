"""The ledger of both paper venues: it only listens, and is what judges a run.

One ``Ledger`` serves both venues, on the asyncio loop's thread; its clock orders everything. It is
a ``SessionLedger`` for the front-ends and gives each engine a listener.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import BinaryIO, TypedDict

import msgspec

from paper.faults import Hit
from paper.orders import BookDelta, FundingPayment, PaperFill, PaperOrder, PaperPosition, Reason
from paper.records import (
    LEDGER_SCHEMA,
    Accepted,
    AnyRecord,
    CancelAsked,
    Connection,
    Ended,
    FaultFired,
    FaultHit,
    Filled,
    Funded,
    Login,
    Manual,
    Marked,
    Opened,
    Resized,
    encode_record,
)


class Moment(TypedDict):
    """The two times of a record."""

    at_ns: int
    utc_ns: int


class Ledger:
    """Records in memory and, when ``stream`` is given, as JSON lines; it should be unbuffered.

    ``clock`` gives monotonic nanoseconds. UTC is read once, so that both times move together.
    """

    def __init__(
        self,
        seed: int,
        stream: BinaryIO | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        utc_ns: int | None = None,
    ) -> None:
        self._clock = clock
        self._utc_offset_ns = (time.time_ns() if utc_ns is None else utc_ns) - clock()
        self._stream = stream
        self.records: list[AnyRecord] = []
        self.add(Opened(schema=LEDGER_SCHEMA, seed=seed, **self.moment()))

    def moment(self) -> Moment:
        """Now, on both clocks."""
        at_ns = self._clock()
        return {"at_ns": at_ns, "utc_ns": at_ns + self._utc_offset_ns}

    def utc_ns(self) -> int:
        """UTC unix nanoseconds: the clock of the venues."""
        return self._clock() + self._utc_offset_ns

    def add(self, record: AnyRecord) -> None:
        """Keep a record; raises OSError when the file cannot be written."""
        self.records.append(record)
        if self._stream is not None:
            self._stream.write(encode_record(record))

    def listener(self, venue: str) -> VenueRecorder:
        """What hears one venue's engine."""
        return VenueRecorder(self, venue)

    def connected(self, connection: str, connection_id: int, authenticated: bool) -> None:
        """A websocket was accepted (again with True once it has authenticated)."""
        event = "authenticated" if authenticated else "opened"
        self._connection(connection, connection_id, event)

    def disconnected(self, connection: str, connection_id: int, by: str) -> None:
        """It ended; ``by`` is ``client``, ``venue`` or ``fault``."""
        self._connection(connection, connection_id, "closed", by)

    def logged_in(self, venue: str, account: str, accepted: bool) -> None:
        """A login was tried."""
        self.add(Login(venue=venue, account=account, accepted=accepted, **self.moment()))

    def marked(self, venue: str, symbol: str, mark: Decimal) -> None:
        """Sample a mark price."""
        self.add(Marked(venue=venue, symbol=symbol, mark=mark, **self.moment()))

    def fault_fired(self, fault: object) -> None:
        """An injected fault acted."""
        raw = msgspec.Raw(msgspec.json.encode(fault))
        self.add(FaultFired(fault=raw, **self.moment()))

    def fault_hit(self, hit: Hit) -> None:
        """A fault met something."""
        raw = msgspec.Raw(msgspec.json.encode(hit.fault))
        self.add(FaultHit(fault=raw, detail=hit.detail, **self.moment()))

    def _connection(self, name: str, number: int, event: str, by: str = "") -> None:
        self.add(
            Connection(connection=name, connection_id=number, event=event, by=by, **self.moment())
        )


class VenueRecorder:
    """Writes what one venue's engine does into the ledger."""

    def __init__(self, ledger: Ledger, venue: str) -> None:
        self._ledger = ledger
        self._venue = venue

    def order_accepted(self, order: PaperOrder) -> None:
        """Record what was accepted, as it was asked for."""
        request = order.request
        if request.manual:
            self._ledger.add(
                Manual(
                    venue=self._venue,
                    account=request.account,
                    order_id=order.order_id,
                    **self._ledger.moment(),
                )
            )
        self._ledger.add(
            Accepted(
                venue=self._venue,
                account=request.account,
                symbol=request.symbol,
                order_id=order.order_id,
                client_order_id=request.client_order_id,
                nonce=request.nonce,
                side=request.side,
                size=request.size,
                price=request.price,
                time_in_force=request.time_in_force,
                post_only=request.post_only,
                reduce_only=request.reduce_only,
                expires_ns=request.expires_ns,
                forced=order.reason in (Reason.LIQUIDATION, Reason.ADL),
                **self._ledger.moment(),
            )
        )

    def filled(self, fill: PaperFill) -> None:
        """Record one side of a match."""
        self._ledger.add(
            Filled(
                venue=self._venue,
                account=fill.account,
                symbol=fill.symbol,
                order_id=fill.order.order_id,
                client_order_id=fill.order.request.client_order_id,
                trade_id=fill.trade_id,
                side=fill.side,
                size=fill.size,
                price=fill.price,
                fee=fill.fee,
                maker=fill.maker,
                mark=fill.mark_price,
                forced=fill.forced,
                **self._ledger.moment(),
            )
        )

    def order_changed(self, order: PaperOrder) -> None:
        """Record its end, or its new size."""
        request = order.request
        if order.status.live:
            self._ledger.add(
                Resized(
                    venue=self._venue,
                    account=request.account,
                    symbol=request.symbol,
                    order_id=order.order_id,
                    size=order.size,
                    **self._ledger.moment(),
                )
            )
            return
        self._ledger.add(
            Ended(
                venue=self._venue,
                account=request.account,
                symbol=request.symbol,
                order_id=order.order_id,
                client_order_id=request.client_order_id,
                status=order.status.value,
                reason=order.reason.value,
                executed=order.executed,
                **self._ledger.moment(),
            )
        )

    def cancel_asked(self, order: PaperOrder) -> None:
        """Record that an account wants it cancelled."""
        self._ledger.add(
            CancelAsked(
                venue=self._venue,
                account=order.request.account,
                symbol=order.request.symbol,
                order_id=order.order_id,
                **self._ledger.moment(),
            )
        )

    def position_changed(self, position: PaperPosition) -> None:
        """Nothing: positions follow from the fills."""

    def book_changed(self, delta: BookDelta) -> None:
        """Nothing: the public book is not ours."""

    def traded(self, fill: PaperFill) -> None:
        """Nothing: our side of it was recorded as a fill."""

    def funded(self, payment: FundingPayment) -> None:
        """Record a funding payment."""
        self._ledger.add(
            Funded(
                venue=self._venue,
                account=payment.account,
                symbol=payment.symbol,
                size=payment.size,
                mark=payment.mark,
                rate=payment.rate,
                amount=payment.amount,
                **self._ledger.moment(),
            )
        )
