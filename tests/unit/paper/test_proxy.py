"""What the fault proxy does to connections, seen from both of their ends."""

from __future__ import annotations

import asyncio
import errno
import time

import pytest

from paper.faults import (
    Blackhole,
    Closed,
    Cut,
    Drop,
    FaultRefused,
    Faults,
    Fin,
    Hold,
    NoRead,
    Rst,
    Trickle,
)
from paper.faults.wire import Direction
from paper.proxy import Wire
from paper.relay import Relay
from tests.support.paper_proxy import Place, at


def test_bytes_pass_in_both_directions_and_a_close_passes_too() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        client.send(b"hello")
        assert await venue.receive(5) == b"hello"
        venue.send(b"world")
        venue.writer.close()
        assert await client.rest() == b"world"

    at("backpack/api", check)


def test_half_a_close_leaves_the_other_direction_open() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        client.send(b"last")
        client.writer.write_eof()
        assert await venue.rest() == b"last"
        venue.send(b"answer")
        venue.writer.close()
        assert await client.rest() == b"answer"

    at("backpack/api", check)


def test_a_black_hole_leaves_both_ends_open_and_forwards_nothing() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        client.send(b"before")
        assert await venue.receive(6) == b"before"
        place.do(Blackhole(connection="backpack/ws"))
        client.send(b"lost")
        venue.send(b"lost")
        assert await client.hears_nothing()
        assert await venue.hears_nothing()
        assert not client.reader.at_eof()
        assert place.met() == ["backpack/market"]

    at("backpack/ws", check)


def test_a_connection_that_lost_bytes_in_a_black_hole_stays_silent_after_it() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Blackhole(connection="backpack"))
        client.send(b"lost")
        assert await venue.hears_nothing()
        place.faults.clear()
        client.send(b"later")
        assert await venue.hears_nothing()
        other, its_venue = await place.connected()
        other.send(b"fresh")
        assert await its_venue.receive(5) == b"fresh"

    at("backpack/ws", check)


def test_a_new_connection_into_a_black_hole_is_accepted_and_silent() -> None:
    async def check(place: Place) -> None:
        place.do(Blackhole(connection="grvt/trades"))
        client, venue = await place.connected()
        client.send(b"GET /ws/full")
        assert await venue.hears_nothing()

    at("grvt/trades", check)


def test_an_end_that_goes_in_the_dark_is_noticed_when_the_black_hole_ends() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Blackhole(connection="backpack/ws"))
        client.writer.close()
        assert await venue.hears_nothing()
        place.faults.clear()
        with pytest.raises(ConnectionResetError):
            await venue.rest()

    at("backpack/ws", check)


@pytest.mark.parametrize(("direction", "held"), [("up", "venue"), ("down", "client")])
def test_held_bytes_arrive_later_and_in_order(direction: Direction, held: str) -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Hold(connection="grvt/trades", direction=direction))
        sender, receiver = (client, venue) if held == "venue" else (venue, client)
        for part in (b"one", b"two", b"six"):
            sender.send(part)
            assert await receiver.hears_nothing()
        receiver.send(b"free")
        assert await sender.receive(4) == b"free"
        place.faults.clear()
        assert await receiver.receive(9) == b"onetwosix"

    at("grvt/trades", check)


def test_a_hold_ends_by_itself_and_a_close_waits_behind_the_bytes() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Hold(connection="backpack/api", for_s=0.1))
        client.send(b"late")
        client.writer.close()
        started = time.monotonic()
        assert await venue.rest() == b"late"
        assert time.monotonic() - started >= 0.09

    at("backpack/api", check)


def test_when_it_stops_reading_the_sender_gets_stuck_and_goes_on_later() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(NoRead(connection="grvt/trades", direction="up"))
        size = 32 << 20
        client.send(b"x" * size)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.writer.drain(), 0.1)
        place.faults.clear()
        assert len(await venue.receive(size)) == size

    at("grvt/trades", check)


def test_rst_resets_both_ends_and_fin_closes_them_in_order() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Rst(connection="grvt/rest"))
        for end in (client, venue):
            with pytest.raises(ConnectionResetError):
                await end.rest()
        client, venue = await place.connected()
        place.do(Fin(connection="grvt/rest"))
        assert (await client.rest(), await venue.rest()) == (b"", b"")

    at("grvt/trades", check)


def test_a_cut_lets_so_many_bytes_through_and_acts_once() -> None:
    async def check(place: Place) -> None:
        place.do(Cut(connection="backpack/api", after_bytes=3, direction="down"))
        client, venue = await place.connected()
        client.send(b"request")
        assert await venue.receive(7) == b"request"
        venue.send(b"abcdef")
        assert await client.receive(3) == b"abc"
        with pytest.raises(ConnectionResetError):
            await client.rest()
        client, venue = await place.connected()
        venue.send(b"abcdef")
        assert await client.receive(6) == b"abcdef"

    at("backpack/api", check)


def test_a_trickle_is_as_slow_as_asked_for() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Trickle(connection="backpack/api", bytes_per_s=200))
        started = time.monotonic()
        venue.send(b"x" * 40)
        assert len(await client.receive(40)) == 40
        assert time.monotonic() - started >= 0.17

    at("backpack/api", check)


def test_while_nobody_listens_connections_are_refused_and_live_ones_go_on() -> None:
    async def check(place: Place) -> None:
        client, venue = await place.connected()
        place.do(Closed(connection="backpack/api"))
        with pytest.raises(ConnectionRefusedError):
            await place.client()
        client.send(b"still")
        assert await venue.receive(5) == b"still"
        place.faults.clear()
        await place.wire.listening("backpack/api")
        other, its_venue = await place.connected()
        other.send(b"again")
        assert await its_venue.receive(5) == b"again"

    at("backpack/api", check)


def test_a_fault_by_a_connection_s_name_hits_only_what_goes_by_that_name() -> None:
    async def check(place: Place) -> None:
        market, its_venue = await place.connected()
        feed, feed_venue = await place.connected()
        port = feed_venue.writer.get_extra_info("peername")[1]
        place.faults.opened("backpack/feed", feed.writer.transport.abort, port)
        place.do(Blackhole(connection="backpack/feed"))
        feed_venue.send(b"fill")
        its_venue.send(b"depth")
        assert await market.receive(5) == b"depth"
        assert await feed.hears_nothing()
        assert place.met() == ["backpack/feed"]

    at("backpack/ws", check)


def test_a_wire_fault_of_an_endpoint_without_proxy_is_refused_with_the_remedy() -> None:
    async def check(place: Place) -> None:
        with pytest.raises(FaultRefused, match='proxied": \\["grvt/trades"\\]'):
            place.do(Rst(connection="grvt/trading"))
        place.faults.arm(Drop(connection="grvt/trading"))

    at("backpack/ws", check)


class Reset(asyncio.Transport):
    """A socket that its peer has reset, of which the loop has not heard yet."""

    def is_closing(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return True

    def write_eof(self) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")


def test_half_a_close_towards_a_peer_that_has_just_reset_the_connection_is_no_error() -> None:
    """It comes while the venue takes an order, which would never be matched."""
    end = Relay(Wire(Faults())).client
    end.connection_made(Reset())
    end.write_eof()
    assert end.open, "that it is gone is told by the loop"
