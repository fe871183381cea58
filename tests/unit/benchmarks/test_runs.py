"""Every benchmark runs, as short as can be; what it says of speed is no test's business."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.harness import Figure

SHORT = [name for name in command.BENCHMARKS if name not in ("idle", "desks")]


@pytest.mark.parametrize("name", SHORT)
def test_a_benchmark_gives_positive_figures(name: str) -> None:
    figures = command.BENCHMARKS[name](0.0)
    assert figures
    for figure in figures:
        assert 0 < figure.measured < math.inf, figure
        assert figure.ratio is not None
        assert 0 < figure.ratio < math.inf, figure


def test_the_idle_service_is_watched_while_it_holds() -> None:
    resident, share = command.BENCHMARKS["idle"](0.0)
    assert resident.measured > 10
    assert share.measured >= 0


def test_further_desks_cost_memory() -> None:
    resident, latency = command.BENCHMARKS["desks"](0.0)
    assert resident.measured > 0
    assert latency.ratio is not None


def test_the_command_writes_the_document_of_what_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    result = CliRunner().invoke(command.main, ["decoding", "--scale", "0", "--json", str(path)])
    assert result.exit_code == 0, result.output
    assert len(msgspec.json.decode(path.read_bytes())["figures"]) == 2
    assert "json.loads" in result.stdout


def test_a_benchmark_that_can_t_run_is_said_and_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: float) -> tuple[Figure, ...]:
        raise ConnectionRefusedError("nobody there")

    benchmarks = {"broken": broken, "decoding": command.BENCHMARKS["decoding"]}
    monkeypatch.setattr(command, "BENCHMARKS", benchmarks)
    result = CliRunner().invoke(command.main, ["--scale", "0"])
    assert result.exit_code == 1
    assert "broken could not run: ConnectionRefusedError: nobody there" in result.output
    assert "json.loads" in result.stdout
