"""The measures that judge a run: q, N, D, O, P, flips, A and C, from the ledger's records alone.

Pure, without any id convention: it sees orders, fills and connections of both venues and knows only
which venue led (the primary), the symbols, and how large a cycle was meant to be. docs/ledger.md
gives the rules in words. ``python -m paper.measures FILE`` judges a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import BinaryIO, Final

import click
import msgspec

from paper.naked import NakedClock, spread
from paper.records import (
    BANNED,
    Accepted,
    AnyRecord,
    Connection,
    Ended,
    FaultHit,
    Filled,
    Funded,
    LedgerError,
    Manual,
    Resized,
    decode_records,
)
from paper.verdict import MEASURES_SCHEMA, Finding, Measures, Scope, scope_of
from venues.model import BACKPACK, GRVT, ZERO

TWICE: Final = "accepted twice"
"""How the finding of an id that was used again ends."""
_NS_PER_S: Final = 1_000_000_000
_AGE_GRACE_S: Final = 2
_UNATTENDED_S: Final = 5
_NEWS_NS: Final = 100_000_000  # until an order can be the answer to news of a liquidation


class _Live(msgspec.Struct):
    """An order that is live at its venue."""

    record: Accepted
    size: Decimal
    executed: Decimal = ZERO
    orphaned: bool = False

    @property
    def signed_rest(self) -> Decimal:
        return (self.size - self.executed) * self.record.side.sign


class _Cycle(msgspec.Struct):
    """A cycle under way: which legs left flat, and which reached ±q."""

    left: bool = False
    primary_full: bool = False
    hedge_full: bool = False


class Judge:
    """Replays the records in order; ``verdict`` after the last one."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._positions = {scope.primary: ZERO, scope.hedge: ZERO}
        self._live: dict[tuple[str, int], _Live] = {}
        self._ids: set[tuple[str, str, str]] = set()
        self._authenticated: dict[str, set[int]] = {scope.primary: set(), scope.hedge: set()}
        self._alone_since_ns: dict[str, int | None] = {scope.primary: 0, scope.hedge: 0}
        self._manual: set[tuple[str, int]] = set()
        self._naked = NakedClock(scope.q, scope.lot)
        self._cycle: _Cycle | None = None
        self._flipped: set[tuple[str, int]] = set()
        self._forced: list[Filled] = []
        self._findings: dict[str, list[Finding]] = {"D": [], "O": [], "P": [], "F": [], "S": []}
        self._bans = 0
        self._completed = self._incomplete = self._orders = self._fills = 0
        self._largest = ZERO
        self._fees = {scope.primary: ZERO, scope.hedge: ZERO}
        self._slippage = {scope.primary: ZERO, scope.hedge: ZERO}
        self._funding = {scope.primary: ZERO, scope.hedge: ZERO}
        self._now_ns = 0

    def see(self, record: AnyRecord) -> None:
        """Take the next record into account."""
        self._now_ns = record.at_ns
        self._check_ages()
        if isinstance(record, Connection):
            self._connection(record)
        elif isinstance(record, Manual):
            self._manual.add((record.venue, record.order_id))
        elif isinstance(record, FaultHit):
            self._bans += record.detail == BANNED
        elif isinstance(record, Accepted | Resized | Filled | Ended | Funded):
            if not self._covers(record):
                return
            if isinstance(record, Accepted):
                self._accepted(record)
            elif isinstance(record, Filled):
                self._filled(record)
            elif isinstance(record, Funded):
                self._funding[record.venue] += record.amount
            elif isinstance(record, Resized):
                self._resized(record)
            else:
                self._live.pop((record.venue, record.order_id), None)
                self._close_cycle_if_flat()

    def _covers(self, record: Accepted | Resized | Filled | Ended | Funded) -> bool:
        """Within the scope, and not somebody else's order on the same account."""
        if not isinstance(record, Funded) and (record.venue, record.order_id) in self._manual:
            return False
        return self._scope.covers(record.venue, record.symbol, record.account)

    def verdict(self, end_ns: int | None = None) -> Measures:
        """Judge the run as ended at ``end_ns`` (default: at its last record)."""
        self._now_ns = max(self._now_ns, end_ns or 0)
        self._check_ages()
        self._naked.end(self._now_ns)
        for live in self._live.values():
            self._orphan(live, "live at end of run")
        self._check_flat("end of run")
        scope = self._scope
        return Measures(
            schema=MEASURES_SCHEMA,
            q=scope.q,
            planned=scope.planned,
            completed=self._completed,
            incomplete=self._incomplete + (self._cycle is not None and self._cycle.left),
            availability=Decimal(self._completed) / scope.planned if scope.planned else ZERO,
            naked_q_s=spread(self._naked.exposures_q_s),
            naked_ms=spread(self._naked.durations_ms),
            episodes=len(self._naked.durations_ms),
            duplicates=tuple(self._findings["D"]),
            orphans=tuple(self._findings["O"]),
            position_errors=tuple(self._findings["P"]),
            flips=tuple(self._findings["F"]),
            self_trades=tuple(self._findings["S"]),
            bans=self._bans,
            largest_order_q=self._largest / scope.q,
            orders=self._orders,
            fills=self._fills,
            fees=dict(self._fees),
            slippage=dict(self._slippage),
            funding=dict(self._funding),
            net=self._net,
        )

    @property
    def _net(self) -> Decimal:
        return sum(self._positions.values(), ZERO)

    def _accepted(self, record: Accepted) -> None:
        self._orders += 1
        if not record.forced:
            self._check_ids(record)
            self._check_need(record)
            self._check_own(record)
            self._largest = max(self._largest, record.size)
            if record.size > self._scope.q:
                self._find("P", record, "order larger than one cycle", str(record.size))
        self._live[record.venue, record.order_id] = _Live(record, record.size)

    def _check_ids(self, record: Accepted) -> None:
        for kind, value in (("client id", record.client_order_id), ("nonce", record.nonce)):
            if value in (None, ""):
                continue
            key = (f"{record.venue}|{record.account}", kind, str(value))
            if key in self._ids:
                self._find("D", record, f"{kind} {TWICE}", str(value))
            self._ids.add(key)

    def _check_own(self, record: Accepted) -> None:
        """Self-trades: would this order meet one that its own account has resting there?"""
        own = (
            live.record
            for live in self._live.values()
            if live.record.venue == record.venue and live.record.account == record.account
        )
        if not record.post_only and any(_meet(record, other) for other in own):
            self._find("S", record, "crosses an own order")

    def _check_need(self, record: Accepted) -> None:
        """D, and the start of a cycle: does this order reduce the need, or create one?"""
        signed = record.size * record.side.sign
        if self._need * signed <= 0:
            self._start_cycle(record)
        wrong = self._excess(record.venue, signed)
        unheard = [each for each in self._forced if record.at_ns - each.at_ns <= _NEWS_NS]
        if wrong and unheard:  # the order was on its way as the venue acted: judged as of before
            known = dict(self._positions)
            for each in unheard:
                self._positions[each.venue] -= each.size * each.side.sign
            wrong = self._excess(record.venue, signed)
            self._positions = known
        if wrong:
            self._find("D", record, *wrong)

    @property
    def _need(self) -> Decimal:
        rests = sum((live.signed_rest for live in self._live.values()), ZERO)
        return -(self._net + rests)

    def _excess(self, venue: str, signed: Decimal) -> tuple[str, str] | None:
        """Why there may be no such order now: the rule and the figures."""
        need, order, q, lot = self._need, f"order {signed}", self._scope.q, self._scope.lot
        if need * signed > 0:
            after = need - signed
            over = after * need < 0 or abs(after) - abs(need) > lot
            return ("overshoots the need", f"need {need}, {order}") if over else None
        waiting = sum((abs(live.signed_rest) for live in self._live.values()), ZERO)
        if abs(self._net) + waiting + abs(signed) > q:
            return "more than one cycle at risk", f"net {self._net}, {order}"
        if self._leg(venue, signed) > q + lot:
            return "leg beyond one cycle", order
        if venue == self._scope.hedge and self._outgrows_primary(signed):
            return "hedge beyond the primary", order
        return None

    def _outgrows_primary(self, signed: Decimal) -> bool:
        """True when the hedge leg would grow past all that the primary holds or may still fill."""
        scope = self._scope
        after = self._leg(scope.hedge, signed)
        if after <= abs(self._positions[scope.hedge]):
            return False
        rests = sum(
            abs(live.signed_rest)
            for live in self._live.values()
            if live.record.venue == scope.primary
        )
        return after > abs(self._positions[scope.primary]) + rests + scope.lot

    def _leg(self, venue: str, signed: Decimal) -> Decimal:
        """The larger position that a leg could reach with another order of ``signed``."""
        same = [
            live.signed_rest
            for live in self._live.values()
            if live.record.venue == venue and live.signed_rest * signed > 0
        ]
        return abs(self._positions[venue] + sum(same, signed))

    def _start_cycle(self, record: Accepted) -> None:
        if record.venue != self._scope.primary or self._positions[record.venue]:
            return
        if self._cycle is not None and self._cycle.left:
            # The primary is flat again and opens anew: what the last cycle left behind is an error.
            self._check_flat("end of cycle")
            self._finish_cycle(complete=False)
        if self._cycle is None:
            self._cycle = _Cycle()

    def _resized(self, record: Resized) -> None:
        live = self._live.get((record.venue, record.order_id))
        if live is not None:
            live.size = record.size

    def _filled(self, record: Filled) -> None:
        self._fills += 1
        signed = record.size * record.side.sign
        live = self._live.get((record.venue, record.order_id))
        if live is not None:
            live.executed += record.size
        before = self._net
        self._positions[record.venue] += signed
        self._forced += [record] if record.forced else []
        key = (record.venue, record.order_id)
        if before * self._net < 0 and not record.forced and key not in self._flipped:
            self._flipped.add(key)
            self._find("F", record, "net changed sign", f"{before} to {self._net}")
        self._naked.moved(self._net, record.at_ns)
        self._fees[record.venue] += record.fee
        self._slippage[record.venue] += signed * (record.price - record.mark)
        self._note_reach()
        self._close_cycle_if_flat()

    def _note_reach(self) -> None:
        cycle = self._cycle
        if cycle is None:
            return
        primary, hedge = self._positions[self._scope.primary], self._positions[self._scope.hedge]
        full = self._scope.q - self._scope.lot
        cycle.left = cycle.left or bool(primary or hedge)
        cycle.primary_full = cycle.primary_full or abs(primary) > full
        cycle.hedge_full = cycle.hedge_full or abs(hedge) > full

    def _close_cycle_if_flat(self) -> None:
        cycle = self._cycle
        if cycle is not None and cycle.left and not self._live and self._flat:
            self._finish_cycle(complete=cycle.primary_full and cycle.hedge_full)

    def _finish_cycle(self, *, complete: bool) -> None:
        self._completed += complete
        self._incomplete += not complete
        self._cycle = None

    @property
    def _flat(self) -> bool:
        """The primary is flat and the hedge within one lot of it."""
        hedge = self._positions[self._scope.hedge]
        return not self._positions[self._scope.primary] and abs(hedge) < self._scope.lot

    def _check_flat(self, when: str) -> None:
        """P: the net within one hedge lot, the primary flat, the hedge within one lot."""
        if not self._flat:
            primary, hedge = (self._positions[v] for v in (self._scope.primary, self._scope.hedge))
            finding = Finding(
                rule=f"not flat at {when}",
                at_ns=self._now_ns,
                detail=f"primary {primary}, hedge {hedge}",
            )
            self._findings["P"].append(finding)

    def _connection(self, record: Connection) -> None:
        venue = record.connection.partition("/")[0]
        present = self._authenticated.get(venue)
        if present is None:
            return
        if record.event == "authenticated":
            present.add(record.connection_id)
            self._alone_since_ns[venue] = None
        elif record.event == "closed" and record.connection_id in present:
            present.discard(record.connection_id)
            if not present:
                self._alone_since_ns[venue] = record.at_ns

    def _check_ages(self) -> None:
        """O: orders that live too long, or with nobody of ours connected."""
        for live in self._live.values():
            age_s = Decimal(self._now_ns - live.record.at_ns) / _NS_PER_S
            if age_s > self._scope.max_age_s + _AGE_GRACE_S:
                self._orphan(live, "older than its maximum age")
                continue
            alone_ns = self._alone_since_ns[live.record.venue]
            if alone_ns is None:
                continue
            since_ns = max(alone_ns, live.record.at_ns)
            if self._now_ns - since_ns > _UNATTENDED_S * _NS_PER_S:
                self._orphan(live, "live without an authenticated connection")

    def _orphan(self, live: _Live, rule: str) -> None:
        if not live.orphaned:
            live.orphaned = True
            self._find("O", live.record, rule)

    def _find(self, letter: str, record: Accepted | Filled, rule: str, detail: str = "") -> None:
        at_ns, venue, order_id = self._now_ns, record.venue, record.order_id
        found = Finding(rule=rule, at_ns=at_ns, venue=venue, order_id=order_id, detail=detail)
        self._findings[letter].append(found)


def _meet(taker: Accepted, maker: Accepted) -> bool:
    """They would trade with each other. A taker without a price crosses everything."""
    if taker.side is maker.side or maker.price is None:
        return False
    return taker.price is None or (taker.price - maker.price) * taker.side.sign >= 0


def measure(records: Iterable[AnyRecord], scope: Scope, end_ns: int | None = None) -> Measures:
    """Judge a run from its records, in the order in which they were written."""
    judge = Judge(scope)
    for record in records:
        judge.see(record)
    return judge.verdict(end_ns)


@click.command(name="measures")
@click.argument("ledger", type=click.File("rb"))
@click.option("--primary", type=click.Choice([GRVT, BACKPACK]), default=BACKPACK)
@click.option("--primary-symbol", help="Default: the primary's ETH contract.")
@click.option("--hedge-symbol", help="Default: the hedge's ETH contract.")
@click.option("--q", "q", type=Decimal, default=Decimal("0.5"), help="Base size of one cycle.")
@click.option("--lot", type=Decimal, default=Decimal("0.01"), help="Hedge size step.")
@click.option("--planned", type=click.IntRange(min=0), default=20, help="Cycles planned.")
@click.option("--max-age", "max_age_s", type=Decimal, default=Decimal(60), help="Seconds.")
def judge_file(
    ledger: BinaryIO, primary: str, primary_symbol: str | None, hedge_symbol: str | None,
    q: Decimal, lot: Decimal, planned: int, max_age_s: Decimal,
) -> None:  # fmt: skip
    """Judge the run that LEDGER recorded; exit code 1 unless it was sound."""
    scope = scope_of(
        primary, q=q, lot=lot, planned=planned, max_age_s=max_age_s,
        primary_symbol=primary_symbol, hedge_symbol=hedge_symbol,
    )  # fmt: skip
    try:
        verdict = measure(decode_records(ledger), scope)
    except LedgerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(msgspec.json.format(msgspec.json.encode(verdict)))
    raise SystemExit(0 if verdict.sound else 1)


if __name__ == "__main__":
    judge_file()
