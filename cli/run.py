"""``ketch run``: from a configuration to a summary and an exit code.

The main thread reads the configuration, starts the paper venues (in paper mode), checks that both
venues take the desks' sizes, starts the tree, and then only watches: it shows the board, passes a
signal on to the desks as a wish to stop, and sums up.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec
from loguru import logger
from rich.console import Console
from rich.table import Table

from actors.access import BackpackAccess, GrvtAccess
from actors.board import BoardSnapshot, ReadBoard
from actors.console import ConsoleAccess
from actors.control_socket import control_path
from actors.last_id import LastId
from cli import exits, logs, run_record, summary
from cli.accounts import only_trader
from cli.booting import wait_boot
from cli.ending import Ending, left
from cli.instruments import InstrumentCache
from cli.lock import only_one
from cli.nonblocking_stream import NonblockingStream
from cli.notices import NoticedReloader, Notices
from cli.notify import Notifier
from cli.paper_process import Drop
from cli.preflight import look_up_instruments
from cli.progress import Progress, required_actors
from cli.records import Records
from cli.run_record import JOURNAL, LAST_ID, RunRecord
from cli.service_control import RunControl
from cli.settings import Settings
from cli.signals import Signals
from cli.start import Start
from cli.stopping import Stopping, actors_end_s, desks_end_s
from cli.summary import DeskSummary, Summary
from cli.venue_access import VenueAccess, backpack_access, grvt_access, venue_access
from cli.view import NoView, View, open_view
from config.loader import Loaded
from config.schema import DeskConfig
from supervision.clock import MonotonicClock
from supervision.directory import Directory
from supervision.errors import AskTimeout, BootFailed, Unavailable
from supervision.root import RootHandle, start_root
from supervision.stalls import StallWatch
from supervision.tree import ERROR_KEYS, Service, service_tree
from trading.ids import IdAllocator
from venues.model import BACKPACK, GRVT

_REFRESH_S: Final = 0.25
_BOOT_S: Final = 60.0


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The command line of a run. ``reread`` loads the same configuration again.

    ``resume``: desks go on, whatever halted or paused them, and however earlier runs ended.
    """

    reread: Callable[[], Loaded[Settings]]
    cycles: int | None = None
    resume: bool = False
    summary: Path | None = None
    drops: tuple[Drop, ...] = ()


class _Access(msgspec.Struct, frozen=True):
    grvt: GrvtAccess
    backpack: BackpackAccess


def run(start: Start, options: RunOptions) -> int:
    """Trade as configured until every desk has done its cycles or halted, or somebody stops it.

    Returns the exit code. Raises CommandFailed for whatever prevents the start.
    """
    settings = start.loaded.config
    console = _console()
    logs.set_up(settings.log, quiet=console.is_terminal)
    signals = Signals()
    signals.install()
    with contextlib.ExitStack() as stack:
        if start.venues is not None:
            stack.enter_context(start.venues)
        stack.enter_context(only_one(start.folder))
        if start.venues is not None:
            for drop in options.drops:
                start.venues.arm(drop)
        way = venue_access(start)
        stack.enter_context(only_trader(way.accounts, start.folder))
        access = _access(start, way)
        journal = start.folder / JOURNAL
        record = run_record.begin(
            journal,
            settings.desks,
            resume=options.resume,
            new_venues=start.venues is not None and start.venues.new,
        )
        code = _Run(start, options, access, record, console, signals).go()
        if code not in (exits.GAVE_UP, exits.ABANDONED):
            run_record.end(journal, record)
        return code


class _Run:
    """One run, from a tree to be started to its summary."""

    def __init__(
        self,
        start: Start,
        options: RunOptions,
        access: _Access,
        record: RunRecord,
        console: Console,
        signals: Signals,
    ) -> None:
        self._settings = start.loaded.config
        self._options = options
        self._venues = start.venues
        self._console = console
        self._signals = signals
        self._began_s = time.monotonic() - _process_age_s()
        self._records = Records()
        self._ending = Ending(
            self._settings.desks,
            may_wait=options.cycles is None,
            halted_before=record.halted,
            wake=signals.wake,
        )
        self._directory = Directory()
        self._board = self._directory.address("board")
        self._snapshot: BoardSnapshot | None = None
        self._view: View = NoView()
        self._control = RunControl(self._settings.mode, self._began_s, signals.wake)
        self._stopping = Stopping(
            signals,
            self._control,
            self._settings.stop.sigterm,
            desks_end_s(self._settings.desks.values()),
        )
        last = LastId(start.folder / LAST_ID)
        self._service = Service(
            config=self._settings,
            grvt=access.grvt,
            backpack=access.backpack,
            journal=start.folder / JOURNAL,
            cycles=options.cycles,
            run_began_ns=time.time_ns(),
            ids=IdAllocator(record.epoch, record.first_epoch, last.previous, last.note),
            halted=record.crashed,
            on_done=self._ending.desk_is_done,
            on_record=self._records.add,
            on_put_right=self._records.put_right,
            console=ConsoleAccess(
                socket=control_path(os.environ, self._settings.mode, start.folder),
                desks=tuple(self._settings.desks),
                control=self._control,
            ),
        )

    def go(self) -> int:
        """Start the tree, watch it, stop it, sum up."""
        spec = service_tree(self._service)
        root = start_root(
            spec,
            directory=self._directory,
            clock=MonotonicClock(),
            on_exit=lambda code: self._signals.wake(),
            error_keys=ERROR_KEYS,
            limiters=self._settings.supervision.limiters,
            stalls=StallWatch(),
        )
        progress = Progress(root, self._directory, required_actors(self._settings))
        notices = Notices(Notifier.from_environment(os.environ), progress.stalled)
        reloader = NoticedReloader(self._service, self._settings, self._options.reread)
        reloader.notices = notices
        self._control.attach(root, spec, reloader)
        wait_boot(root, self._directory, stopped=self._stop_asked, timeout_s=_BOOT_S)
        if root.failure is None:
            self._watch(root, notices)
        if isinstance(root.failure, BootFailed):  # now, or after we had stopped waiting for it
            logger.error("not started: {}", root.failure)
            notices.ended(exits.UNEXPECTED, str(root.failure))
            return exits.UNEXPECTED
        self._read_board()
        self._say_how_it_ends()
        root.stop()
        code = self._sum_up(self._ending.exit_code(self._stopped(root, notices)))
        notices.ended(code, self._ending.halted)
        return code

    def _stop_asked(self) -> bool:
        return self._signals.count > 0 or self._control.stop_asked is not None

    def _say_how_it_ends(self) -> None:
        """While the console still answers: who told us to stop wants to know what is left."""
        remains = left(self._snapshot)
        for line in remains:
            logger.warning("left: {}", line)
        exposed = self._ending.exit_code(None) == exits.EXPOSED
        self._control.ended(remains, exposed=exposed)

    def _stopped(self, root: RootHandle, notices: Notices) -> int | None:
        """Wait for the actors to end, in slices: the service manager hears of it meanwhile."""
        notices.stopping("the actors end")
        until_s = time.monotonic() + actors_end_s(root.shutdown_deadline_s)
        while root.exit_code is None and time.monotonic() < until_s:
            root.wait(_REFRESH_S)
            notices.observe(self._snapshot)
        return root.exit_code

    def _watch(self, root: RootHandle, notices: Notices) -> None:
        """Show the board until every desk is done, the tree is gone, or we are told twice."""
        self._view = open_view(self._console)
        seen = 0
        try:
            while not self._ending.over(stopping=self._stopping.begun) and root.exit_code is None:
                self._signals.wait(_REFRESH_S)
                self._obey(notices)
                if self._stopping.at_once:
                    break
                before = self._ending.outcomes
                hangs = not self._read_board(seen)
                self._ending.observe(before, self._snapshot)
                notices.observe(self._snapshot, board_hangs=hangs)
                if self._snapshot is not None:
                    seen = self._snapshot.last_event
                    self._show(self._snapshot)
            self._read_board(seen)
            notices.observe(self._snapshot)
            if self._snapshot is not None:
                self._show(self._snapshot)
        finally:
            with contextlib.suppress(OSError, SystemExit):
                self._view.close()

    def _show(self, snapshot: BoardSnapshot) -> None:
        """Bring the view up to date. Losing whoever looks at it is no reason to stop trading."""
        try:
            self._view.show(snapshot)
        except (OSError, SystemExit) as error:  # rich makes an exit of a pipe that is closed
            logger.warning("the view is gone, trading goes on: {!r}", error)
            self._view = NoView()

    def _obey(self, notices: Notices) -> None:
        """What signals and the control socket have asked for."""
        if self._signals.hangup:
            self._signals.hangup = False
            self._control.reload()
        self._stopping.look(self._snapshot, notices.stopping)
        message = self._stopping.message
        if message is not None:
            self._tell_desks(message)

    def _tell_desks(self, message: object) -> None:
        for desk in self._service.desks:
            self._directory.address(desk).offer(message)

    def _read_board(self, since: int = 0) -> bool:
        """Take a snapshot if the board gives one. False: it is there and does not answer."""
        try:
            self._snapshot = self._board.ask(ReadBoard(since), timeout_s=1.0)
        except (Unavailable, AskTimeout) as error:
            logger.debug("board: {}", error)
            return not isinstance(error, AskTimeout)
        return True

    def _sum_up(self, code: int) -> int:
        desks = tuple(self._desk_summary(name) for name in self._settings.desks)
        if code == exits.DONE and any(
            any(summary.violations(desk.verdict).values()) for desk in desks if desk.verdict
        ):
            code = exits.JUDGED
        first, first_s = desks[0], self._records.first_cycle_s
        result = Summary(
            schema=summary.SUMMARY_SCHEMA,
            mode=self._settings.mode,
            seed=self._settings.paper.seed if self._venues and self._venues.new else None,
            desk=first.desk,
            primary=first.primary,
            hedge=first.hedge,
            size=first.size,
            planned=self._options.cycles,
            restarts=dict(self._snapshot.restarts) if self._snapshot else {},
            start_to_first_cycle_s=None if first_s is None else round(first_s - self._began_s, 3),
            duration_s=round(time.monotonic() - self._began_s, 3),
            halted=self._ending.halted,
            exit_code=code,
            verdict=first.verdict if len(desks) == 1 else None,
            desks=desks,
            **summary.totals(self._records.all(), self._records.older()),
        )
        self._print(result)
        if self._options.summary is not None:
            summary.write(result, self._options.summary)
        return code

    def _desk_summary(self, name: str) -> DeskSummary:
        desk, records = self._settings.desks[name], self._records.of(name)
        return DeskSummary(
            desk=name,
            primary=desk.primary.venue,
            hedge=desk.hedge.venue,
            size=desk.size,
            halted=self._ending.halted_of(name),
            verdict=self._verdict(desk, len(records)),
            **summary.totals(records, self._records.older(name)),
        )

    def _verdict(self, desk: DeskConfig, cycles: int) -> dict[str, Any] | None:
        if self._venues is None:
            return None
        access: dict[str, GrvtAccess | BackpackAccess] = {
            GRVT: self._service.grvt,
            BACKPACK: self._service.backpack,
        }
        hedge = access[desk.hedge.venue].instruments[desk.hedge.symbol]
        return self._venues.measures(
            primary=desk.primary.venue,
            primary_symbol=desk.primary.symbol,
            hedge_symbol=desk.hedge.symbol,
            q=desk.size,
            lot=hedge.step,
            planned=self._options.cycles or cycles,
        )

    def _print(self, result: Summary) -> None:
        pairs = (f"{desk.desk}: {desk.primary} → {desk.hedge}" for desk in result.desks)
        table = Table(title=", ".join(pairs), show_header=False)
        for name, value in summary.rows(result):
            table.add_row(name, value)
        with contextlib.suppress(OSError, SystemExit):  # nobody reads it any more
            self._console.print(table)


def _access(start: Start, way: VenueAccess) -> _Access:
    """What the actors need to reach both venues, the instruments as they are listed included."""
    settings = start.loaded.config
    cache = InstrumentCache(start.folder, way.environments)
    instruments = look_up_instruments(start.loaded, way, cache)
    return _Access(
        grvt_access(settings, way, instruments[GRVT]),
        backpack_access(settings, way, instruments[BACKPACK]),
    )


def _console() -> Console:
    """Where the run shows itself. Only a terminal is written to directly."""
    console = Console()
    if not console.is_terminal:
        console = Console(file=cast("IO[str]", NonblockingStream(lambda: sys.stdout)))
    return console


def _process_age_s() -> float:
    """Seconds since this process began, interpreter start included (Linux: /proc/self/stat)."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, AttributeError, IndexError, ValueError):
        return 0.0
