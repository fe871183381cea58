"""What actors have in common that read one host over HTTP and wait for its answers themselves."""

from __future__ import annotations

from actors.http import HttpClient
from config.schema import ConnectionConfig
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind


class HttpReader(SupervisedActor):
    """Asks in its own thread, and does nothing meanwhile: what it waits for ends when it has to."""

    def __init__(self, context: ActorContext, url: str, timing: ConnectionConfig) -> None:
        super().__init__(context)
        self._http = HttpClient(
            self.name,
            url,
            connect_timeout_s=timing.connect_timeout_s,
            read_timeout_s=timing.read_timeout_s,
        )

    def on_interrupt(self) -> None:
        self._http.abort()

    def on_exit(self, kind: ExitKind) -> None:
        self._http.close()
