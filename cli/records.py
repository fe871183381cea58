"""The records of a run's cycles: the latest as they are, older ones as what they came to."""

from __future__ import annotations

import collections
import threading
import time
from decimal import Decimal
from typing import Final

from trading.desk import CycleRecord
from venues.model import ZERO

KEPT: Final = 20_000  # a service may run for months: about a day of a cycle every four seconds


class Money:
    """What some cycles came to, exactly. Fees and funding by venue, positive when paid."""

    def __init__(self) -> None:
        self.cycles: collections.Counter[str] = collections.Counter()
        self.fees: dict[str, Decimal] = collections.defaultdict(lambda: ZERO)
        self.funding: dict[str, Decimal] = collections.defaultdict(lambda: ZERO)
        self.pnl = ZERO

    def add(self, record: CycleRecord) -> None:
        """One more of them."""
        self.cycles[record.outcome] += 1
        self.pnl += record.pnl
        for leg in (record.primary, record.hedge):
            self.fees[leg.venue] += leg.fees
            self.funding[leg.venue] += leg.funding

    def join(self, other: Money) -> None:
        """Those of another as well."""
        self.cycles.update(other.cycles)
        self.pnl += other.pnl
        for venue, amount in other.fees.items():
            self.fees[venue] += amount
        for venue, amount in other.funding.items():
            self.funding[venue] += amount


class Records:
    """The records as they come. Any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._records: dict[tuple[str, int], CycleRecord] = {}
        self._older: dict[str, Money] = collections.defaultdict(Money)
        self.first_cycle_s: float | None = None

    def add(self, record: CycleRecord) -> None:
        """Take in a finished cycle; one that is known already is put right by it."""
        with self._lock:
            if self.first_cycle_s is None:
                self.first_cycle_s = time.monotonic() - record.duration_s
            self._records[record.desk, record.cycle] = record
            if len(self._records) > self._kept:
                oldest = self._records.pop(next(iter(self._records)))
                self._older[oldest.desk].add(oldest)

    def put_right(self, record: CycleRecord) -> None:
        """The record of a cycle as it is now; one of an earlier run concerns nobody here."""
        with self._lock:
            if (record.desk, record.cycle) in self._records:
                self._records[record.desk, record.cycle] = record

    def all(self) -> tuple[CycleRecord, ...]:
        """The latest of all desks."""
        with self._lock:
            return tuple(self._records.values())

    def of(self, desk: str) -> tuple[CycleRecord, ...]:
        """The latest of one desk."""
        return tuple(record for record in self.all() if record.desk == desk)

    def older(self, desk: str = "") -> Money:
        """What those before came to, of one desk or of all."""
        money = Money()
        with self._lock:
            for name, older in self._older.items():
                if desk in ("", name):
                    money.join(older)
        return money
