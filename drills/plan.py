"""A drill's plan: what is traded, what goes wrong and when, and what is demanded. docs/drills.md.

A plan is YAML. Its hash heads every result: two results with the same hash and seed had the same
trouble.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml

from cli.exits import CONFIGURATION, USAGE, CommandFailed
from venues.model import BACKPACK, GRVT

PLAN_SCHEMA: Final = "ketch.plan/1"
SHIPPED: Final = Path(__file__).parent / "plans"
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown names are errors: a misspelt limit must not be no limit."""


class Injection(_Strict, frozen=True, kw_only=True):
    """One fault of docs/faults.md, as the paper venues or the host do it.

    ``fault`` is its number in docs/faults.md and ``name`` the variant. ``arm`` are the faults of
    docs/paper.md; ``at`` is their moment within ``cycle``. With ``shuffle`` their order is drawn;
    ``each`` gives the first, second, ... of them those values, over again.
    ``naked_q_s`` is N's limit. ``lasts_s`` is how long it acts; cycles go on within 60 s after.
    ``halts``: the desk has to halt over it; then ``mend`` is armed, and the desk is resumed.
    ``stops_after_s``: so long after it began nothing may be opened any more, until it is over.
    ``spares``: measures (D, O, P, flip) that the fault itself breaks. ``elsewhere``: who does what
    no drill can, so that it shows as not reached. ``long``: not in a run of 100 cycles. ``alone``:
    never beside another fault, which would make it mean something else. ``once_from``: once, in a
    run of at least so many cycles, and in no shorter one.
    """

    fault: Annotated[int, msgspec.Meta(ge=1, le=45)]
    name: str = ""
    group: str = ""
    cycle: Count | None = None
    at: dict[str, Any] = msgspec.field(default_factory=dict)
    arm: tuple[dict[str, Any], ...] = ()
    shuffle: bool = False
    each: dict[str, tuple[Any, ...]] = msgspec.field(default_factory=dict)
    naked_q_s: Decimal = Decimal(5)
    lasts_s: Seconds = 0.0
    halts: bool = False
    mend: tuple[dict[str, Any], ...] = ()
    stops_after_s: Seconds | None = None
    spares: tuple[Literal["D", "O", "P", "flip"], ...] = ()
    elsewhere: str = ""
    long: bool = False
    alone: bool = False
    once_from: Count | None = None

    @property
    def label(self) -> str:
        """How results name it."""
        return f"{self.fault} {self.name}".strip()


class Demands(_Strict, frozen=True, kw_only=True):
    """What the whole run must come to, beside D = O = flips = 0 and P.

    ``availability`` is the least A. ``naked_q_s`` is N's limit outside every fault.
    """

    availability: Decimal = Decimal(1)
    naked_q_s: Decimal = Decimal("0.5")


class Bursts(_Strict, frozen=True, kw_only=True):
    """Faults that follow each other closely: ``faults`` of them, once in ``every`` cycles.

    Only in runs of ``from_cycles`` and more, in which outside of them ``share`` of the cycles meet
    a fault. From one to the next it is up to ``gap`` cycles, and fewer as it goes on.
    """

    from_cycles: Count = 10_000
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    every: Count = 2_000
    faults: Count = 10
    gap: Count = 4


class Schedule(_Strict, frozen=True, kw_only=True):
    """Which faults meet which cycles, when they name none.

    In a short run each comes once, alone, ``gap`` cycles after the last, in an order that is drawn.
    From ``shares_from`` cycles on, ``shares`` are the parts of cycles that meet one, two, three ...
    faults at once; each of ``pairs`` (numbers of docs/faults.md) meets at least once, and those of
    ``often`` (number, cycles) once in so many cycles.
    """

    first: Count = 3
    gap: Count = 2
    shares_from: Count = 1000
    shares: tuple[Annotated[float, msgspec.Meta(ge=0, le=1)], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    often: tuple[tuple[int, Count], ...] = ()
    bursts: Bursts | None = None


class Plan(_Strict, frozen=True, kw_only=True):
    """A whole drill. ``settings`` are overrides of the service's, ``paper`` of the venues'.

    ``beside`` are other traders that are put beside Ketch; ``swapped_too`` runs Ketch once more
    with the other venue as primary, on the same seed, and compares fees. ``styles`` runs it once
    for each: orders that cross the book, or that rest in it.
    """

    schema: str = PLAN_SCHEMA
    name: str
    about: str
    cycles: Count
    size: Decimal = Decimal("0.5")
    primary: Literal["grvt", "backpack"] = "backpack"
    hold_s: Seconds = 0.05
    pause_s: Seconds = 0.05
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    paper: dict[str, Any] = msgspec.field(default_factory=dict)
    faults: tuple[Injection, ...] = ()
    schedule: Schedule | None = None
    demands: Demands = Demands()
    beside: tuple[str, ...] = ()
    swapped_too: bool = False
    styles: tuple[Literal["as set", "taker", "maker"], ...] = ("as set",)

    @property
    def hedge(self) -> str:
        """The venue that follows."""
        return GRVT if self.primary == BACKPACK else BACKPACK

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of what the plan says, however it is written."""
        text = msgspec.json.encode(self, order="sorted")
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def load(file: Path) -> Plan:
    """Read a plan. Raises CommandFailed (78) with what is wrong and where."""
    try:
        text = file.read_text(encoding="utf-8")
        plan = msgspec.convert(yaml.safe_load(text), Plan)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise CommandFailed(CONFIGURATION, f"plan {file}: {error}") from None
    if plan.schema != PLAN_SCHEMA:
        text = f"plan {file}: schema {plan.schema!r}, expected {PLAN_SCHEMA!r}"
        raise CommandFailed(CONFIGURATION, text)
    return plan


def shipped(name: str) -> Plan:
    """A plan that comes with Ketch. Raises CommandFailed (2) with the names that there are."""
    file = SHIPPED / f"{name}.yaml"
    if name not in names():
        raise CommandFailed(USAGE, f"no drill {name!r}; there are: {', '.join(names())}")
    return load(file)


def names() -> list[str]:
    """The plans that come with Ketch."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def styled(plan: Plan, style: str) -> Plan:
    """The plan with primary orders that cross the book (``taker``) or rest in it (``maker``)."""
    if style == "as set":
        return plan
    return msgspec.structs.replace(plan, settings=_styled(plan.settings, style))


def _styled(settings: dict[str, Any], style: str) -> dict[str, Any]:
    desks = settings.get("desks", {})
    eth = desks.get("eth", {}) | {"entry": style, "exit": style}
    return settings | {"desks": desks | {"eth": eth}}


def moved(plan: Plan, cycle: int) -> Plan:
    """The plan with its first fault at ``cycle``, and the others as far from it as before."""
    there = [each.cycle for each in plan.faults if each.cycle is not None]
    if not there:
        raise CommandFailed(USAGE, f"{plan.name} has no fault at a cycle of its own")
    by = cycle - min(there)
    faults = tuple(
        each if each.cycle is None else msgspec.structs.replace(each, cycle=each.cycle + by)
        for each in plan.faults
    )
    return msgspec.structs.replace(plan, faults=faults)
