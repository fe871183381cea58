"""``ketch status`` for people: what is wrong first, with what to do about it, then all else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

import click

from actors import control_schema as schema

_NAKED_S: Final = 1.0  # until then a naked quantity is a hedge on its way
_STARTING_S: Final = 10.0
_INDENT: Final = "  "
_WIDTH: Final = 100
_ACCOUNT: Final = "account."
_CAPABILITIES: Final = ("submit", "cancel", "fills", "position")
_BY_CYCLES: Final = ("loss_streak", "slippage_bps", "daily_loss", "drawdown")
_ACTIONS: Final = {
    "freeze": "opens nothing", "reduce": "closes what is open, and opens nothing",
    "halt": "closes what is open, and halts",
}  # fmt: skip


class Problem(NamedTuple):
    """Something that is not as it should be, and what an operator can do."""

    text: str
    remedy: str


def render(status: schema.Status) -> str:
    """The whole page."""
    lines = [*_verdict(status), ""]
    for desk in status.desks:
        lines += [*_desk(desk), ""]
    lines += [*_rest(status)]
    return "\n".join(lines)


def problems(status: schema.Status) -> list[Problem]:
    """What is wrong, the worst first."""
    found = []
    if not status.board:
        found.append(Problem("the board does not answer: no desk is shown", "ketch restart board"))
    for desk in status.desks:
        found += _desk_problems(desk, status)
    for venue in status.venues:
        if venue.ready is False:
            remedy = "what holds it back is named below; nothing is opened meanwhile"
            found.append(Problem(f"{venue.venue} is not ready for orders", remedy))
    for node in status.actors:
        found += node_problems(node)
    if status.abandoned:
        names = ", ".join(status.abandoned)
        remedy = "only a restart of the service frees them: ketch stop, then start it again"
        found.append(Problem(f"hung threads were given up: {names}", remedy))
    return found


def node_problems(node: schema.Node) -> Iterator[Problem]:
    """What is wrong with one child of the tree."""
    why = f": {node.detail}" if node.detail else ""
    due = "" if node.retry_in_s is None else f" in {span(node.retry_in_s)}"
    if node.state == "failed":
        remedy = f"mend the cause, then: ketch reset {node.name}"
        yield Problem(f"{node.name} has failed ({node.kind}){why}", remedy)
    elif node.state == "open":
        failures = f"{node.failures_in_a_row} failures in a row"
        text = f"{node.name} is left alone after {failures}, probe{due}{why}"
        yield Problem(text, f"it tries by itself; at once: ketch reset {node.name}")
    elif node.state == "backing_off":
        text = f"{node.name} is down, restart{due}{why}"
        yield Problem(text, f"it restarts by itself; at once: ketch start {node.name}")
    elif node.state == "half_open":
        text = f"{node.name} has been on probation for {span(node.for_s)}: no new risk goes there"
        yield Problem(text, f"wait, or: ketch reset {node.name}")
    elif node.state == "stopped":
        yield Problem(f"{node.name} is stopped{why}", f"ketch start {node.name}")
    elif node.state in ("starting", "stopping") and node.for_s >= _STARTING_S:
        text = f"{node.name} has been {node.state} for {span(node.for_s)}"
        yield Problem(text, f"wait, or: ketch restart {node.name}")
    elif node.health == "bad":
        yield Problem(f"{node.name} is not well{why}", f"ketch restart {node.name}")


def _desk_problems(desk: schema.Desk, status: schema.Status) -> Iterator[Problem]:
    if desk.naked_s is not None and desk.naked_s >= _NAKED_S:
        text = f"{desk.desk} is naked: {_signed(desk.net)} for {span(desk.naked_s)}"
        yield Problem(
            text, f"it hedges or unwinds by itself; to close all: ketch flatten {desk.desk}"
        )
    if not desk.reporting:
        text = f"{desk.desk}'s coordinator is down: this is its last report"
        yield Problem(text, f"ketch start {desk.desk}/coordinator")
    if desk.halted:
        yield Problem(f"{desk.desk} has halted: {desk.halted}", _halt_remedy(desk))
    for active in desk.limits_in_force:
        if active.action == "halt" and desk.halted:
            continue  # said already
        text = f"{desk.desk} {_ACTIONS[active.action]}: {active.limit}: {active.reason}"
        yield Problem(text, _remedy_of_limit(desk, active, status))


def _remedy_of_limit(desk: schema.Desk, active: schema.ActiveLimit, status: schema.Status) -> str:
    """When a limit is over, and what an operator can do before that."""
    if active.action == "halt":
        return f"look at both venues, mend the cause, then: ketch resume {desk.desk}"
    limit = _limit_of(desk, active, status)
    if limit is not None and limit.figure is None:
        return "it goes on by itself once that is known; what is missing is named below"
    ends = "once that has been over for its clear_s"
    if limit is not None and limit.clears_in_s is not None:
        ends = f"in {span(limit.clears_in_s)}"
    if active.limit.removeprefix(_ACCOUNT) in _BY_CYCLES:
        return f"it goes on by itself {ends}; at once: ketch resume {desk.desk}"
    return f"it goes on by itself {ends}; to close all: ketch flatten {desk.desk}"


def _limit_of(
    desk: schema.Desk, active: schema.ActiveLimit, status: schema.Status
) -> schema.Limit | None:
    """The limit that is in force: the desk's, or the account's."""
    name = active.limit.removeprefix(_ACCOUNT)
    limits = desk.limits if name == active.limit else status.account_limits
    return next((limit for limit in limits if limit.limit == name), None)


def _halt_remedy(desk: schema.Desk) -> str:
    name = desk.desk
    if desk.unexplained:
        return (
            f"say what it is: ketch adopt {name} (the rest of a cycle: close it, go on), "
            f"ketch flatten {name} (close it, stay halted), "
            f"ketch ignore {name} (leave it alone, trade beside it)"
        )
    resume = f"look at both venues, mend the cause, then: ketch resume {name}"
    if desk.settled:
        return resume
    return f"what is open is being closed: ketch flatten {name} waits for it; {resume}"


def _verdict(status: schema.Status) -> Iterator[str]:
    if status.stopping:
        yield click.style(f"STOPPING ({status.stopping})", fg="yellow", bold=True)
    found = problems(status)
    if not found:
        yield click.style("OK", fg="green", bold=True) + _quiet_note(status)
        return
    yield click.style(f"{len(found)} PROBLEM{'S' if len(found) > 1 else ''}", fg="red", bold=True)
    for problem in found:
        yield f"{_INDENT}{click.style(problem.text, fg='red')}"
        yield f"{_INDENT}{_INDENT}→ {problem.remedy}"


def _quiet_note(status: schema.Status) -> str:
    paused = [desk.desk for desk in status.desks if desk.paused]
    return f"  nothing is wrong; paused: {', '.join(paused)}" if paused else "  nothing is wrong"


def _desk(desk: schema.Desk) -> Iterator[str]:
    planned = "" if desk.planned is None else f" of {desk.planned}"
    since = "" if desk.for_s is None else f" for {span(desk.for_s)}"
    plain = desk.state in ("", "trading", desk.phase)
    state = desk.phase if plain else f"{desk.state}, {desk.phase}"
    head = f"{desk.desk}: {state}{since}, cycle {desk.cycle}, finished {desk.finished}{planned}"
    yield click.style(head, bold=True)
    if desk.paused:
        yield f"{_INDENT}paused: no further cycle is opened; ketch resume {desk.desk}"
    held = tuple(f"{active.limit}: {active.reason}" for active in desk.limits_in_force)
    for reason in desk.waiting:
        if reason not in held and not (desk.paused and reason == "paused"):
            yield f"{_INDENT}waits: {reason}"
    for leg in desk.legs:
        ready = "ready" if leg.ready else click.style("not ready", fg="red")
        place = f"{leg.leg:8} {leg.venue:9} {leg.symbol:15}"
        outside = f"  beside {_signed(leg.outside)} that is not ours" if leg.outside else ""
        yield f"{_INDENT}{place} {_signed(leg.position):>12}  {ready}{outside}"
    naked = "" if desk.naked_s is None else f"  naked for {span(desk.naked_s)}"
    yield f"{_INDENT}{'net':34} {_signed(desk.net):>12}{naked}"
    for cycle in reversed(desk.cycles):
        yield (
            f"{_INDENT}cycle {cycle.cycle:<6} {cycle.outcome:10} {cycle.direction:5} {cycle.size}"
            f"  pnl {cycle.pnl:+.4f}  naked ≤ {cycle.naked_ms:.0f} ms  {cycle.duration_s:.1f} s"
        )
    yield from _limits("limits", desk.limits)


def _limits(title: str, limits: tuple[schema.Limit, ...]) -> Iterator[str]:
    """Each limit that is set as figure/limit, several to a line; one in force stands out."""
    line, room = f"{_INDENT}{title:8}", _WIDTH - len(_INDENT) - 8
    for limit in limits:
        figure = "?" if limit.figure is None else f"{limit.figure:.6g}"
        text = f"{limit.limit} {figure}/{limit.at:f}"
        if len(text) + 2 > room:
            yield line
            line, room = f"{_INDENT}{'':8}", _WIDTH - len(_INDENT) - 8
        room -= len(text) + 2
        line += "  " + (click.style(text, fg="red") if limit.reason else text)
    if limits:
        yield line


def _venue(venue: schema.Venue) -> Iterator[str]:
    """What can't be had of a venue, and where its requests stand if that is any trouble."""
    if venue.cannot:
        cannot = venue.cannot
        words = (f"{of} {f'no ({cannot[of]})' if of in cannot else 'yes'}" for of in _CAPABILITIES)
        yield f"{_INDENT}{', '.join(words)}"
    requests = venue.requests
    if requests is None or not (requests.denied or requests.refused):
        return
    line = f"requests: {max(0.0, requests.left):.0f} of {requests.burst} left"
    line += f", {requests.denied} held back, {requests.refused} refused as too many"
    if requests.paused_for_s:
        line += f", nothing opens for {requests.paused_for_s:.0f} s"
    if requests.barred_for_s:
        line += f", nothing is sent for {requests.barred_for_s:.0f} s"
    yield f"{_INDENT}{line}"


def _rest(status: schema.Status) -> Iterator[str]:
    for venue in status.venues:
        words = {True: "ready", False: "not ready", None: "not heard of yet"}
        money = ""
        if venue.equity is not None and venue.available is not None:
            money = f", equity {venue.equity:.2f}, available {venue.available:.2f}"
        yield f"{'venue':9} {venue.venue}: {words[venue.ready]}{money}"
        yield from _venue(venue)
    yield from (line.strip() for line in _limits("account", status.account_limits))
    running = sum(node.state == "running" for node in status.actors)
    yield f"{'actors':9} {running} of {len(status.actors)} running; ketch tree shows each"
    if status.restarts:
        counts = ", ".join(f"{name} {count}" for name, count in status.restarts.items())
        yield f"{'restarts':9} {counts}"
    if status.dead_letters:
        counts = ", ".join(f"{letter.name} {letter.count}" for letter in status.dead_letters)
        yield f"{'unread':9} {counts} (messages to actors that were down)"
    yield (
        f"{'service':9} {status.mode}, process {status.pid}, up {span(status.up_s)}"
        f" since {clock(status.started_at)}"
    )


def span(seconds: float) -> str:
    """A duration in the two units that matter."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, below, size, smaller, part in (
        ("min", 3_600, 60, "s", 1),
        ("h", 86_400, 3_600, "min", 60),
        ("d", float("inf"), 86_400, "h", 3_600),
    ):
        if whole < 60:
            return f"{whole} s"
        if whole < below:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError("the last row has no upper end")


def clock(moment: dt.datetime) -> str:
    """A moment, in UTC as everything else."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _signed(size: Decimal) -> str:
    return f"{size:+f}" if size else "0"
