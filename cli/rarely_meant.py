"""What of a configuration is allowed and rarely meant, found in the tree that it would make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.schema import ConnectionConfig, KetchConfig
from supervision.spec import SupervisorSpec, warnings
from supervision.tree import Service, service_tree

_NOBODY: Any = None


class _Unreached:
    """In the place of a venue's access: what the shape of the tree asks of one, and no venue."""

    def __init__(self, connection: ConnectionConfig) -> None:
        self.instruments: dict[str, object] = {}
        self.connection = connection


def shape(config: KetchConfig) -> SupervisorSpec:
    """The tree of a configuration, to be looked at: none of its actors could be built."""
    grvt: Any = _Unreached(config.venues.grvt.connection)
    backpack: Any = _Unreached(config.venues.backpack.connection)
    return service_tree(
        Service(
            config=config,
            grvt=grvt,
            backpack=backpack,
            journal=Path(),
            cycles=None,
            run_began_ns=0,
            on_done=_NOBODY,
            on_record=_NOBODY,
        )
    )


def rarely_meant(config: KetchConfig) -> tuple[str, ...]:
    """One sentence each, beginning with the actor's path as ``ketch tree`` has it."""
    tree = shape(config)
    return tuple(text.removeprefix(f"{tree.id}/") for text in warnings(tree))
