"""Paths as they are written and read, and what merging keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.nodes import MapNode, ScalarNode, merge, nest, spell, split

keys = st.lists(st.text(st.characters(exclude_characters='"'), min_size=1), min_size=1)


@given(keys)
def test_a_path_of_keys_is_read_as_it_was_spelled(path: list[str]) -> None:
    assert split(spell(tuple(path))) == tuple(path)


def test_list_positions_are_spelled_in_brackets() -> None:
    assert spell(("legs", 0, "size")) == "legs[0].size"


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", '"a', 'a"b"', "a[0]"])
def test_what_is_not_a_path_is_refused(text: str) -> None:
    assert split(text) is None


def test_a_file_keeps_the_place_of_a_mapping_that_a_variable_reaches_into() -> None:
    file = MapNode({"a": MapNode({"b": ScalarNode("1", False, "f:2")}, "f:1")}, "f:1")
    merged = merge(file, nest(("a", "c"), ScalarNode("2", False, "env X")))
    assert isinstance(merged, MapNode)
    inner = merged.entries["a"]
    assert isinstance(inner, MapNode)
    assert inner.origin == "f:1"
    assert [node.origin for node in inner.entries.values()] == ["f:2", "env X"]
