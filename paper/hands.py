"""Other hands: trades and cancels that are not the trader's, liquidations, signals to processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Final

from paper.engine import PaperExchange
from paper.faults import (
    CancelOrders,
    Fault,
    FaultRefused,
    Faults,
    Leverage,
    Liquidate,
    Mark,
    Signal,
    Take,
    Trade,
    Withdraw,
)
from paper.orders import OrderRequest, Reason, Refused
from paper.processes import OneProcess, born_at
from venues.model import TimeInForce

_SIGNALS: Final = {
    "kill": signal.SIGKILL,
    "stop": signal.SIGSTOP,
    "term": signal.SIGTERM,
    "int": signal.SIGINT,
}
_IN_THE_ENGINE: Final = ("accept", "fill")


class Hands:
    """Does what those faults want. Loop thread only; ``signals`` says whether it may send any."""

    def __init__(
        self, exchanges: Mapping[str, PaperExchange], faults: Faults, *, signals: bool
    ) -> None:
        self._exchanges = exchanges
        self._faults = faults
        self._signals = signals
        self._born: dict[Signal, str | None] = {}  # the process that each is for, when it was armed
        faults.checked_by(self._check)
        faults.on(Trade, lambda fault: self._do(fault, lambda: self._trade(fault)))
        faults.on(CancelOrders, lambda fault: self._do(fault, lambda: self._cancel(fault)))
        faults.on(Take, lambda fault: self._do(fault, lambda: self._take(fault)))
        faults.on(Leverage, lambda fault: self._do(fault, lambda: self._leverage(fault)))
        faults.on(Liquidate, lambda fault: self._do(fault, lambda: self._liquidate(fault)))
        faults.on(Withdraw, lambda fault: self._do(fault, lambda: self._withdraw(fault)))
        faults.on(Mark, lambda fault: self._faults.effects.hit(fault, fault.name))
        faults.on(Signal, self._signal)

    def _check(self, fault: Fault) -> None:
        if isinstance(fault, Signal):
            if not self._signals:
                raise FaultRefused('start the venues with the setting "signals": true')
            self._born[fault] = born_at(fault.pid)
        if not isinstance(fault, Trade | CancelOrders | Take | Liquidate | Withdraw):
            return
        exchange = self._exchanges[fault.venue]
        if fault.account not in exchange.accounts:
            raise FaultRefused(f"no account {fault.account!r} at {fault.venue}")
        symbol = fault.symbol if isinstance(fault, Trade | CancelOrders) else None
        if symbol is not None and symbol not in {row.symbol for row in exchange.instruments}:
            raise FaultRefused(f"no contract {symbol!r} at {fault.venue}")

    def _do(self, fault: Fault, act: Callable[[], str]) -> None:
        """Act now, or right after the engine's own work when a hook of the engine was reached."""

        def done() -> None:
            self._faults.effects.hit(fault, act())

        if fault.at is not None and fault.at.hook.endswith(_IN_THE_ENGINE):
            asyncio.get_running_loop().call_soon(done)
        else:
            done()

    def _trade(self, fault: Trade) -> str:
        request = OrderRequest(
            account=fault.account,
            symbol=fault.symbol,
            side=fault.side,
            size=fault.size,
            price=fault.price,
            time_in_force=TimeInForce.IOC if fault.price is None else TimeInForce.GTC,
            client_order_id=fault.client_order_id,
            manual=True,
        )
        try:
            order = self._exchanges[fault.venue].submit(request)
        except Refused as refused:
            return f"refused: {refused.reason.value}"
        return f"order {order.order_id}: {order.executed} of {order.size}"

    def _cancel(self, fault: CancelOrders) -> str:
        gone = self._exchanges[fault.venue].cancel_all(fault.account, fault.symbol)
        return f"{len(gone)} cancelled"

    def _take(self, fault: Take) -> str:
        exchange = self._exchanges[fault.venue]
        orders = exchange.open_orders(fault.account)
        exchange.take_resting(orders, Decimal(str(fault.part)), fault.pieces)
        return f"{len(orders)} taken"

    def _leverage(self, fault: Leverage) -> str:
        self._exchanges[fault.venue].set_leverage(fault.leverage)
        return f"leverage {fault.leverage}"

    def _liquidate(self, fault: Liquidate) -> str:
        self._exchanges[fault.venue].liquidate(
            fault.account, Decimal(str(fault.part)), Reason(fault.how),
            untold=fault.told == "position",
        )  # fmt: skip
        return "liquidated"

    def _withdraw(self, fault: Withdraw) -> str:
        self._exchanges[fault.venue].withdraw(fault.account, fault.amount)
        return "withdrawn"

    def _signal(self, fault: Signal) -> None:
        try:
            process = OneProcess(fault.pid, self._born.get(fault))
        except ProcessLookupError:
            self._faults.effects.hit(fault, "not sent: no such process")
            return
        detail, stands = "sent", fault.signal == "stop" and fault.for_s > 0
        try:
            process.send(_SIGNALS[fault.signal])
        except OSError as error:
            detail, stands = f"not sent: {error.strerror}", False
        if stands:
            asyncio.get_running_loop().call_later(fault.for_s, _go_on, process)
        else:
            process.close()
        self._faults.effects.hit(fault, detail)


def _go_on(process: OneProcess) -> None:
    # One that has ended while it was stopped was killed by whoever runs the drill.
    with suppress(ProcessLookupError):
        process.send(signal.SIGCONT)
    process.close()
