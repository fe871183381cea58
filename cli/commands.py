"""The commands that talk to a running service. Each imports what it needs when it is called."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.exits import (
    CONFIGURATION,
    DONE,
    EXPOSED,
    NOT_RUNNING,
    REFUSED,
    TIMEOUT,
    CommandFailed,
)

if TYPE_CHECKING:
    import msgspec

    from actors.control_schema import DesksDone, ReloadDone, StopDone, StopHow, VerbDone
    from cli.control import Service

F = TypeVar("F", bound=Callable[..., Any])

_CODES: Final = {
    "ok": DONE, "flat": DONE, "waiting": DONE, "applied": DONE, "unchanged": DONE,
    "timeout": TIMEOUT, "invalid": CONFIGURATION, "left": EXPOSED,
}  # fmt: skip
_VERBS: Final = {
    "start": "Start a child that is down, without waiting for its delay.",
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


_force = click.option(
    "--force", is_flag=True, help="Although a desk that stands on PATH has something open."
)


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


def _order_child(
    verb: str, path: str, socket: Path | None, as_json: bool, *, force: bool = False
) -> None:
    from actors.control_schema import PathRequest, VerbDone
    from cli.control import find

    request = PathRequest(path=path.strip("/"), force=force)
    done = find(socket).post(f"/v1/{verb}", request).read(VerbDone)
    _say(done, as_json, f"{verb} {done.path}: {_verb_text(done)}")
    sys.exit(_CODES.get(done.outcome, REFUSED))


def _verb_text(done: VerbDone) -> str:
    if done.outcome == "not_at_rest":
        return f"refused: {done.detail}; --force does it all the same"
    detail = f" ({done.detail})" if done.detail else ""
    return f"{_ANSWERS.get(done.outcome, done.outcome)}{detail}"


@click.command()
@click.argument("path")
@_force
@_common
def restart(path: str, force: bool, socket: Path | None, as_json: bool) -> None:
    """Replace a child's instance; it counts as no failure.

    PATH is a name of ketch tree: an actor (grvt/trading), or a supervisor with everything below it
    (grvt). A desk, or a part of one, is restarted only while it is at rest: nothing open, and
    paused, halted or done.
    """
    _order_child("restart", path, socket, as_json, force=force)


@click.command()
@click.argument("path", required=False)
@_force
@click.option("--drain", is_flag=True, help="The service: let the cycle come to its planned end.")
@click.option("--flatten", is_flag=True, help="The service: close what is open now (the default).")
@click.option("--cancel", is_flag=True, help="The service: cancel what rests, leave positions.")
@_timeout(90)
@_common
def stop(
    path: str | None,
    force: bool,
    drain: bool,
    flatten: bool,
    cancel: bool,
    timeout_s: float,
    socket: Path | None,
    as_json: bool,
) -> None:
    """End the service, or take a PATH of it down.

    Without PATH what is open is closed, and the process ends. PATH is a name of ketch tree: an
    actor (grvt/trading), or a supervisor with everything below it (grvt, or the desk eth); it is
    down until ketch start PATH. That closes nothing: to
    have a desk stop trading, use ketch pause DESK or ketch flatten DESK. What a desk stands on, its
    own parts and its venues, is stopped only while that desk is at rest: nothing open, and paused,
    halted or done.
    """
    asked: dict[StopHow, bool] = {"drain": drain, "flatten": flatten, "cancel": cancel}
    chosen = [how for how, wanted in asked.items() if wanted]
    if path is not None:
        if chosen:
            raise click.UsageError("--drain, --flatten and --cancel are for the service")
        _order_child("stop", path, socket, as_json, force=force)
    if force:
        raise click.UsageError("--force is for a PATH; a second SIGTERM ends the service at once")
    if len(chosen) > 1:
        raise click.UsageError("one of --drain, --flatten and --cancel")
    _stop_service(chosen[0] if chosen else "flatten", timeout_s, socket, as_json)


def _stop_service(how: StopHow, timeout_s: float, socket: Path | None, as_json: bool) -> None:
    from actors.control_schema import StopDone
    from cli.control import deadline, find

    service = find(socket)
    with service.process() as process:
        deadline_s = deadline(timeout_s)
        end = service.stop(how, deadline_s)
        ended = process.ends_within(deadline_s - time.monotonic())
    done = StopDone(how=how, outcome=end.outcome if ended else "timeout", left=end.left)
    _say(done, as_json, _stop_text(done, timeout_s))
    sys.exit({"ok": DONE, "left": EXPOSED, "unknown": EXPOSED}.get(done.outcome, TIMEOUT))


def _stop_text(done: StopDone, timeout_s: float) -> str:
    if done.outcome == "timeout":
        slow = f"still stopping ({done.how}) after {timeout_s:g} s"
        return f"{slow}; ketch status tells how far it is"
    text = f"stopped ({done.how})"
    if done.outcome == "unknown":
        return f"{text}, and has not said how: look at both venues"
    if done.outcome == "left":
        return "\n".join((f"{text}; this is left, or may be:", *(f"  {at}" for at in done.left)))
    return text


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
    """Cancel and close what a desk (or every desk) has open, and stay paused.

    Waits until both venues have been read to hold nothing of it. Exit code 7 and what is left, if
    something is; 5 when it took too long, and is still going on.
    """
    from cli.control import deadline, find
    from cli.flatness import wait_flat

    service = find(socket)
    deadline_s = deadline(timeout_s)
    since = service.status().at
    done = _order_desks(service, "flatten", desk)
    if _worst(done) == DONE:
        done = wait_flat(service, done, since, deadline_s)
    _say(done, as_json, _desks_text(done))
    sys.exit(_worst(done))


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
    from cli.reload import how_much

    lines = [f"{done.outcome}; {how_much(done)}"] if done.errors else []
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
        "left": "NOT flat: this is left at the venues",
        "not_found": "no such desk",
        "nothing_found": "refused: it has found nothing that it can't explain",
        "unexplained": "refused: say first what it has found: ketch adopt, flatten or ignore",
        "not_reducible": "refused",
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
    for command in (status, tree, stop, restart, flatten, reload):
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
