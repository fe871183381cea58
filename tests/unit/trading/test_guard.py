"""A desk's limits, each at its edge, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trading import BACKPACK_ETH, GRVT_ETH, START_NS, D
from trading.guard import DeskFacts, DeskGuard, Held, Money
from trading.leg import Leg
from trading.limits import LimitState, in_force
from trading.plan import Action, ActiveLimit, DeskLimits, Limit
from trading.results import CycleResult, gathered
from venues.model import AccountSummary, Position

PRIMARY, HEDGE = Leg.PRIMARY, Leg.HEDGE
INSTRUMENTS = {PRIMARY: BACKPACK_ETH, HEDGE: GRVT_ETH}
OFF = DeskLimits(**{name: Limit() for name in DeskLimits.__struct_fields__})
NOW_S = 1_000.0


def guard(limit: str = "", at: str = "0", *, size: str = "0.5", **options: Any) -> DeskGuard:
    """A guard with one limit set, and no cycle on record."""
    limits = OFF
    if limit:
        chosen = Limit(at=D(at), action=Action.REDUCE, clear_s=5.0)
        limits = msgspec.structs.replace(OFF, **{limit: chosen})
    it = DeskGuard(limits, INSTRUMENTS, size=D(size), **options)
    it.results = gathered([])
    return it


def money(venue: str, free: str, equity: str = "1000", read_s: float = NOW_S) -> Money:
    return Money(AccountSummary(venue=venue, equity=D(equity), available=D(free)), read_s)


def held(size: str = "0", mark: str = "2500", at: str | None = None, read_s: float = NOW_S) -> Held:
    liquidation = None if at is None else D(at)
    position = Position(
        venue="grvt", symbol="E", size=D(size), mark_price=D(mark), liquidation_price=liquidation
    )
    return Held(position, read_s)


def untold(size: str) -> Held:
    """A position whose liquidation price could not be read."""
    position = Position(venue="grvt", symbol="E", size=D(size), liquidation_known=False)
    return Held(position, NOW_S)


def facts(primary: str = "0", hedge: str = "0", **changes: Any) -> DeskFacts:
    """A desk about which everything is known, and nothing is wrong."""
    known: dict[str, Any] = {
        "now_s": NOW_S, "utc_ns": START_NS, "positions": {PRIMARY: D(primary), HEDGE: D(hedge)},
        "prices": {PRIMARY: D(2000), HEDGE: D(2100)}, "quoted_s": {PRIMARY: NOW_S, HEDGE: NOW_S},
        "money": {PRIMARY: money("backpack", "900"), HEDGE: money("grvt", "800")},
        "held": {PRIMARY: held(), HEDGE: held()}, "skew_ms": {PRIMARY: D(0), HEDGE: D(0)},
    }  # fmt: skip
    return DeskFacts(**(known | changes))


def look(it: DeskGuard, known: DeskFacts) -> LimitState:
    (state,) = it.look(known)
    return state


# -- at its edge ----------------------------------------------------------------------------------

EDGES: list[tuple[str, str, Callable[[str], DeskFacts]]] = [
    ("naked_notional", "420", lambda v: facts("0.5", f"-{(1050 - D(v)) / 2100}")),
    ("naked_s", "15", lambda v: facts("0.5", naked_since_s=NOW_S - float(v))),
    (
        "position_notional", "2100",
        lambda v: facts("-1", "0.5", prices={PRIMARY: D(v), HEDGE: D(1)}),
    ),
    (
        "open_notional", "2100",
        lambda v: facts("1", "-1", prices={PRIMARY: D(100), HEDGE: D(v) - 100}),
    ),
    ("order_notional", "1050", lambda v: facts(prices={PRIMARY: D(1), HEDGE: D(v) * 2})),
    ("clock_skew_ms", "1000", lambda v: facts(skew_ms={PRIMARY: D(1), HEDGE: -D(v)})),
    ("stream_age_s", "3", lambda v: facts(quoted_s={PRIMARY: NOW_S - float(v), HEDGE: NOW_S})),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "at", "of"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_limit_is_reached_at_its_figure_and_not_before(
    limit: str, at: str, of: Callable[[str], DeskFacts]
) -> None:
    below, above = str(D(at) - D("0.0042")), str(D(at) + D("0.0042"))
    assert look(guard(limit, at), of(below)).active is None
    for value in (at, above):
        active = look(guard(limit, at), of(value)).active
        assert active is not None
        assert (active.limit, active.action) == (limit, Action.REDUCE)
        assert active.reason.endswith(f", limit {at}")


@pytest.mark.parametrize(
    ("free", "held_by"), [("100.001", False), ("100", True), ("99.999", True), ("-1", True)]
)
@pytest.mark.parametrize("leg", list(Leg))
def test_the_margin_of_the_worse_venue_counts(leg: Leg, free: str, held_by: bool) -> None:
    venue = INSTRUMENTS[leg].venue
    other = next(one for one in Leg if one is not leg)
    known = facts(money={leg: money(venue, free), other: money("other", "999")})
    state = look(guard("margin_ratio", "0.1"), known)
    assert (state.active is not None) is held_by
    assert state.about == f"of {venue}"


def test_an_account_without_equity_has_no_margin() -> None:
    known = facts(money={PRIMARY: money("backpack", "0", "0"), HEDGE: money("grvt", "9")})
    assert look(guard("margin_ratio", "0.1"), known).figure == 0


@pytest.mark.parametrize(
    ("size", "liquidated_at", "held_by"),
    [
        ("0.5", "2374.9", False), ("0.5", "2375", True), ("0.5", "2375.1", True),
        ("-0.5", "2625.1", False), ("-0.5", "2625", True), ("-0.5", "2624.9", True),
        ("0.5", "2600", True), ("0.5", None, False), ("0.5", "0", False), ("0", "2500", False),
    ],
)  # fmt: skip
def test_the_distance_to_the_nearer_liquidation_counts(
    size: str, liquidated_at: str | None, held_by: bool
) -> None:
    known = facts(held={PRIMARY: held("0.5", at="1000"), HEDGE: held(size, at=liquidated_at)})
    assert (look(guard("liquidation_distance", "0.05"), known).active is not None) is held_by


def test_nothing_held_needs_no_liquidation_price() -> None:
    known = facts(held={PRIMARY: held(), HEDGE: untold("0")})
    assert look(guard("liquidation_distance", "0.05"), known).active is None


@pytest.mark.parametrize(("limit", "figure"), [("daily_loss", "7"), ("drawdown", "12")])
@pytest.mark.parametrize(("off", "held_by"), [("0.001", False), ("0", True), ("-0.001", True)])
def test_what_cycles_have_lost_counts(limit: str, figure: str, off: str, held_by: bool) -> None:
    it = guard(limit, str(D(figure) + D(off)))
    it.results = gathered([result(1, "5"), result(2, "-12")])
    assert (look(it, facts()).active is not None) is held_by


def result(cycle: int, pnl: str, slip: str = "0") -> CycleResult:
    return CycleResult(
        desk="eth", cycle=cycle, finished_ns=START_NS, pnl=D(pnl), slippage_bps=D(slip)
    )


@pytest.mark.parametrize(("limit", "at"), [("loss_streak", "2"), ("slippage_bps", "20")])
def test_what_a_cycle_has_done_holds_for_its_time(limit: str, at: str) -> None:
    it = guard(limit, at)
    it.results = gathered([result(1, "-1"), result(2, "-1", slip="20")])
    state = look(it, facts(now_s=NOW_S + 1, utc_ns=START_NS + 10**9))
    assert state.active is not None
    assert state.clears_s == NOW_S + 5
    assert look(it, facts(now_s=NOW_S + 5, utc_ns=START_NS + 5 * 10**9)).active is None


# -- exposure -------------------------------------------------------------------------------------


def test_the_next_cycle_counts_before_it_is_opened() -> None:
    flat = facts()
    assert look(guard("order_notional", "1"), flat).figure == D("1050")
    assert look(guard("position_notional", "1"), flat).figure == D("1050")
    assert look(guard("open_notional", "1"), flat).figure == D("2050")


@pytest.mark.parametrize(("slices", "largest"), [(1, "0.5"), (2, "0.25"), (3, "0.18")])
def test_an_order_is_a_slice_and_what_rounding_has_left(slices: int, largest: str) -> None:
    state = look(guard("order_notional", "1", slices=slices), facts())
    assert state.figure == D(largest) * 2100


def test_dust_that_no_order_can_take_is_not_naked() -> None:
    it = guard("naked_s", "15")
    assert look(it, facts("0.5", "-0.495", naked_since_s=NOW_S - 60)).figure == 0


def test_dust_that_grows_is_naked_from_then_on() -> None:
    it = guard("naked_s", "15")
    look(it, facts("0.5", "-0.495", naked_since_s=NOW_S - 60))
    grown = {"now_s": NOW_S + 1, "naked_since_s": NOW_S - 60}
    assert look(it, facts("0.5", "-0.48", **grown)).figure == 0
    assert look(it, facts("0.5", "-0.48", **(grown | {"now_s": NOW_S + 4}))).figure == 3


def test_a_desk_that_says_nothing_more_goes_on_being_naked() -> None:
    it = guard("naked_s", "15")
    known = facts("0.5", naked_since_s=NOW_S)
    assert look(it, known).active is None
    assert look(it, msgspec.structs.replace(known, now_s=NOW_S + 15)).active is not None


def test_a_desk_that_begins_anew_is_as_naked_as_it_was() -> None:
    it = guard("naked_s", "15", naked_since_s=NOW_S - 10)
    recovering = facts(positions=None)
    assert look(it, recovering).figure == 10
    assert look(it, msgspec.structs.replace(recovering, now_s=NOW_S + 5)).active is not None
    read = facts("0.5", now_s=NOW_S + 6, naked_since_s=NOW_S + 6)
    assert look(it, read).figure == 16
    assert look(it, facts(now_s=NOW_S + 7)).figure == 0


# -- what is not known ----------------------------------------------------------------------------

UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
    ("naked_notional", {"positions": None}, "the desk does not know yet what it holds"),
    ("naked_s", {"positions": None}, "the desk does not know yet what it holds"),
    ("position_notional", {"positions": None}, "the desk does not know yet what it holds"),
    ("open_notional", {"positions": None}, "the desk does not know yet what it holds"),
    ("order_notional", {"prices": {PRIMARY: D(1)}}, "no price of grvt yet"),
    ("position_notional", {"prices": {HEDGE: D(1)}}, "no price of backpack yet"),
    ("open_notional", {"prices": {}}, "no price of backpack yet"),
    ("margin_ratio", {"money": {}}, "no balance of backpack has been read yet"),
    (
        "margin_ratio",
        {"money": {PRIMARY: money("b", "9"), HEDGE: money("g", "9", read_s=NOW_S - 181)}},
        "the balance of grvt is 181 s old",
    ),
    ("liquidation_distance", {"held": {}}, "no position of backpack has been read yet"),
    (
        "liquidation_distance",
        {"held": {PRIMARY: held("0.5", at="1000"), HEDGE: untold("0.5")}},
        "grvt did not tell the liquidation price",
    ),
    ("clock_skew_ms", {"skew_ms": {PRIMARY: D(0)}}, "the clock of grvt has not been read"),
    ("stream_age_s", {"quoted_s": {HEDGE: NOW_S}}, "no price of backpack yet"),
]


@pytest.mark.parametrize(("limit", "missing", "why"), UNKNOWN)
def test_what_is_not_known_freezes_and_says_why(
    limit: str, missing: dict[str, Any], why: str
) -> None:
    state = look(guard(limit, "0.5"), facts(**missing))
    assert state.active == ActiveLimit(limit, Action.FREEZE, f"not known: {why}")
    assert state.figure is None


@pytest.mark.parametrize("limit", ["daily_loss", "drawdown", "loss_streak", "slippage_bps"])
def test_results_that_have_not_been_read_freeze(limit: str) -> None:
    it = guard(limit, "5")
    it.results = None
    active = look(it, facts()).active
    assert active is not None
    assert active.action is Action.FREEZE


def test_nothing_is_worth_nothing_at_any_price() -> None:
    state = look(guard("naked_notional", "5"), facts(prices={}))
    assert state.figure == 0
    assert state.active is None


@pytest.mark.parametrize("limit", DeskLimits.__struct_fields__)
@given(missing=st.sets(st.sampled_from(["prices", "quoted_s", "money", "held", "skew_ms"])))
def test_whatever_is_missing_a_limit_that_is_set_has_a_state(limit: str, missing: set[str]) -> None:
    state = look(
        guard(limit, "0.5"), msgspec.structs.replace(facts("0.5"), **{m: {} for m in missing})
    )
    assert (state.figure is None) <= (state.active is not None), "unknown and yet not held"


def test_limits_that_are_off_ask_for_nothing() -> None:
    nothing = DeskFacts(now_s=NOW_S, utc_ns=START_NS, positions=None)
    assert guard().look(nothing) == ()


def test_as_shipped_nothing_holds_a_desk_about_which_all_is_well() -> None:
    it = DeskGuard(DeskLimits(), INSTRUMENTS, size=D("0.5"))
    it.results = gathered([])
    assert in_force(it.look(facts())) == ()


# -- resumed --------------------------------------------------------------------------------------


def test_a_resumed_desk_halts_anew_only_over_a_new_loss() -> None:
    limit = Limit(at=D(5), action=Action.HALT)
    it = DeskGuard(msgspec.structs.replace(OFF, daily_loss=limit), INSTRUMENTS, size=D(1))
    it.results = gathered([result(1, "-6")])
    assert look(it, facts()).active is not None
    it.resume(START_NS + 1)
    assert look(it, facts()).active is None
    it.results.add(msgspec.structs.replace(result(2, "-4.99"), finished_ns=START_NS + 2))
    assert look(it, facts()).active is None
    it.results.add(msgspec.structs.replace(result(3, "-0.01"), finished_ns=START_NS + 3))
    assert look(it, facts()).active is not None


@pytest.mark.parametrize(
    ("limit", "at", "counts_anew"),
    [
        ("daily_loss", "6", True), ("daily_loss", "6.01", False), ("drawdown", "6", True),
        ("loss_streak", "1", True), ("loss_streak", "2", False), ("slippage_bps", "20", True),
        ("margin_ratio", "1", False),
    ],
)  # fmt: skip
def test_a_resume_acknowledges_results_only_when_they_were_in_the_way(
    limit: str, at: str, counts_anew: bool
) -> None:
    it = guard(limit, at)
    it.results = gathered([result(1, "-6", slip="20")])
    look(it, facts())
    assert it.resume(START_NS + 1) is counts_anew
    assert it.results.daily_loss(START_NS + 1) == (0 if counts_anew else 6)


def test_resumed_while_it_is_naked_it_is_held_again() -> None:
    it = guard("naked_s", "15")
    known = facts("0.5", naked_since_s=NOW_S - 20)
    look(it, known)
    it.resume(START_NS)
    assert look(it, known).active is not None
