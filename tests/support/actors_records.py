"""Records as a coordinator makes them, for tests of those who keep them."""

from __future__ import annotations

from decimal import Decimal

from trading.desk import CycleRecord, LegRecord
from venues.model import ZERO

ONE = Decimal(1)


def cycle_record(cycle: int, outcome: str = "completed") -> CycleRecord:
    """A cycle of the desk eth that is over."""
    leg = LegRecord(
        venue="backpack", symbol="ETH", traded=ONE, entry_price=ONE, exit_price=ONE, fees=ZERO,
        gross_pnl=ZERO, slippage_bps=ZERO, orders=2,
    )  # fmt: skip
    return CycleRecord(
        desk="eth", cycle=cycle, outcome=outcome, direction="buy", size=ONE, primary=leg,
        hedge=leg, pnl=ZERO, naked_ms=(1.5,), fill_to_hedge_sent_ms=(), decision_to_ack_ms=(),
        fees_complete=True, duration_s=1.0,
    )  # fmt: skip
