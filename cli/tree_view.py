"""``ketch tree`` for people: one line a child, indented as the tree is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import click

from actors import control_schema as schema
from cli.status import clock, span

_COLOURS: Final = {
    "running": "green",
    "half_open": "yellow",
    "starting": "yellow",
    "stopping": "yellow",
    "waiting": "yellow",
    "backing_off": "red",
    "open": "red",
    "failed": "red",
}
_HEAD: Final = ("", "state", "life", "fails", "opens", "for", "")


def render(tree: schema.Tree) -> str:
    """The whole page: the tree, then what its columns mean."""
    branches = list(_branches(tree.nodes))
    rows = [_HEAD, *(_row(node, b) for node, b in zip(tree.nodes, branches, strict=True))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD) - 1)]
    lines = []
    for number, row in enumerate(rows):
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        if number:
            cells[1] = click.style(cells[1], fg=_COLOURS.get(row[1]))
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    if tree.abandoned:
        lines += ["", f"threads given up and still hanging: {', '.join(tree.abandoned)}"]
    return "\n".join(
        [*lines, "", "fails: failures in a row   opens: openings of the breaker in a row"]
    )


def _row(node: schema.Node, branch: str) -> tuple[str, ...]:
    label = node.name.rpartition("/")[2]
    if node.strategy is not None:
        label += f" ({node.strategy})"
    life = f"#{node.epoch}" if node.epoch else ""
    return (
        branch + label,
        node.state,
        life,
        str(node.failures_in_a_row or ""),
        str(node.breaker_openings or ""),
        span(node.for_s),
        "; ".join(_remarks(node)),
    )


def _remarks(node: schema.Node) -> Iterator[str]:
    if node.retry_in_s is not None:
        word = "probe" if node.state == "open" else "restart"
        yield f"{word} in {span(node.retry_in_s)}"
    if node.health == "bad":
        yield "not well" + (f": {node.detail}" if node.detail else "")
    if node.kind in ("orphan", "added", "completed"):
        yield node.kind
    if node.last_failure is not None:
        failure = node.last_failure
        detail = f": {failure.detail}" if failure.detail else ""
        yield f"last failure {clock(failure.at)[11:]} {failure.kind}{detail}"
    if node.abandoned:
        yield f"given up: {', '.join(node.abandoned)}"


def _branches(nodes: Sequence[schema.Node]) -> Iterator[str]:
    """The lines in front of each name: a corner for the last of its siblings."""
    open_at: list[bool] = []
    for place, node in enumerate(nodes):
        last = _is_last(nodes, place)
        del open_at[max(0, node.depth - 1) :]
        stems = "".join("│   " if going_on else "    " for going_on in open_at)
        yield "" if node.depth == 0 else stems + ("└── " if last else "├── ")
        if node.depth:
            open_at.append(not last)


def _is_last(nodes: Sequence[schema.Node], place: int) -> bool:
    depth = nodes[place].depth
    for later in nodes[place + 1 :]:
        if later.depth <= depth:
            return later.depth < depth
    return True
