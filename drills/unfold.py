"""From a plan and a seed to the faults that are armed: everything drawn is drawn here."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Final, Literal

import msgspec

from cli.exits import CONFIGURATION, CommandFailed
from drills.draws import Draws
from drills.plan import Bursts, Injection, Plan, Schedule
from paper.faults import AnyFault, Fault

Channel = Literal["socket", "rest"]
_CHANNELS: Final = ("socket", "rest")
_AT: Final = " at cycle "
# Faults that lie in wait: they were reached only if they met something. A door that is shut has
# done its work also when nobody knocks: who was thrown out stayed away.
_WAITING: Final = frozenset(
    (
        "answer", "lose", "slow", "edit_reply", "frames", "subscribe", "race", "delay",
        "deny", "shatter", "throttle", "maintenance", "fund",
    )
)  # fmt: skip


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

    def reached(self, fired: Container[bytes], hit: Container[bytes]) -> bool:
        """Everything acted, and what lies in wait met something at least once."""
        if any(as_recorded(fault) not in fired for fault in self.arm):
            return False
        lying = [as_recorded(fault) for fault in self.arm if waits(fault)]
        return not lying or any(fault in hit for fault in lying)


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


def waits(fault: dict[str, Any]) -> bool:
    """True for a fault that has to meet something."""
    return str(fault["action"]) in _WAITING


def acts(placed: Iterable[Placed]) -> frozenset[str]:
    """What the host is to do in all of them: the first word of each mark."""
    marks = (fault for each in placed for fault in each.arm if fault["action"] == "mark")
    return frozenset(str(fault["name"]).partition(" ")[0] for fault in marks)


def as_recorded(fault: dict[str, Any]) -> bytes:
    """The fault as the ledger has it, without the process that it was for."""
    whole = _checked(fault | ({"pid": 2} if _signals(fault) else {}))
    # Defaults are written as they stand in the code: once read back, 20 is 20.0 everywhere.
    return msgspec.json.encode(_checked(msgspec.to_builtins(whole)))


def with_pid(fault: dict[str, Any], pid: int) -> dict[str, Any]:
    """The fault for that process."""
    return fault | {"pid": pid} if _signals(fault) else fault


def _signals(fault: dict[str, Any]) -> bool:
    return str(fault["action"]) == "signal"


def _cycles(plan: Plan, seed: int) -> list[tuple[Injection, int]]:
    armed = [each for each in plan.faults if each.arm and plan.cycles >= (each.once_from or 1)]
    fixed = [(each, each.cycle) for each in armed if each.cycle is not None]
    free = [each for each in armed if each.cycle is None]
    schedule = plan.schedule
    if schedule is None:
        return fixed + [(each, 1) for each in free]
    if schedule.shares and plan.cycles >= schedule.shares_from:
        return fixed + _by_share(schedule, plan.cycles, free, seed)
    order = _once([each for each in free if not each.long], seed)
    return fixed + [
        (each, schedule.first + schedule.gap * place) for place, each in enumerate(order)
    ]


def _once(free: list[Injection], seed: int) -> list[Injection]:
    """Each fault once, then the other variants; what there are too few cycles for is left out."""
    drawn = Draws(seed, 0, "order").shuffled(free)
    first = list({each.fault: each for each in reversed(drawn)}.values())
    return first + [each for each in drawn if each not in first]


class _Deck:
    """Injections in a drawn order, all of them before any comes again."""

    def __init__(self, injections: list[Injection], seed: int) -> None:
        self._all = injections
        self._together = max(1, sum(not each.alone for each in injections))
        self._seed = seed
        self._round = 0
        self._left: list[Injection] = []

    def take(self, count: int) -> list[Injection]:
        """So many different ones, or one alone that has to be; the others wait for their turn."""
        taken: list[Injection] = []
        while len(taken) < min(count, self._together):
            together = (each for each in self._left if not taken or not each.alone)
            new = (each for each in together if all(each is not one for one in taken))
            following = next(new, None)
            if following is None:
                self._refill()
                continue
            self._left.remove(following)
            taken.append(following)
            if following.alone:
                break
        return taken

    def _refill(self) -> None:
        self._round += 1
        self._left += Draws(self._seed, self._round, "deck").shuffled(self._all)


def _by_share(
    schedule: Schedule, cycles: int, free: list[Injection], seed: int
) -> list[tuple[Injection, int]]:
    """So many at once in that share of the cycles; none where the last ones may still act."""
    found: list[tuple[Injection, int]] = []
    wanted = _wanted(schedule, cycles, free, seed)
    free = [each for each in free if each.once_from is None]
    bursts = schedule.bursts
    if bursts is not None and cycles < bursts.from_cycles:
        bursts = None
    shares = schedule.shares if bursts is None else (bursts.share,)
    cycle = schedule.first
    begun = 0
    deck = _Deck(free, seed)
    while cycle <= cycles - schedule.gap and free:
        draws = Draws(seed, cycle, "share")
        if bursts is not None and cycle // bursts.every > begun:
            begun = cycle // bursts.every
            burst = _burst(bursts, cycle, free, draws)
            found += [(each, at) for each, at in burst if at <= cycles - schedule.gap]
            cycle = burst[-1][1] + schedule.gap
            continue
        count = _how_many(shares, draws.number())
        chosen = wanted.pop() if count and wanted else deck.take(count)
        found += [(each, cycle) for each in chosen]
        cycle += schedule.gap if chosen else 1
    return found


def _burst(
    bursts: Bursts, cycle: int, free: list[Injection], draws: Draws
) -> list[tuple[Injection, int]]:
    """One fault after the other, each sooner after the last: none that has to be alone."""
    social = [each for each in free if not each.alone]
    found: list[tuple[Injection, int]] = []
    for number in range(bursts.faults):
        found.append((draws.choice(social), cycle))
        left = 1 - number / bursts.faults
        cycle += 1 + int(draws.number() * bursts.gap * left)
    return found


def _wanted(
    schedule: Schedule, cycles: int, free: list[Injection], seed: int
) -> list[list[Injection]]:
    """What must occur whatever is drawn: pairs, and single faults that come often."""
    draws = Draws(seed, 0, "wanted")
    once = [[each] for each in free if each.once_from is not None]
    free = [each for each in free if each.once_from is None]

    def one_of(number: int) -> list[Injection]:
        variants = [each for each in free if each.fault == number]
        return [draws.choice(variants)] if variants else []

    pairs = [one_of(first) + one_of(second) for first, second in schedule.pairs]
    often = [one_of(number) for number, every in schedule.often for _ in range(-(-cycles // every))]
    return draws.shuffled([group for group in once + pairs + often if group])


def _how_many(shares: tuple[float, ...], drawn: float) -> int:
    """``shares`` are the parts of cycles with one, two, three ... faults."""
    for count, share in enumerate(shares, start=1):
        if drawn < share:
            return count
        drawn -= share
    return 0


def _placed(injection: Injection, cycle: int, seed: int, channel: Channel) -> Placed:
    draws = Draws(seed, cycle, f"{injection.label}|{injection.at.get('hook', '')}")
    arm = draws.shuffled(injection.arm) if injection.shuffle else list(injection.arm)
    faults = []
    for number, fault in enumerate(arm):
        each = {name: values[number % len(values)] for name, values in injection.each.items()}
        moment = _drawn(injection.at, Draws(seed, cycle, injection.label))
        at = {"at": moment | {"cycle": cycle}} if injection.at else {}
        whole = at | _by_host(_drawn(_for_channel(fault, channel) | each, draws))
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


def _by_host(fault: dict[str, Any]) -> dict[str, Any]:
    """What the host does waits for a mark, which says it."""
    if "host" not in fault:
        return fault
    words = (fault["host"], fault.get("for_s", 0), *fault.get("words", ()))
    return {"action": "mark", "name": " ".join(map(str, words))}


def _drawn(value: Any, draws: Draws) -> Any:
    """``{draw: [a, b]}`` becomes one of them, wherever it stands."""
    if isinstance(value, dict):
        if set(value) == {"draw"}:
            return draws.choice(value["draw"])
        return {name: _drawn(each, draws) for name, each in value.items()}
    if isinstance(value, list):
        return [_drawn(each, draws) for each in value]
    return value


def _checked(fault: dict[str, Any]) -> Fault:
    try:
        checked: Fault = msgspec.convert(fault, AnyFault)
    except msgspec.ValidationError as error:
        text = f"the paper venues know no such fault: {error}: {fault}"
        raise CommandFailed(CONFIGURATION, text) from None
    return checked


def mark_of(name: str, cycle: int) -> str:
    """A mark of a cycle: one fault may come at several, and each is judged for itself."""
    return f"{name}{_AT}{cycle}"


def words_of(mark: str) -> str:
    """What the mark says to do."""
    return mark.partition(_AT)[0]
