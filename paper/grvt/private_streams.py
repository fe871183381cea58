"""The account streams: v1.order, v1.state, v1.fill, v1.position and v1.cancel."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from paper.grvt import encode
from paper.grvt.hub import Publish
from paper.grvt.refusals import STREAM_UNKNOWN, GrvtRefusal
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.orders import (
    BookDelta,
    Exchange,
    PaperFill,
    PaperOrder,
    PaperPosition,
    Refused,
    Status,
)
from venues.grvt import codec, errors, frames

PRIVATE: Final = frozenset(
    {
        codec.ORDER_STREAM,
        codec.STATE_STREAM,
        codec.FILL_STREAM,
        codec.POSITION_STREAM,
        codec.CANCEL_STREAM,
    }
)


class PrivateSource:
    """Who may hear which account, and what a subscription starts with."""

    def __init__(
        self, exchange: Exchange, accounts: Sequence[GrvtAccount], settings: GrvtSettings
    ) -> None:
        self._exchange = exchange
        self._accounts = {account.sub_account_id: account for account in accounts}
        self._settings = settings

    def check(self, stream: str, selector: str, account: GrvtAccount | None) -> None:
        """Raise GrvtRefusal unless ``selector`` is one's own ``<sub>`` or ``<sub>-INSTRUMENT``."""
        if stream not in PRIVATE:
            raise GrvtRefusal(STREAM_UNKNOWN, stream)
        if account is None:
            raise GrvtRefusal(errors.NOT_AUTHENTICATED)
        sub_account, dash, symbol = selector.partition("-")
        if not (sub_account.isascii() and sub_account.isdecimal()):
            raise GrvtRefusal(errors.SUB_ACCOUNT_FORMAT, selector)
        if int(sub_account) != account.sub_account_id:
            raise GrvtRefusal(errors.NOT_AUTHORISED, selector)
        if dash:
            try:
                self._exchange.instrument(symbol)
            except Refused:
                raise GrvtRefusal(errors.INSTRUMENT_INVALID, symbol) from None

    def snapshots(self, stream: str, selector: str) -> Sequence[msgspec.Struct]:
        """Positions that are open; past fills as many as the settings say; orders none."""
        sub_account, _, symbol = selector.partition("-")
        account = self._accounts[int(sub_account)]
        if stream == codec.POSITION_STREAM:
            rows = self._exchange.positions(account.name)
            return [encode.position(row, account) for row in rows if symbol in ("", row.symbol)]
        if stream == codec.FILL_STREAM and self._settings.fill_snapshots:
            fills = self._exchange.fill_history(account.name, symbol or None)
            latest = fills[: self._settings.fill_snapshots]
            return [encode.fill(fill, account) for fill in reversed(latest)]
        return ()

    def opened(self, stream: str, selector: str, publish: Publish) -> None:
        """Nothing to start: ``PrivateFeed`` publishes."""

    def closed(self, stream: str, selector: str) -> None:
        """Nothing to stop."""


class _Event(msgspec.Struct, frozen=True):
    """A message that is due. ``opening`` is the order whose OPEN it is, if it is one."""

    stream: str
    account: GrvtAccount
    symbol: str
    feed: msgspec.Struct
    opening: PaperOrder | None = None


class PrivateFeed:
    """Hears the engine and tells the account streams.

    What happens within ``batch`` is told at its end: only then is it known whether an order that
    was accepted may show OPEN (one that is rejected was never open), and the messages of
    different streams can be shuffled, since GRVT promises no order between them.
    """

    def __init__(
        self,
        publish: Callable[[str, str, msgspec.Struct], None],
        accounts: Mapping[str, GrvtAccount],
        settings: GrvtSettings,
    ) -> None:
        self._publish = publish
        self._accounts = accounts
        self._settings = settings
        self._random = random.Random(settings.seed)
        self._held: list[_Event] = []
        self._batches = 0

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Hold messages back until the end of one request's work."""
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1
            if not self._batches:
                self._flush()

    def order_accepted(self, order: PaperOrder) -> None:
        """The order is in the book, or is about to trade: OPEN."""
        self._order(order, order)

    def filled(self, fill: PaperFill) -> None:
        """A match, and with a remainder the order's new figures."""
        account = self._accounts.get(fill.account)
        if account is None or fill.order.request.untold:
            return
        row = encode.fill(fill, account)
        self._emit(_Event(codec.FILL_STREAM, account, fill.symbol, row))
        if fill.order.status is Status.OPEN:
            self._order(fill.order)

    def order_changed(self, order: PaperOrder) -> None:
        """The order has ended, or was cut."""
        self._order(order)

    def position_changed(self, position: PaperPosition) -> None:
        """A fill has moved a position."""
        account = self._accounts.get(position.account)
        if account is not None:
            row = encode.position(position, account)
            self._emit(_Event(codec.POSITION_STREAM, account, position.symbol, row))

    def book_changed(self, delta: BookDelta) -> None:
        """Public: not told here."""

    def traded(self, fill: PaperFill) -> None:
        """Public: not told here."""

    def cancel_ended(self, account: GrvtAccount, row: frames.CancelStatus) -> None:
        """A cancel's window ended without meeting its order."""
        self._emit(_Event(codec.CANCEL_STREAM, account, "", row))

    def _order(self, order: PaperOrder, opening: PaperOrder | None = None) -> None:
        account = self._accounts.get(order.request.account)
        if account is None or order.request.untold:
            return
        symbol = order.request.symbol
        state = encode.state_update(order)
        self._emit(_Event(codec.STATE_STREAM, account, symbol, state, opening))
        whole = encode.order(order, account)
        self._emit(_Event(codec.ORDER_STREAM, account, symbol, whole, opening))

    def _emit(self, event: _Event) -> None:
        self._held.append(event)
        if not self._batches:
            self._flush()

    def _flush(self) -> None:
        events = [event for event in self._held if self._shown(event)]
        self._held = []
        if self._settings.feed_order == "shuffled":
            events = self._shuffled(events)
        for event in events:
            selector = str(event.account.sub_account_id)
            self._publish(event.stream, selector, event.feed)
            if event.symbol:
                self._publish(event.stream, f"{selector}-{event.symbol}", event.feed)

    def _shown(self, event: _Event) -> bool:
        """An order that is rejected was never open; a taker's OPEN is optional when it fills."""
        if event.opening is None or event.opening.status is Status.OPEN:
            return True
        if event.opening.status is Status.REJECTED:
            return False
        return event.opening.status is not Status.FILLED or self._settings.taker_open

    def _shuffled(self, events: list[_Event]) -> list[_Event]:
        order = [event.stream for event in events]
        self._random.shuffle(order)
        queues = {
            stream: iter([event for event in events if event.stream == stream])
            for stream in set(order)
        }
        return [next(queues[stream]) for stream in order]
