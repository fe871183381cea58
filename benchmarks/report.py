"""The table and the document that a run of the benchmarks ends with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.harness import Bound, Figure

SCHEMA: Final = "ketch.benchmarks/1"


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with what follows from it."""

    name: str
    unit: str
    measured: float
    floor: float | None
    ratio: float | None
    bound: str
    within: bool | None


class _Document(msgspec.Struct, frozen=True):
    schema: str
    figures: tuple[_Row, ...]


def as_json(figures: Iterable[Figure]) -> bytes:
    """One JSON document: a ``schema`` and the figures, in the order of the table."""
    rows = tuple(
        _Row(
            name=figure.name,
            unit=figure.unit,
            measured=figure.measured,
            floor=figure.floor,
            ratio=figure.ratio,
            bound=bound_text(figure),
            within=figure.within,
        )
        for figure in figures
    )
    return msgspec.json.encode(_Document(SCHEMA, rows))


def print_table(figures: Iterable[Figure]) -> None:
    """The figures on standard output; never folded, so that it can be read from a file."""
    table = Table("figure", "measured", "floor", "ratio", "bound", "", box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for figure in figures:
        table.add_row(*cells(figure))
    Console(width=132, soft_wrap=True).print(table)


def cells(figure: Figure) -> tuple[str, ...]:
    """One line of the table."""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x"
    verdict = {True: "ok", False: "OVER", None: ""}[figure.within]
    return (
        figure.name,
        _value(figure.measured, figure.unit),
        "" if figure.floor is None else _value(figure.floor, figure.unit),
        ratio,
        bound_text(figure),
        verdict,
    )


def bound_text(figure: Figure) -> str:
    """The bound in words of the table; "" for a figure that only informs."""
    if figure.limit is None:
        return ""
    if figure.bound is Bound.VALUE:
        return f"<= {figure.limit:g} {figure.unit}"
    sign = ">=" if figure.bound is Bound.SPEED_UP else "<="
    return f"{sign} {figure.limit:g} x"


def _value(value: float, unit: str) -> str:
    digits = 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:.{digits}f} {unit}"
