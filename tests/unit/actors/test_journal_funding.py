"""Funding that is booked late is put into the record of its cycle, once and for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from actors import journal_file
from actors.journal_file import JournalFile
from tests.support.actors_records import cycle_record
from tests.support.trading import SECOND_NS, START_NS
from trading.funding import FundingBook
from trading.leg import Leg
from venues.model import ZERO, FundingPayment

PAID = {Leg.PRIMARY: Decimal("0.5"), Leg.HEDGE: Decimal("-0.125")}
NOTHING = {Leg.PRIMARY: ZERO, Leg.HEDGE: ZERO}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalFile]:
    """With three cycles, one that began and ended every ten seconds."""
    with closing(JournalFile(tmp_path / "journal.sqlite")) as file:
        for cycle in (1, 2, 3):
            began_ns = START_NS + cycle * 10 * SECOND_NS
            file.write_start("eth", cycle, "buy", "1", began_ns)
            file.write_cycle(cycle_record(cycle), began_ns + SECOND_NS)
        yield file


def test_the_cycles_since_a_moment_are_told_with_their_funding(journal: JournalFile) -> None:
    found = journal.load_ends("eth", START_NS + 20 * SECOND_NS)
    ends = found.ends
    assert [(end.cycle, end.funding) for end in ends] == [(2, NOTHING), (3, NOTHING)]
    assert ends[0].began_ns == START_NS + 20 * SECOND_NS
    assert ends[0].ended_ns == START_NS + 21 * SECOND_NS
    assert found.since_ns == START_NS + 11 * SECOND_NS


def test_of_more_cycles_than_are_told_the_end_of_the_last_one_before_them_is(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "_ENDS", 2)
    found = journal.load_ends("eth", 0)
    assert [end.cycle for end in found.ends] == [2, 3]
    assert found.since_ns == START_NS + 11 * SECOND_NS


def test_a_record_that_can_not_be_read_any_more_ends_what_is_told(journal: JournalFile) -> None:
    row = next(journal.rows("cycles", "where cycle = 2"))
    journal._insert("cycles", (*row[:7], "of an old version", row[8]), "insert or replace")
    found = journal.load_ends("eth", 0)
    assert [end.cycle for end in found.ends] == [3]
    assert found.since_ns == START_NS + 21 * SECOND_NS


def test_after_a_restart_no_payment_counts_for_a_second_cycle(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_ns = START_NS + 10 * SECOND_NS + 1
    payment = FundingPayment(
        venue="backpack", symbol="ETH", amount=Decimal("0.5"), event_ns=due_ns, key="1"
    )
    for told in (100, 2):  # once with all cycles, once without the one that bears it
        monkeypatch.setattr(journal_file, "_ENDS", told)
        book = FundingBook({("backpack", "ETH"): ("eth", Leg.PRIMARY)}, START_NS)
        book.booked([payment])
        book.earlier(journal.load_ends("eth", 0))
        for end in book.changes():
            journal.write_funding("eth", end.cycle, end.funding)
    monkeypatch.undo()
    charged = [end.funding[Leg.PRIMARY] for end in journal.load_ends("eth", 0).ends]
    assert charged == [Decimal("0.5"), ZERO, ZERO]


def test_funding_takes_the_place_of_what_the_record_had(journal: JournalFile) -> None:
    for _ in range(2):
        record = journal.write_funding("eth", 2, PAID)
    assert record is not None
    assert record.pnl == Decimal("-0.375")
    assert [end.funding for end in journal.load_ends("eth", 0).ends] == [NOTHING, PAID, NOTHING]
    assert journal.load_desk("eth", 0).next_cycle == 4


def test_a_cycle_that_is_not_on_record_is_not_made_up(journal: JournalFile) -> None:
    assert journal.write_funding("eth", 9, PAID) is None
    journal.write_start("eth", 4, "buy", "1", START_NS)
    assert journal.write_funding("eth", 4, PAID) is None
    assert journal.load_desk("eth", 0).open_cycle == 4


def test_a_cycle_without_a_record_is_left_out(journal: JournalFile) -> None:
    journal.write_interrupted("eth", 4, START_NS + 60 * SECOND_NS)
    assert [end.cycle for end in journal.load_ends("eth", 0).ends] == [1, 2, 3]


def test_the_record_of_a_cycle_told_again_is_the_last_word(journal: JournalFile) -> None:
    journal.write_funding("eth", 2, PAID)
    journal.write_cycle(cycle_record(2), START_NS + 90 * SECOND_NS)
    end = journal.load_ends("eth", 0).ends[1]
    assert (end.funding, end.ended_ns) == (NOTHING, START_NS + 21 * SECOND_NS)
