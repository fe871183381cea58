"""How a tree has ended, as exit codes of its process (those of sysexits.h).

Imports nothing: whoever maps them to the codes of a program has them without the threads.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
BOOT_FAILED: Final = 69
ESCALATED: Final = 70
ABANDONED_LIMIT: Final = 75
