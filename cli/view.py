"""The live view of a run: a table on a terminal, plain lines anywhere else.

It only reads board snapshots, in the main thread.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from actors.board import BoardSnapshot, DeskReported
from supervision.states import ChildState, StatusMessage
from trading.desk import CycleRecord

_GOOD: Final = (ChildState.RUNNING,)
_QUIET: Final = (
    ChildState.STARTING, ChildState.STOPPING, ChildState.STOPPED, ChildState.WAITING,
)  # fmt: skip
_LAST_CYCLES: Final = 5


class View(Protocol):
    """What the run shows itself on."""

    def show(self, snapshot: BoardSnapshot) -> None:
        """Bring the view up to date; ``events`` are those since the last call."""

    def close(self) -> None:
        """The run is over."""


class NoView:
    """Nobody looks."""

    def show(self, snapshot: BoardSnapshot) -> None:
        """Nothing to show it on."""

    def close(self) -> None:
        """Nothing is kept open."""


class PlainView:
    """One line a finished cycle, and one for every actor that leaves service or comes back."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stopping = False

    def show(self, snapshot: BoardSnapshot) -> None:
        """Print what has happened."""
        for event in snapshot.events:
            line = cycle_line(event) if isinstance(event, CycleRecord) else status_line(event)
            if line:
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing is kept open."""


class LiveView:
    """A table that is redrawn in place: desk, legs, venues, the last cycles."""

    def __init__(self, console: Console) -> None:
        self._cycles: list[str] = []
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, snapshot: BoardSnapshot) -> None:
        """Redraw."""
        for event in snapshot.events:
            if isinstance(event, CycleRecord):
                self._cycles = [*self._cycles, cycle_line(event)][-_LAST_CYCLES:]
        parts: list[Table | Text] = [*map(_desk_table, snapshot.desks), _actor_table(snapshot)]
        parts += [Text(line, style="dim") for line in self._cycles]
        self._live.update(Group(*parts), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()


def open_view(console: Console) -> View:
    """The view that suits where the output goes."""
    return LiveView(console) if console.is_terminal else PlainView(console)


def cycle_line(record: CycleRecord) -> str:
    """A finished cycle in one line."""
    naked = max(record.naked_ms, default=0.0)
    paid = record.primary.funding + record.hedge.funding
    funding = f" (funding {paid:+.4f})" if paid else ""
    return (
        f"{record.desk} cycle {record.cycle:<5} {record.outcome:<10} {record.direction:<5}"
        f" {record.size}"
        f"  {record.primary.venue} {record.primary.entry_price:.2f} → "
        f"{record.primary.exit_price:.2f}"
        f"  {record.hedge.venue} {record.hedge.entry_price:.2f} → {record.hedge.exit_price:.2f}"
        f"  pnl {record.pnl:+.4f}{funding}  naked ≤ {naked:.0f} ms"
    )


def status_line(status: StatusMessage) -> str:
    """An actor that left service, or came back; "" for what is routine."""
    if status.state is ChildState.RUNNING:
        if status.epoch == 1:
            return ""
        return f"{status.name} is back, life {status.epoch}"
    if status.state in _QUIET:
        return ""
    detail = f": {status.detail}" if status.detail else ""
    return f"{status.name} {status.state.value}{detail}"


def _desk_table(desk: DeskReported) -> Table:
    planned = "" if desk.planned is None else f"/{desk.planned}"
    table = Table(
        title=f"{desk.desk}: {desk.phase.value}   cycle {desk.cycle}   "
        f"finished {desk.finished}{planned}",
        title_justify="left",
    )
    for column in ("leg", "venue", "instrument", "position", "state"):
        table.add_column(column)
    for leg in desk.legs:
        state = Text("ready", style="green") if leg.ready else Text("not ready", style="red")
        table.add_row(leg.leg, leg.venue, leg.symbol, f"{leg.position:+f}", state)
    net = sum(leg.position for leg in desk.legs)
    naked = ""
    if desk.naked_since_s is not None:
        naked = f"naked for {time.monotonic() - desk.naked_since_s:.1f} s"
    table.add_row("net", "", "", f"{net:+f}", Text(naked, style="yellow"))
    if desk.halted:
        table.caption = f"halted: {desk.halted}"
    return table


def _actor_table(snapshot: BoardSnapshot) -> Table:
    table = Table(box=None, show_header=False)
    for status in snapshot.statuses:
        style = "green" if status.state in _GOOD else "yellow"
        life = "" if status.epoch == 1 else f"life {status.epoch}"
        table.add_row(status.name, Text(status.state.value, style=style), life, status.detail[:60])
    return table
