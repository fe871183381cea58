"""From a seed to a world in trouble. One seed, one course of events, on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random

import msgspec

from tests.simulation.trouble import ROUGH, Act, Trouble
from tests.simulation.world import World
from tests.support_trading import BACKPACK_ETH, GRVT_ETH, plan
from trading.desk import Direction
from trading.ids import Leg
from trading.order_manager import OrderManager
from venues.model import Instrument

CYCLES = 3
_STEPS = 300  # about what three troubled cycles take
_CUTS = (Act.CUT_PRIMARY, Act.CUT_HEDGE)
# A desk and the orders of a venue that start anew while an order is between them lose it together;
# looking up the ids that both may have used is not part of the core yet.
_RESTARTS = ((Act.RESTART_DESK,), (Act.RESTART_PRIMARY_ORDERS, Act.RESTART_HEDGE_ORDERS))

_FAMILIES: tuple[Trouble, ...] = (
    ROUGH,
    msgspec.structs.replace(ROUGH, outage_s=25.0),
    # Nothing comes by the feed: what is known is known from questions.
    msgspec.structs.replace(ROUGH, drop_news=1.0, lose_reply=0.5),
    # Everything comes, several times and out of order.
    Trouble(repeat_news=0.7, slow=0.6, partial=0.7, lag_s=1.9),
    # A venue that mostly says no, or gives little.
    Trouble(refuse=0.4, partial=0.5, miss=0.3, refuse_intent=0.1),
    Trouble(lose_request=0.3, lose_reply=0.3, garble_reply=0.3, lag_s=1.9),
)


def legs_of(draw: Random) -> Mapping[Leg, Instrument]:
    """Either venue first; the hedge's lot and minimum sometimes coarser than the primary's."""
    primary, hedge = draw.choice(((BACKPACK_ETH, GRVT_ETH), (GRVT_ETH, BACKPACK_ETH)))
    if draw.random() < 0.3:
        lot = Decimal("0.1")
        hedge = msgspec.structs.replace(hedge, step=lot, min_size=lot)
    return {Leg.PRIMARY: primary, Leg.HEDGE: hedge}


def troubled_world(seed: int, manager: type[OrderManager] = OrderManager) -> World:
    """A desk of three cycles, both venues in trouble, connections cut and actors restarted."""
    draw = Random(f"scenario {seed}")
    restarts = draw.choice(_RESTARTS)
    acts = [(draw.randint(1, _STEPS), draw.choice(_CUTS)) for _ in range(draw.randint(0, 3))]
    acts += [(draw.randint(1, _STEPS), draw.choice(restarts)) for _ in range(draw.randint(0, 2))]
    if draw.random() < 0.2:
        acts.append((draw.randint(1, _STEPS), Act.STOP))
    trouble = msgspec.structs.replace(_FAMILIES[seed % len(_FAMILIES)], acts=tuple(acts))
    direction = draw.choice(list(Direction))
    # Vain cycles are the desk's way to give up; here they are part of the trouble.
    desk = plan(cycles=CYCLES, direction=direction, max_vain_cycles=1000)
    return World(seed, trouble, desk, legs_of(draw), manager)
