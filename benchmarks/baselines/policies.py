"""What a program does when a hedge fails: as published, marked as filled, and with care."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

from benchmarks.baselines.legs import Leg, new_client_id

_ATTEMPTS: Final = 6
_UNCONFIRMED_HEDGE_S: Final = 30.0
_DRIFT: Final = Decimal("0.2")  # in ETH: what the published programs let pass


class Stopped(Exception):
    """The program gives up; ``reason`` is what it would log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Policy(Protocol):
    """One of the three."""

    def before_cycle(self, primary: Leg, hedge: Leg) -> None:
        """Look before a cycle is opened. Raises Stopped."""

    def follow(self, hedge: Leg, size: Decimal) -> bool:
        """Trade ``size`` on the hedge leg; False when it gave up."""

    def give_up(self, primary: Leg, hedge: Leg, size: Decimal) -> None:
        """The hedge of an opened ``size`` on the primary failed."""


class Published:
    """Falsy or an exception: six attempts with 1, 2, 4, 8, 16 s between, then the market close.

    As in the program of the incident; before each cycle it compares positions, as it does there.
    """

    def before_cycle(self, primary: Leg, hedge: Leg) -> None:
        held = (primary.held(), hedge.held())
        if abs(held[0] + held[1]) > _DRIFT:
            raise Stopped(f"Position diff is too large: {primary.name} {held[0]}, {held[1]}")

    def follow(self, hedge: Leg, size: Decimal) -> bool:
        for attempt in range(1, _ATTEMPTS + 1):
            if _succeeds(lambda: hedge.order(size)):
                return True
            print(f"ERROR: [MARKET] API returned falsy result (attempt {attempt}/{_ATTEMPTS})")
            if attempt < _ATTEMPTS:
                time.sleep(2 ** (attempt - 1))
        print(f"ERROR: All {_ATTEMPTS} hedge attempts failed!")
        return False

    def give_up(self, primary: Leg, hedge: Leg, size: Decimal) -> None:
        if not _succeeds(lambda: primary.order(-size)):
            raise Stopped("emergency close of the primary failed")


class Marked(Published):
    """Sent once; what is not known to be filled after 30 s is marked as filled."""

    def before_cycle(self, primary: Leg, hedge: Leg) -> None:
        """Positions are what was marked: there is nothing to compare."""

    def follow(self, hedge: Leg, size: Decimal) -> bool:
        if not _succeeds(lambda: hedge.order(size)):
            print("WARNING: hedge not confirmed, waiting")
            time.sleep(_UNCONFIRMED_HEDGE_S)
            print("WARNING: hedge assumed to be filled")
        return True


class Careful:
    """One client order id a need; what became of it is asked before it is sent again.

    Between cycles and when it gives up it closes by the venues' positions.
    """

    def before_cycle(self, primary: Leg, hedge: Leg) -> None:
        for leg in (primary, hedge):
            held = leg.held()
            if held and not _succeeds(lambda leg=leg, held=held: leg.order(-held)):  # type: ignore[misc]
                raise Stopped(f"{leg.name}: {held} are held and can't be closed")

    def follow(self, hedge: Leg, size: Decimal) -> bool:
        client_id, may_send = new_client_id(), True
        for attempt in range(1, _ATTEMPTS + 1):
            if may_send and _succeeds(lambda: hedge.order(size, client_id)):
                return True
            became = _asked(hedge, client_id)
            if became == "filled":
                return True
            may_send = became == "absent"
            if attempt < _ATTEMPTS:
                time.sleep(2 ** (attempt - 1))
        return False

    def give_up(self, primary: Leg, hedge: Leg, size: Decimal) -> None:
        self.before_cycle(primary, hedge)


POLICIES: Final[dict[str, Callable[[], Policy]]] = {
    "published": Published,
    "marked": Marked,
    "careful": Careful,
}


def _succeeds(call: Callable[[], bool]) -> bool:
    """As published: an exception is a failure like any other."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - that is what these programs do
        print(f"ERROR: {error!r}")
        return False


def _asked(leg: Leg, client_id: int) -> str:
    try:
        return leg.became(client_id)
    except Exception as error:  # noqa: BLE001 - asked again after the pause
        print(f"ERROR: {error!r}")
        return "unknown"
