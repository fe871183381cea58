"""Does the venue hold what our own orders explain? Pure.

The first readings fix the baseline of each symbol. From then on a position must equal the baseline
plus what our orders executed. A reading can be behind a fill that is on its way, and several such
readings can be under way at once, so a baseline or a difference counts only once it has stayed the
same in several readings, and for longer than a reply takes. What late readings show is a position
that we expected a moment ago, or one on the way from there to here; our orders trade the same size
again and again, so the late ones of several executions agree. Such a reading says nothing of a
difference, and of a baseline only which ones it may be; several leave the one that fits them all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from venues.model import ZERO

_KEPT_S: Final = 60.0  # a reading is never older; one of which nobody heard for so long is lost
_READINGS: Final = 4  # two late ones can agree by chance while orders execute between them
_LIKELY: Final = 2


class _Seen(NamedTuple):
    """A value that readings agree on, when the first and the latest were asked for, how many."""

    value: Decimal
    since_s: float  # monotonic, as all times here
    until_s: float
    times: int


class PositionCheck:
    """Expected positions of one venue, by symbol, and the differences seen."""

    def __init__(self, drift_s: float) -> None:
        self._drift_s = drift_s
        self._baseline: dict[str, Decimal] = {}
        self._known_s: dict[str, float] = {}  # when the latest reading that fits was asked for
        self._suspected: dict[str, _Seen] = {}
        self._proposed: dict[str, _Seen] = {}  # baselines
        self._possible: dict[str, frozenset[Decimal]] = {}  # baselines that fit all readings
        self._disputed: set[str] = set()  # readings have proposed different baselines
        self._early: set[str] = set()  # the last reading was asked for before an execution
        self._latest: dict[str, tuple[Decimal, int]] = {}  # what ours executed, readings since
        self._moves: dict[str, deque[tuple[float, Decimal]]] = {}  # executions, and when heard of
        self._behind: set[str] = set()  # the last reading was what we expected a moment ago

    @property
    def suspicious(self) -> bool:
        """True while a baseline is not sure or a position not explained: read them again."""
        return bool(self._suspected or self._possible or self._behind)

    def start_anew(self, symbol: str) -> None:
        """The next readings of the symbol fix its baseline."""
        self._baseline.pop(symbol, None)
        self._known_s.pop(symbol, None)
        self._suspected.pop(symbol, None)
        self._proposed.pop(symbol, None)
        self._possible.pop(symbol, None)
        self._disputed.discard(symbol)
        self._early.discard(symbol)
        self._latest.pop(symbol, None)
        self._behind.discard(symbol)

    def moved(self, symbol: str, signed_executed: Decimal, now_s: float) -> None:
        """An order of ours is heard to have executed so much more."""
        moves = self._moves.setdefault(symbol, deque())
        while moves and now_s - moves[0][0] >= _KEPT_S:
            moves.popleft()
        moves.append((now_s, signed_executed))

    def fold(self, symbol: str, signed_executed: Decimal) -> None:
        """Keep the effect of an order that is being forgotten."""
        if symbol in self._baseline:
            self._baseline[symbol] += signed_executed
        if symbol in self._proposed:
            seen = self._proposed[symbol]
            self._proposed[symbol] = seen._replace(value=seen.value + signed_executed)
        if symbol in self._possible:
            possible = self._possible[symbol]
            self._possible[symbol] = frozenset(value + signed_executed for value in possible)

    def forced(self, symbol: str, signed_size: Decimal, at_s: float, now_s: float) -> None:
        """The venue closed so much by itself at ``at_s``, as well as its clock and ours agree.

        That is heard of late: what fits a reading that was asked for since has it already.
        """
        seen = self._proposed.get(symbol)
        known_s = self._known_s.get(symbol, at_s if seen is None else seen.until_s)
        if at_s > known_s:
            self.fold(symbol, signed_size)
            self.moved(symbol, signed_size, now_s)

    def expected(self, symbol: str, executed: Decimal) -> Decimal | None:
        """What the position should be; None before the first reading."""
        baseline = self._baseline.get(symbol)
        return None if baseline is None else baseline + executed

    def likely(self, symbol: str, executed: Decimal) -> Decimal | None:
        """The same on less evidence: two readings that no other one has contradicted.

        Not enough to call a difference drift; enough beside other evidence. None while in question.
        """
        if symbol in self._baseline:
            doubtful = symbol in self._suspected or symbol in self._behind
            return None if doubtful else self._baseline[symbol] + executed
        seen = self._proposed.get(symbol)
        if seen is None or seen.times < _LIKELY or self._in_question(symbol):
            return None
        return seen.value + executed

    def compare(
        self, held: Mapping[str, Decimal], executed: Mapping[str, Decimal], asked_s: float
    ) -> tuple[list[str], list[str]]:
        """Compare a reading with what the orders in memory ``executed``.

        It was asked for at ``asked_s`` (monotonic), and is judged as of then.
        Returns (symbols that are not explained: read again, sentences on proven drift). A proven
        drift becomes part of the baseline: it is reported once.
        """
        suspects: list[str] = []
        drifts: list[str] = []
        for symbol, size in held.items():
            ours = executed.get(symbol, ZERO)
            if symbol not in self._baseline:
                suspects += self._propose(symbol, size - ours, ours, asked_s)
                continue
            expected = self._baseline[symbol] + ours
            self._behind.discard(symbol)
            if size == expected:
                self._suspected.pop(symbol, None)
                self._known_s[symbol] = max(self._known_s[symbol], asked_s)
            elif self._may_be_late(symbol, size - expected, asked_s):
                self._behind.add(symbol)
                suspects.append(symbol)
            elif self._lasts(self._suspected, symbol, size - expected, asked_s):
                drifts.append(f"{symbol}: expected a position of {expected}, the venue has {size}")
                self._baseline[symbol] += size - expected
                self._known_s[symbol] = self._suspected.pop(symbol).until_s
            else:
                suspects.append(symbol)
        return suspects, drifts

    def _may_be_late(self, symbol: str, difference: Decimal, asked_s: float) -> bool:
        """True for what a reading shows that was asked for before our latest executions."""
        undone = self._undone(symbol, asked_s)
        return min(undone) <= difference <= max(undone)

    def _undone(self, symbol: str, asked_s: float) -> list[Decimal]:
        """By how much a reading that comes now may be behind, for each moment it may be of."""
        sums = [ZERO]
        for at_s, signed in reversed(self._moves.get(symbol, ())):
            if asked_s - at_s >= self._drift_s:
                break
            sums.append(sums[-1] - signed)
        return sums

    def _propose(self, symbol: str, baseline: Decimal, ours: Decimal, asked_s: float) -> list[str]:
        """Take a baseline in; the symbol is suspect while it is in question.

        The first reading after an execution may have been asked for before it: alone it says
        nothing.
        """
        latest, times = self._latest.get(symbol, (ours, 0))
        times = times + 1 if latest == ours else 1
        self._latest[symbol] = (ours, times)
        options = frozenset(baseline - undone for undone in self._undone(symbol, asked_s))
        possible = self._possible.get(symbol, options) & options
        self._possible[symbol] = possible or options
        if symbol in self._proposed and self._proposed[symbol].value != baseline:
            self._disputed.add(symbol)
        lasts = self._lasts(self._proposed, symbol, baseline, asked_s)
        if lasts and times > 1 and possible == {baseline}:
            self._baseline[symbol] = baseline
            self._known_s[symbol] = self._proposed.pop(symbol).until_s
            del self._possible[symbol]
            self._disputed.discard(symbol)
            self._early.discard(symbol)
            return []
        moves = self._moves.get(symbol)
        if moves and asked_s <= moves[-1][0]:
            self._early.add(symbol)
        else:
            self._early.discard(symbol)
        return [symbol] if self._in_question(symbol) else []

    def _in_question(self, symbol: str) -> bool:
        """True while readings disagree about a baseline, or the last may lack an execution."""
        return symbol in self._disputed or symbol in self._early

    def _lasts(self, memory: dict[str, _Seen], symbol: str, value: Decimal, asked_s: float) -> bool:
        """Note a value; True when it has been the same often and for long enough."""
        seen = memory.get(symbol)
        if seen is None or seen.value != value:
            seen = _Seen(value, asked_s, asked_s, 0)
        until_s = max(seen.until_s, asked_s)
        memory[symbol] = seen = seen._replace(until_s=until_s, times=seen.times + 1)
        return seen.times >= _READINGS and asked_s - seen.since_s >= self._drift_s
