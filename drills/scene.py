"""The paper venues of one run: a process of their own, its control port and its ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from cli.paper_process import PaperVenues, Places
from drills.host import IMPOSTOR, IN_PROCESS, NAMES
from drills.impostor import HOST, Impostor
from drills.plan import Plan
from drills.unfold import Placed, acts, as_recorded, mark_of, with_pid
from paper.records import AnyRecord, decode_records
from paper.traffic import VenueTraffic

NAMED: Final = "localhost"
"""What GRVT's trading host is called where its name can be lost (``drills.in_process_faults``)."""
_AHEAD: Final = 3  # cycles: a signal is armed for the process that will be there
_PROXIED: Final = ("grvt/edge", "grvt/trades", "grvt/market-data", "backpack/api", "backpack/ws")
_OF_THE_NETWORK: Final = frozenset(
    ("blackhole", "closed", "hold", "noread", "trickle", "rst", "fin", "cut")
)


class Scene:
    """Venues that outlive every process that trades on them, in ``folder``."""

    def __init__(self, plan: Plan, seed: int, placed: tuple[Placed, ...], folder: Path) -> None:
        self.plan = plan
        self.seed = seed
        self.placed = placed
        self.folder = folder
        self.ledger = folder / "ledger.jsonl"
        self.venue = folder / "venue.json"
        with (folder / "venues.log").open("ab") as said:
            self._venues = PaperVenues.launch(_settings(plan, seed, placed), self.ledger, said)
        self._acts = acts(placed)
        self.impostor: Impostor | None = None
        self._seen = 0
        every = [fault for each in placed for fault in each.arm]
        self._signals = [fault for fault in every if fault["action"] == "signal"]
        self._armed_for: dict[int, int] = {}

    def __enter__(self) -> Self:
        self._venues.__enter__()
        self.venue.write_bytes(msgspec.json.encode(self._as_told(self._venues.places)))
        for each in self.placed:
            for fault in each.arm:
                if fault["action"] != "signal":
                    self.arm(fault)
        return self

    def __exit__(self, *_: object) -> None:
        if self.impostor is not None:
            self.impostor.__exit__()
        self._venues.__exit__()

    def _as_told(self, places: Places) -> Places:
        """Where the venues are for a trader: in TLS, or by a name, where a fault needs that."""
        grvt = places.grvt
        if IMPOSTOR in self._acts:
            self.impostor = Impostor(urlsplit(grvt.edge).port or 0, self.folder)
            self.impostor.__enter__()
            grvt = msgspec.structs.replace(grvt, edge=f"https://{HOST}:{self.impostor.port}")
        if NAMES in self._acts:
            grvt = msgspec.structs.replace(grvt, trades=grvt.trades.replace(HOST, NAMED))
        return msgspec.structs.replace(places, grvt=grvt)

    @property
    def needs_in_process_faults(self) -> bool:
        """True when the service has to be started with the fault injector in its process."""
        return bool(self._acts & IN_PROCESS)

    def arm_signals(self, pid: int) -> None:
        """Arm the signals whose cycles are near, for that process."""
        if not self._signals:
            return
        cycle = self.cycle()
        for number, fault in enumerate(self._signals):
            if not cycle <= fault["at"]["cycle"] <= cycle + _AHEAD:
                continue
            if self._armed_for.get(number) != pid and not self._sent(fault):
                self._armed_for[number] = pid
                self.arm(with_pid(fault, pid))

    def _sent(self, signal: dict[str, Any]) -> bool:
        wanted = as_recorded(signal)
        return any(as_recorded(f) == wanted for f in self.fired() if f["action"] == "signal")

    def cycle(self) -> int:
        """The cycle that is under way, as the venues count."""
        cycle: int = self._told("/healthz")["cycle"]
        return cycle

    def fired(self) -> list[dict[str, Any]]:
        """The faults that have acted."""
        found: list[dict[str, Any]] = self._told("/faults")["fired"]
        return found

    def hit(self) -> list[dict[str, Any]]:
        """The faults that lay in wait and met something, each as often as it did."""
        hits: list[dict[str, Any]] = self._told("/faults")["hits"]
        return [hit["fault"] for hit in hits]

    def marks(self) -> list[str]:
        """The marks that the host waits for and that were reached, in order; at once if none."""
        if not self._acts:
            return []
        self._seen = len(self._told(f"/faults?fired={self._seen + 1}&wait_s=1")["fired"])
        marks = (fault for fault in self.fired() if fault["action"] == "mark")
        return [mark_of(fault["name"], fault["at"]["cycle"]) for fault in marks]

    def traffic(self) -> dict[str, VenueTraffic]:
        """What has been asked of each venue so far."""
        return msgspec.convert(self._told("/traffic"), dict[str, VenueTraffic])

    def arm(self, fault: dict[str, Any]) -> None:
        """Arm one more fault now. Raises CommandFailed when the venues refuse it."""
        self._venues.ask("/faults", fault)

    def records(self) -> list[AnyRecord]:
        """The ledger, once the venues have ended or as it is written so far."""
        with self.ledger.open("rb") as lines:
            return list(decode_records(lines))

    def _told(self, path: str) -> Any:
        return msgspec.json.decode(self._venues.ask(path))


def _settings(plan: Plan, seed: int, placed: tuple[Placed, ...]) -> str:
    """The venues' settings; endpoints are behind the proxy only if a fault needs that."""
    actions = {fault["action"] for each in placed for fault in each.arm}
    settings: dict[str, Any] = {"seed": seed}
    if "signal" in actions:
        settings["signals"] = True
    if actions & _OF_THE_NETWORK:
        settings["proxied"] = list(_PROXIED)
    return msgspec.json.encode(settings | plan.paper).decode()
