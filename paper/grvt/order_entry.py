"""Order entry: creates, cancels with their time-to-live windows, and the countdown.

GRVT acknowledges first and matches afterwards. So every request is checked and answered, and gives
the work that remains as a callable; the connection does it before or after it sends the answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

import msgspec
from msgspec import UnsetType

from paper.faults import Race
from paper.grvt import encode, verify
from paper.grvt.private_streams import PrivateFeed
from paper.grvt.refusals import GrvtRefusal, integer, refusal
from paper.grvt.settings import GrvtAccount, GrvtSettings
from paper.order_rules import OrderRules
from paper.orders import (
    Exchange,
    OrderNotFound,
    OrderRequest,
    PaperOrder,
    Reason,
    Refused,
    Status,
)
from venues.grvt import errors, frames
from venues.grvt.numbers import IntText
from venues.grvt.requests import CancelOrder, Filter
from venues.model import Instrument, Side

MAX_WINDOW_MS: Final = 5_000
_WINDOW_STEP_MS: Final = 100
MAX_COUNTDOWN_MS: Final = 300_000
MIN_COUNTDOWN_MS: Final = 1_001
_MS: Final = 0.001

# Orders that the engine never saw are numbered apart from its own.
_UNENTERED_ID: Final = 1 << 62


class Timer(Protocol):
    """Something that happens later unless it is cancelled."""

    def cancel(self) -> None:
        """It must not happen any more."""


Later = Callable[[float, Callable[[], None]], Timer]


def on_the_loop(delay_s: float, action: Callable[[], None]) -> Timer:
    """Run ``action`` on the running loop after ``delay_s``."""
    return asyncio.get_running_loop().call_later(delay_s, action)


Races = Callable[[], Race | None]


def no_race() -> Race | None:
    """No fill meets a cancel on purpose."""
    return None


class Answer(msgspec.Struct, frozen=True):
    """What is under ``result``, and the work that the answer only promises."""

    result: object
    work: Callable[[], None] | None = None
    work_first: bool = False


class OrderEntry:
    """Takes orders for the engine. Loop thread only."""

    def __init__(
        self,
        exchange: Exchange,
        feed: PrivateFeed,
        settings: GrvtSettings,
        later: Later = on_the_loop,
        races: Races = no_race,
        order_rules: OrderRules | None = None,
    ) -> None:
        self._exchange = exchange
        self._feed = feed
        self._settings = settings
        self._later = later
        self._races = races
        self._order_rules = order_rules
        self._random = random.Random(settings.seed)
        self._signatures: dict[tuple[str, str], int] = {}
        self._windows: dict[tuple[str, int], Timer] = {}
        self._countdowns: dict[str, Timer] = {}
        self._unentered: list[PaperOrder] = []

    def create(self, order: frames.Order, account: GrvtAccount) -> Answer:
        """Check an order and promise to match it. Raises GrvtRefusal."""
        now_ns = self._exchange.now_ns()
        verify.check_form(order, account)
        instrument = self.instrument(order.legs[0].instrument)
        verify.check_signature(order, account, instrument, self._settings.chain_id, now_ns)
        request = verify.to_request(order, account)
        acknowledged = encode.acknowledged(order, now_ns)
        if self._signatures.get((account.name, request.nonce), 0) > now_ns:
            if self._settings.repeated_signature == "refuse":
                raise GrvtRefusal(errors.CLIENT_ID_ACTIVE, "this signature was used before")
            return Answer(acknowledged)
        self._check_entry(request)
        self._remember(request, now_ns)
        return Answer(acknowledged, partial(self._enter, request), self._work_first())

    def cancel(self, body: CancelOrder, account: GrvtAccount) -> Answer:
        """Promise to cancel one order. Raises GrvtRefusal."""
        order_id, client_order_id = order_ids(body.order_id, body.client_order_id)
        window_ms = self._window_ms(body.time_to_live_ms)
        order = self.find(account, order_id, client_order_id)
        acknowledged = frames.Ack()
        if order is not None and order.status is Status.OPEN:
            self._exchange.cancel_asked(order)
        race = self._races() if order is not None and order.status is Status.OPEN else None
        if order is not None and race is not None and race.when == "before":
            self._overtake(order, race)
        if order is not None and order.status is Status.OPEN:
            if race is not None and race.when == "after":
                return Answer(acknowledged, partial(self._cancel_late, account, order, race))
            work = partial(self._cancel, account, order.order_id)
            return Answer(acknowledged, work, self._work_first())
        if client_order_id is not None and window_ms:
            self._open_window(account, client_order_id, window_ms)
        elif self._settings.unknown_cancel == "refuse":
            raise GrvtRefusal(errors.NOT_FOUND)
        return Answer(acknowledged)

    def cancel_all(self, body: Filter, account: GrvtAccount) -> Answer:
        """Promise to cancel every order that the filter names."""
        symbols = [row.symbol for row in self._exchange.instruments if named(body, row)]
        for symbol in symbols:
            self._exchange.cancel_asked(*self._exchange.open_orders(account.name, symbol))
        return Answer(frames.Ack(), partial(self._cancel_all, account, symbols), self._work_first())

    def countdown(self, countdown_ms: IntText, account: GrvtAccount) -> Answer:
        """Arm, refresh or disarm the dead man's switch: floored to whole seconds."""
        value = integer(countdown_ms)
        if value > MAX_COUNTDOWN_MS:
            raise GrvtRefusal(errors.COUNTDOWN_TOO_LONG)
        running = self._countdowns.pop(account.name, None)
        if running is not None:
            running.cancel()
        if value >= MIN_COUNTDOWN_MS:
            self._countdowns[account.name] = self._later(
                value // 1000, partial(self._count_out, account)
            )
        return Answer(frames.Ack())

    def find(
        self, account: GrvtAccount, order_id: int | None, client_order_id: int | None
    ) -> PaperOrder | None:
        """The newest order of that id, also one that was rejected before the engine saw it."""
        entered = self._exchange.find_order(
            account.name, order_id=order_id, client_order_id=client_order_id
        )
        for order in reversed(self._unentered):
            if order.request.account != account.name:
                continue
            if order_id == order.order_id or (
                order_id is None and client_order_id == order.request.client_order_id
            ):
                newer = entered is None or entered.created_ns < order.created_ns
                return order if newer else entered
        return entered

    def instrument(self, symbol: str) -> Instrument:
        """A listed contract; GrvtRefusal 2061 otherwise."""
        try:
            return self._exchange.instrument(symbol)
        except Refused:
            raise GrvtRefusal(errors.INSTRUMENT_UNSUPPORTED, symbol) from None

    def stop(self) -> None:
        """Stop all timers, at the end of the process."""
        for timer in (*self._windows.values(), *self._countdowns.values()):
            timer.cancel()
        self._windows.clear()
        self._countdowns.clear()

    def _check_entry(self, request: OrderRequest) -> None:
        try:
            self._exchange.check(request)
        except Refused as refused:
            if refused.reason not in self._told_later():
                raise self._refusal(request, refused) from None
        try:
            if self._order_rules is not None:
                self._order_rules.check(request)
        except Refused as refused:
            raise self._refusal(request, refused) from None

    def _refusal(self, request: OrderRequest, refused: Refused) -> GrvtRefusal:
        side = self._position_side(request)
        return refusal(refused.reason, refused.detail, request.side, side)

    def _told_later(self) -> set[Reason]:
        """What the feed says after the acknowledgement instead of a refusal."""
        reasons = {Reason.POST_ONLY}
        if self._settings.reduce_only == "reject":
            reasons.add(Reason.REDUCE_ONLY)
        if self._settings.client_id_in_use == "reject":
            reasons.add(Reason.DUPLICATE_CLIENT_ID)
        return reasons

    def _position_side(self, request: OrderRequest) -> Side | None:
        for position in self._exchange.positions(request.account):
            if position.symbol == request.symbol and position.size:
                return Side.towards(position.size)
        return None

    def _remember(self, request: OrderRequest, now_ns: int) -> None:
        """Signatures are known until they expire, when 2001 answers a repetition anyway."""
        if len(self._signatures) > 10_000:
            live = {key: until for key, until in self._signatures.items() if until > now_ns}
            self._signatures = live
        self._signatures[(request.account, request.nonce)] = request.expires_ns

    def _enter(self, request: OrderRequest) -> None:
        window = self._windows.pop((request.account, request.client_order_id or 0), None)
        if window is not None:
            window.cancel()
            self._end_unentered(request, Status.CANCELLED, Reason.CLIENT_CANCEL)
            return
        with self._feed.batch():
            try:
                self._exchange.submit(request)
            except Refused as refused:
                self._end_unentered(request, Status.REJECTED, refused.reason)

    def _end_unentered(self, request: OrderRequest, status: Status, reason: Reason) -> None:
        order_id = _UNENTERED_ID + len(self._unentered)
        order = PaperOrder(order_id, request, self._exchange.now_ns())
        order.status, order.reason = status, reason
        self._unentered.append(order)
        self._feed.order_changed(order)

    def _cancel(self, account: GrvtAccount, order_id: int) -> None:
        with self._feed.batch():
            try:
                self._exchange.cancel(account.name, None, order_id=order_id)
            except OrderNotFound:
                # It was filled or expired in between, and its feed has already said so.
                return

    def _cancel_late(self, account: GrvtAccount, order: PaperOrder, race: Race) -> None:
        def happen() -> None:
            self._overtake(order, race)
            self._cancel(account, order.order_id)

        self._later(race.by_s, happen)

    def _overtake(self, order: PaperOrder, race: Race) -> None:
        """Somebody takes the order while its cancel is on the way."""
        with self._feed.batch():
            self._exchange.take_resting([order], Decimal(str(race.part)))

    def _cancel_all(self, account: GrvtAccount, symbols: list[str]) -> None:
        with self._feed.batch():
            for symbol in symbols:
                self._exchange.cancel_all(account.name, symbol)

    def _count_out(self, account: GrvtAccount) -> None:
        self._countdowns.pop(account.name, None)
        with self._feed.batch():
            self._exchange.cancel_all(account.name, None, Reason.DISCONNECT_COUNTDOWN)

    def _window_ms(self, value: IntText | UnsetType | None) -> int:
        if value is None or isinstance(value, UnsetType):
            return self._settings.cancel_window_ms
        window_ms = integer(value)
        if window_ms > MAX_WINDOW_MS:
            raise GrvtRefusal(errors.TTL_TOO_LONG)
        floored = window_ms // _WINDOW_STEP_MS * _WINDOW_STEP_MS
        return floored or self._settings.cancel_window_ms

    def _open_window(self, account: GrvtAccount, client_order_id: int, window_ms: int) -> None:
        key = (account.name, client_order_id)
        if key in self._windows:
            self._tell_cancel(account, client_order_id, "DROPPED_DUPLICATE")
            return
        self._windows[key] = self._later(
            window_ms * _MS, partial(self._close_window, account, client_order_id)
        )

    def _close_window(self, account: GrvtAccount, client_order_id: int) -> None:
        if self._windows.pop((account.name, client_order_id), None) is not None:
            self._tell_cancel(account, client_order_id, "EXPIRED")

    def _tell_cancel(self, account: GrvtAccount, client_order_id: int, status: str) -> None:
        row = frames.CancelStatus(
            sub_account_id=str(account.sub_account_id),
            client_order_id=str(client_order_id),
            update_time=str(self._exchange.now_ns()),
            cancel_status=status,
        )
        self._feed.cancel_ended(account, row)

    def _work_first(self) -> bool:
        if self._settings.first == "seeded":
            return self._random.random() < 0.5
        return self._settings.first == "feed"


def order_ids(
    order_id: str | UnsetType | None, client_order_id: IntText | UnsetType | None
) -> tuple[int | None, int | None]:
    """(engine's order id, client order id) of a request; GrvtRefusal 3021 without either.

    An order id that cannot be one of ours becomes -1, which no order has.
    """
    if isinstance(order_id, str) and order_id.strip("0x"):
        number = encode.parse_order_id(order_id)
        return (-1 if number is None else number), None
    if client_order_id is None or isinstance(client_order_id, UnsetType) or client_order_id == "":
        raise GrvtRefusal(errors.NO_ORDER_ID)
    return None, integer(client_order_id)


def named(body: Filter, instrument: Instrument) -> bool:
    """True when the filters of a request let this contract through; an absent one lets all."""
    pairs = ((body.kind, "PERPETUAL"), (body.base, instrument.base), (body.quote, instrument.quote))
    return all(not names or value in names for names, value in pairs if names is not msgspec.UNSET)
