"""What the cycles of a day, and all of them, have come to: losses, drawdown, streaks. Pure.

Cycles come in order, each once or again with its figures put right. What was earned or lost before
an operator resumed the desk does not count any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from trading.desk import CycleRecord
from trading.plan import Action, Limit
from venues.model import ZERO

DAY_NS: Final = 86_400 * 1_000_000_000
_SECOND_NS: Final = 1_000_000_000
KEPT: Final = 250
"""So many cycles can still be put right, and are looked at for streaks."""


class CycleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle's money. ``finished_ns`` is our UTC; ``slippage_bps`` that of the worse leg."""

    desk: str
    cycle: int
    finished_ns: int
    pnl: Decimal
    slippage_bps: Decimal

    @classmethod
    def of(cls, record: CycleRecord, finished_ns: int) -> CycleResult:
        """The result of a cycle that ended at ``finished_ns``."""
        legs = [leg.slippage_bps for leg in (record.primary, record.hedge) if leg.traded]
        return cls(
            desk=record.desk,
            cycle=record.cycle,
            finished_ns=finished_ns,
            pnl=record.pnl,
            slippage_bps=max(legs, default=ZERO),
        )


class Event(msgspec.Struct, frozen=True):
    """A figure that cycles make: its present ``value``, and until when it is in force for it.

    ``until_ns`` (UTC) is None when it is not in force; ``reached`` the value that brought it.
    """

    value: Decimal
    reached: Decimal = ZERO
    until_ns: int | None = None


class Tally(msgspec.Struct, frozen=True):
    """What cycles that are too old to be put right came to.

    ``peak`` is the highest their sum has been, ``by_day`` the last days (UTC).
    """

    total: Decimal = ZERO
    peak: Decimal = ZERO
    by_day: dict[int, Decimal] = {}

    def grown(self, results: Iterable[CycleResult]) -> Tally:
        """With those, too, in that order."""
        total, peak, by_day = self.total, self.peak, dict(self.by_day)
        for result in results:
            total += result.pnl
            peak = max(peak, total)
            day = result.finished_ns // DAY_NS
            by_day[day] = by_day.get(day, ZERO) + result.pnl
            if len(by_day) > _DAYS_KEPT:
                del by_day[min(by_day)]
        return Tally(total, peak, by_day)


NOTHING_OLDER: Final = Tally()


class Results:
    """The results of one desk, or of several together, since ``resumed_ns``.

    ``older``: what is not told cycle by cycle any more.
    """

    def __init__(self, older: Tally = NOTHING_OLDER, resumed_ns: int = 0) -> None:
        self._recent: dict[tuple[str, int], CycleResult] = {}
        self._last: dict[str, int] = {}
        self._by_day: dict[int, Decimal] = dict(older.by_day)
        self._resumed_ns = resumed_ns
        self._older_sum, self._older_peak = older.total, older.peak
        self._drawdown: Decimal | None = None

    def add(self, result: CycleResult) -> None:
        """A cycle has ended; the same one again takes the place of the first."""
        is_known = (result.desk, result.cycle) in self._recent
        if is_known or result.cycle > self._last.get(result.desk, 0):
            self.take(result)  # else it is too old to be put right

    def take(self, result: CycleResult) -> None:
        """As ``add``, of what is on record: a clock that was set back mixes its order."""
        if result.finished_ns < self._resumed_ns:
            return
        key = (result.desk, result.cycle)
        known = self._recent.get(key)
        if known is not None:
            result = msgspec.structs.replace(result, finished_ns=known.finished_ns)
        self._recent[key] = result
        self._last[result.desk] = max(result.cycle, self._last.get(result.desk, 0))
        day = result.finished_ns // DAY_NS
        grown = result.pnl - (ZERO if known is None else known.pnl)
        self._by_day[day] = self._by_day.get(day, ZERO) + grown
        self._drawdown = None
        while len(self._recent) > KEPT:
            self._forget_oldest()

    def put_right(self, result: CycleResult) -> None:
        """A cycle's figures have been put right. One that does not count is not brought back."""
        if (result.desk, result.cycle) in self._recent:
            self.add(result)

    def resumed(self, utc_ns: int) -> None:
        """Everything counts anew from then on."""
        self._resumed_ns = max(self._resumed_ns, utc_ns)
        self._recent.clear()
        self._by_day.clear()
        self._older_sum = self._older_peak = ZERO
        self._drawdown = ZERO

    def daily_loss(self, utc_ns: int) -> Decimal:
        """What the UTC day has lost, 0 if it has earned. What is dated later counts as today's."""
        today = utc_ns // DAY_NS
        return max(ZERO, -sum((pnl for day, pnl in self._by_day.items() if day >= today), ZERO))

    def drawdown(self) -> Decimal:
        """How far the sum of all results is below the highest it has been, at least 0."""
        if self._drawdown is None:
            total, peak = self._older_sum, self._older_peak
            for result in self._recent.values():
                total += result.pnl
                peak = max(peak, total)
            self._drawdown = peak - total
        return self._drawdown

    def streak(self, limit: Limit, utc_ns: int) -> Event:
        """How many cycles in a row have lost. Once that has been in force it counts anew."""
        count, reached, until_ns = 0, ZERO, None
        for result in self._recent.values():
            if until_ns is not None and result.finished_ns >= until_ns:
                count, until_ns = 0, None
            count = count + 1 if result.pnl < 0 else 0
            if limit.at is not None and count >= max(Decimal(1), limit.at):
                reached, until_ns = Decimal(count), _until_ns(result, limit)
        if until_ns is not None and utc_ns >= until_ns:
            return Event(ZERO)
        return Event(Decimal(count), reached, until_ns)

    def slippage(self, limit: Limit, utc_ns: int) -> Event:
        """What the last cycle has slipped, and whether one has slipped too far lately."""
        value, reached, until_ns = ZERO, ZERO, None
        for result in self._recent.values():
            value = result.slippage_bps
            if limit.at is not None and value >= limit.at:
                reached, until_ns = value, _until_ns(result, limit)
        if until_ns is not None and utc_ns >= until_ns:
            until_ns = None
        return Event(value, reached, until_ns)

    def _forget_oldest(self) -> None:
        oldest = self._recent.pop(next(iter(self._recent)))
        self._older_sum += oldest.pnl
        self._older_peak = max(self._older_peak, self._older_sum)
        if len(self._by_day) > _DAYS_KEPT:
            del self._by_day[min(self._by_day)]


_DAYS_KEPT: Final = 3
_NEVER_NS: Final = 2**63


def _until_ns(result: CycleResult, limit: Limit) -> int:
    """When an event is over; one that halts is only by an operator's word."""
    if limit.action is Action.HALT:
        return _NEVER_NS
    return result.finished_ns + int(limit.clear_s * _SECOND_NS)


def gathered(
    results: Collection[CycleResult], resumed_ns: int = 0, older: Tally = NOTHING_OLDER
) -> Results:
    """What is on record, as if it had just happened."""
    book = Results(older, resumed_ns)
    for result in sorted(results, key=lambda one: one.finished_ns):
        book.take(result)
    return book
