"""What actors have in common that read one host over HTTP and wait for its answers themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.http import HttpAnswer, HttpClient
from actors.request_limiter import BARRED, RequestLimiter
from config.schema import ConnectionConfig
from supervision.actor import ActorContext, SupervisedActor
from supervision.states import ExitKind


class HttpReader(SupervisedActor):
    """Asks in its own thread, and does nothing meanwhile: what it waits for ends when it has to.

    What it asks is what anybody may ask. ``is_its_own``: if a body is in the venue's own words.
    """

    def __init__(
        self,
        context: ActorContext,
        url: str,
        timing: ConnectionConfig,
        limiter: RequestLimiter,
        is_its_own: Callable[[bytes], bool],
    ) -> None:
        super().__init__(context)
        self._limiter = limiter
        self._is_its_own = is_its_own
        self._http = HttpClient(
            self.name,
            url,
            connect_timeout_s=timing.connect_timeout_s,
            read_timeout_s=timing.read_timeout_s,
        )

    def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        """One question. The limiter, which has let it through, is told how it went."""
        answer = self._http.request(method, target, headers, body)
        known = answer.status not in BARRED or self._is_its_own(answer.body)
        self._limiter.answered_anyone(
            answer.status, answer.headers, known=known, now_s=self.clock.now()
        )
        return answer

    def on_interrupt(self) -> None:
        self._http.abort()

    def on_exit(self, kind: ExitKind) -> None:
        self._http.close()
