"""Logging of a command: to stderr, human or JSON, and nothing from the exchanges' SDKs."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from loguru import logger

from cli.nonblocking_stream import NonblockingStream
from config.schema import LogConfig

if TYPE_CHECKING:
    from loguru import Record

# They log API keys, cookies and signed orders, some of them through the root logger.
_TALKATIVE: Final = ("pysdk", "urllib3", "requests", "websockets", "asyncio")


def set_up(config: LogConfig, *, quiet: bool = False) -> None:
    """Send loguru to stderr as configured; ``quiet`` leaves warnings and worse."""
    level = "WARNING" if quiet and config.level in ("info", "debug", "trace") else config.level
    logger.remove()
    logger.configure(extra={"actor": "ketch"})
    logger.add(
        _write,
        level=level.upper(),
        format=_human,
        serialize=config.format == "json",
        backtrace=False,
        diagnose=False,  # it prints local variables, and some of them are secrets
        colorize=sys.stderr.isatty(),
    )
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.CRITICAL)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


# Whatever stderr is at that moment: a live view wraps it. Logging waits for nobody.
_STDERR: Final = NonblockingStream(lambda: sys.stderr)


def _write(message: str) -> None:
    _STDERR.write(message)


def _human(record: Record) -> str:
    where = "<cyan>{extra[actor]}</cyan>"
    if "epoch" in record["extra"]:
        where += "<dim>#{extra[epoch]}</dim>"
    if "cycle" in record["extra"]:
        where += " <dim>cycle {extra[cycle]}</dim>"
    return (
        "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> "
        + where
        + " {message}\n{exception}"
    )
