"""What can be had of a venue now, one by one: it is seldom wholly there or wholly gone. Pure."""

from __future__ import annotations

import msgspec


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Why each of these can't be had of a venue as it should be; "" where it can.

    ``submit``: orders that open; ``cancel``: an end to what rests; ``fills``: news of executions as
    they happen; ``position``: what is held.
    """

    submit: str = ""
    cancel: str = ""
    fills: str = ""
    position: str = ""
