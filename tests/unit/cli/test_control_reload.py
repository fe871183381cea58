"""Reload: what applies to a running tree, what needs a restart, and that errors change nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.control_schema import ReloadDone
from cli.exits import CONFIGURATION, CommandFailed
from cli.reload import Reloader, changes, summary
from cli.settings import Settings, load_settings
from config.loader import Loaded
from supervision.errors import AskTimeout
from supervision.policy import Limiter
from supervision.spec import SpecError, SpecErrors, SupervisorSpec
from supervision.tree import Service


class Root:
    """Takes the place of the running tree: keeps the spec, or refuses it."""

    def __init__(self) -> None:
        self.spec: SupervisorSpec | None = None
        self.refusal: Exception | None = None

    def reload(self, spec: SupervisorSpec, *, limiters: dict[str, Limiter]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.spec, self.limiters = spec, limiters

    def policy(self, path: str) -> Any:
        venue, child = path.split("/")
        assert self.spec is not None
        supervisor: Any = next(each for each in self.spec.children if each.id == venue)
        return next(each.policy for each in supervisor.children if each.id == child)


class Bench:
    """A reloader whose configuration file is ``overrides``."""

    def __init__(self) -> None:
        self.overrides: list[str] = []
        self.root = Root()
        started = load_settings(None, ()).config
        none: Any = None
        service = Service(
            config=started, grvt=_ACCESS, backpack=_ACCESS, journal=Path("journal"), cycles=None,
            run_began_ns=0, on_done=none, on_record=none,
        )  # fmt: skip
        self.reloader = Reloader(service, started, self._read)

    def _read(self) -> Loaded[Settings]:
        return load_settings(None, self.overrides)

    def reload(self, *overrides: str) -> ReloadDone:
        self.overrides = list(overrides)
        root: Any = self.root
        return self.reloader.reload(root)


class _Access:
    """What the tree's shape asks of a venue's access, and nothing that is used."""

    instruments: dict[str, object] = {}  # noqa: RUF012 - never written to
    connection = load_settings(None, ()).config.venues.grvt.connection


_ACCESS: Any = _Access()
BACKOFF = "supervision.policies.connection.backoff.max"


def paths(found: tuple[Any, ...]) -> list[str]:
    return [change.path for change in found]


def test_the_same_configuration_changes_nothing() -> None:
    done = Bench().reload()
    assert done == ReloadDone(outcome="unchanged")
    assert summary(done) == "nothing to apply"


def test_figures_of_supervision_reach_the_tree_at_once() -> None:
    bench = Bench()
    done = bench.reload(f"{BACKOFF}=7")
    assert (done.outcome, paths(done.applied), done.needs_restart) == ("applied", [BACKOFF], ())
    assert bench.root.policy("grvt/trading").backoff.max == 7


def test_so_do_limiters_and_the_figures_of_the_root() -> None:
    bench = Bench()
    overrides = ("supervision.limiters.default.rate=3", "supervision.root.shutdown_deadline=20")
    done = bench.reload(*overrides)
    assert done.needs_restart == ()
    assert bench.root.limiters["default"].rate == 3
    assert bench.root.spec is not None
    assert bench.root.spec.shutdown_deadline == 20


def test_what_applied_is_what_the_next_reload_compares_with() -> None:
    bench = Bench()
    bench.reload(f"{BACKOFF}=7")
    assert bench.reload(f"{BACKOFF}=7").outcome == "unchanged"
    assert paths(bench.reload().applied) == [BACKOFF]


@pytest.mark.parametrize(
    "override",
    [
        "desks.eth.size=0.25",
        "log.level=debug",
        "venues.grvt.connection.expiry_s=4",
        "paper.seed=9",
    ],
)
def test_everything_else_needs_a_restart_until_it_has_had_one(override: str) -> None:
    bench = Bench()
    for _ in range(2):
        done = bench.reload(override)
        assert done.outcome == "unchanged"
        assert paths(done.needs_restart) == [override.partition("=")[0]]


def test_the_account_of_live_trading_is_not_told() -> None:
    before, after = (load_settings(None, o).config for o in ((), ("live.confirm_account=123456",)))
    (change,) = changes(before, after)
    assert (change.path, change.configured) == ("live.confirm_account", "***")


def broken_file(bench: Bench) -> None:
    bench.overrides = ["supervision.policies.worker.backoff.max=-1", "desks.eth.szie=1"]


def refused_spec(bench: Bench) -> None:
    bench.overrides = [f"{BACKOFF}=7"]
    bench.root.refusal = SpecErrors((SpecError("root/x", "1", "2"),))


@pytest.mark.parametrize("spoil", [broken_file, refused_spec])
def test_what_is_wrong_is_said_and_nothing_is_applied(spoil: Callable[[Bench], None]) -> None:
    bench = Bench()
    spoil(bench)
    done = bench.reload(*bench.overrides)
    assert (done.outcome, done.applied) == ("invalid", ())
    assert done.errors
    assert bench.root.spec is None
    bench.root.refusal = None
    assert paths(bench.reload(f"{BACKOFF}=7").applied) == [BACKOFF]


def test_every_error_of_the_file_is_told() -> None:
    bench = Bench()
    done = bench.reload("supervision.policies.worker.backoff.max=-1", "desks.eth.szie=1")
    assert len(done.errors) == 2
    with pytest.raises(CommandFailed) as caught:
        load_settings(None, ("desks.eth.szie=1",))
    assert caught.value.code == CONFIGURATION


def test_a_supervisor_that_does_not_answer_is_said_to_be_late() -> None:
    bench = Bench()
    bench.root.refusal = AskTimeout("grvt", "Reload", 5.0)
    done = bench.reload(f"{BACKOFF}=7")
    assert done.outcome == "timeout"
    assert "some of it may be applied; reload again" in summary(done)
    bench.root.refusal = None
    assert paths(bench.reload(f"{BACKOFF}=7").applied) == [BACKOFF]
