"""The shape of the service: what of it the configuration can tune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.settings import load_settings
from supervision.spec import ChildSpec, SupervisorSpec
from supervision.tree import Service, service_tree
from trading.ids import IdAllocator

_NOBODY: Any = None


class _Access:
    """What the tree's shape asks of a venue's access, and nothing that is used."""

    def __init__(self, timing: Any) -> None:
        self.instruments: dict[str, object] = {}
        self.connection = timing


def tree(*overrides: str) -> SupervisorSpec:
    config = load_settings(None, overrides).config
    grvt: Any = _Access(config.venues.grvt.connection)
    backpack: Any = _Access(config.venues.backpack.connection)
    service = Service(
        config=config, grvt=grvt, backpack=backpack, journal=Path("journal"), cycles=None,
        run_began_ns=0, on_done=_NOBODY, on_record=_NOBODY, ids=IdAllocator(1),
    )  # fmt: skip
    return service_tree(service)


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


def test_the_shipped_figures_are_the_built_in_ones() -> None:
    for name in ("grvt", "backpack", "eth"):
        assert child(tree(), name).policy == SupervisorSpec(name).policy
