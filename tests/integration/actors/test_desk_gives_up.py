"""The supervisor of one of several desks gives up, again and again: the others go on trading."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from benchmarks.peer import Peer
from benchmarks.scripted.venues import OURS
from benchmarks.service import RunningService
from supervision.states import ChildState

BOUND_S = 30.0
NO_PATIENCE = (
    "supervision.root.intensity={max_restarts: 0, within: 60}",
    "supervision.policies.supervisor.backoff={initial: 0.05, max: 0.05, stable_for: 60}",
)


def until(what: Callable[[], bool]) -> None:
    never, until_s = threading.Event(), time.monotonic() + BOUND_S
    while not what():
        assert time.monotonic() < until_s
        never.wait(0.01)


def state(service: RunningService, name: str) -> ChildState | None:
    status = service.directory.status(name)
    return None if status is None else status.state


def test_a_desk_whose_supervisor_gives_up_is_left_alone_and_the_others_trade() -> None:
    with Peer() as peer, RunningService(peer.ports, extra=NO_PATIENCE, further=1) as service:
        killed = set[int]()
        while state(service, "m0") is not ChildState.OPEN:
            coordinator = service.directory.status("m0/coordinator")
            if coordinator is not None and coordinator.state is ChildState.RUNNING:
                killed.add(coordinator.epoch)
                service.root.kill("m0/coordinator")
            until(lambda: state(service, "m0/coordinator") is not ChildState.RUNNING)
            until(
                lambda: (
                    state(service, "m0") is ChildState.OPEN
                    or state(service, "m0/coordinator") is ChildState.RUNNING
                )
            )
        assert killed
        peer.order_fills(OURS, 4, 1, 0.0)
        peer.fills_done()
        assert [service.records.get(timeout=BOUND_S).desk for _ in range(2)] == ["eth", "eth"]
        assert service.root.exit_code is None
        assert state(service, "eth/coordinator") is ChildState.RUNNING
        service.stop_desk()
