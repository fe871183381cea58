"""What a desk's coordinator makes of what it is told, among mailboxes."""

from __future__ import annotations

import queue
import time
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from actors.board import DeskReported
from actors.coordinator import ConfirmHandled, Coordinator
from actors.desk_commands import LimitDesk, ResumeDesk
from actors.desk_market import DeskMarket
from actors.journal import DeskHistory, LoadDesk, LoadOpenCycle, RecordDesk, RecordInterrupted
from actors.market_board import MarketBoard
from actors.orders_outbox import PositionsHeld, VenueReadiness
from actors.paused_desks import PausedDesks
from supervision.actor import ActorContext, SupervisedActor
from supervision.spec import ChildSpec, SupervisorSpec
from tests.support.actors import WAIT_S, mailbox
from tests.support.supervision_live import Stage
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, D, plan
from trading.capabilities import Capabilities
from trading.ids import IdAllocator
from trading.leg import Leg
from trading.on_record import CycleRecorded
from trading.plan import Action, ActiveLimit, Unexplained

INSTRUMENTS = {Leg.PRIMARY: BACKPACK_ETH, Leg.HEDGE: GRVT_ETH}


class EmptyJournal(SupervisedActor):
    """Has nothing on record; ``told`` gets what it is told of desks."""

    told: ClassVar[queue.Queue[RecordDesk]] = queue.Queue()

    def on_message(self, message: object) -> object:
        if isinstance(message, RecordDesk):
            self.told.put(message)
        return DeskHistory(1, 0, 0) if isinstance(message, LoadDesk) else None


class KeepingJournal(SupervisedActor):
    """Knows a desk's history, and keeps what it is told."""

    def __init__(self, context: ActorContext, history: DeskHistory) -> None:
        super().__init__(context)
        self._history = history
        self.told: list[object] = []

    def on_message(self, message: object) -> object:
        if isinstance(message, LoadDesk):
            return self._history
        if isinstance(message, LoadOpenCycle):
            return CycleRecorded()
        if message == "told":
            return list(self.told)
        self.told.append(message)
        return None


def build(context: ActorContext, policy: Unexplained = Unexplained.HALT) -> Coordinator:
    of = plan(unexplained=policy)
    return Coordinator(
        context, plan=of, instruments=INSTRUMENTS,
        expiry_s=dict.fromkeys(Leg, 1.0), run_began_ns=0, on_done=lambda _: None,
        paused=PausedDesks(), ids=IdAllocator(1, 1),
        market=DeskMarket(of, INSTRUMENTS, MarketBoard(), {}),
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


def told_at_start(
    history: DeskHistory, held: str, policy: Unexplained = Unexplained.HALT
) -> list[object]:
    """What a journal with that history is told by a desk whose primary holds this."""
    stage = Stage()
    board: queue.Queue[Any] = queue.Queue()
    journal = ChildSpec("journal", lambda context: KeepingJournal(context, history))
    desk = ChildSpec("coordinator", lambda context: build(context, policy))
    with stage.tree(journal, mailbox("board", board), SupervisorSpec("eth", (desk,))) as root:
        assert root.wait_ready(WAIT_S)
        coordinator = stage.directory.address("eth/coordinator")
        now_s = time.monotonic()
        for asked_s in (now_s - 1.0, now_s):
            for leg, one in INSTRUMENTS.items():
                sizes = {one.symbol: D(held)} if leg is Leg.PRIMARY else {}
                coordinator.tell(PositionsHeld(one.venue, sizes, asked_s=asked_s))
        coordinator.ask(ConfirmHandled(), timeout_s=WAIT_S)
        heard: list[object] = stage.directory.address("journal").ask("told", timeout_s=WAIT_S)
    return heard


@pytest.mark.parametrize(
    ("on_record", "held", "told"),
    [({}, "0.3", {"primary": D("0.3")}), ({"primary": D("0.3")}, "0.3", None),
     ({"primary": D("0.3")}, "0", {})],
    ids=["new", "as before", "gone"],
)  # fmt: skip
def test_what_the_configuration_has_ignored_is_on_record_and_a_halt_stays_there(
    on_record: dict[str, Decimal], held: str, told: dict[str, Decimal] | None
) -> None:
    history = DeskHistory(1, 0, 0, halted="drift", ignored=on_record)
    heard = told_at_start(history, held, Unexplained.IGNORE)
    records = [message for message in heard if isinstance(message, RecordDesk)]
    assert records[0].ignored == told  # before anything else
    assert "" not in [record.halted for record in records]


def test_a_halt_that_a_resume_has_not_ended_stays_on_record() -> None:
    stage = Stage()
    journal = ChildSpec("journal", EmptyJournal)
    desk = SupervisorSpec("eth", (ChildSpec("coordinator", build),))
    with stage.tree(journal, mailbox("board", queue.Queue()), desk) as root:
        assert root.wait_ready(WAIT_S)
        coordinator = stage.directory.address("eth/coordinator")
        coordinator.tell(LimitDesk((ActiveLimit("daily_loss", Action.HALT, "6, limit 5"),)))
        assert EmptyJournal.told.get(timeout=WAIT_S).halted == "daily_loss: 6, limit 5"
        coordinator.tell(ResumeDesk())
        assert EmptyJournal.told.get(timeout=WAIT_S).halted == "daily_loss: 6, limit 5"


@pytest.mark.parametrize(("held", "over"), [("0.3", True), ("0.8", False), ("0", False)])
def test_an_open_cycle_is_over_when_nothing_is_there_but_what_is_ignored(
    held: str, *, over: bool
) -> None:
    history = DeskHistory(2, 1, 0, open_size="0.5", ignored={"primary": D("0.3")})
    assert (RecordInterrupted("eth", 1) in told_at_start(history, held)) == over
