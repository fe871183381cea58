"""Signals wake the main thread, however many come and whenever."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from cli.signals import Signals

_TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in _TAKEN}
    taken = Signals()
    taken.install()
    yield taken
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_ends_the_wait_and_is_counted(signals: Signals) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    signals.wait(30)
    assert signals.count == 1


def test_a_hangup_is_no_wish_to_stop(signals: Signals) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    signals.wait(30)
    assert (signals.hangup, signals.count) == (True, 0)


def test_another_thread_can_wake_it(signals: Signals) -> None:
    threading.Thread(target=signals.wake).start()
    signals.wait(30)
    assert signals.count == 0


def test_a_storm_of_signals_neither_hangs_nor_fills_the_pipe(signals: Signals) -> None:
    def rage() -> None:
        for _ in range(2_000):
            os.kill(os.getpid(), signal.SIGINT)

    storm = threading.Thread(target=rage)
    storm.start()
    while storm.is_alive():
        signals.wait(0.01)
    for _ in range(100_000):
        signals.wake()
    signals.wait(30)
    assert signals.count >= 1


def test_a_wake_before_the_wait_is_not_lost_and_serves_once(signals: Signals) -> None:
    signals.wake()
    signals.wait(30)
    signals.wait(0)
    assert signals.count == 0
