"""Judges a run by the venues' ledger: figures, each fault, and what failed in which cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from drills.figures import ACCOUNT, Episode, Figures, ranks, read
from drills.host import MET_NOTHING
from drills.plan import Plan
from drills.result import Cost, FaultResult, Load, Result, Window
from drills.tally import Acting, freezes, naked_by_cycle, naked_by_kind
from drills.traders import KETCH, Ending
from drills.unfold import Placed, as_recorded, mark_of, waits
from paper.measures import TWICE, measure
from paper.naked import spread
from paper.records import Accepted, AnyRecord, FaultFired, FaultHit, Login, Manual
from paper.traffic import VenueTraffic
from paper.verdict import Finding, Measures, scope_of
from venues.model import GRVT, ZERO

LOT: Final = Decimal("0.01")  # ETH's size step at both paper venues
RESUME_S: Final = 60.0  # S of docs/faults.md
_NS_PER_S: Final = 1_000_000_000
_AFTER_S: Final = 2.0  # what a fault has broken is set up again within that
_NAKED_S: Final = (1, 5, 30)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a run left: who traded what, the ledger, and how the trader ended."""

    plan: Plan
    seed: int
    trader: str
    style: str
    placed: tuple[Placed, ...]
    records: Sequence[AnyRecord]
    ending: Ending
    traffic: dict[str, VenueTraffic]
    duration_s: float
    replay: str


def judge(evidence: Evidence) -> Result:
    """The whole verdict."""
    plan, records = evidence.plan, evidence.records
    scope = scope_of(
        plan.primary, q=plan.size, lot=LOT, planned=plan.cycles, accounts=frozenset((ACCOUNT,))
    )
    measures = measure(records, scope)
    figures = read(records, plan.size, LOT)
    judged = _Faults(evidence, measures, figures)
    faults = tuple(judged.results())
    failures = tuple(_failures(evidence, measures, figures, faults))
    episodes = [episode.q_s for episode in figures.episodes]
    worst = max(figures.episodes, key=lambda each: each.q_s, default=None)
    naked = spread(episodes)
    completed = sum(cycle.completed for cycle in figures.cycles)
    return Result(
        drill=plan.name, plan_hash=plan.hash, seed=evidence.seed, trader=evidence.trader,
        primary=plan.primary, style=evidence.style, planned=plan.cycles, completed=completed,
        first_incomplete=figures.first_incomplete(plan.cycles),
        availability=Decimal(completed) / plan.cycles,
        duplicates=len(measures.duplicates), orphans=len(measures.orphans),
        position_errors=len(measures.position_errors), flips=len(measures.flips),
        self_trades=len(measures.self_trades),
        ids_reused=sum(found.rule.endswith(TWICE) for found in measures.duplicates),
        opened_meanwhile=sum(fault.opened_meanwhile for fault in faults), bans=measures.bans,
        largest_order_q=measures.largest_order_q,
        naked=Window(
            total_q_s=naked.total, p50_q_s=naked.p50, p99_q_s=naked.p99, worst_q_s=naked.max,
            worst_cycle=worst.cycle if worst else 0,
            worst_fault=judged.last_before(worst.start_ns) if worst else "",
            over_s=_lengths(figures.episodes),
            by_kind=naked_by_kind(figures, evidence.placed),
        ),
        fill_to_hedge_ms=ranks(figures.fill_to_hedge_ms),
        cancel_to_end_ms=ranks(figures.cancel_to_end_ms),
        cost=Cost(
            fee_bps=figures.fee_bps(plan.size), cost_bps=figures.cost_bps(plan.size),
            pnl_bps=figures.pnl_bps(plan.size),
        ),
        orders=measures.orders, fills=measures.fills,
        logins=sum(isinstance(record, Login) and record.venue == GRVT for record in records),
        lives=evidence.ending.lives, halts=evidence.ending.halts,
        halts_not_demanded=evidence.ending.halts_not_demanded,
        freezes=freezes(figures, judged.acting(), plan.pause_s),
        load=_load(evidence, figures),
        incomplete=tuple(c.number for c in figures.cycles if not c.completed),
        cycle_naked_q_s=naked_by_cycle(figures),
        exit_code=evidence.ending.exit_code,
        duration_s=evidence.duration_s, faults=faults, failures=failures, replay=evidence.replay,
    )  # fmt: skip


def _load(evidence: Evidence, figures: Figures) -> Load:
    begun = max(1, len(figures.cycles))
    return Load(
        traffic=evidence.traffic,
        requests_per_cycle={
            venue: round(counted.requests / begun, 1) for venue, counted in evidence.traffic.items()
        },
        early=evidence.ending.early,
        last=evidence.ending.last,
    )


class _Faults:
    """What each fault did. What happens from its first act to the next fault's is its doing."""

    def __init__(self, evidence: Evidence, measures: Measures, figures: Figures) -> None:
        self._evidence = evidence
        self._figures = figures
        self._found = tuple(_findings(measures))
        self._fired = _moments(evidence.records, FaultFired)
        self._hit = _moments(evidence.records, FaultHit)

    def results(self) -> Iterator[FaultResult]:
        """One for each fault that was placed."""
        for placed in self._evidence.placed:
            start_ns = self._start_ns(placed)
            if start_ns is None or not placed.reached(self._fired, self._hit):
                yield self._result(placed, reached=False, failures=("not reached",))
            elif MET_NOTHING in self._host_failures(placed):
                yield self._result(placed, reached=False, failures=(MET_NOTHING,))
            else:
                yield self._judged(placed, start_ns)

    def last_before(self, at_ns: int) -> str:
        """The fault that began last before that, if any had."""
        begun = {self._start_ns(each): each.label for each in self._evidence.placed}
        before = [start_ns for start_ns in begun if start_ns is not None and start_ns <= at_ns]
        return begun[max(before)] if before else ""

    def acting(self) -> list[Acting]:
        """When each fault acted, for as long as its plan says."""
        return [
            Acting(start_ns=start_ns, end_ns=start_ns + int(lasts_s * _NS_PER_S))
            for each in self._evidence.placed
            if (start_ns := self._start_ns(each)) is not None
            for lasts_s in (each.injection.lasts_s + _AFTER_S,)
        ]

    def _judged(self, placed: Placed, start_ns: int) -> FaultResult:
        injection = placed.injection
        # What comes at once can't be told apart: one must spare what another breaks.
        together = [each for each in self._evidence.placed if each.cycle == placed.cycle]
        limit = sum((each.injection.naked_q_s for each in together), ZERO)
        until_ns = self._next_ns(placed)
        failures = [
            f"{letter}: {found.rule}"
            for letter, found in self._found
            if start_ns <= found.at_ns and (until_ns is None or found.at_ns < until_ns)
            if not any(letter in each.injection.spares for each in together)
        ]
        failures += self._host_failures(placed)
        opened, text = self._opened_meanwhile(placed)
        failures += text
        worst = max(
            (each.q_s for each in self._figures.episodes if _within(each, start_ns, until_ns)),
            default=ZERO,
        )
        if worst > limit:
            failures.append(f"N {worst:.2f} q·s, limit {limit}")
        resumed_s = self._resumed_s(start_ns, injection.lasts_s)
        last = self._evidence.plan.cycles <= placed.cycle
        if resumed_s is None and not last:
            failures.append("no cycle was completed after it")
        elif (
            resumed_s is not None
            and resumed_s > RESUME_S
            and not self._taken_up(start_ns, injection.lasts_s, until_ns)
        ):
            failures.append(f"S: cycles went on after {resumed_s:.0f} s, limit {RESUME_S:g}")
        return self._result(
            placed, reached=True, failures=tuple(failures), naked=worst, resumed_s=resumed_s,
            opened=opened,
        )  # fmt: skip

    def _taken_up(self, start_ns: int, lasts_s: float, until_ns: int | None) -> bool:
        """True when another fault met the first cycle after this one, which was begun in time."""
        if until_ns is None:
            return False
        return (until_ns - start_ns) / _NS_PER_S - lasts_s <= RESUME_S

    def _result(
        self, placed: Placed, *, reached: bool, failures: tuple[str, ...],
        naked: Decimal = ZERO, resumed_s: float | None = None, opened: int = 0,
    ) -> FaultResult:  # fmt: skip
        return FaultResult(
            fault=placed.injection.fault,
            name=placed.injection.name,
            group=placed.injection.group,
            cycle=placed.cycle,
            reached=reached,
            passed=not failures,
            naked_q_s=naked,
            resumed_s=resumed_s,
            opened_meanwhile=opened,
            failures=failures,
        )

    def _next_ns(self, placed: Placed) -> int | None:
        """When the next fault of a later cycle begins to act."""
        later = (
            start_ns
            for each in self._evidence.placed
            if each.cycle > placed.cycle and (start_ns := self._start_ns(each)) is not None
        )
        return min(later, default=None)

    def _host_failures(self, placed: Placed) -> list[str]:
        host = self._evidence.ending.host
        marks = (mark_of(str(fault.get("name")), placed.cycle) for fault in placed.arm)
        return [host[mark] for mark in marks if mark in host]

    def _opened_meanwhile(self, placed: Placed) -> tuple[int, list[str]]:
        """S: how many cycles were opened while it was demanded that none is, and what that is."""
        injection, acted_ns = placed.injection, self._acted_ns(placed)
        if injection.stops_after_s is None or acted_ns is None:
            return 0, []
        # Beside another fault it may lie in wait for long, and nobody can know of it meanwhile.
        lying = [as_recorded(fault) for fault in placed.arm if waits(fault)]
        met_ns = min((self._hit[fault] for fault in lying if fault in self._hit), default=acted_ns)
        over_ns = acted_ns + int(injection.lasts_s * _NS_PER_S)
        opened = [
            (after_s, cycle.number)
            for cycle in self._figures.cycles
            if cycle.start_ns < over_ns
            and (after_s := (cycle.start_ns - met_ns) / _NS_PER_S) > injection.stops_after_s
        ]
        if not opened:
            return 0, []
        after_s, number = opened[0]
        return len(opened), [
            f"S: {len(opened)} opened meanwhile, the first (cycle {number}) after {after_s:.1f} s"
        ]

    def _acted_ns(self, placed: Placed) -> int | None:
        moments = [self._fired.get(as_recorded(fault)) for fault in placed.arm]
        return min((ns for ns in moments if ns is not None), default=None)

    def _start_ns(self, placed: Placed) -> int | None:
        """When the cycle began in which it first acted: what it hangs on has just been done."""
        acted_ns = self._acted_ns(placed)
        if acted_ns is None:
            return None
        begun = [cycle for cycle in self._figures.cycles if cycle.start_ns <= acted_ns]
        if not begun or (begun[-1].end_ns or acted_ns) < acted_ns:
            return acted_ns
        return begun[-1].start_ns

    def _resumed_s(self, start_ns: int, lasts_s: float) -> float | None:
        ends = (c.end_ns for c in self._figures.cycles if c.completed and c.end_ns is not None)
        after = min((end_ns for end_ns in ends if end_ns > start_ns), default=None)
        return None if after is None else max(0.0, (after - start_ns) / _NS_PER_S - lasts_s)


def _failures(
    evidence: Evidence, measures: Measures, figures: Figures, faults: Sequence[FaultResult]
) -> Iterator[str]:
    """What failed, each with its fault, its cycle and its figure."""
    plan = evidence.plan
    if evidence.ending.failure:
        yield f"{evidence.trader}: {evidence.ending.failure}"
    missed = _missed(faults)
    for result in faults:
        if result in missed:
            continue
        for failure in _counted(result.failures):
            yield f"fault {result.fault} {result.name} at cycle {result.cycle}: {failure}"
    first_ns = min(_moments(evidence.records, FaultFired).values(), default=None)
    for number in _by_others(evidence.records, figures):
        yield f"cycle {number}: an order came from an account that nobody was to trade on"
    for letter, found in _findings(measures):
        if first_ns is None or found.at_ns < first_ns:
            yield f"no fault, cycle {_cycle_at(figures, found.at_ns)}: {letter}: {found.rule}"
    clean = (each for each in figures.episodes if first_ns is None or each.end_ns < first_ns)
    for episode in clean:
        if episode.q_s > plan.demands.naked_q_s:
            limit = plan.demands.naked_q_s
            yield f"no fault, cycle {episode.cycle}: N {episode.q_s:.2f} q·s, limit {limit}"
    completed = sum(cycle.completed for cycle in figures.cycles)
    if Decimal(completed) / plan.cycles < plan.demands.availability:
        first = figures.first_incomplete(plan.cycles)
        yield (
            f"A: {completed} of {plan.cycles} cycles, limit {plan.demands.availability}; "
            f"the first not completed is cycle {first}"
        )


def _missed(faults: Sequence[FaultResult]) -> tuple[FaultResult, ...]:
    """Those that another fault of their cycle was ahead of, and that were reached elsewhere.

    They are no pass, and no failure: of those that come together, one may end what another is for.
    """
    together = Counter(result.cycle for result in faults)
    reached = {(result.fault, result.name) for result in faults if result.reached}
    return tuple(
        result
        for result in faults
        if not result.reached
        and together[result.cycle] > 1
        and (result.fault, result.name) in reached
    )


def _by_others(records: Sequence[AnyRecord], figures: Figures) -> Iterator[int]:
    """The cycles in which an account that is not the drill's had an order accepted, not by hand."""
    known = {(each.venue, each.order_id) for each in records if isinstance(each, Manual)}
    for each in records:
        if not isinstance(each, Accepted) or each.account == ACCOUNT or each.forced:
            continue
        if (each.venue, each.order_id) not in known:
            yield _cycle_at(figures, each.at_ns)


def _counted(failures: Sequence[str]) -> Iterator[str]:
    """Each once, with how often it was found."""
    for failure, count in Counter(failures).items():
        yield failure if count == 1 else f"{failure} ({count} times)"


def decides(trader: str, traders: Sequence[str]) -> bool:
    """True for the trader whose failures fail the drill: Ketch, or who runs without it."""
    return trader == KETCH or KETCH not in traders


def _findings(measures: Measures) -> Iterator[tuple[str, Finding]]:
    for letter, findings in (
        ("D", measures.duplicates), ("O", measures.orphans),
        ("P", measures.position_errors), ("flip", measures.flips),
    ):  # fmt: skip
        for finding in findings:
            yield letter, finding


def _moments(
    records: Iterable[AnyRecord], kind: type[FaultFired] | type[FaultHit]
) -> dict[bytes, int]:
    """When each fault first did that, by its text without a process id."""
    found: dict[bytes, int] = {}
    for record in records:
        if isinstance(record, FaultFired | FaultHit) and isinstance(record, kind):
            fault: dict[str, Any] = msgspec.json.decode(record.fault)
            found.setdefault(as_recorded(fault), record.at_ns)
    return found


def _within(episode: Episode, start_ns: int, until_ns: int | None) -> bool:
    """It began in that time; what goes on when the next fault comes is still this one's."""
    return episode.start_ns >= start_ns and (until_ns is None or episode.start_ns < until_ns)


def _cycle_at(figures: Figures, at_ns: int) -> int:
    return sum(cycle.start_ns <= at_ns for cycle in figures.cycles)


def _lengths(episodes: Sequence[Episode]) -> dict[str, int]:
    return {str(s): sum(each.length_s > s for each in episodes) for s in _NAKED_S}
