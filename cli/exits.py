"""The exit codes of every command: the operator contract."""

from __future__ import annotations

from typing import Final

from supervision import exit_codes

DONE: Final = 0
UNEXPECTED: Final = 1
REFUSED: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
TIMEOUT: Final = 5
HALTED: Final = 6
EXPOSED: Final = 7
JUDGED: Final = 8
GAVE_UP: Final = exit_codes.ESCALATED
ABANDONED: Final = exit_codes.ABANDONED_LIMIT
CONFIGURATION: Final = 78


class CommandFailed(Exception):
    """A command ends here: ``text`` is all that the operator is shown, ``code`` the exit code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.text
