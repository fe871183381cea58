"""From a seed to a world in trouble. One seed, one course of events, on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from tests.simulation.trouble import ROUGH, Act, Trouble
from tests.simulation.world import World
from tests.support.trading import BACKPACK_ETH, GRVT_ETH, LADDER, plan
from trading.leg import Leg
from trading.order_manager import OrderManager
from trading.plan import DeskPlan, Direction, Rung
from venues.model import Instrument

LIMIT_S: Final = 1000  # virtual; the longest absence is 30 s, and an order in doubt takes about 8 s
_STEPS: Final = 250  # about what two troubled cycles take
_CUTS = (Act.CUT_PRIMARY, Act.CUT_HEDGE)
_RESTARTS = (
    Act.RESTART_DESK, Act.RESTART_PRIMARY_ORDERS, Act.RESTART_HEDGE_ORDERS, Act.RESTART_JOURNAL,
)  # fmt: skip
_KILLS = (Act.KILL, Act.KILL, Act.KILL_FOR_LONG, Act.KILL_AGAIN)
_UNREAD = (Act.KILL_UNREAD_PRIMARY, Act.KILL_UNREAD_HEDGE)
_CLOCKS = (Act.CLOCK_AHEAD, Act.CLOCK_BACK, Act.SUSPEND, Act.FREEZE)
_ORDERLY = (Act.STOP, Act.FLATTEN)
_MARKETS = (Act.RESTRICT_PRIMARY, Act.RESTRICT_HEDGE)
_SHUT = (Act.SHUT_PRIMARY, Act.SHUT_HEDGE)
_FORCED = (Act.FORCE_PRIMARY, Act.FORCE_HEDGE, Act.TAKE_HEDGE)
_RUNGS = (
    (Rung(cap_bps=Decimal(5), for_s=0.5), Rung(cap_bps=Decimal(30))),
    tuple(Rung(cap_bps=Decimal(cap)) for cap in (5, 15, 30)),
)

_FAMILIES: tuple[Trouble, ...] = (
    ROUGH,
    msgspec.structs.replace(ROUGH, outage_s=12.0),
    # Nothing comes by the feed: what is known is known from questions.
    msgspec.structs.replace(ROUGH, drop_news=1.0, lose_reply=0.5),
    # Everything comes, several times, out of order, and some of it once more much later.
    Trouble(repeat_news=0.7, repeat_late=0.5, slow=0.6, partial=0.7, lag_s=1.9, order_lag_s=1.9),
    # A venue that mostly says no, or gives little.
    Trouble(refuse=0.4, partial=0.5, miss=0.3, refuse_intent=0.1),
    Trouble(lose_request=0.3, lose_reply=0.3, garble_reply=0.3, lag_s=1.9, order_lag_s=1.9),
    # Questions are hardly answered, and news contradict themselves.
    Trouble(refuse_read=0.6, lose_read=0.1, contradict=0.6, slow=0.3, drop_news=0.3, lag_s=1.0),
    # A slow disk, and connections that have to prove themselves.
    Trouble(slow_disk=0.5, refuse_intent=0.1, probation=0.7, drop_news=0.2, slow=0.2, lag_s=1.5),
    # Entries that rest, are cancelled, and execute meanwhile.
    Trouble(
        rests=True,
        lose_request=0.1,
        lose_reply=0.1,
        drop_news=0.2,
        slow=0.3,
        partial=0.5,
        repeat_news=0.2,
        refuse_read=0.1,
        lag_s=1.5,
        order_lag_s=1.5,
    ),
)


def legs_of(draw: Random) -> Mapping[Leg, Instrument]:
    """Either venue first; the hedge's lot and minimum sometimes coarser than the primary's."""
    primary, hedge = draw.choice(((BACKPACK_ETH, GRVT_ETH), (GRVT_ETH, BACKPACK_ETH)))
    if draw.random() < 0.3:
        lot = Decimal("0.1")
        hedge = msgspec.structs.replace(hedge, step=lot, min_size=lot)
    return {Leg.PRIMARY: primary, Leg.HEDGE: hedge}


def _plan_of(draw: Random, hedge: Instrument) -> DeskPlan:
    sizes = [size for size in ("0.5", "0.1", "1.7", "0.02") if Decimal(size) >= hedge.min_size]
    # Vain cycles are the desk's way to give up; here they are part of the trouble.
    return plan(
        cycles=draw.choice((1, 2, 2, 3)), direction=draw.choice(list(Direction)),
        size=Decimal(draw.choice(sizes)), max_vain_cycles=1000,
        slices=draw.choice((1, 1, 1, 2, 3)), hold_jitter=draw.choice((0.0, 0.5)),
        ladder=draw.choice((LADDER, *_RUNGS)),
    )  # fmt: skip


def _acts_of(draw: Random) -> tuple[tuple[int, Act], ...]:
    """What is done to the world: of each kind seldom more than one, of cuts and restarts more."""
    chosen = [draw.choice(_CUTS) for _ in range(draw.randint(0, 3))]
    chosen += [draw.choice(_RESTARTS) for _ in range(draw.randint(0, 2))]
    for acts, probability in (
        (_KILLS, 0.5), (_KILLS, 0.2), (_CLOCKS, 0.25), (_ORDERLY, 0.2), (_MARKETS, 0.15),
        (_FORCED, 0.05),
    ):  # fmt: skip
        if draw.random() < probability:
            chosen.append(draw.choice(acts))
    return tuple((draw.randint(1, _STEPS), act) for act in chosen)


def _now_and_then(acts: tuple[Act, ...], draw: Random) -> tuple[tuple[int, Act], ...]:
    """Of one world in ten. By dice of its own: the others keep their courses."""
    if draw.random() >= 0.1:
        return ()
    return ((draw.randint(1, _STEPS), draw.choice(acts)),)


def troubled_world(seed: int, manager: type[OrderManager] = OrderManager) -> World:
    """A short desk, both venues in trouble, connections cut, actors and the process killed."""
    draw = Random(f"scenario {seed}")
    legs = legs_of(draw)
    acts = _acts_of(draw)
    acts += _now_and_then(_UNREAD, Random(f"unread {seed}"))
    acts += _now_and_then(_SHUT, Random(f"shut {seed}"))
    trouble = msgspec.structs.replace(_FAMILIES[seed % len(_FAMILIES)], acts=acts)
    return World(seed, trouble, _plan_of(draw, legs[Leg.HEDGE]), legs, manager)
