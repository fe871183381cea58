"""The limits over all desks: what is open together, what may be opened next, whom that holds."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from tests.support.trading import START_NS, D
from trading.account_guard import AccountGuard, DeskExposure
from trading.limits import in_force
from trading.plan import AccountLimits, Action, Limit
from trading.results import CycleResult, gathered

DESKS = ("eth", "btc", "sol")


def share(now: str = "0", full: str = "1000", naked: str = "0", **more: bool) -> DeskExposure:
    return DeskExposure(naked=D(naked), open=D(now), full=max(D(now), D(full)), **more)


def guard(limit: str, at: str, action: Action = Action.FREEZE) -> AccountGuard:
    chosen = Limit(at=D(at), action=action, clear_s=0)
    it = AccountGuard(msgspec.structs.replace(AccountLimits(), **{limit: chosen}), DESKS)
    it.results = gathered([])
    return it


def held(it: AccountGuard, shares: dict[str, DeskExposure]) -> list[str]:
    """The desks that are held."""
    return [desk for desk, states in it.look(shares, 0.0, START_NS).items() if in_force(states)]


def test_as_shipped_nothing_is_held_whatever_is_unknown() -> None:
    assert held(AccountGuard(AccountLimits(), DESKS), {}) == []


@pytest.mark.parametrize(("at", "everybody"), [("60.01", False), ("60", True), ("59.99", True)])
def test_what_is_naked_anywhere_adds_up_and_holds_every_desk(at: str, everybody: bool) -> None:
    shares = {"eth": share(naked="10"), "btc": share(naked="20"), "sol": share(naked="30")}
    assert held(guard("naked_notional", at), shares) == list(DESKS if everybody else ())


@pytest.mark.parametrize("limit", ["daily_loss", "drawdown"])
def test_what_desks_lose_adds_up_and_what_one_earns_is_set_against_it(limit: str) -> None:
    it = guard(limit, "5", Action.HALT)
    for desk, pnl in (("eth", "-4"), ("btc", "2"), ("sol", "-2.99")):
        it.results = it.results or gathered([])
        it.results.add(result(desk, 1, pnl))
        assert held(it, {}) == []
    assert it.results is not None
    it.results.add(result("sol", 2, "-0.01"))
    assert held(it, {}) == list(DESKS)


def result(desk: str, cycle: int, pnl: str) -> CycleResult:
    return CycleResult(desk=desk, cycle=cycle, finished_ns=START_NS, pnl=D(pnl), slippage_bps=D(0))


@pytest.mark.parametrize("limit", ["naked_notional", "open_notional"])
def test_a_desk_that_is_not_known_may_hold_anything(limit: str) -> None:
    shares = {"eth": share(), "sol": share()}
    assert "eth" in held(guard(limit, "5000"), shares)
    shares["btc"] = DeskExposure(naked=None, open=None, full=None)
    assert "eth" in held(guard(limit, "5000"), shares)


@pytest.mark.parametrize(
    ("at", "limited"),
    [("3000.01", []), ("3000", ["sol"]), ("2000", ["btc", "sol"]), ("1000", list(DESKS))],
)
def test_the_desks_that_come_first_in_the_configuration_may_open_first(
    at: str, limited: list[str]
) -> None:
    assert held(guard("open_notional", at), dict.fromkeys(DESKS, share())) == limited


def test_a_desk_that_will_not_open_leaves_its_room_to_the_others() -> None:
    shares = {"eth": share(may_open=False), "btc": share(), "sol": share()}
    assert held(guard("open_notional", "2500"), shares) == []


def test_what_is_open_counts_whoever_has_it() -> None:
    shares = {"eth": share(), "btc": share(), "sol": share(now="1000")}
    assert held(guard("open_notional", "2500"), shares) == ["btc", "sol"]


@pytest.mark.parametrize("at", ["500", "1000", "1500", "2500", "3500"])
def test_desks_that_open_as_they_may_never_pass_the_limit_together(at: str) -> None:
    """From every state that can be come to, every desk that is not held opens at once."""
    for open_now in product((False, True), repeat=3):
        shares = {
            desk: share(now="1000" if now else "0")
            for desk, now in zip(DESKS, open_now, strict=True)
        }
        if sum(open_now) * 1000 >= D(at):
            continue
        may_not = held(guard("open_notional", at), shares)
        together = sum(
            share.full if desk not in may_not else share.open
            for desk, share in shares.items()
            if share.full is not None and share.open is not None
        )
        assert together < D(at), (open_now, may_not)


def test_a_resume_of_any_desk_lets_all_losses_count_anew() -> None:
    it = guard("daily_loss", "5", Action.HALT)
    it.results = gathered([result("eth", 1, "-6")])
    assert held(it, {}) == list(DESKS)
    assert it.resume(START_NS + 1)
    assert held(it, {}) == []
    it.results.add(msgspec.structs.replace(result("btc", 1, "-4"), finished_ns=START_NS + 2))
    assert held(it, {}) == []
    assert not it.resume(START_NS + 3), "nothing was in the way"
    assert it.results.daily_loss(START_NS + 3) == 4
