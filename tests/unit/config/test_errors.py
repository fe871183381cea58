"""What an operator reads when a configuration does not load: texts and their messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.layers import FileLayer
from tests.support.config import mistakes, yaml

VALUES = {
    "a word for a decimal": (
        "trading: {desks: {eth: {size: abc}}}",
        "trading.desks.eth.size: got 'abc', expected a decimal number > 0",
    ),
    "a decimal at its limit": (
        "trading: {desks: {eth: {size: 0}}}",
        "trading.desks.eth.size: got '0', expected a decimal number > 0",
    ),
    "a decimal above its limit": (
        "trading: {legs: [{size: 1, max_slippage_bps: 99.51}]}",
        (
            "trading.legs[0].max_slippage_bps: got '99.51', "
            "expected a decimal number >= 0 and <= 99.5 or null"
        ),
    ),
    "a quoted number": (
        'trading: {desks: {eth: {size: "0.5"}}}',
        (
            "trading.desks.eth.size: got the quoted text '0.5', expected a decimal number > 0; "
            "remove the quotes"
        ),
    ),
    "a bool for a number": (
        "retries: true",
        "retries: got 'true', expected an integer >= 0 or null",
    ),
    "minutes and seconds": (
        "retries: 1:30",
        "retries: got '1:30', expected an integer >= 0 or null",
    ),
    "a leading zero": ("retries: 010", "retries: got '010', expected an integer >= 0 or null"),
    "hexadecimal": ("retries: 0x10", "retries: got '0x10', expected an integer >= 0 or null"),
    "a fraction for an integer": (
        "retries: 1.0",
        "retries: got '1.0', expected an integer >= 0 or null",
    ),
    "not a number": ("ratio: .nan", "ratio: got '.nan', expected a number"),
    "infinity": ("ratio: 1e999", "ratio: got '1e999', expected a number"),
    "yes for a bool": ("colour: yes", "colour: got 'yes', expected true or false; write true"),
    "off for a bool": ("colour: off", "colour: got 'off', expected true or false; write false"),
    "another case of a bool": (
        "colour: True",
        "colour: got 'True', expected true or false; write true",
    ),
    "1 for a bool": ("colour: 1", "colour: got '1', expected true or false"),
    "null for a text": ("name: null", "name: got null, expected text of at least 1 character"),
    "nothing for a text": ("name:", "name: got nothing, expected text of at least 1 character"),
    "an empty text": (
        "name: ''",
        "name: got the quoted text '', expected text of at least 1 character",
    ),
    "a text off its pattern": ("symbol: eth", "symbol: got 'eth', expected a symbol in capitals"),
    "a word misspelled": (
        "mode: papr",
        "mode: got 'papr', expected one of: live, paper; did you mean \"paper\"?",
    ),
    "a member misspelled": (
        "trading: {legs: [{size: 1, side: Buy}]}",
        "trading.legs[0].side: got 'Buy', expected one of: buy, sell; did you mean \"buy\"?",
    ),
    "neither number nor word": (
        "trading: {legs: [{size: 1, timeout_s: 5s}]}",
        "trading.legs[0].timeout_s: got '5s', expected a number >= 0.1 and <= 300 or infinite",
    ),
    "a value for a list": (
        "trading: {tags: eth}",
        "trading.tags: got 'eth', expected a list of at most 5 items",
    ),
    "a list too long": (
        "trading: {tags: [a, b, c, d, e, f]}",
        "trading.tags: got 6 items, expected a list of at most 5 items",
    ),
    "a pair of three": (
        "trading: {band: [1, 2, 3]}",
        "trading.band: got 3 items, expected a list of 2 items",
    ),
    "a list for a mapping": ("trading: [1]", "trading: got a list, expected a mapping"),
    "a mapping for a value": (
        "retries: {a: 1}",
        "retries: got a mapping, expected an integer >= 0 or null",
    ),
    "nothing for a mapping": ("trading:", "trading: got nothing, expected a mapping"),
    "a name too long": (
        "trading: {desks: {ethereum-perpetual: {size: 1}}}",
        (
            "trading.desks.ethereum-perpetual: got 'ethereum-perpetual', "
            "expected a name of at most 12 characters"
        ),
    ),
    "an unknown kind": (
        "trading: {entry: {entry: makr}}",
        "trading.entry.entry: got 'makr', expected one of: maker, taker; did you mean \"maker\"?",
    ),
    "no kind": (
        "trading: {entry: {}}",
        "trading.entry.entry is missing, expected one of: maker, taker",
    ),
    "a key of another kind": (
        "trading: {entry: {entry: maker, cap_bps: 1}}",
        "unknown key trading.entry.cap_bps; known here: reprice_ms",
    ),
    "a key misspelled": (
        "log: {file-nam: x}",
        'unknown key log.file-nam; did you mean "file-name"?',
    ),
    "the name in code": (
        "log: {file_name: x}",
        'unknown key log.file_name; did you mean "file-name"?',
    ),
    "a key from nowhere": ("log: {zzz: x}", "unknown key log.zzz; known here: file-name, level"),
    "a key with a dot": ("log: {a.b: x}", 'unknown key log."a.b"; known here: file-name, level'),
    "a secret among settings": (
        "api_key: hunter2",
        (
            "unknown key api_key; "
            "secrets are not settings: give them as credentials or in the environment"
        ),
    ),
    "a key left out": (
        "trading: {desks: {eth: {side: buy}}}",
        "trading.desks.eth.size is missing, expected a decimal number > 0",
    ),
    "a key given twice": ("mode: paper\nmode: paper", "mode is given twice, first at paper.yaml:1"),
    "values that contradict": ("backoff: {max: 0.5}", "backoff: max must not be below initial"),
}

FILES = {
    "empty": ("", "paper.yaml: is empty, expected a mapping of settings"),
    "only comments": (
        "# nothing\n---\n# more\n",
        "paper.yaml: is empty, expected a mapping of settings",
    ),
    "a list": ("- a\n", "paper.yaml:1: holds a list, expected a mapping of settings"),
    "a word": ("\nhello\n", "paper.yaml:2: holds a single value, expected a mapping of settings"),
    "two documents": (
        "mode: paper\n---\nmode: live\n",
        "paper.yaml:2: a second document begins, expected one",
    ),
    "a tag": (
        "mode: !!str paper",
        "paper.yaml:1: tags are not used here: mode has 'tag:yaml.org,2002:str'",
    ),
    "a merge key": (
        "<<: {mode: paper}",
        "paper.yaml:1: merge keys (<<) are not used here; repeat the values",
    ),
    "a list as key": ("log:\n  [a]: 1", "paper.yaml:2: a key of log is not a plain name"),
    "an alias of nothing": ("mode: *there", "paper.yaml:1: alias *there has no anchor before it"),
    "an alias of itself": ("log: &log [*log]", "paper.yaml:1: alias *log has no anchor before it"),
    "a control character": (
        "mode: paper\nname: \0",
        "paper.yaml:2: is not YAML: a control character is in the text",
    ),
    "a hundred thousand brackets": ("name: " + "[" * 100_000, "paper.yaml:1: is nested too deeply"),
}


@pytest.mark.parametrize(("text", "message"), VALUES.values(), ids=VALUES)
def test_a_mistake_is_told_with_its_line_path_and_expectation(text: str, message: str) -> None:
    line = text.count("\n") + 1
    assert mistakes(yaml(text)) == [f"paper.yaml:{line}: {message}"]


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_a_text_that_holds_no_settings_is_one_clear_error(text: str, message: str) -> None:
    assert mistakes(yaml(text)) == [message]


@pytest.mark.parametrize(
    ("text", "place"),
    [("mode: paper\n  log: x", "2"), ("mode: [a\n", "2"), ("mode: 'a\n", "2"), ("a: b: c", "1")],
)
def test_a_syntax_error_names_line_and_column(text: str, place: str) -> None:
    [message] = mistakes(yaml(text))
    assert message.startswith(f"paper.yaml:{place}: is not YAML: ")
    assert ", column " in message


def test_a_tab_is_called_a_tab() -> None:
    [message] = mistakes(yaml("log:\n\tlevel: info\n"))
    assert message.startswith("paper.yaml:2: is not YAML: ")
    assert message.endswith("; indent with spaces, not tabs")


def test_all_mistakes_of_all_layers_are_told_at_once() -> None:
    text = "mode: papr\nmode: live\nlog:\n  levl: info\n  level: loud\ntrading: {tags: 5}\n"
    assert mistakes(yaml("retries: x", "defaults.yaml"), yaml(text)) == [
        "paper.yaml:2: mode is given twice, first at paper.yaml:1",
        "defaults.yaml:1: retries: got 'x', expected an integer >= 0 or null",
        "paper.yaml:1: mode: got 'papr', expected one of: live, paper; did you mean \"paper\"?",
        'paper.yaml:4: unknown key log.levl; did you mean "level"?',
        "paper.yaml:5: log.level: got 'loud', expected one of: debug, info, off",
        "paper.yaml:6: trading.tags: got '5', expected a list of at most 5 items",
    ]


def test_a_missing_key_is_told_at_the_line_of_its_mapping() -> None:
    text = "trading:\n  desks:\n    eth:\n      side: buy\n"
    assert mistakes(yaml(text)) == [
        "paper.yaml:3: trading.desks.eth.size is missing, expected a decimal number > 0"
    ]


def test_nothing_is_called_missing_while_a_layer_cannot_be_read() -> None:
    assert mistakes(yaml("trading: {desks: {eth: {side: buy}}}"), yaml("", "mine.yaml")) == [
        "mine.yaml: is empty, expected a mapping of settings"
    ]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "none.yaml")
    assert mistakes(FileLayer(path)) == [f"{path}: cannot be read: No such file or directory"]


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert mistakes(FileLayer(str(tmp_path))) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_a_device_is_not_a_file() -> None:
    assert mistakes(FileLayer("/dev/zero")) == ["/dev/zero: cannot be read: it is a device"]


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("mode: paper\nname: Zürich\n".encode("latin-1"))
    assert mistakes(FileLayer(str(path))) == [
        f"{path}:2: is not UTF-8 text; save the file as UTF-8"
    ]


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    assert mistakes(FileLayer(str(path))) == [
        f"{path}: is larger than 1 MiB, not a configuration file"
    ]


@pytest.mark.parametrize(
    "secret",
    ["0x" + "ab" * 32, "ab" * 32, "rQw3vK8m1ZbN4xT7yLp0sHd6fGc2jEa5uVi9oWkXqMs="],
)
def test_what_looks_like_a_key_is_not_repeated(secret: str) -> None:
    [message] = mistakes(yaml(f"retries: {secret}"))
    assert message == "paper.yaml:1: retries: got '***', expected an integer >= 0 or null"


def test_a_secret_setting_is_not_repeated() -> None:
    assert mistakes(yaml("passphrase: {a: open}\nretries: x")) == [
        "paper.yaml:1: passphrase: got a mapping, expected text or null",
        "paper.yaml:2: retries: got 'x', expected an integer >= 0 or null",
    ]
