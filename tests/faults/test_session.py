"""Faults 6, 8 and 12: who we are to the venues, and that they listen to us."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervision.states import ChildState
from tests.support.faults import LEADERS, PRIVATE, RESUME_S, scene, soak
from venues.model import GRVT

LOGIN: dict[str, object] = {"connection": "grvt/session", "route": "/login"}
FAILING_LOGINS: dict[str, dict[str, object]] = {
    "500": {"status": 500, "body": '{"code":1002,"message":"Internal Server Error","status":500}'},
    "hangs": {"reply": "none"},
    "no cookie": {"status": 200, "body": '{"status":"success"}'},
}


@pytest.mark.parametrize("swapped", [False, True], ids=["grvt hedges", "grvt leads"])
def test_6_the_session_cookie_expires_and_is_renewed(tmp_path: Path, swapped: bool) -> None:
    """As an order arrives all cookies become void and the socket ends: 401 to the next one."""
    with scene(tmp_path, swapped=swapped) as the:
        the.arm("expire", connection="grvt", at=the.at("hedge_recv"))
        the.arm("drop", connection="grvt/trading", at=the.at("hedge_recv"))
        with the.service() as run:
            the.fired(2)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)
        assert len(the.logins_s()) == 2


@pytest.mark.parametrize(
    "how", ["500", *(pytest.param(h, marks=soak) for h in ("hangs", "no cookie"))]
)
@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=soak)])
def test_6_the_cookie_expires_and_its_renewal_fails_for_a_time(
    tmp_path: Path, how: str, swapped: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at("hedge_recv" if swapped else "primary_fill")
        the.arm("answer", **LOGIN, for_s=20 if swapped else 3, **FAILING_LOGINS[how], at=at)
        the.arm("expire", connection="grvt", at=at)
        the.arm("drop", connection="grvt/trading", at=at)
        with the.service() as run:
            the.met()
            the.run_on(run, within_s=20 + RESUME_S)
            the.finish(run)
        the.judged(naked_q_s=15)
        asked = the.logins_s()
        assert all(later - earlier > 59 for earlier, later in zip(asked, asked[4:], strict=False))


@LEADERS
@pytest.mark.parametrize("how", ["silence", pytest.param("error", marks=soak)])
def test_8_private_subscription_absent_after_reconnect(
    tmp_path: Path, venue: str, swapped: bool, how: str
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        at = the.at(f"{the.leg(venue)}_fill")
        the.arm("subscribe", connection=PRIVATE[venue], how=how, at=at)
        the.arm("drop", connection=PRIVATE[venue], at=at)
        with the.service() as run:
            the.met()
            run.wait_status(PRIVATE[venue], ChildState.RUNNING, 3)
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)


@pytest.mark.parametrize("swapped", [True, False], ids=["grvt leads", "grvt hedges"])
@pytest.mark.parametrize("code", [1000, pytest.param(1011, marks=soak)])
@pytest.mark.parametrize("execute", [True, False], ids=["executed", "not executed"])
def test_12_the_socket_is_closed_as_an_order_is_written(
    tmp_path: Path, swapped: bool, code: int, execute: bool
) -> None:
    with scene(tmp_path, swapped=swapped) as the:
        the.arm(
            "answer", connection="grvt/trading", route="create_order", reply="close",
            close_code=code, execute=execute, at=the.at(f"{the.leg(GRVT)}_recv"),
        )  # fmt: skip
        with the.service() as run:
            the.met()
            the.run_on(run)
            the.finish(run)
        the.judged(naked_q_s=3)
