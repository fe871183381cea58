"""What a desk has at stake when a part of the tree is about to be taken down under it.

A desk whose coordinator is stopped closes nothing any more, and one whose guard or venue is
gone may not be able to: so a desk has to be at rest first, and stay there by itself. What is not
known is not at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from actors.board import BoardSnapshot, DeskReported
from supervision.states import ChildState, StatusMessage
from trading.desk import Phase

_TAKES_DOWN: Final = ("stop", "restart")
_UP: Final = (ChildState.RUNNING, ChildState.HALF_OPEN)


def objection(
    verb: str,
    path: str,
    *,
    desks: tuple[str, ...],
    statuses: Collection[StatusMessage],
    read_board: Callable[[], BoardSnapshot | None],
) -> str:
    """Why ``verb`` is not for ``path`` now, with the command to use instead; empty if it is.

    A part of a desk is neither stopped nor restarted while the desk is at work, a part of a venue
    not stopped: a restart there is what supervision does by itself, under open positions, too.
    The board is read only if a desk is concerned.
    """
    known = {status.name: status.state for status in statuses}
    if verb not in _TAKES_DOWN or path not in known:
        return ""
    top = path.partition("/")[0]
    if top in desks:
        if verb == "restart" and known[path] not in _UP:
            return ""  # nothing that works is taken away
        return _at_work(top, read_board())
    if verb == "stop" and f"{top}/orders" in known:
        board = read_board()
        reasons = (_at_work(desk, board) for desk in desks if _trades_at(desk, top, board))
        return "; ".join(reason for reason in reasons if reason)
    return ""


def _trades_at(desk: str, venue: str, board: BoardSnapshot | None) -> bool:
    report = _report(desk, board)
    return report is None or any(leg.venue == venue for leg in report.legs)


def _report(desk: str, board: BoardSnapshot | None) -> DeskReported | None:
    desks = () if board is None else board.desks
    return next((report for report in desks if report.desk == desk), None)


def _at_work(desk: str, board: BoardSnapshot | None) -> str:
    """What a desk has open, or may open by itself, and how to have it rest; empty if it does."""
    report = _report(desk, board)
    if board is None:
        return f"the board does not answer, and what {desk} has open is not known"
    if report is None:
        return f"{desk} has not said yet what it has open: ketch status tells once it has"
    held = ", ".join(
        f"{leg.leg} {leg.venue} {leg.symbol} {leg.position.normalize():+f}"
        for leg in report.legs
        if leg.position
    )
    if report.phase is Phase.HALTED and held:
        return (
            f"{desk} has halted and holds {held}: say first what that is, by ketch adopt {desk}, "
            f"ketch flatten {desk} or ketch ignore {desk}"
        )
    if report.phase in (Phase.IDLE, Phase.HALTED, Phase.DONE) and not held:
        if report.phase is Phase.IDLE and not report.paused:
            return f"{desk} may open a cycle at any moment: ketch pause {desk} first"
        return ""
    holds = f" and holds {held}" if held else ""
    pause = "" if report.paused else f"ketch pause {desk} lets the cycle end as planned, "
    return (
        f"{desk} is {report.phase.value} in cycle {report.cycle}{holds}: "
        f"{pause}ketch flatten {desk} closes it now"
    )
