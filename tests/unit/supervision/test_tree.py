"""The shape of the service: what of it the configuration can tune."""

from __future__ import annotations

import msgspec

from cli.rarely_meant import shape
from cli.settings import load_settings
from supervision.policy import Gate, Watchdog
from supervision.spec import ChildSpec, SupervisorSpec


def tree(*overrides: str) -> SupervisorSpec:
    return shape(load_settings(None, overrides).config)


def child(spec: SupervisorSpec, name: str) -> ChildSpec | SupervisorSpec:
    (found,) = [one for one in spec.children if one.id == name]
    return found


def test_a_supervisor_is_restarted_by_figures_of_its_own() -> None:
    spec = tree(
        "supervision.policies.supervisor.backoff.max=7",
        "supervision.children.grvt.backoff.initial=3",
    )
    for name, initial in (("grvt", 3), ("backpack", 1), ("eth", 1)):
        backoff = child(spec, name).policy.backoff
        assert backoff is not None
        assert (backoff.initial, backoff.max) == (initial, 7)


def test_what_stands_on_a_login_need_not_wait_until_that_has_proven_itself() -> None:
    """An order in doubt at GRVT can be asked for as soon as there is a login again."""
    grvt = child(tree(), "grvt")
    assert isinstance(grvt, SupervisorSpec)
    (login,) = [at for at, one in enumerate(grvt.children) if one.id == "session"]
    assert {one.gate for one in grvt.children[login + 1 :]} == {Gate.UP}


def test_a_login_outlives_a_stall_and_no_lasting_connection_does() -> None:
    for venue, stay in (
        ("grvt", {"orders", "session", "queries", "heartbeat"}),
        ("backpack", {"orders", "heartbeat"}),
    ):
        spec = child(tree(), venue)
        assert isinstance(spec, SupervisorSpec)
        children = [one for one in spec.children if isinstance(one, ChildSpec)]
        assert {one.id for one in children if one.outlives_stalls} == stay


def test_the_shipped_figures_are_the_built_in_ones_but_for_the_watchdog() -> None:
    for name in ("grvt", "backpack", "eth"):
        built_in = SupervisorSpec(name).policy
        assert built_in.watchdog is None
        shipped = msgspec.structs.replace(built_in, watchdog=Watchdog(timeout=10, interval=2))
        assert child(tree(), name).policy == shipped
