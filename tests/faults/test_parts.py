"""41: a supervised part dies, or hangs for a minute, in the very handler that somebody waits for.

The trouble comes over the handlers themselves, in a service that runs in the test's own process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import coordinator, orders
from actors.grvt_trading import GrvtTrading
from supervision.states import ChildState
from supervision.supervisor import SupervisorActor
from tests.support.actors_tree import running
from tests.support.faults import SHIPPED, Scene, scene, soak
from tests.support.faults_process import fills, fills_on_record

_HANG_S = 60.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as stage:
        yield stage


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


_HANGS = (_in_the_hedger, _in_the_gateway, _in_the_coordinator)  # the others: made the same way


def _name(part: Callable[..., str], how: str) -> str:
    return f"{how} {part.__name__.strip('_').replace('_', ' ')}"


@pytest.mark.parametrize(
    ("part", "hangs"),
    [
        *(pytest.param(part, False, id=_name(part, "raises")) for part in _PARTS),
        *(pytest.param(part, True, id=_name(part, "hangs")) for part in _HANGS),
        *(
            pytest.param(part, True, id=_name(part, "hangs"), marks=soak)
            for part in _PARTS
            if part not in _HANGS
        ),
    ],
)
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
        run.wait_status(name, ChildState.RUNNING, life + 1)
        run.wait_cycles(len(run.records) + 1)
        trouble.over.set()  # whoever wakes up now has lost the right to trade
        run.wait_cycles(len(run.records) + 1)
        stage.finish(run)
        stage.judged(naked_q_s=5)
    assert fills_on_record(run.journal) == fills(stage.records())


def test_41_a_gateway_that_dies_while_its_supervisor_hangs_is_not_waited_for(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No status tells of its end, and nobody starts it anew: the hedge goes by the other route."""
    trouble = Trouble(hangs=True)
    _in_the_supervisor(monkeypatch, trouble)
    with running(stage.process, stage.folder, cycles=None, settings=SHIPPED) as run:
        run.wait_cycles(1)
        trouble.arm()
        assert trouble.met.wait(30), run.describe()
        stage.arm("drop", connection="grvt/trading", at=stage.at("primary_fill", 3))
        stage.fired()
        run.wait_cycles(len(run.records) + 1)
        trouble.over.set()
        run.wait_cycles(len(run.records) + 1)
        stage.finish(run)
        stage.judged(naked_q_s=1)
