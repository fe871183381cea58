"""The wait for a tree's first instances: its end, a wish to stop, a failure, too long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from loguru import logger

from cli.booting import wait_boot
from supervision import exit_codes
from supervision.errors import BootFailed
from supervision.policy import Boot
from supervision.root import RootHandle
from tests.support.supervision_live import BOUND_S, Puppet, Stage


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    yield lines
    logger.remove(sink)


@contextmanager
def slow(stage: Stage) -> Iterator[tuple[RootHandle, Callable[[], object]]]:
    """A tree with a child that takes its time to start, and what lets it go on."""
    go_on = threading.Event()

    def birth(_: Puppet) -> None:
        go_on.wait(BOUND_S)

    quick, late = stage.spec("quick"), stage.spec("late", birth, boot=Boot.REQUIRED)
    with stage.tree(quick, late) as root:
        try:
            yield root, go_on.set
        finally:
            go_on.set()


def never() -> bool:
    return False


def test_a_boot_that_succeeds_is_waited_for() -> None:
    stage = Stage()
    with slow(stage) as (root, go_on):
        go_on()
        assert wait_boot(root, stage.directory, stopped=never, timeout_s=BOUND_S)


def test_who_wants_to_stop_does_not_wait_for_the_boot() -> None:
    stage = Stage()
    with slow(stage) as (root, _):
        assert not wait_boot(root, stage.directory, stopped=lambda: True, timeout_s=BOUND_S)


def test_what_takes_too_long_is_named_and_left_to_its_supervisor(said: list[str]) -> None:
    stage = Stage()
    with slow(stage) as (root, go_on):
        assert not wait_boot(root, stage.directory, stopped=never, timeout_s=0.1)
        assert said == ["not everything has started within 0.1 s, going on without: late\n"]
        go_on()
        assert root.wait_ready(BOUND_S)


def test_a_boot_that_fails_ends_the_wait_and_is_told_by_the_root() -> None:
    def fail(_: Puppet) -> None:
        raise ValueError("no disk")

    stage = Stage()
    with stage.tree(stage.spec("journal", fail, boot=Boot.REQUIRED)) as root:
        assert not wait_boot(root, stage.directory, stopped=never, timeout_s=BOUND_S)
        assert isinstance(root.failure, BootFailed)
        assert root.exit_code == exit_codes.BOOT_FAILED
