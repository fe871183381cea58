"""How often, for how long and for whom a fault acts; and what it does to a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from paper.faults import Answer, At, Faults, Frames, Hit, Hook, Lose, Refuse
from paper.faults.edit import HUGE_BYTES, edited, padded, with_sizes
from paper.faults.frames import BinaryFrame
from paper.faults.venue import RouteFault

FEED = "backpack/feed"


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(faults: Faults, times: int = 1, connection: str = "grvt/rest") -> list[bool]:
    """Which of the next matches meet a fault."""
    return [
        faults.effects.take(RouteFault, connection, lambda _: True) is not None
        for _ in range(times)
    ]


def test_a_fault_meets_the_next_match_or_as_many_as_it_says() -> None:
    faults = Faults()
    faults.arm(Lose(connection="grvt", route="x"))
    assert taken(faults, 2) == [True, False]
    faults.arm(Lose(connection="grvt", route="x", times=2))
    assert taken(faults, 3) == [True, True, False]


def test_a_fault_with_a_time_meets_everything_until_then() -> None:
    clock = Seconds()
    faults = Faults(clock)
    faults.arm(Lose(connection="grvt/rest", route="x", for_s=5))
    assert taken(faults, 3) == [True, True, True]
    assert taken(faults, connection="grvt/session") == [False]
    clock.now = 5.0
    assert taken(faults) == [False]


def test_the_first_matches_may_be_spared() -> None:
    faults = Faults()
    faults.arm(Lose(connection="grvt", route="x", skip=2))
    assert taken(faults, 4) == [False, False, True, False]


def test_a_share_and_a_seeded_truth_follow_from_the_seed_alone() -> None:
    def drawn(seed: int) -> tuple[list[bool], list[bool]]:
        faults = Faults(seed=seed)
        faults.arm(Answer(connection="grvt", route="x", times=200, share=0.3))
        hit, truths = [], []
        for _ in range(300):
            found = faults.effects.take(RouteFault, "grvt/rest", lambda _: True)
            hit.append(found is not None)
            truths.append(found is not None and faults.effects.truth())
        return hit, truths

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    hit, truths = drawn(1)
    assert 60 < sum(hit) < 120
    assert 0.3 < sum(truths) / sum(hit) < 0.7


def test_a_seeded_truth_does_not_depend_on_which_fault_acts_first() -> None:
    def truths(*order: Hook) -> dict[str, bool]:
        faults = Faults(seed=3)
        faults.arm(Answer(connection="grvt", route="r0", at=At(hook="fill")))
        faults.arm(Answer(connection="grvt", route="r1", at=At(hook="accept")))
        for hook in order:
            faults.reached(1, hook, 1)
        return {route: truth(faults, route) for route in ("r0", "r1")}

    def truth(faults: Faults, route: str) -> bool:
        assert faults.effects.take(RouteFault, "grvt/rest", lambda one: one.route == route)
        return faults.effects.truth()

    assert truths("fill", "accept") == truths("accept", "fill")


def test_a_fault_that_lasts_tells_once_that_it_touched_something() -> None:
    faults = Faults()
    faults.arm(Refuse(connection="grvt", for_s=5))
    assert not faults.hits
    assert [faults.refusing("grvt/rest"), faults.refusing("grvt/rest")] == [True, True]
    (hit,) = faults.hits
    assert hit.detail == "grvt/rest"


def test_a_meeting_is_told_with_what_came_of_it() -> None:
    heard: list[Hit] = []
    faults = Faults(on_hit=heard.append)
    fault = Lose(connection="grvt", route="x")
    faults.effects.hit(fault, "not executed")
    assert heard == [Hit(fault=fault, detail="not executed")] == list(faults.hits)


def run(check: Callable[[Faults, list[bytes]], None], *, wait: bool = False) -> list[bytes]:
    """What has been sent when ``check`` is over, and everything that was late has left."""
    sent: list[bytes] = []

    async def go() -> None:
        check(Faults(), sent)
        if wait:
            done = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.03, done.set_result, None)
            await done

    asyncio.run(go())
    return sent


def told(faults: Faults, sent: list[bytes], *frames: str) -> None:
    """Messages such as ``fill 1``, whose first word is their kind."""
    for frame in frames:
        fault = faults.frames.take(FEED, frame.split()[0])
        faults.frames.deliver(FEED, fault, frame.encode(), sent.append)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"do": "drop", "kind": "fill"}, [b"order 1", b"fill 2"]),
        ({"do": "repeat", "copies": 2, "kind": "fill"}, [
            b"order 1", b"fill 1", b"fill 1", b"fill 1", b"fill 2"]),
        ({"do": "repeat", "after_s": 0.01, "kind": "fill"}, [
            b"order 1", b"fill 1", b"fill 2", b"fill 1"]),
        ({"do": "late", "after_s": 0.01}, [b"fill 1", b"fill 2", b"order 1"]),
        ({"do": "swap", "kind": "fill"}, [b"order 1", b"fill 2", b"fill 1"]),
        ({"do": "swap", "kind": "fill", "skip": 1, "after_s": 0.01}, [
            b"order 1", b"fill 1", b"fill 2"]),
    ],
)  # fmt: skip
def test_messages_are_dropped_repeated_late_and_swapped(
    fault: dict[str, Any], seen: list[bytes]
) -> None:
    def check(faults: Faults, sent: list[bytes]) -> None:
        faults.arm(Frames(connection=FEED, **fault))
        told(faults, sent, "order 1", "fill 1", "fill 2")

    assert run(check, wait=True) == seen


FILL = b'{"stream":"s","data":{"e":"orderFill","l":"0.5","X":"Filled","c":7}}'


def spoilt(**fault: Any) -> bytes:
    def check(faults: Faults, sent: list[bytes]) -> None:
        faults.arm(Frames(connection=FEED, **fault))
        faults.frames.deliver(FEED, faults.frames.take(FEED, "fill"), FILL, sent.append)

    (frame,) = run(check)
    return frame


def test_a_message_is_cut_or_garbled_or_too_large() -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(spoilt(do="cut"))
    with pytest.raises(UnicodeDecodeError):
        spoilt(do="utf8").decode()
    assert isinstance(spoilt(do="binary"), BinaryFrame)
    assert len(spoilt(do="huge")) > HUGE_BYTES


def test_sizes_become_what_no_size_is() -> None:
    assert b'"l":"NaN"' in spoilt(do="number")
    assert b'"l":"1e400"' in spoilt(do="number", text="1e400")
    nested = b'{"feed":{"state":{"traded_size":["0.1"]},"legs":[{"size":"1.0"}]}}'
    assert msgspec.json.decode(with_sizes(nested, "NaN")) == {
        "feed": {"state": {"traded_size": ["NaN"]}, "legs": [{"size": "NaN"}]}
    }


def test_fields_are_set_added_and_removed_at_any_depth() -> None:
    frame = spoilt(do="edit", set={"X": "Suspended", "new": 1}, remove=("c",))
    assert msgspec.json.decode(frame)["data"] == {
        "e": "orderFill", "l": "0.5", "X": "Suspended", "new": 1
    }  # fmt: skip
    assert edited(b"<html>", {"a": 1}, ()) == b"<html>"
    assert edited(b'[{"a":1}]', {"a": 2}, ()) == b'[{"a":2}]'
    assert msgspec.json.decode(padded(b'{"a":1}'))["a"] == 1
