"""From the configuration of a desk to the plan that its cycle machine goes by."""

from __future__ import annotations

from config.schema import DeskConfig
from trading.plan import DeskPlan


def desk_plan(name: str, desk: DeskConfig, cycles: int | None) -> DeskPlan:
    """What the desk that stands under that name is told to do, for so many ``cycles``."""
    return DeskPlan(
        desk=name,
        size=desk.size,
        cycles=cycles,
        direction=desk.direction,
        hold_s=desk.hold_s,
        pause_s=desk.pause_s,
        entry=desk.entry,
        exit=desk.exit,
        maker=desk.maker,
        slices=desk.slices,
        hold_jitter=desk.hold_jitter,
        daily_volume=desk.daily_volume,
        gate=desk.gate,
        ladder=desk.ladder,
        max_slippage_bps=desk.max_slippage_bps,
        entry_attempts=desk.entry_attempts,
        hedge_deadline_s=desk.hedge_deadline_s,
        max_quote_age_s=desk.max_quote_age_s,
        settle_timeout_s=desk.settle_timeout_s,
        retry_s=desk.retry_s,
        unexplained=desk.unexplained,
    )
