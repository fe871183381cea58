"""Output that nobody takes costs its writer nothing."""

from __future__ import annotations

import io
import threading

from cli.nonblocking_stream import NonblockingStream

BOUND_S = 10.0


class Reader(io.StringIO):
    """Takes what is written, once it is let."""

    def __init__(self, error: OSError | None = None) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.reached = threading.Event()
        self.error = error

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.opened.wait(BOUND_S)
        if self.error is not None:
            raise self.error
        return super().write(text)


def test_lines_are_written_in_their_order() -> None:
    reader = Reader()
    reader.opened.set()
    stream = NonblockingStream(lambda: reader)
    for number in range(100):
        stream.write(f"{number}\n")
    assert stream.drain(BOUND_S)
    assert reader.getvalue().split() == [str(number) for number in range(100)]


def test_a_reader_that_takes_nothing_makes_nobody_wait_and_is_told_what_was_lost() -> None:
    reader = Reader()
    stream = NonblockingStream(lambda: reader, capacity=2)
    stream.write("first\n")
    assert reader.reached.wait(BOUND_S)
    for number in range(5):
        stream.write(f"{number}\n")
    assert not stream.drain(0.01)
    reader.opened.set()
    assert stream.drain(BOUND_S)
    stream.write("last\n")
    assert stream.drain(BOUND_S)
    assert reader.getvalue() == "first\n0\n1\n3 lines lost: nobody took them\nlast\n"


def test_a_full_disk_may_have_room_again() -> None:
    reader = Reader(OSError(28, "No space left on device"))
    reader.opened.set()
    stream = NonblockingStream(lambda: reader)
    stream.write("lost\n")
    assert stream.drain(BOUND_S)
    reader.error = None
    stream.write("kept\n")
    assert stream.drain(BOUND_S)
    assert reader.getvalue() == "kept\n1 lines lost: nobody took them\n"


def test_a_reader_that_is_gone_is_given_up() -> None:
    reader = Reader(BrokenPipeError())
    reader.opened.set()
    stream = NonblockingStream(lambda: reader)
    stream.write("nobody\n")
    assert stream.drain(BOUND_S)
    assert stream.gone
    assert stream.write("reads this\n") == 11
