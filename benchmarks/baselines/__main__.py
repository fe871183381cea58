"""``python -m benchmarks.baselines``: hedged cycles on the SDKs; exit code 1 when it stopped."""

from __future__ import annotations

import json
import logging
import os
import time
from decimal import Decimal
from pathlib import Path

import click

from benchmarks.baselines.legs import GRVT_LEGS, BackpackLeg, Leg, point_sdks_at
from benchmarks.baselines.policies import POLICIES, Careful, Policy, Stopped


@click.command()
@click.option("--client", type=click.Choice(sorted(GRVT_LEGS)), required=True)
@click.option("--policy", type=click.Choice(sorted(POLICIES)), required=True)
@click.option("--venue", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--cycles", type=click.IntRange(min=1), required=True)
@click.option("--size", type=Decimal, required=True)
@click.option("--primary", type=click.Choice(["grvt", "backpack"]), default="backpack")
@click.option("--hold", "hold_s", type=float, default=0.05)
@click.option("--pause", "pause_s", type=float, default=0.05)
@click.option("--close-first", is_flag=True, help="Close what is held before the first cycle.")
def main(
    client: str, policy: str, venue: Path, cycles: int, size: Decimal, primary: str,
    hold_s: float, pause_s: float, close_first: bool,
) -> None:  # fmt: skip
    """Trade, and stop where such a program stops."""
    # The SDK reads its cookie's expiry in local time, and logs keys through the root logger.
    os.environ["TZ"] = "UTC"
    time.tzset()
    logging.disable(logging.CRITICAL)
    places = json.loads(venue.read_bytes())
    point_sdks_at(places)
    legs: list[Leg] = [BackpackLeg(places), GRVT_LEGS[client](places)]
    legs.sort(key=lambda leg: leg.name != primary)
    if close_first:
        Careful().before_cycle(legs[0], legs[1])
    try:
        for number in range(1, cycles + 1):
            _cycle(legs[0], legs[1], POLICIES[policy](), size if number % 2 else -size, hold_s)
            time.sleep(pause_s)
    except Stopped as stopped:
        print(f"stopped in cycle {number} of {cycles}: {stopped.reason}")
        raise SystemExit(1) from None
    finally:
        for leg in legs:
            leg.close()


def _cycle(primary: Leg, hedge: Leg, policy: Policy, size: Decimal, hold_s: float) -> None:
    policy.before_cycle(primary, hedge)
    if not primary.order(size):
        print("ERROR: order placement failed")
        return
    if not policy.follow(hedge, -size):
        policy.give_up(primary, hedge, size)
        return
    time.sleep(hold_s)
    if not primary.order(-size):
        raise Stopped("the primary could not be closed")
    if not policy.follow(hedge, size):
        policy.give_up(primary, hedge, Decimal(0))


if __name__ == "__main__":
    main()
