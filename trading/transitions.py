"""The transition table of an order: where it is in its life, and what may happen to it there.

``intended → sent → open → partially_filled → filled | cancelled | rejected | expired``, with
``cancel_pending`` from our request to cancel until the venue says how it ended, and ``in_doubt``
for whatever was sent and not answered. A pair without a row is an error that names both.
"""

from __future__ import annotations

import enum


class OrderState(enum.Enum):
    """Where an order is in its life, as far as we know."""

    INTENDED = "intended"
    SENT = "sent"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_PENDING = "cancel_pending"
    IN_DOUBT = "in_doubt"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    NOT_SENT = "not_sent"

    __hash__ = object.__hash__  # Enum's own is Python code, and states are keys of the table

    @property
    def resolved(self) -> bool:
        """True when the outcome is known: nothing more can execute."""
        return self in _RESOLVED


_RESOLVED = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
        OrderState.NOT_SENT,
    }
)


class OrderEvent(enum.Enum):
    """What can happen to an order."""

    SEND = "send"
    WITHHOLD = "withhold"
    LOSE = "lose"
    REQUEST_CANCEL = "request_cancel"
    ACCEPT = "accept"
    PART_FILL = "part_fill"
    FILL = "fill"
    CANCEL = "cancel"
    REJECT = "reject"
    EXPIRE = "expire"
    PROVE_ABSENT = "prove_absent"


_S, _E = OrderState, OrderEvent
UNRESOLVED_ROWS = {
    _E.ACCEPT: _S.OPEN,
    _E.PART_FILL: _S.PARTIALLY_FILLED,
    _E.FILL: _S.FILLED,
    _E.CANCEL: _S.CANCELLED,
    _E.REJECT: _S.REJECTED,
    _E.EXPIRE: _S.EXPIRED,
}

NEXT: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (_S.INTENDED, _E.SEND): _S.SENT,
    (_S.INTENDED, _E.WITHHOLD): _S.NOT_SENT,
    # The actor that took it for sending may find that it can't; nothing has left the process.
    (_S.SENT, _E.WITHHOLD): _S.NOT_SENT,
    **{(_S.SENT, event): state for event, state in UNRESOLVED_ROWS.items()},
    **{(_S.IN_DOUBT, event): state for event, state in UNRESOLVED_ROWS.items()},
    **{(_S.OPEN, event): state for event, state in UNRESOLVED_ROWS.items()},
    **{(_S.PARTIALLY_FILLED, event): state for event, state in UNRESOLVED_ROWS.items()},
    # A stream can be behind a reply: "open" after a partial fill takes nothing back.
    (_S.PARTIALLY_FILLED, _E.ACCEPT): _S.PARTIALLY_FILLED,
    # It may be asked for before the venue has answered the order itself, and more than once.
    (_S.SENT, _E.REQUEST_CANCEL): _S.CANCEL_PENDING,
    (_S.OPEN, _E.REQUEST_CANCEL): _S.CANCEL_PENDING,
    (_S.PARTIALLY_FILLED, _E.REQUEST_CANCEL): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _E.REQUEST_CANCEL): _S.CANCEL_PENDING,
    # What is in doubt may not be there: the request changes nothing until the venue knows it.
    (_S.IN_DOUBT, _E.REQUEST_CANCEL): _S.IN_DOUBT,
    **{(_S.CANCEL_PENDING, event): state for event, state in UNRESOLVED_ROWS.items()},
    # It rests and executes until it is cancelled.
    (_S.CANCEL_PENDING, _E.ACCEPT): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _E.PART_FILL): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _E.LOSE): _S.IN_DOUBT,
    (_S.CANCEL_PENDING, _E.WITHHOLD): _S.NOT_SENT,
    (_S.SENT, _E.LOSE): _S.IN_DOUBT,
    (_S.OPEN, _E.LOSE): _S.IN_DOUBT,
    (_S.PARTIALLY_FILLED, _E.LOSE): _S.IN_DOUBT,
    (_S.IN_DOUBT, _E.LOSE): _S.IN_DOUBT,
    # The connection was lost first, and then its gateway found that it had sent nothing.
    (_S.IN_DOUBT, _E.WITHHOLD): _S.NOT_SENT,
    # The venue, asked after the order's own expiry, knows neither the order nor a fill of it.
    (_S.IN_DOUBT, _E.PROVE_ABSENT): _S.EXPIRED,
}


class IllegalTransition(Exception):
    """An event that has no row in the table for the state the order is in."""

    def __init__(self, client_order_id: int, state: OrderState, event: OrderEvent) -> None:
        super().__init__(client_order_id, state, event)
        self.client_order_id = client_order_id
        self.state = state
        self.event = event

    def __str__(self) -> str:
        return f"order {self.client_order_id}: no {self.event.value} in state {self.state.value}"
