"""Faults of a paper process as a drill arms them, waits for them, and has them judged."""

from __future__ import annotations

import json
from typing import Any

from paper.records import AnyRecord, decode_records
from tests.support.paper_process import WAIT_S, Process

ALL_ENDPOINTS = ("grvt/edge", "grvt/trades", "grvt/market-data", "backpack/api", "backpack/ws")


def arguments(*proxied: str, seed: int = 1, **settings: object) -> list[str]:
    """What ``Process`` needs to start with these endpoints behind the fault proxy."""
    return ["--seed", str(seed), "--settings", json.dumps({"proxied": proxied, **settings})]


class Drill:
    """The control port of a running paper process, for whoever breaks things."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._fired = len(self.shown()["fired"])
        self._hits = len(self.shown()["hits"])

    def arm(self, action: str, **fault: object) -> None:
        status, body = self.process.ask("POST", "/faults", {"action": action, **fault})
        assert status == 200, body

    def refused(self, action: str, **fault: object) -> str:
        """Why this fault cannot be armed."""
        status, body = self.process.ask("POST", "/faults", {"action": action, **fault})
        assert status == 400, body
        return str(body["error"])

    def clear(self) -> None:
        assert self.process.ask("DELETE", "/faults")[0] == 200

    def at(self, hook: str, *, ahead: int = 1, **more: object) -> dict[str, object]:
        """That hook, ``ahead`` cycles from here (1: the next to start)."""
        return {"cycle": self.cycle + ahead, "hook": hook, **more}

    @property
    def cycle(self) -> int:
        number: int = self.process.get("/healthz")["cycle"]
        return number

    def shown(self) -> Any:
        return self.process.get("/faults")

    def wait_fired(self, count: int = 1) -> list[Any]:
        """The next ``count`` faults that act, once they have."""
        fired = self._wait("fired", self._fired + count)[self._fired :]
        self._fired += count
        return fired

    def wait_hits(self, count: int = 1) -> list[str]:
        """What came of the next ``count`` meetings, once they have happened."""
        hits = self._wait("hits", self._hits + count)[self._hits :]
        self._hits += count
        return [hit["detail"] for hit in hits]

    def records(self) -> list[AnyRecord]:
        url = self.process.line["control"] + "/ledger"
        lines = self.process.http.request("GET", url).data.splitlines(keepends=True)
        return list(decode_records(lines))

    def accounts(self, venue: str) -> Any:
        return self.process.get("/accounts")[venue]["main"]

    def _wait(self, what: str, count: int) -> list[Any]:
        found: list[Any] = self.process.get(f"/faults?{what}={count}&wait_s={WAIT_S}")[what]
        assert len(found) >= count, f"{what}: {found}"
        return found[:count]
