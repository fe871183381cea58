"""What the paper venues do wrong on purpose, to whom, and when.

A fault names a connection (``grvt/trading``), a venue (``grvt``: all of its connections) or an
account, and acts now, or when a hook is reached: hooks are counted per cycle, never in wall time,
so a drill hits the same instant of every run. A fault is one JSON object on the control port::

    {"action": "drop", "connection": "grvt/trading", "at": {"cycle": 7, "hook": "primary_fill"}}
"""

from paper.faults.base import At, Fault, Hook
from paper.faults.core import ClearAll, FaultRefused, Faults
from paper.faults.effects import Hit
from paper.faults.market import AnyMarket, Flood, Fund, Move, State, Stream
from paper.faults.outside import (
    AnyOutside,
    CancelOrders,
    Leverage,
    Liquidate,
    Mark,
    Signal,
    Take,
    Trade,
    Withdraw,
)
from paper.faults.rules import AnyRule, Deny, Maintenance, OrderRule, Shatter, Throttle
from paper.faults.venue import (
    Answer,
    AnyVenueFault,
    Clock,
    Delay,
    Drop,
    EditReply,
    Expire,
    Frames,
    Lag,
    Lose,
    Race,
    Refuse,
    Restart,
    Slow,
    Subscribe,
)
from paper.faults.wire import AnyWire, Blackhole, Closed, Cut, Fin, Hold, NoRead, Rst, Trickle

AnyFault = AnyVenueFault | AnyRule | AnyMarket | AnyOutside | AnyWire

__all__ = [
    "Answer", "AnyFault", "AnyMarket", "AnyOutside", "AnyRule", "AnyVenueFault", "AnyWire", "At",
    "Blackhole", "CancelOrders", "ClearAll", "Clock", "Closed", "Cut", "Delay", "Deny", "Drop",
    "EditReply", "Expire", "Fault", "FaultRefused", "Faults", "Fin", "Flood", "Frames", "Fund",
    "Hit", "Hold", "Hook", "Lag", "Leverage", "Liquidate", "Lose", "Maintenance", "Mark", "Move",
    "NoRead", "OrderRule", "Race", "Refuse", "Restart", "Rst", "Shatter", "Signal", "Slow",
    "State", "Stream", "Subscribe", "Take", "Throttle", "Trade", "Trickle", "Withdraw",
]  # fmt: skip
