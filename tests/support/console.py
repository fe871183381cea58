"""A small supervised tree with a board and a console on a real unix socket, and ways to ask it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors import control_schema as schema
from actors.board import Board, DeskReported, LegReport
from actors.console import Console, ConsoleAccess
from actors.control_report import Identity
from actors.control_socket import connect
from actors.coordinator import ConfirmHandled
from cli.control import Reply, Service
from supervision.policy import Boot, Breaker, Policy
from supervision.root import RootHandle
from supervision.spec import AnySpec, ChildSpec, SupervisorSpec
from tests.support.supervision_live import Puppet, Stage
from trading.desk import Phase

BOUND_S = 10.0
REPORT = DeskReported(
    desk="eth",
    phase=Phase.HOLDING,
    cycle=7,
    finished=6,
    planned=None,
    halted="",
    legs=(
        LegReport(leg="primary", venue="backpack", symbol="P", position=Decimal("0.5"), ready=True),
        LegReport(leg="hedge", venue="grvt", symbol="H", position=Decimal("-0.3"), ready=False),
    ),
    naked_since_s=0.0,
    paused=True,
)
"""A desk in the middle of a cycle, partly hedged, that an operator has paused."""


class Control:
    """The service around the tree: notes what it is told."""

    def __init__(self) -> None:
        self.root: RootHandle | None = None
        self.spec = SupervisorSpec("root")
        self.stopped: list[str] = []
        self.end = schema.StopDone(how="drain", outcome="timeout")
        self.reload_answer = schema.ReloadDone(outcome="unchanged")
        self.on_reload: Callable[[], object] = lambda: None

    @property
    def identity(self) -> Identity:
        stopping = self.stopped[-1] if self.stopped else ""
        return Identity(mode="paper", pid=1, started_s=time.monotonic(), stopping=stopping)

    def stop_service(self, how: schema.StopHow) -> None:
        self.stopped.append(how)

    def wait_end(self, timeout_s: float) -> schema.StopDone:
        return self.end

    def reload(self) -> schema.ReloadDone:
        self.on_reload()
        return self.reload_answer


class Desk:
    """The tree of a test: ``stage`` to order its puppets about, ``service`` to ask the console."""

    def __init__(self, path: Path) -> None:
        self.stage = Stage()
        self.control = Control()
        self.path = path
        self.service = Service(path)
        self.told: list[object] = []
        self.on_told: Callable[[object], object] = lambda message: None

    def ask(self, method: str, route: str, body: object = None) -> tuple[int, Any]:
        """An HTTP status, and the document."""
        data = None if body is None else msgspec.json.encode(body)
        reply: Reply = self.service._request(method, route, data)
        return reply.status, msgspec.json.decode(reply.body)

    def status(self) -> schema.Status:
        return self.service.status()

    def tree(self) -> dict[str, schema.Node]:
        """The nodes by name, in tree order."""
        nodes = self.service.get("/v1/tree").read(schema.Tree).nodes
        return {node.name: node for node in nodes}

    def raw(self, *pieces: bytes) -> bytes:
        """Send these bytes as they are; all that comes back."""
        with connect(self.path, BOUND_S) as connection:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    def tell_board(self, message: object) -> None:
        self.stage.directory.address("board").tell(message)


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection, however it ends."""
    data = b""
    try:
        while chunk := connection.recv(65_536):
            data += chunk
    except ConnectionError:
        pass
    return data


@contextmanager
def console(
    path: Path, *children: AnySpec, desks: tuple[str, ...] = ("eth",), guards: bool = False
) -> Iterator[Desk]:
    """A running tree: board, ``children``, a puppet for each desk's coordinator, console.

    With ``guards``, there are puppets of these, too.
    """
    desk = Desk(path)
    access = ConsoleAccess(socket=path, desks=desks, control=desk.control)
    policy = Policy(boot=Boot.OPTIONAL, breaker=Breaker())

    class Coordinator(Puppet):
        """Notes what it is asked."""

        def on_message(self, message: object) -> object:
            if not isinstance(message, ConfirmHandled):
                desk.told.append((self.name, message))
                desk.on_told(message)
            return None

    names = ("guard", "coordinator") if guards else ("coordinator",)
    specs = (
        ChildSpec("board", Board),
        *children,
        *((desk.stage.spec("guard", kind=Coordinator),) if guards else ()),
        *(
            SupervisorSpec(name, tuple(desk.stage.spec(c, kind=Coordinator) for c in names))
            for name in desks
        ),
        ChildSpec("console", lambda context: Console(context, access), policy),
    )
    desk.control.spec = SupervisorSpec("root", specs)
    with desk.stage.tree(*specs) as root:
        assert root.wait_ready(BOUND_S)
        desk.control.root = root
        yield desk


def console_threads() -> list[threading.Thread]:
    """The live threads that serve a connection."""
    return [thread for thread in threading.enumerate() if thread.name == "console:peer"]
