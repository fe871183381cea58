"""The paper venues as a process: start one, or find one that runs; talk to its control port."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import msgspec

import paper
from cli.exits import CONFIGURATION, UNEXPECTED, CommandFailed

_START_S: Final = 15.0
_CONTROL_S: Final = 30.0  # a long ledger is read before it is judged
_STOP_S: Final = 5.0


class GrvtAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A test account of the paper GRVT."""

    api_key: str
    private_key: str
    sub_account_id: str


class GrvtPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the paper GRVT listens."""

    edge: str
    trades: str
    market_data: str
    chain_id: int
    accounts: tuple[GrvtAccount, ...]


class BackpackAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A test account of the paper Backpack."""

    public_key: str
    secret_key: str


class BackpackPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the paper Backpack listens."""

    api: str
    ws: str
    accounts: tuple[BackpackAccount, ...]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The line that the process prints once it serves."""

    grvt: GrvtPlace
    backpack: BackpackPlace
    control: str


class Drop(msgspec.Struct, frozen=True):
    """A connection to lose in the middle of a cycle: ``grvt/trading@7``."""

    connection: str
    cycle: int


class PaperVenues:
    """The process: our child, which ends when its standard input does and so never outlives us, or
    somebody else's (``ketch venue``), which goes on when we end and knows what we did there.
    """

    def __init__(
        self, process: subprocess.Popen[bytes] | None, places: Places | None = None
    ) -> None:
        self._process = process
        self._places = places

    @classmethod
    def find(cls, file: Path) -> PaperVenues:
        """Those whose line is in ``file``. CommandFailed (78) when there is none."""
        try:
            places = msgspec.json.decode(file.read_bytes(), type=Places)
        except (OSError, msgspec.DecodeError) as error:
            text = f"venue {file}: expected the line that `ketch venue` prints: {error}"
            raise CommandFailed(CONFIGURATION, text) from None
        return cls(None, places)

    @property
    def new(self) -> bool:
        """True when they were started with this run, and know nothing of an earlier one."""
        return self._process is not None

    @classmethod
    def launch(
        cls, settings_json: str, ledger: Path | None, stderr: IO[bytes] | None = None
    ) -> PaperVenues:
        """Start the process and return at once; ``places`` waits for it.

        What it complains of goes to ``stderr``, ours by default.
        """
        command = [sys.executable, "-m", "paper", "--exit-on-eof", "--settings", settings_json]
        if ledger is not None:
            command += ["--ledger", str(ledger)]
        home = str(Path(paper.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # a Ctrl-C is for us; it goes when we are done with it
        )
        return cls(process)

    @property
    def places(self) -> Places:
        """Where the venues listen. Raises CommandFailed; the process says why on stderr itself."""
        if self._places is None:
            assert self._process is not None
            try:
                self._places = msgspec.json.decode(_first_line(self._process), type=Places)
            except msgspec.DecodeError:
                self._process.kill()
                code = CONFIGURATION if self._process.wait() == CONFIGURATION else UNEXPECTED
                raise CommandFailed(code, "the paper venues did not start") from None
        return self._places

    def __enter__(self) -> PaperVenues:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def arm(self, drop: Drop) -> None:
        """Lose a connection at the first primary fill of a cycle."""
        at = {"cycle": drop.cycle, "hook": "primary_fill"}
        fault = {"action": "drop", "connection": drop.connection, "at": at}
        self.ask("/faults", fault)

    def measures(
        self, *, primary: str, primary_symbol: str, hedge_symbol: str,
        q: Decimal, lot: Decimal, planned: int,
    ) -> dict[str, Any]:  # fmt: skip
        """The ledger's verdict on the run so far."""
        query = urllib.parse.urlencode(
            {
                "primary": primary,
                "primary_symbol": primary_symbol,
                "hedge_symbol": hedge_symbol,
                "q": str(q),
                "lot": str(lot),
                "planned": planned,
            }
        )
        verdict: dict[str, Any] = msgspec.json.decode(self.ask(f"/measures?{query}"))
        return verdict

    def ask(self, path: str, body: object = None) -> bytes:
        """What the control port answers: to a POST where there is a body, else to a GET.

        Raises CommandFailed when the venues refuse it (78), or are not there.
        """
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(
            self.places.control + path, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_CONTROL_S) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace").strip()
            asked = "" if data is None else f": {data.decode()}"
            raise CommandFailed(CONFIGURATION, f"paper venues: {text}{asked}") from None
        except OSError as error:
            raise CommandFailed(UNEXPECTED, f"paper venues: {error}") from None


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    deadline_s = time.monotonic() + _START_S
    line = b""
    while not line.endswith(b"\n"):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            break
        chunk = os.read(descriptor, 65_536)
        if not chunk:
            break
        line += chunk
    return line
