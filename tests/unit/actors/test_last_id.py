"""The last order id that was handed out is known to the next process."""

from __future__ import annotations

from pathlib import Path

from actors.last_id import LastId


def test_the_next_life_knows_the_last_id_without_a_word_of_farewell(tmp_path: Path) -> None:
    place = tmp_path / "last"
    first = LastId(place)
    first.note(0x3_0000)
    first.note(0x3_0001)
    assert (first.previous, LastId(place).previous) == (None, 0x3_0001)


def test_ids_that_two_threads_note_in_the_wrong_order_leave_the_later_one(tmp_path: Path) -> None:
    last = LastId(tmp_path / "last")
    for compact in (0x3_0002, 0x3_0001):
        last.note(compact)
    assert LastId(tmp_path / "last").previous == 0x3_0002


def test_a_new_run_notes_whatever_the_last_one_noted(tmp_path: Path) -> None:
    """Epochs come round: a later one can be a smaller number."""
    for epoch in (0xFFFF, 1):
        LastId(tmp_path / "last").note(epoch << 16)
    last = LastId(tmp_path / "last")
    assert last.previous == 1 << 16
    for epoch in (0xFFFF, 1):
        last.note(epoch << 16)
    assert LastId(tmp_path / "last").previous == 1 << 16


def test_a_place_that_can_not_be_written_only_makes_the_next_life_know_less(
    tmp_path: Path,
) -> None:
    last = LastId(tmp_path / "nowhere" / "last")
    last.note(7)
    assert last.previous is None
