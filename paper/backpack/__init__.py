"""Backpack Exchange's REST and websocket protocols in front of a paper exchange."""

from paper.backpack.front_end import BackpackFrontEnd
from paper.backpack.settings import BackpackAccount, BackpackSettings

__all__ = ["BackpackAccount", "BackpackFrontEnd", "BackpackSettings"]
