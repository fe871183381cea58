"""What a schema can say about a setting beyond its type; for use within ``typing.Annotated``.

msgspec accepts limits on int and float only (``msgspec.Meta(gt=0)`` on a Decimal is a TypeError),
so a Decimal's limits travel in ``extra``, where the loader finds them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

LIMITS: Final = ("gt", "ge", "lt", "le")

SECRET: Final = msgspec.Meta(extra={"secret": True})
"""The value is shown as ``***`` in ``config show`` and in errors."""


def bounded(
    *,
    gt: int | str | None = None,
    ge: int | str | None = None,
    lt: int | str | None = None,
    le: int | str | None = None,
) -> msgspec.Meta:
    """Limits of a Decimal: ``Annotated[Decimal, bounded(gt=0, le="0.5")]``."""
    given: dict[str, Any] = dict(zip(LIMITS, (gt, ge, lt, le), strict=True))
    return msgspec.Meta(
        extra={name: Decimal(limit) for name, limit in given.items() if limit is not None}
    )


def described(words: str) -> msgspec.Meta:
    """What errors say is expected, in better words than ours: for texts with a pattern."""
    return msgspec.Meta(extra={"expected": words})
