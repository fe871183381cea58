"""What a busy machine took is found in the stretch in which it took most."""

from __future__ import annotations

import pytest

from tests.support.starvation import Starvation, worst_stretch_s

LATE = [(0.0, 0.1), (1.0, 0.2), (2.0, 0.4), (9.0, 0.5)]


@pytest.mark.parametrize(
    ("within_s", "lost_s"), [(0.5, 0.5), (1.0, 0.6), (2.0, 0.7), (7.0, 0.9), (60.0, 1.2)]
)
def test_the_worst_stretch_is_as_long_as_asked_for(within_s: float, lost_s: float) -> None:
    assert worst_stretch_s(LATE, within_s) == pytest.approx(lost_s)


def test_nothing_was_lost_where_nothing_was_measured() -> None:
    assert worst_stretch_s([], 5.0) == 0


def test_it_can_be_asked_more_than_once() -> None:
    with Starvation() as starvation:
        first_s = starvation.worst_s(5)
        assert 0 <= first_s <= starvation.worst_s(5)
