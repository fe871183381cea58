"""``ketch journal check``: what the record says, at three in the morning, with no service there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from actors.journal_file import JournalFile
from cli.exits import CommandFailed
from main import ketch
from tests.support.trading import START_NS, fill, new_order


def run(path: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a check of that file."""
    return invoke("--file", str(path), *arguments)


def invoke(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(ketch, ["journal", "check", *arguments])
    if isinstance(outcome.exception, CommandFailed):
        return outcome.exception.code, str(outcome.exception)
    return outcome.exit_code, outcome.output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of a desk that was killed in a cycle, and had halted before."""
    path = tmp_path / "journal.sqlite"
    with closing(JournalFile(path)) as journal:
        journal.begin_run(START_NS)
        journal.write_start("eth", 7, "buy", "0.5", START_NS)
        journal.write_intent("grvt", new_order(), "eth/coordinator", START_NS)
        journal.write_fill(fill("t1", "0.5"), START_NS)
        journal.commit()
        journal.set_desk("eth", paused=True, halted="drift at grvt")
    return path


def test_a_sound_journal_ends_with_0_and_says_what_is_open(path: Path) -> None:
    code, said = run(path)
    assert code == 0
    assert said.splitlines()[0].endswith("journal.sqlite: sound, schema 4")
    for line in (
        "eth has halted: drift at grvt",
        "ketch resume eth, or ketch run --resume",
        "eth is paused",
        "eth: cycle 7 is open",
        "grvt: 1 order without an outcome",
        "last fill 20",
    ):
        assert line in said


def test_as_json_it_is_one_document(path: Path) -> None:
    code, said = run(path, "--json")
    page = msgspec.json.decode(said)
    assert (code, page["schema"], page["sound"]) == (0, "ketch.journal/1", True)
    assert page["open_cycles"] == {"eth": 7}
    assert page["rows"]["intents"] == 1


def test_a_row_that_somebody_changed_ends_with_7_and_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript("update cycles set size = '5'")
    code, said = run(path)
    assert code == 7
    assert "1 damaged row" in said
    assert "cycles eth 7" in said
    assert "look at both venues" in said
    assert run(path, "--json")[0] == 7


def test_a_file_that_is_no_journal_ends_with_7(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all " * 300)
    code, said = run(path)
    assert code == 7
    assert "look at both venues" in said


def test_where_there_is_none_nothing_is_made(tmp_path: Path) -> None:
    code, said = run(tmp_path / "state" / "journal.sqlite")
    assert code == 78
    assert "nothing was traded there" in said
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_while_a_service_writes(path: Path) -> None:
    with closing(JournalFile(path)) as service:
        service.write_start("eth", 8, "buy", "0.5", START_NS)
        assert run(path)[0] == 0
        service.commit()
        assert "cycle 8 is open" in run(path)[1]
    before = path.read_bytes()
    run(path)
    assert path.read_bytes() == before


def test_the_settings_say_where_the_journal_is(path: Path) -> None:
    (path.parent / "paper").mkdir()
    path.rename(path.parent / "paper" / path.name)
    assert invoke("-o", f"state_dir={path.parent}")[0] == 0
    assert invoke("-o", f"state_dir={path.parent}/elsewhere")[0] == 78
