"""``ketch config``: what the operator is told of a configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.support.cli import ketch


def test_the_shipped_configuration_is_valid_and_needs_no_keys(tmp_path: Path) -> None:
    done = ketch(tmp_path, "config", "check")
    assert (done.returncode, done.stdout) == (0, "the configuration is valid\n")
    assert done.stderr == ""


def test_what_is_valid_and_rarely_meant_is_warned_of(tmp_path: Path) -> None:
    override = "supervision.children.grvt/trading.backoff.stable_for=5"
    done = ketch(tmp_path, "config", "check", "-o", override)
    assert (done.returncode, done.stdout) == (0, "the configuration is valid\n")
    assert done.stderr.splitlines() == [
        "warning: grvt/trading: stable_for is below backoff.max: failures are forgotten too soon"
    ]


def test_show_gives_every_value_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("desks:\n  eth:\n    size: 0.25\n")
    done = ketch(tmp_path, "config", "show", "-c", str(file), KETCH__LOG__LEVEL="debug")
    assert f"size: 0.25  # {file}:3" in done.stdout
    assert "level: debug  # env KETCH__LOG__LEVEL" in done.stdout
    assert "seed: 1  # default" in done.stdout


def test_what_show_prints_is_itself_a_valid_configuration(tmp_path: Path) -> None:
    shown = tmp_path / "shown.yaml"
    shown.write_text(ketch(tmp_path, "config", "show").stdout)
    again = ketch(tmp_path, "config", "check", "-c", str(shown))
    assert again.returncode == 0, again.stderr


def test_show_can_be_read_by_a_program(tmp_path: Path) -> None:
    done = ketch(tmp_path, "config", "show", "--json")
    assert msgspec.json.decode(done.stdout)["schema"].startswith("ketch")


def test_every_error_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "desks:\n  eth:\n    size: lots\n    hedge: {venue: kraken, symbol: X}\n"
        "lgo: {level: info}\n"
    )
    done = ketch(tmp_path, "config", "check", "-c", str(file))
    assert done.returncode == 78
    assert f"{file}:3: desks.eth.size" in done.stderr
    assert f"{file}:4: desks.eth.hedge.venue" in done.stderr
    assert f'{file}:5: unknown key lgo; did you mean "log"?' in done.stderr
    assert "Traceback" not in done.stderr
