"""Backpack's private feed: the venue acknowledges no subscription, so it is proven by its news."""

from __future__ import annotations

import time

from actors.backpack_feed import BackpackFeed, OrderAnswered
from tests.support.actors import PING, PONG, Peer, Script, ScriptedServer, frame
from tests.support.actors_venue import Scene, backpack_access

NEWS = (
    b'{"stream":"account.orderUpdate","data":{"e":"orderAccepted","E":1,"s":"ETH_USDC_PERP",'
    b'"c":7,"S":"Bid","o":"LIMIT","f":"IOC","q":"0.5","p":"2500","X":"New","i":"1","z":"0",'
    b'"Z":"0","V":"RejectTaker","T":1,"O":"USER"}}'
)


def subscribed(then: Script) -> Script:
    """A venue that takes the subscription in silence and answers the first ping."""

    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.read_frame()
        opcode, payload = peer.read_frame()
        assert opcode == PING
        peer.send(frame(PONG, payload))
        then(peer)

    return script


def answered(scene: Scene, order: int) -> None:
    scene.actor.tell(OrderAnswered(order, time.monotonic()))


def test_an_execution_that_it_is_not_told_of_shows_that_nobody_has_subscribed_it() -> None:
    scene = Scene("backpack", "feed")
    script = subscribed(lambda peer: peer.until_gone())
    with (
        ScriptedServer(script) as server,
        scene.playing(lambda c: BackpackFeed(c, backpack_access(server.http))),
    ):
        scene.ready()
        answered(scene, 7)
        assert "news of order 7: not subscribed?" in scene.failed().detail


def test_what_it_was_told_of_or_was_written_before_it_was_there_is_not_waited_for() -> None:
    def then(peer: Peer) -> None:
        peer.text(NEWS)
        peer.until_gone()

    scene = Scene("backpack", "feed")
    with (
        ScriptedServer(subscribed(then)) as server,
        scene.playing(lambda c: BackpackFeed(c, backpack_access(server.http))),
    ):
        scene.ready()
        scene.letter()  # the news
        scene.actor.tell(OrderAnswered(8, float("-inf")))
        answered(scene, 7)
        answered(scene, 9)
        assert "news of order 9" in scene.failed().detail


def test_a_peer_that_only_listens_is_given_up() -> None:
    def script(peer: Peer) -> None:
        peer.upgrade()
        peer.until_gone()

    scene = Scene("backpack", "feed")
    with (
        ScriptedServer(script) as server,
        scene.playing(lambda c: BackpackFeed(c, backpack_access(server.http))),
    ):
        assert "no answer to a subscription" in scene.failed().detail
