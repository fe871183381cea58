"""The commands that talk to a running service. Each imports what it needs when it is called."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.exits import CONFIGURATION, DONE, NOT_RUNNING, REFUSED, TIMEOUT, CommandFailed

if TYPE_CHECKING:
    import msgspec

    from actors.control_schema import DesksDone, ReloadDone, Status
    from cli.control import Service

F = TypeVar("F", bound=Callable[..., Any])

_CODES: Final = {
    "ok": DONE, "flat": DONE, "waiting": DONE, "applied": DONE, "unchanged": DONE,
    "timeout": TIMEOUT, "invalid": CONFIGURATION,
}  # fmt: skip
_VERBS: Final = {
    "start": "Start a child that is down, without waiting for its delay.",
    "restart": "Replace a child's instance; it counts as no failure.",
    "reset": "Forget a child's failures, close its breaker, start it if it waited for that.",
}
_ANSWERS: Final = {
    "ok": "done",
    "waiting": "will start as soon as what it depends on is up",
    "already_started": "refused: it is started already",
    "not_found": "there is no such child; ketch tree shows the names",
    "stopping": "refused: its supervisor is stopping",
    "abandoned_limit": "refused: too many of its threads hang; only a restart of the service helps",
    "timeout": "no answer in time; it may still happen",
}
_REFRESH_S: Final = 1.0
_POLL_S: Final = 0.1
_CLEAR: Final = "\033[H\033[2J"


def _common(command: F) -> F:
    """--socket and --json."""
    socket = click.option(
        "--socket",
        type=click.Path(path_type=Path),
        envvar="KETCH_SOCKET",
        help="The service's control socket; found by itself when one service runs.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    return socket(as_json(command))


def _timeout(default_s: float) -> Callable[[F], F]:
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0.1),
        default=default_s,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for it; exit code 5 when that was too short.",
    )


@click.command()
@_common
@click.option("--watch", is_flag=True, help="Again every second, until the service ends.")
def status(socket: Path | None, as_json: bool, watch: bool) -> None:
    """The board: what is wrong, desks, legs, exposure, venues."""
    from cli.control import find

    service = find(socket)
    if not watch:
        _show_status(service, as_json)
        return
    _watch(service, as_json)


def _watch(service: Service, as_json: bool) -> None:
    with service.process() as process, contextlib.suppress(KeyboardInterrupt):
        _show_status(service, as_json, again=True)
        while not process.ends_within(_REFRESH_S):
            try:
                _show_status(service, as_json, again=True)
            except CommandFailed as failure:
                if failure.code != NOT_RUNNING:
                    raise
                return  # its end came first


def _show_status(service: Service, as_json: bool, *, again: bool = False) -> None:
    from actors.control_schema import Status
    from cli.status import render

    reply = service.get("/v1/status")
    document = reply.read(Status)
    if as_json and again:
        click.echo(reply.body)  # a document a line
    else:
        clear = _CLEAR if again and sys.stdout.isatty() else ""
        _say(document, as_json, clear + render(document))


@click.command()
@_common
def tree(socket: Path | None, as_json: bool) -> None:
    """Supervisors and children: state, life, failures, breaker, last failure."""
    from actors.control_schema import Tree
    from cli.control import find
    from cli.tree_view import render

    document = find(socket).get("/v1/tree").read(Tree)
    _say(document, as_json, render(document))


def _verb(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("path")
    @_common
    def command(path: str, socket: Path | None, as_json: bool) -> None:
        _order_child(name, path, socket, as_json)

    return command


def _order_child(verb: str, path: str, socket: Path | None, as_json: bool) -> None:
    from actors.control_schema import PathRequest, VerbDone
    from cli.control import find

    done = find(socket).post(f"/v1/{verb}", PathRequest(path=path.strip("/"))).read(VerbDone)
    detail = f" ({done.detail})" if done.detail else ""
    _say(done, as_json, f"{verb} {done.path}: {_ANSWERS.get(done.outcome, done.outcome)}{detail}")
    sys.exit(_CODES.get(done.outcome, REFUSED))


@click.command()
@click.argument("path", required=False)
@click.option("--drain", is_flag=True, help="The service: let the cycle come to its planned end.")
@click.option("--flatten", is_flag=True, help="The service: close what is open now (the default).")
@_timeout(90)
@_common
def stop(
    path: str | None,
    drain: bool,
    flatten: bool,
    timeout_s: float,
    socket: Path | None,
    as_json: bool,
) -> None:
    """Stop a child until it is started again; without PATH, the service, and wait for its end."""
    if path is not None:
        if drain or flatten:
            raise click.UsageError("--drain and --flatten are for the service, without PATH")
        _order_child("stop", path, socket, as_json)
    if drain and flatten:
        raise click.UsageError("either --drain or --flatten")
    _stop_service(drain, timeout_s, socket, as_json)


def _stop_service(drain: bool, timeout_s: float, socket: Path | None, as_json: bool) -> None:
    from actors.control_schema import StopDone, StopRequest
    from cli.control import find

    service = find(socket)
    with service.process() as process:
        reply = service.post("/v1/stop-service", StopRequest(how="drain" if drain else "flatten"))
        how = reply.read(StopDone).how
        ended = process.ends_within(timeout_s)
    text = f"stopped ({how})"
    if not ended:
        text = f"still stopping ({how}) after {timeout_s:g} s; ketch status tells how far it is"
    _say(StopDone(how=how, outcome="ok" if ended else "timeout"), as_json, text)
    sys.exit(DONE if ended else TIMEOUT)


def _desk_verb(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("desk", required=False)
    @_common
    def command(desk: str | None, socket: Path | None, as_json: bool) -> None:
        from cli.control import find

        done = _order_desks(find(socket), name, desk)
        _say(done, as_json, _desks_text(done))
        sys.exit(_worst(done))

    return command


@click.command()
@click.argument("desk", required=False)
@_timeout(60)
@_common
def flatten(desk: str | None, timeout_s: float, socket: Path | None, as_json: bool) -> None:
    """Close what a desk (or every desk) has open, wait until both venues say so; stay paused."""
    from cli.control import deadline, find

    service = find(socket)
    deadline_s = deadline(timeout_s)
    found = {each.desk for each in service.status().desks if each.unexplained}
    done = _order_desks(service, "flatten", desk)
    if _worst(done) == DONE:
        done = _wait_flat(service, done, deadline_s, found)
    _say(done, as_json, _desks_text(done))
    sys.exit(_worst(done))


def _wait_flat(service: Service, begun: DesksDone, deadline_s: float, found: set[str]) -> DesksDone:
    """How it ended: flat and settled on the board, so read back from both venues; or not yet.

    The desks in ``found`` had halted over what they close now.
    """
    from actors.control_schema import DeskDone, DesksDone

    names = [desk.desk for desk in begun.desks]
    with service.process() as process:
        while True:
            outcomes = _flatness(service.status(), names, found)
            if "timeout" not in outcomes.values():
                break
            if process.ends_within(min(_POLL_S, deadline_s - time.monotonic())):
                break
            if time.monotonic() >= deadline_s:
                break
    desks = tuple(DeskDone(desk=name, outcome=outcomes[name]) for name in names)
    return DesksDone(verb=begun.verb, desks=desks)


def _flatness(status: Status, names: list[str], found: set[str]) -> dict[str, str]:
    """A desk that has halted may have done so because the venues hold what it can't explain."""
    outcomes = dict.fromkeys(names, "timeout")
    for desk in status.desks:
        if desk.desk in outcomes and desk.paused and desk.settled:
            known = desk.desk in found or not desk.halted
            outcomes[desk.desk] = "flat" if known else "halted"
    return outcomes


@click.command()
@_common
def reload(socket: Path | None, as_json: bool) -> None:
    """Read the configuration again; says what applied, and what needs a restart."""
    from actors.control_schema import DeskRequest, ReloadDone
    from cli.control import find

    done = find(socket).post("/v1/reload", DeskRequest()).read(ReloadDone)
    _say(done, as_json, _reload_text(done))
    sys.exit(_CODES.get(done.outcome, REFUSED))


def _reload_text(done: ReloadDone) -> str:
    lines = [f"{done.outcome}; nothing was applied"] if done.errors else []
    lines += [f"  {error}" for error in done.errors]
    if done.outcome == "unchanged":
        lines.append("nothing to apply")
    for title, found in (("applied", done.applied), ("needs a restart", done.needs_restart)):
        if found:
            lines.append(title)
            lines += [f"  {each.path}: {each.running} → {each.configured}" for each in found]
    return "\n".join(lines)


def _order_desks(service: Service, verb: str, desk: str | None) -> DesksDone:
    from actors.control_schema import DeskRequest, DesksDone

    return service.post(f"/v1/{verb}", DeskRequest(desk=desk)).read(DesksDone)


def _desks_text(done: DesksDone) -> str:
    words = {
        "ok": "done",
        "flat": "flat, and paused",
        "halted": "it has halted, and its own account is not to be relied on; look at both venues",
        "not_found": "no such desk",
        "nothing_found": "refused: it has found nothing that it can't explain",
        "unexplained": "refused: say first what it has found: ketch adopt, flatten or ignore",
        "timeout": "not done in time; it goes on trying: ketch status",
    }
    lines = []
    for desk in done.desks:
        detail = f" ({desk.detail})" if desk.detail else ""
        outcome = words.get(desk.outcome, "refused: its coordinator is down; try again")
        lines.append(f"{done.verb} {desk.desk}: {outcome}{detail}")
    return "\n".join(lines)


def _worst(done: DesksDone) -> int:
    return max((_CODES.get(desk.outcome, REFUSED) for desk in done.desks), default=DONE)


def _say(document: msgspec.Struct, as_json: bool, text: str) -> None:
    import msgspec

    page = msgspec.json.format(msgspec.json.encode(document), indent=2)
    click.echo(page if as_json else text)


def register(group: click.Group) -> None:
    """Add every command of this module."""
    for command in (status, tree, stop, flatten, reload):
        group.add_command(command)
    for name, text in _VERBS.items():
        group.add_command(_verb(name, text))
    group.add_command(_desk_verb("pause", "Let the cycle end as planned; open no further one."))
    group.add_command(_desk_verb("resume", "Open cycles again, after a pause or a halt."))
    group.add_command(
        _desk_verb("adopt", "What a desk has found is the rest of a cycle: close it, go on.")
    )
    group.add_command(
        _desk_verb("ignore", "What a desk has found is not ours: leave it, trade beside it.")
    )
