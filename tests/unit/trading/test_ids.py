"""Client order ids: never used twice over all runs, and within what each venue can take."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.ids import (
    IDS_OF_EPOCH,
    LAST_EPOCH,
    IdAllocator,
    IdsUsedUp,
    compact_id,
    epoch_of,
    later_epoch,
    wide_id,
)
from trading.leg import Leg

epochs = st.integers(1, LAST_EPOCH)


def test_the_layout_is_fixed_because_a_later_version_reads_it() -> None:
    ids = IdAllocator(3)
    assert [ids.next() for _ in range(3)] == [0x3_0000, 0x3_0001, 0x3_0002]
    assert wide_id(0x3_0001) == 0x8000_0000_0003_0001


def test_the_last_id_is_known_and_noted_before_anybody_has_it() -> None:
    noted: list[int] = []
    ids = IdAllocator(3, previous=0x2_0009, note=noted.append)
    assert (ids.previous, ids.last) == (0x2_0009, None)
    assert noted == [ids.next()] == [ids.last] == [0x3_0000]
    ids.renew(4)
    assert ids.last is None
    assert compact_id(wide_id(ids.next())) == ids.last == noted[-1]


@given(epochs)
def test_an_id_fits_both_venues_and_tells_its_epoch(epoch: int) -> None:
    compact = IdAllocator(epoch).next()
    assert 0 < compact < 1 << 32
    assert 1 << 63 <= wide_id(compact) < 1 << 64
    assert wide_id(compact) & 0xFFFFFFFF == compact
    assert epoch_of(compact) == epoch_of(wide_id(compact)) == epoch


@given(epochs, epochs)
def test_two_runs_share_no_id(one: int, two: int) -> None:
    ids = {IdAllocator(epoch).next() for epoch in (one, two)}
    assert len(ids) == (1 if one == two else 2)


@pytest.mark.parametrize(
    ("one", "other", "later"),
    [(3, 5, 5), (5, 3, 5), (4, 4, 4), (LAST_EPOCH, 2, 2), (2, LAST_EPOCH, 2), (1, LAST_EPOCH, 1)],
)
def test_of_two_epochs_the_later_one_is_told_round_the_end_too(
    one: int, other: int, later: int
) -> None:
    assert later_epoch(one, other) == later


def test_an_epoch_ends_with_its_last_id_and_says_so_before() -> None:
    ids = IdAllocator(LAST_EPOCH, first_epoch=LAST_EPOCH - 1)
    seen = set()
    while not ids.low:
        seen.add(ids.next())
    assert len(seen) > IDS_OF_EPOCH // 2
    while len(seen) < IDS_OF_EPOCH:
        seen.add(ids.next())
    assert max(seen) == 0xFFFFFFFF
    with pytest.raises(IdsUsedUp, match=f"run epoch {LAST_EPOCH} are used up"):
        ids.next()
    ids.renew(7)
    assert (ids.next(), ids.epoch, ids.low) == (7 << 16, 7, False)


def test_desks_on_many_threads_share_no_id() -> None:
    ids, found = IdAllocator(1), list[int]()
    take = [
        threading.Thread(target=lambda: found.extend(ids.next() for _ in range(1000)))
        for _ in range(4)
    ]
    for thread in take:
        thread.start()
    for thread in take:
        thread.join()
    assert len(set(found)) == 4000


def test_ids_that_were_handed_out_are_ours_whatever_other_desks_do_meanwhile() -> None:
    ids, strange = IdAllocator(1), list[int]()

    def take() -> None:
        strange.extend(i for i in (ids.next() for _ in range(2000)) if not ids.may_be_ours(i))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert strange == []


def test_of_the_epochs_that_two_desks_have_begun_at_once_the_later_one_counts() -> None:
    ids = IdAllocator(5)
    ids.renew(7)
    issued = ids.next()
    ids.renew(6)
    assert (ids.epoch, ids.may_be_ours(issued)) == (7, True)
    ids.renew(7)
    assert ids.next() == issued + 1


def test_an_id_of_an_earlier_run_on_record_may_be_ours() -> None:
    ids = IdAllocator(5, first_epoch=3)
    issued = ids.next()
    assert [ids.may_be_ours(epoch << 16) for epoch in (2, 3, 4, 6)] == [False, True, True, False]
    assert ids.may_be_ours(wide_id(issued))
    assert not ids.may_be_ours(issued + 1)


def test_epochs_come_round_and_ids_of_those_before_are_still_ours() -> None:
    ids = IdAllocator(2, first_epoch=LAST_EPOCH)
    assert [ids.may_be_ours(epoch << 16) for epoch in (LAST_EPOCH - 1, LAST_EPOCH, 1, 3)] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("epoch", [0, -1, LAST_EPOCH + 1])
def test_an_epoch_out_of_range_is_refused_by_name(epoch: int) -> None:
    with pytest.raises(ValueError, match=f"^run epoch {epoch} is not in 1..{LAST_EPOCH}$"):
        IdAllocator(epoch)


def test_each_leg_is_the_other_one_of_the_other() -> None:
    assert Leg.PRIMARY.other is Leg.HEDGE
    assert Leg.HEDGE.other is Leg.PRIMARY
