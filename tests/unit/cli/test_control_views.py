"""``ketch status`` and ``ketch tree`` as they are read at three in the morning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click
import pytest

from actors import control_schema as schema
from cli.status import problems, render, span
from cli.tree_view import render as render_tree
from tests.support.status import NOON, desk, node, status


def test_when_all_is_well_the_first_line_says_so() -> None:
    assert render(status()).splitlines()[0].endswith("nothing is wrong")


def test_what_is_wrong_comes_first_each_with_what_to_do() -> None:
    page = render(
        status(actors=(node("grvt/trading", state="open", failures_in_a_row=5, retry_in_s=42.0),))
    )
    lines = page.splitlines()
    assert "1 PROBLEM" in lines[0]
    assert "grvt/trading is left alone after 5 failures in a row, probe in 42 s" in lines[1]
    assert "ketch reset grvt/trading" in lines[2]
    assert page.index("PROBLEM") < page.index("eth: holding")


@pytest.mark.parametrize(
    ("spoiled", "text", "remedy"),
    [
        ({"board": False, "desks": ()}, "board does not answer", "ketch restart board"),
        (
            {"desks": (desk(halted="too much", settled=True),)},
            "has halted: too much",
            "ketch resume eth",
        ),
        (
            {"desks": (desk(halted="expected to start flat", unexplained=True),)},
            "has halted: expected to start flat",
            "ketch adopt eth",
        ),
        ({"desks": (desk(halted="x"),)}, "has halted", "ketch flatten eth"),
        ({"desks": (desk(reporting=False),)}, "coordinator is down", "ketch start eth/coordinator"),
        (
            {"desks": (desk(net=Decimal("0.5"), naked_s=75.0),)},
            "eth is naked: +0.5 for 1 min 15 s",
            "ketch flatten eth",
        ),
        (
            {"venues": (schema.Venue(venue="grvt", ready=False),)},
            "grvt is not ready",
            "named below",
        ),
        ({"abandoned": ("grvt/rest#3",)}, "hung threads were given up: grvt/rest#3", "ketch stop"),
    ],
)
def test_each_trouble_of_the_service_is_named_with_a_remedy(
    spoiled: dict[str, Any], text: str, remedy: str
) -> None:
    (found,) = problems(status(**spoiled))
    assert text in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("spoiled", "text", "remedy"),
    [
        ({"state": "failed", "kind": "fatal", "detail": "key unknown"},
         "x has failed (fatal): key unknown", "ketch reset x"),
        ({"state": "backing_off", "retry_in_s": 3.0, "detail": "reset by peer"},
         "x is down, restart in 3.0 s: reset by peer", "ketch start x"),
        ({"state": "half_open"}, "x has been on probation for 1 min", "ketch reset x"),
        ({"state": "stopped"}, "x is stopped", "ketch start x"),
        ({"state": "starting"}, "x has been starting for 1 min", "ketch restart x"),
        ({"health": "bad", "detail": "no data"}, "x is not well: no data", "ketch restart x"),
    ],
)  # fmt: skip
def test_each_state_that_is_not_running_is_named_with_a_remedy(
    spoiled: dict[str, Any], text: str, remedy: str
) -> None:
    (found,) = problems(status(actors=(node("x", **spoiled),)))
    assert text in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(
    "fine",
    [
        {"state": "running"},
        {"state": "waiting"},  # for another, which is named itself
        {"state": "starting", "for_s": 0.5},
    ],
)
def test_what_will_pass_by_itself_is_no_problem(fine: dict[str, Any]) -> None:
    assert problems(status(actors=(node("x", **fine),))) == []


def test_a_quantity_that_is_just_being_hedged_is_no_problem() -> None:
    page = status(desks=(desk(net=Decimal("0.5"), naked_s=0.04),))
    assert problems(page) == []
    assert "naked for 0.0 s" in render(page)


def test_a_paused_desk_is_said_to_be_and_how_to_resume_it() -> None:
    page = render(status(desks=(desk(paused=True),)))
    assert "paused: eth" in page.splitlines()[0]
    assert "ketch resume eth" in page


def limit(name: str, **changes: Any) -> schema.Limit:
    fields: dict[str, Any] = {
        "figure": Decimal("0.05"), "about": "of grvt", "at": Decimal("0.1"), "action": "reduce",
        "reason": "0.05 of grvt, limit 0.1",
    }  # fmt: skip
    return schema.Limit(limit=name, **(fields | changes))


def active(
    name: str, action: str = "reduce", reason: str = "0.05 of grvt, limit 0.1"
) -> schema.ActiveLimit:
    return schema.ActiveLimit(limit=name, action=action, reason=reason)


@pytest.mark.parametrize(
    ("action", "known", "text", "remedy"),
    [
        (
            "reduce", {}, "eth closes what is open, and opens nothing: margin_ratio: 0.05 of grvt",
            "it goes on by itself once that has been over for its clear_s",
        ),
        (
            "freeze", {"clears_in_s": 42.0}, "eth opens nothing: margin_ratio: 0.05 of grvt",
            "it goes on by itself in 42 s; to close all: ketch flatten eth",
        ),
        (
            "freeze", {"figure": None}, "eth opens nothing: margin_ratio",
            "it goes on by itself once that is known",
        ),
        ("halt", {}, "eth closes what is open, and halts: margin_ratio", "ketch resume eth"),
    ],
)  # fmt: skip
def test_each_limit_in_force_is_a_problem_with_its_end_and_a_command(
    action: str, known: dict[str, Any], text: str, remedy: str
) -> None:
    held = desk(
        limits_in_force=(active("margin_ratio", action),),
        limits=(limit("margin_ratio", action=action, **known),),
    )
    (problem,) = problems(status(desks=(held,)))
    assert problem.text.startswith(text)
    assert remedy in problem.remedy


def test_a_limit_of_the_account_is_looked_up_among_those_of_the_account() -> None:
    held = desk(limits_in_force=(active("account.daily_loss", "freeze"),))
    known = limit("daily_loss", clears_in_s=5.0)
    (problem,) = problems(status(desks=(held,), account_limits=(known,)))
    assert "in 5.0 s; at once: ketch resume eth" in problem.remedy


def test_a_halt_over_a_limit_is_one_problem() -> None:
    halted = desk(halted="daily_loss: 6, limit 5", limits_in_force=(active("daily_loss", "halt"),))
    assert len(problems(status(desks=(halted,)))) == 1


def test_a_desk_says_its_state_and_what_it_waits_for_but_nothing_twice() -> None:
    frozen = desk(
        state="frozen", phase="idle", paused=True,
        limits_in_force=(active("stream_age_s", "freeze", "4"),),
        waiting=("stream_age_s: 4", "paused", "grvt: 0.3 of 0.5 ETH within 30 bps of the bid"),
    )  # fmt: skip
    page = render(status(desks=(frozen,)))
    assert "eth: frozen, idle for" in page
    assert page.count("waits: ") == 1
    assert "waits: grvt: 0.3 of 0.5 ETH within 30 bps of the bid" in page


def test_every_limit_that_is_set_is_shown_with_its_figure_in_lines_of_a_screen() -> None:
    names = [f"limit_number_{number}" for number in range(12)]
    limits = tuple(limit(name, reason="") for name in names)
    unknown = limit("daily_loss", figure=None)
    page = render(status(desks=(desk(limits=limits),), account_limits=(unknown,)))
    assert all(f"{name} 0.05/0.1" in page for name in names)
    assert "account   daily_loss ?/0.1" in click.unstyle(page)
    assert max(len(line) for line in click.unstyle(page).splitlines()) <= 100


def test_what_an_account_holds_is_told_once_it_has_been_read() -> None:
    read = schema.Venue(venue="grvt", ready=True, equity=Decimal("999.5"), available=Decimal(900))
    page = render(status(venues=(read, schema.Venue(venue="backpack", ready=True))))
    assert "grvt: ready, equity 999.50, available 900.00" in page
    assert "backpack: ready\n" in page


def test_what_can_not_be_had_of_a_venue_is_said_with_its_reason_and_its_requests() -> None:
    requests = schema.Requests(
        left=3.4, burst=8, reserved=4, denied=2, refused=1, paused_for_s=12.0, barred_for_s=0.0
    )
    short = schema.Venue(venue="grvt", ready=True, cannot={"submit": "429"}, requests=requests)
    page = render(status(venues=(short,)))
    assert "submit no (429), cancel yes, fills yes, position yes" in page
    assert "requests: 3 of 8 left, 2 held back, 1 refused as too many" in page
    assert "nothing opens for 12 s" in page


def test_the_last_cycles_come_newest_first() -> None:
    def cycle(number: int) -> schema.Cycle:
        return schema.Cycle(
            cycle=number, outcome="completed", direction="buy", size=Decimal("0.5"),
            pnl=Decimal("-1.25"), fees={}, naked_ms=12.0, duration_s=2.0,
        )  # fmt: skip

    page = render(status(desks=(desk(cycles=(cycle(5), cycle(6))),)))
    assert page.index("cycle 6 ") < page.index("cycle 5 ")
    assert "pnl -1.2500" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (60, "1 min"), (3_599, "59 min 59 s"),
     (3_600, "1 h"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_a_duration_has_the_units_that_matter(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_tree_is_drawn_with_its_branches() -> None:
    nodes = (
        node("root", type="supervisor", depth=0, strategy="one_for_one"),
        node("grvt", type="supervisor", depth=1, strategy="rest_for_one"),
        node("grvt/orders"),
        node("grvt/trading"),
        node("eth", type="supervisor", depth=1, strategy="one_for_all"),
        node("eth/coordinator"),
    )
    page = render_tree(schema.Tree(at=NOON, nodes=nodes, abandoned=()))
    drawn = [click.unstyle(line).partition("running")[0].rstrip() for line in page.splitlines()]
    assert drawn[1:7] == [
        "root (one_for_one)",
        "├── grvt (rest_for_one)",
        "│   ├── orders",
        "│   └── trading",
        "└── eth (one_for_all)",
        "    └── coordinator",
    ]


def test_a_tree_tells_counts_the_next_attempt_the_last_failure_and_hung_threads() -> None:
    failure = schema.Failure(kind="error", detail="reset by peer", at=NOON)
    feed = node(
        "feed", state="open", epoch=9, failures_in_a_row=5, breaker_openings=2, retry_in_s=61.0,
        last_failure=failure, abandoned=("feed#3",),
    )  # fmt: skip
    root = node("root", type="supervisor", depth=0, strategy="one_for_one")
    tree = schema.Tree(at=NOON, nodes=(root, feed), abandoned=("feed#3",))
    page = click.unstyle(render_tree(tree))
    line = next(line for line in page.splitlines() if "feed" in line)
    assert line.split()[:6] == ["└──", "feed", "open", "#9", "5", "2"]
    assert "probe in 1 min 1 s" in line
    assert "last failure 12:00:00Z error: reset by peer" in line
    assert "given up: feed#3" in line
    assert "still hanging: feed#3" in page
