"""The console: HTTP on the control socket, for ``ketch status`` and every other operator command.

It stands last in the tree and nobody depends on it: trading starts before it and goes on without
it. Requests are answered on threads of their own; the actor itself only owns the socket.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

import msgspec

from actors import control_schema as schema
from actors.board import BoardSnapshot, ReadBoard
from actors.control_http import Answer, ControlServer, Request, refusal
from actors.control_report import (
    Facts,
    Identity,
    Moment,
    is_unexplained,
    may_be_closed,
    status_document,
    tree_document,
)
from actors.control_socket import listen, remove
from actors.coordinator import (
    AdoptFound,
    ConfirmHandled,
    FlattenDesk,
    FlattenFound,
    IgnoreFound,
    PauseDesk,
    ResumeDesk,
)
from actors.guard_messages import ACCOUNT_GUARD, ResumeLimits, guard_of
from actors.orders import VerifyPositions
from actors.taking_down import objection
from supervision.actor import ActorContext, SupervisedActor
from supervision.errors import AskTimeout, SupervisionError
from supervision.events import VerbReply
from supervision.root import RootHandle
from supervision.spec import SupervisorSpec
from supervision.states import ExitKind
from trading.recovery import IGNORE_AGAIN

_BOARD_S: Final = 2.0
_DESK_S: Final = 5.0
_END_S: Final = 5.0  # shorter than who asks waits for an answer

# What a desk is told; each means nothing to a desk that it does not fit.
_DESK_ORDERS: Final[dict[str, tuple[type, ...]]] = {
    "pause": (PauseDesk,),
    "resume": (ResumeDesk,),
    "flatten": (FlattenFound, FlattenDesk),
    "adopt": (AdoptFound,),
    "ignore": (IgnoreFound,),
}
_ABOUT_FOUND: Final = ("adopt", "ignore")
_CLOSE_FOUND: Final = ("adopt", "flatten")
_CHILD_VERBS: Final = ("start", "stop", "restart", "reset")
_ACCEPTED: Final = (VerbReply.OK.value, VerbReply.WAITING.value)
_HTTP: Final = {
    "not_found": HTTPStatus.NOT_FOUND,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}


class ServiceControl(Protocol):
    """The service around the tree, as the console orders it about. Any thread."""

    @property
    def root(self) -> RootHandle | None:
        """The tree; None during the first moments."""

    @property
    def spec(self) -> SupervisorSpec:
        """What the tree is made of."""

    @property
    def identity(self) -> Identity:
        """Which service this is."""

    def stop_service(self, how: schema.StopHow) -> None:
        """Begin to stop. Returns at once."""

    def wait_end(self, timeout_s: float) -> schema.StopDone:
        """How the desks have ended, once all have; outcome timeout if that takes longer."""

    def reload(self) -> schema.ReloadDone:
        """Read the configuration again, and apply what can be applied."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsoleAccess:
    """Where the console listens, the desks it may order about, and the service around it."""

    socket: Path
    desks: tuple[str, ...]
    control: ServiceControl


class Console(SupervisedActor):
    """Owns the control socket. Raises SocketTaken or OSError at its start if it can't have it."""

    def __init__(self, context: ActorContext, access: ConsoleAccess) -> None:
        super().__init__(context)
        self._access = access
        self._server: ControlServer | None = None
        self._inode = 0
        self._board = self.address("board")

    def on_start(self) -> None:
        listener = listen(self._access.socket)
        self._inode = self._access.socket.lstat().st_ino
        self._server = ControlServer(listener, self._respond, frozenset({0, os.geteuid()}))
        self.spawn_helper("accept", self._server.serve)
        self.log.debug("control socket: {}", self._access.socket)

    def on_exit(self, kind: ExitKind) -> None:
        if self._server is not None:
            self._server.close()
            remove(self._access.socket, self._inode)

    # -- requests: each on the thread of its connection -------------------------------------------

    def _respond(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        methods = _ROUTES.get(path)
        if methods is None:
            return refusal(HTTPStatus.NOT_FOUND, f"no such address: {path[:100]}")
        handler = methods.get(request.method)
        if handler is None:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {', '.join(methods)}")
        root = self._access.control.root
        if root is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the service is starting")
        try:
            answer = handler(self, root, request)
        except msgspec.DecodeError as error:  # also what does not fit the schema
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        if request.method == "POST":
            self._log_order(request, answer)
        return answer

    def _log_order(self, request: Request, answer: Answer) -> None:
        order = " ".join(request.body.decode("utf-8", "replace").split())
        text = "operator (user {}, process {}): {} {} -> {}"
        uid, pid = request.peer.uid, request.peer.pid
        self.log.info(text, uid, pid, request.path, order, answer.status.value)

    def _status(self, root: RootHandle, _: Request) -> Answer:
        identity = self._access.control.identity
        return Answer(HTTPStatus.OK, status_document(self._facts(root), identity))

    def _tree(self, root: RootHandle, _: Request) -> Answer:
        return Answer(HTTPStatus.OK, tree_document(self._facts(root)))

    def _facts(self, root: RootHandle) -> Facts:
        board = self._read_board()
        return Facts(
            moment=Moment(self.clock.now(), time.time()),
            spec=self._access.control.spec,
            statuses=self.directory.snapshot(),
            dead_letters=self.directory.dead_letters(),
            abandoned=root.instances.abandoned(),
            board=board,
        )

    def _read_board(self) -> BoardSnapshot | None:
        try:
            board: BoardSnapshot = self._board.ask(ReadBoard(), timeout_s=_BOARD_S)
        except SupervisionError as error:
            self.log.warning("board: {}", error)
            return None
        return board

    def _child_verb(self, root: RootHandle, request: Request) -> Answer:
        verb = request.path.rpartition("/")[2]
        asked = msgspec.json.decode(request.body, type=schema.PathRequest)
        child = asked.path.strip("/")
        stakes = "" if asked.force else self._at_stake(verb, child)
        if stakes:
            done = schema.VerbDone(verb=verb, path=child, outcome="not_at_rest", detail=stakes)
            return Answer(_http(done.outcome), done)
        order = {
            "start": root.start,
            "stop": root.stop_child,
            "restart": root.restart,
            "reset": root.reset,
        }[verb]
        try:
            reply = order(child)
            outcome, detail = reply.result.value, reply.detail
        except AskTimeout as error:
            outcome, detail = "timeout", str(error)
        done = schema.VerbDone(verb=verb, path=child, outcome=outcome, detail=detail)
        return Answer(_http(outcome), done)

    def _at_stake(self, verb: str, child: str) -> str:
        return objection(
            verb,
            child,
            desks=self._access.desks,
            statuses=self.directory.snapshot(),
            read_board=self._read_board,
        )

    def _desk_verb(self, _: RootHandle, request: Request) -> Answer:
        verb = request.path.rpartition("/")[2]
        wanted = msgspec.json.decode(request.body or b"{}", type=schema.DeskRequest).desk
        done = tuple(self._order_desk(desk, verb) for desk in self._meant(verb, wanted))
        worst = next((d.outcome for d in done if d.outcome not in _ACCEPTED), "ok")
        return Answer(_http(worst), schema.DesksDone(verb=verb, desks=done))

    def _meant(self, verb: str, wanted: str | None) -> tuple[str, ...]:
        """The desks that an order is for: without a name every one that it can be for."""
        if wanted is not None:
            return (wanted,)
        if verb in _ABOUT_FOUND:
            waiting = tuple(desk for desk in self._access.desks if self._waits_for_word(desk))
            return waiting or self._access.desks
        return self._access.desks

    def _waits_for_word(self, name: str, *, closable: bool = True) -> bool:
        """``closable`` False: and closing what it has found can't be that word."""
        board = self._read_board()
        desks = [desk for desk in (board.desks if board else ()) if desk.desk == name]
        return any(is_unexplained(d) and (closable or not may_be_closed(d)) for d in desks)

    def _order_desk(self, desk: str, verb: str) -> schema.DeskDone:
        if desk not in self._access.desks:
            known = ", ".join(self._access.desks)
            return schema.DeskDone(desk=desk, outcome="not_found", detail=f"desks: {known}")
        if verb in _ABOUT_FOUND and not self._waits_for_word(desk):
            return schema.DeskDone(desk=desk, outcome="nothing_found")
        if verb == "resume" and self._waits_for_word(desk):
            return schema.DeskDone(desk=desk, outcome="unexplained")
        if verb in _CLOSE_FOUND and self._waits_for_word(desk, closable=False):
            return schema.DeskDone(desk=desk, outcome="not_reducible", detail=IGNORE_AGAIN)
        try:
            if verb == "resume":
                self._resume_limits(desk)
            self._tell_desk(desk, verb)
            if verb == "flatten":
                self._have_positions_read(desk)
        except AskTimeout as error:
            return schema.DeskDone(desk=desk, outcome="timeout", detail=str(error))
        except SupervisionError as error:
            return schema.DeskDone(desk=desk, outcome="unavailable", detail=str(error))
        return schema.DeskDone(desk=desk, outcome="ok")

    def _tell_desk(self, desk: str, verb: str) -> None:
        coordinator = self.address(f"{desk}/coordinator")
        status = self.directory.status(coordinator.name)
        epoch = 0 if status is None else status.epoch
        for order in _DESK_ORDERS[verb]:
            coordinator.tell(order(), expect_epoch=epoch)
        # Once this is answered the effect is on the board, for whoever looks there next.
        coordinator.ask(ConfirmHandled(), timeout_s=_DESK_S, expect_epoch=epoch)

    def _resume_limits(self, desk: str) -> None:
        """Before the desk: else it would halt again over what has just been resumed."""
        for guard in (ACCOUNT_GUARD, guard_of(desk)):
            if self.directory.status(guard) is not None:
                self.address(guard).ask(ResumeLimits(), timeout_s=_DESK_S)

    def _have_positions_read(self, desk: str) -> None:
        """Whoever waits for a flat desk believes the venues, and not what the desk thinks."""
        board = self._read_board()
        desks = () if board is None else board.desks
        for venue in {leg.venue for one in desks if one.desk == desk for leg in one.legs}:
            self.address(f"{venue}/orders").offer(VerifyPositions())

    def _stop_service(self, _: RootHandle, request: Request) -> Answer:
        asked = msgspec.json.decode(request.body or b"{}", type=schema.StopRequest)
        self._access.control.stop_service(asked.how)
        if asked.wait:  # by this very request: a service may be gone before it could come back
            return Answer(HTTPStatus.OK, self._access.control.wait_end(_END_S))
        return Answer(HTTPStatus.OK, schema.StopDone(how=asked.how))

    def _end(self, _: RootHandle, __: Request) -> Answer:
        return Answer(HTTPStatus.OK, self._access.control.wait_end(_END_S))

    def _reload(self, _: RootHandle, request: Request) -> Answer:
        done = self._access.control.reload()
        return Answer(_http("ok" if done.outcome == "unchanged" else done.outcome), done)


def _http(outcome: str) -> HTTPStatus:
    if outcome in (*_ACCEPTED, "applied"):
        return HTTPStatus.OK
    return _HTTP.get(outcome, HTTPStatus.CONFLICT)


_Handler = Callable[[Console, RootHandle, Request], Answer]
_ROUTES: Final[dict[str, dict[str, _Handler]]] = {
    "/v1/status": {"GET": Console._status},
    "/v1/tree": {"GET": Console._tree},
    "/v1/end": {"GET": Console._end},
    "/v1/stop-service": {"POST": Console._stop_service},
    "/v1/reload": {"POST": Console._reload},
    **{f"/v1/{verb}": {"POST": Console._child_verb} for verb in _CHILD_VERBS},
    **{f"/v1/{verb}": {"POST": Console._desk_verb} for verb in _DESK_ORDERS},
}
