"""What a start asks the venues, and a start while one of them is not to be had."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cli.exits import CommandFailed
from cli.instruments import FILE, InstrumentCache
from cli.paper_process import PaperVenues
from cli.preflight import look_up_instruments
from cli.settings import Settings, as_json, load_settings
from cli.start import Start
from cli.venue_access import VenueAccess, venue_access
from config.loader import Loaded
from venues.model import BACKPACK, GRVT, Instrument

ETH = "ETH_USDT_Perp"
QUICK = tuple(
    f"venues.{venue}.connection.{name}=0.2"
    for venue in (GRVT, BACKPACK)
    for name in ("connect_timeout_s", "read_timeout_s")
)


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueAccess]:
    """How the paper venues are reached."""
    loaded = load_settings(None, ())
    with PaperVenues.launch(as_json(loaded.config.paper), None) as running:
        yield venue_access(Start(loaded, {}, tmp_path_factory.mktemp("state"), running))


def look_up(way: VenueAccess, folder: Path, *overrides: str) -> dict[str, dict[str, Instrument]]:
    return look_up_instruments(settings(*overrides), way, InstrumentCache(folder, way.environments))


def settings(*overrides: str) -> Loaded[Settings]:
    return load_settings(None, overrides)


def without(way: VenueAccess, *gone: str) -> VenueAccess:
    """The same venues, but nobody listens where these should."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        nowhere = f"http://127.0.0.1:{once.getsockname()[1]}"
    if GRVT in gone:
        way = through(way, GRVT, nowhere)
    return through(way, BACKPACK, nowhere) if BACKPACK in gone else way


def through(way: VenueAccess, venue: str, url: str) -> VenueAccess:
    if venue == BACKPACK:
        return msgspec.structs.replace(way, backpack_api=url)
    grvt = msgspec.structs.replace(way.grvt, market_data=url)
    return msgspec.structs.replace(way, grvt=grvt)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A gateway that answers everything alike; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_without_a_venue_the_instruments_of_the_last_good_start_are_taken(
    venues: VenueAccess, tmp_path: Path
) -> None:
    found = look_up(venues, tmp_path)
    assert found[GRVT][ETH].min_size == Decimal("0.01")
    for gone in ((GRVT,), (BACKPACK,), (GRVT, BACKPACK)):
        assert look_up(without(venues, *gone), tmp_path) == found


def test_what_a_gateway_says_in_place_of_a_venue_is_no_answer(
    venues: VenueAccess, tmp_path: Path
) -> None:
    found = look_up(venues, tmp_path)
    for status, body in ((503, b"<html>"), (429, b'{"code": 1006}'), (200, b"{}"), (404, b"")):
        for venue in (GRVT, BACKPACK):
            with answering(status, body) as url:
                assert look_up(through(venues, venue, url), tmp_path) == found


def test_without_a_venue_and_without_a_good_start_there_is_none(
    venues: VenueAccess, tmp_path: Path
) -> None:
    with pytest.raises(CommandFailed) as caught:
        look_up(without(venues, GRVT), tmp_path)
    assert caught.value.code == 1
    assert "grvt can't be reached" in str(caught.value)


def test_a_venue_that_accepts_and_says_nothing_is_waited_for_only_so_long(
    venues: VenueAccess, tmp_path: Path
) -> None:
    found = look_up(venues, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert look_up(through(venues, BACKPACK, url), tmp_path, *QUICK) == found


def test_a_symbol_that_a_venue_does_not_list_is_refused_whatever_was_listed_before(
    venues: VenueAccess, tmp_path: Path
) -> None:
    look_up(venues, tmp_path)
    for leg in ("primary", "hedge"):
        with pytest.raises(CommandFailed) as caught:
            look_up(venues, tmp_path, f"desks.eth.{leg}.symbol=FOO_USDC_PERP")
        assert caught.value.code == 78
        assert f"desks.eth.{leg}.symbol: got 'FOO_USDC_PERP'" in str(caught.value)


def test_slices_too_small_for_a_venue_are_refused(venues: VenueAccess, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failure:
        look_up(venues, tmp_path, "desks.eth.size=0.05", "desks.eth.slices=6")
    assert "desks.eth.slices: got 6" in str(failure.value)


@pytest.mark.parametrize("size", ["0.5" + "0" * 30 + "1", "999999999999.005"])
def test_a_size_with_however_many_digits_is_held_against_the_step(
    venues: VenueAccess, tmp_path: Path, size: str
) -> None:
    with pytest.raises(CommandFailed) as failure:
        look_up(venues, tmp_path, f"desks.eth.size={size}")
    assert "expected a multiple of 0.01" in str(failure.value)


def test_the_size_is_held_against_remembered_instruments_too(
    venues: VenueAccess, tmp_path: Path
) -> None:
    look_up(venues, tmp_path)
    with pytest.raises(CommandFailed) as caught:
        look_up(without(venues, GRVT, BACKPACK), tmp_path, "desks.eth.size=0.005")
    assert "expected at least 0.01" in str(caught.value)


def test_instruments_of_another_environment_are_not_taken(
    venues: VenueAccess, tmp_path: Path
) -> None:
    look_up(venues, tmp_path)
    elsewhere = msgspec.structs.replace(
        without(venues, GRVT), environments={GRVT: "testnet", BACKPACK: "paper"}
    )
    with pytest.raises(CommandFailed):
        look_up(elsewhere, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema":"x","venues":{}}'])
def test_a_file_that_makes_no_sense_is_as_good_as_none_and_is_replaced(
    venues: VenueAccess, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CommandFailed):
        look_up(without(venues, GRVT), tmp_path)
    found = look_up(venues, tmp_path)
    assert look_up(without(venues, GRVT), tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_that_takes_no_file_is_no_reason_not_to_start(
    venues: VenueAccess, tmp_path: Path
) -> None:
    assert look_up(venues, tmp_path / "gone")[GRVT]
