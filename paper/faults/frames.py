"""What happens to private stream messages between the venue and its clients."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from paper.faults.edit import edited, padded, with_sizes
from paper.faults.effects import Effects
from paper.faults.venue import Frames

Send = Callable[[bytes], None]
_SWAP_LIMIT_S = 1.0


class BinaryFrame(bytes):
    """A message that leaves with the binary opcode instead of the text one."""


class FrameFaults:
    """Stands before the sending of private messages. Loop thread only."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._held: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def take(self, connection: str, kind: str) -> Frames | None:
        """The fault that the next message of this kind (``fill``) meets, if there is one."""
        fault = self._effects.take(Frames, connection, lambda one: one.kind in ("any", kind))
        if fault is not None:
            self._effects.hit(fault, kind)
        return fault

    def deliver(self, connection: str, fault: Frames | None, frame: bytes, send: Send) -> None:
        """Send a message as ``fault`` wants it; ``send`` reaches whoever listens when it is called.

        What was held back for a swap leaves right after it.
        """
        if fault is None:
            send(frame)
        elif fault.do == "swap":
            self._hold(connection, lambda: send(frame), fault.after_s or _SWAP_LIMIT_S)
            return
        elif fault.do == "late":
            _later(fault.after_s, lambda: send(frame))
            return
        elif fault.do == "repeat":
            send(frame)
            for _ in range(fault.copies):
                _later(fault.after_s, lambda: send(frame))
        elif fault.do != "drop":
            send(spoilt(frame, fault))
        self._release(connection)

    def _hold(self, connection: str, send: Callable[[], None], limit_s: float) -> None:
        held = self._held[connection]
        held.append(send)

        def give_up() -> None:
            if send in held:
                held.remove(send)
                send()

        asyncio.get_running_loop().call_later(limit_s, give_up)

    def _release(self, connection: str) -> None:
        held = self._held.get(connection)
        while held:
            held.pop(0)()


def spoilt(frame: bytes, fault: Frames) -> bytes:
    """The message as this fault leaves it."""
    if fault.do == "cut":
        return frame[: len(frame) // 2]
    if fault.do == "utf8":
        middle = len(frame) // 2
        return frame[:middle] + b"\xff\xfe" + frame[middle:]
    if fault.do == "binary":
        return BinaryFrame(frame)
    if fault.do == "huge":
        return padded(frame)
    if fault.do == "number":
        return with_sizes(frame, fault.text)
    return edited(frame, fault.set, fault.remove)


def _later(delay_s: float, send: Callable[[], None]) -> None:
    if delay_s:
        asyncio.get_running_loop().call_later(delay_s, send)
    else:
        send()
