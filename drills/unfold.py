"""From a plan and a seed to the faults that are armed: everything drawn is drawn here."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from cli.exits import CONFIGURATION, CommandFailed
from drills.draws import Draws
from drills.plan import Injection, Plan
from paper.faults import AnyFault, Fault

Channel = Literal["socket", "rest"]
_CHANNELS: Final = ("socket", "rest")
# Faults that lie in wait: they were reached only if they met something.
_WAITING: Final = frozenset(
    ("answer", "lose", "slow", "edit_reply", "frames", "subscribe", "race", "refuse", "delay")
)


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """An injection at its cycle, and the faults that it comes to.

    Signals have no ``pid`` yet: the process that they are for may be started more than once.
    """

    injection: Injection
    cycle: int
    arm: tuple[dict[str, Any], ...]

    @property
    def label(self) -> str:
        """How results name it."""
        return self.injection.label


def unfold(plan: Plan, seed: int, channel: Channel) -> tuple[Placed, ...]:
    """What is armed, by cycle. ``channel`` is how the trader's GRVT orders travel.

    Raises CommandFailed (78) for a fault that the paper venues don't know.
    """
    placed = [
        _placed(injection, cycle, seed, channel)
        for injection, cycle in _cycles(plan, seed)
        if cycle <= plan.cycles
    ]
    return tuple(sorted(placed, key=lambda each: each.cycle))


def missing(plan: Plan, placed: tuple[Placed, ...]) -> tuple[Injection, ...]:
    """Injections of the plan that found no cycle: they were not reached."""
    there = [each.injection for each in placed]
    return tuple(injection for injection in plan.faults if injection not in there)


def waits(fault: dict[str, Any]) -> bool:
    """True for a fault that has to meet something."""
    return str(fault["action"]) in _WAITING


def as_recorded(fault: dict[str, Any]) -> bytes:
    """The fault as the ledger has it, without the process that it was for."""
    return msgspec.json.encode(_checked(fault | ({"pid": 2} if _signals(fault) else {})))


def with_pid(fault: dict[str, Any], pid: int) -> dict[str, Any]:
    """The fault for that process."""
    return fault | {"pid": pid} if _signals(fault) else fault


def _signals(fault: dict[str, Any]) -> bool:
    return str(fault["action"]) == "signal"


def _cycles(plan: Plan, seed: int) -> list[tuple[Injection, int]]:
    fixed = [(each, each.cycle) for each in plan.faults if each.cycle is not None]
    free = [each for each in plan.faults if each.cycle is None]
    if plan.schedule is None:
        return fixed + [(each, 1) for each in free]
    if plan.schedule.tiers:
        return fixed + _by_share(plan, free, seed)
    order = Draws(seed, 0, "order").shuffled(free)
    first, gap = plan.schedule.first, plan.schedule.gap
    return fixed + [(each, first + gap * place) for place, each in enumerate(order)]


def _by_share(plan: Plan, free: list[Injection], seed: int) -> list[tuple[Injection, int]]:
    """So many at once in that share of the cycles, and none where the last one still may act."""
    assert plan.schedule is not None
    found: list[tuple[Injection, int]] = []
    cycle = plan.schedule.first
    while cycle <= plan.cycles and free:
        draws = Draws(seed, cycle, "tier")
        count = _how_many(plan.schedule.tiers, draws.number())
        chosen = draws.shuffled(free)[:count]
        found += [(each, cycle) for each in chosen]
        cycle += plan.schedule.gap if any(each.lasts_s for each in chosen) else 1
    return found


def _how_many(tiers: tuple[float, ...], drawn: float) -> int:
    """``tiers`` are the shares of cycles with one, two, three ... faults."""
    for count, share in enumerate(tiers, start=1):
        if drawn < share:
            return count
        drawn -= share
    return 0


def _placed(injection: Injection, cycle: int, seed: int, channel: Channel) -> Placed:
    hook = str(injection.at.get("hook", ""))
    draws = Draws(seed, cycle, f"{injection.label}|{hook}")
    arm = draws.shuffled(injection.arm) if injection.shuffle else list(injection.arm)
    faults = []
    for number, fault in enumerate(arm):
        each = {name: values[number % len(values)] for name, values in injection.each.items()}
        at = {"at": injection.at | {"cycle": cycle}} if injection.at else {}
        whole = at | _drawn(_for_channel(fault, channel) | each, draws)
        if "at" in fault:
            whole["at"] = (
                injection.at | fault["at"] | {"cycle": cycle + fault["at"].get("cycle", 0)}
            )
        as_recorded(whole)
        faults.append(whole)
    return Placed(injection=injection, cycle=cycle, arm=tuple(faults))


def _for_channel(fault: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """What is said of ``socket`` or ``rest`` only counts for who sends orders there."""
    common = {name: value for name, value in fault.items() if name not in _CHANNELS}
    own: dict[str, Any] = fault.get(channel, {})
    return common | own


def _drawn(value: Any, draws: Draws) -> Any:
    """``{draw: [a, b]}`` becomes one of them, wherever it stands."""
    if isinstance(value, dict):
        if set(value) == {"draw"}:
            return draws.choice(value["draw"])
        return {name: _drawn(each, draws) for name, each in value.items()}
    return value


def _checked(fault: dict[str, Any]) -> Fault:
    try:
        checked: Fault = msgspec.convert(fault, AnyFault)
    except msgspec.ValidationError as error:
        text = f"the paper venues know no such fault: {error}: {fault}"
        raise CommandFailed(CONFIGURATION, text) from None
    return checked
