"""The examples of docs/paper.md are faults, and every fault has one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec

from paper.faults import AnyFault, Hook

PAGE = Path(__file__).parents[3] / "docs" / "paper.md"


def test_every_example_can_be_armed_and_every_fault_is_shown() -> None:
    text = PAGE.read_text()
    examples = re.findall(r'`(\{"action".*?\})`', text)
    shown = {type(msgspec.json.decode(example, type=AnyFault)) for example in examples}
    unshown = {kind.__struct_config__.tag for kind in set(get_args(AnyFault)) - shown}
    assert all(f'"{tag}"' in text for tag in unshown), unshown
    assert len(shown) > 20


def test_every_hook_is_on_the_page() -> None:
    text = PAGE.read_text()
    hooks = get_args(Hook)
    bare = {hook.removeprefix("primary_").removeprefix("hedge_") for hook in hooks}
    assert {hook for hook in bare if f"`{hook}`" not in text} == set()
