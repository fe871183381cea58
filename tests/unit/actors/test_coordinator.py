"""What a desk's coordinator makes of what it is told, among mailboxes."""

from __future__ import annotations

import queue
import time
from typing import Any

import pytest

from actors.board import DeskReported
from actors.coordinator import Coordinator
from actors.journal import DeskHistory, LoadDesk
from actors.market_board import MarketBoard
from actors.orders_outbox import PositionsHeld, VenueReadiness
from actors.paused_desks import PausedDesks
from supervision.actor import ActorContext, SupervisedActor
from supervision.spec import ChildSpec, SupervisorSpec
from tests.support.actors import WAIT_S, mailbox
from tests.support.supervision_live import Stage
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, plan
from trading.capabilities import Capabilities
from trading.ids import IdAllocator
from trading.leg import Leg

INSTRUMENTS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}


class EmptyJournal(SupervisedActor):
    """Has nothing on record."""

    def on_message(self, message: object) -> object:
        return DeskHistory(1, 0, 0) if isinstance(message, LoadDesk) else None


def build(context: ActorContext) -> Coordinator:
    return Coordinator(
        context, plan=plan(), instruments=INSTRUMENTS, expiry_s=dict.fromkeys(Leg, 1.0),
        run_began_ns=0, on_done=lambda _: None, paused=PausedDesks(), ids=IdAllocator(1, 1),
        market=MarketBoard(),
    )  # fmt: skip


def word(venue: str, detail: str = "", submit: str = "", *, ready: bool = False) -> VenueReadiness:
    return VenueReadiness(venue, 1, ready, False, detail, Capabilities(submit=submit))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (word("grvt", "grvt/trading is backing_off"), "grvt/trading is backing_off"),
        (word("grvt", "maintenance", "maintenance", ready=True), "maintenance"),
        (word("grvt", "", "its connection is on probation", ready=True),
         "its connection is on probation"),
    ],
    ids=["lost", "restricted", "probation"],
)  # fmt: skip
def test_a_desk_that_waits_for_a_venue_reports_the_venues_own_reason(
    said: VenueReadiness, why: str
) -> None:
    stage = Stage()
    board: queue.Queue[Any] = queue.Queue()
    journal = ChildSpec("journal", EmptyJournal)
    desk = SupervisorSpec("eth", (ChildSpec("coordinator", build),))
    with stage.tree(journal, mailbox("board", board), desk) as root:
        assert root.wait_ready(WAIT_S)
        coordinator = stage.directory.address("eth/coordinator")
        coordinator.tell(said)
        now_s = time.monotonic()
        for asked_s in (now_s - 1.0, now_s):  # two readings that agree: both venues are flat
            for one in INSTRUMENTS.values():
                coordinator.tell(PositionsHeld(one.venue, {}, asked_s=asked_s))
        while True:
            report = board.get(timeout=WAIT_S)
            if isinstance(report, DeskReported) and report.waiting:
                break
    assert f"grvt is not ready for new risk: {why}" in report.waiting
