"""36 to 41: the host and the process. Disk, clock, suspend, descriptors, parts that die or hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import coordinator, orders
from actors.grvt_trading import GrvtTrading
from paper.records import Accepted, AnyRecord, Connection, FaultFired
from supervision.stalls import StallWatch, boot_s
from supervision.states import ChildState
from supervision.supervisor import SupervisorActor
from tests.support_actors_tree import running
from tests.support_faults import Scene, scene, seconds, soak
from tests.support_faults_process import SHIPPED, Service, fills, fills_on_record, fired_s, service

_log = logging.getLogger("ketch.faults")
_HANG_S = 60.0


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as it:
        yield it


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as stage:
        yield stage


# -- 39: suspend, long stall ----


def stalls(it: Service, stall_s: float, *hooks: str) -> None:
    """The process stands still at each of these, one a cycle, and goes on."""
    with it.life("--cycles", str(2 * len(hooks) + 1)) as life:
        for number, hook in enumerate(hooks, 1):
            life.signalled("stop", hook, 2 * number, for_s=stall_s)
        assert life.end(60 + 2 * stall_s * len(hooks)) == 0, it.said
    assert it.scene.judge.fired() == len(hooks)
    it.scene.judged(naked_q_s=stall_s + 5)
    for stopped_s in fired_s(it.scene.records()):
        first_order_comes_over_a_new_connection(it.scene.records(), stopped_s + stall_s)


def first_order_comes_over_a_new_connection(records: list[AnyRecord], woke_s: float) -> None:
    """Which takes orders only once open orders, fills and positions have been read over it."""
    fresh: set[str] = set()
    for record in records:
        if seconds(record) < woke_s - 0.05 or isinstance(record, FaultFired):
            continue
        if isinstance(record, Connection) and record.event == "authenticated":
            fresh.add(record.connection.partition("/")[0])
        elif isinstance(record, Accepted) and record.account == "main":
            assert record.venue in fresh
            return


def test_39_after_a_stall_everything_is_connected_and_read_anew(it: Service) -> None:
    stalls(it, 3, "primary_accept", "primary_fill", "hedge_recv")


def test_39_a_suspend_that_stops_the_monotonic_clock_too_is_noticed(
    it: Service, tmp_path: Path
) -> None:
    """Prices look fresh and deadlines met: only the clock that counts suspended time has moved."""
    slept_s = 0.0
    watch = StallWatch(lambda: boot_s() + slept_s)
    with running(it.scene.process, tmp_path, cycles=None, settings=SHIPPED, stalls=watch) as run:
        run.wait_cycles(1)
        slept_s = 3600.0
        for name in ("grvt/trading", "grvt/market", "backpack/rest", "backpack/feed"):
            run.wait_status(name, ChildState.RUNNING, 2)
        run.wait_cycles(len(run.records) + 2)
        assert run.epoch("grvt/orders") == run.epoch("eth/coordinator") == 1
        run.finish()
    it.scene.judged(naked_q_s=5)


@soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stall_s", [30, 300])
def test_39_after_a_long_stall(it: Service, stall_s: int) -> None:
    stalls(it, stall_s, "primary_fill")


# -- 41: a supervised part dies or hangs ----


class Trouble:
    """Comes over the next call of a handler once it is armed: an exception, or a minute's hang."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.met = threading.Event()
        self.over = threading.Event()
        self._armed = threading.Event()

    def arm(self) -> None:
        self._armed.set()

    def over_handler(
        self, real: Callable[..., Any], where: Callable[..., bool] = lambda *_: True
    ) -> Callable[..., Any]:
        """``real`` with this trouble in it, for calls of which ``where`` is true."""

        def handler(*arguments: Any) -> Any:
            if self._armed.is_set() and not self.met.is_set() and where(*arguments):
                self.met.set()
                if not self.hangs:
                    raise RuntimeError("trouble")
                self.over.wait(_HANG_S)
            return real(*arguments)

        return handler


def _in_the_fill_handler(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    real = orders._HANDLERS[orders.FillReported]
    patch.setitem(
        orders._HANDLERS, orders.FillReported, trouble.over_handler(real, _is("backpack"))
    )
    return "backpack/orders"


def _in_the_hedger(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    real = orders._HANDLERS[orders.SubmitOrder]
    patch.setitem(orders._HANDLERS, orders.SubmitOrder, trouble.over_handler(real, _is("grvt")))
    return "grvt/orders"


def _in_the_coordinator(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    handlers = coordinator._HANDLERS
    real = handlers[orders.OrderProgressed]
    patch.setitem(
        handlers,
        orders.OrderProgressed,
        trouble.over_handler(real, lambda _, message: bool(message.view.signed_executed)),
    )
    return "eth/coordinator"


def _in_the_gateway(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    patch.setattr(GrvtTrading, "_place", trouble.over_handler(GrvtTrading._place))
    return "grvt/trading"


def _in_the_reader(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    real = GrvtTrading._report
    patch.setattr(GrvtTrading, "_report", trouble.over_handler(real))
    return "grvt/trading"


def _in_the_supervisor(patch: pytest.MonkeyPatch, trouble: Trouble) -> str:
    """Of the hedge's venue: while it hangs nobody looks after its children."""
    real = SupervisorActor._check_liveness
    patch.setattr(
        SupervisorActor,
        "_check_liveness",
        trouble.over_handler(real, lambda self: self.name == "grvt"),
    )
    return "grvt"


def _is(venue: str) -> Callable[..., bool]:
    return lambda self, _: bool(self.venue == venue)


_PARTS = [
    _in_the_fill_handler, _in_the_hedger, _in_the_coordinator, _in_the_gateway, _in_the_reader,
    _in_the_supervisor,
]  # fmt: skip


# Found after 3.5 s; then the order that it had in hand has to be proven absent, which takes as long.
_LATE, _LATE_Q_S = (_in_the_hedger, _in_the_gateway), 9.0


@pytest.mark.parametrize("part", _PARTS, ids=lambda part: part.__name__.lstrip("_"))
@pytest.mark.parametrize("hangs", [False, True], ids=["raises", "hangs"])
def test_41_a_part_that_dies_or_hangs_is_replaced_and_what_it_had_is_found_out(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, part: Callable[..., str], hangs: bool
) -> None:
    trouble = Trouble(hangs=hangs)
    name = part(monkeypatch, trouble)
    with running(stage.process, stage.folder, cycles=None, settings=SHIPPED) as run:
        run.wait_cycles(1)
        life = run.epoch(name)
        trouble.arm()
        assert trouble.met.wait(30), run.describe()
        if not (hangs and name == "grvt"):
            run.wait_status(name, ChildState.RUNNING, life + 1)
        run.wait_cycles(len(run.records) + 1)
        trouble.over.set()  # whoever wakes up now has lost the right to trade
        run.wait_cycles(len(run.records) + 1)
        stage.finish(run)
        stage.judged(naked_q_s=_LATE_Q_S if hangs and part in _LATE else 5)
    assert fills_on_record(run.journal) == fills(stage.records())
