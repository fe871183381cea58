"""Managers that guess, as most bots do: the judgement must find each of them out."""

from __future__ import annotations

import pytest

from tests.simulation.scenarios import LIMIT_S
from tests.simulation.trouble import Trouble
from tests.simulation.world import World
from tests.support_trading import plan
from trading.order_manager import Effect, OrderManager


class HastyManager(OrderManager):
    """What most bots do: no answer is taken for a refusal."""

    def doubted(self, client_order_id: int, reason: str, now_s: float) -> list[Effect]:
        return self.refused(client_order_id, reason, now_s)


class CredulousManager(OrderManager):
    """An order that one question does not find was never there."""

    def absent(self, client_order_id: int, now_s: float) -> list[Effect]:
        return self.refused(client_order_id, "not found", now_s)


_TEMPTING = Trouble(garble_reply=0.5, lose_reply=0.3, drop_news=0.7, slow=0.5, lag_s=1.9)


@pytest.mark.parametrize("broken", [HastyManager, CredulousManager])
def test_the_judgement_finds_out_who_guesses(broken: type[OrderManager]) -> None:
    worlds = [World(seed, _TEMPTING, plan(cycles=3), manager=broken) for seed in range(8)]
    assert any(world.run(LIMIT_S).measures.duplicates for world in worlds)


def test_who_does_not_guess_is_not_tempted() -> None:
    for seed in range(8):
        assert World(seed, _TEMPTING, plan(cycles=3)).run(LIMIT_S).faults() == [], f"seed {seed}"
