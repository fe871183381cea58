"""The shipped units, judged by systemd itself.

They need ``systemd-analyze``, of Debian's package ``systemd``, and are skipped without it: where
``make test`` runs as root, as in CI, it installs the package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.settings import load_settings
from cli.stopping import actors_end_s, desks_end_s
from cli.unit_file import Unit, render, render_drop_in
from config.secrets import NAMES
from tests.support.forked import ROOT

DEPLOY = ROOT / "deploy"
ENV = ("/usr/bin/env", "ketch")
SHIPPED = {
    "ketch.service": Unit(command=ENV, config=Path("/etc/ketch/ketch.yaml")),
    "ketch@.service": Unit(command=ENV, instance="eth"),
}
LIVE = Unit(command=ENV, live=True)
OWN = Unit(command=ENV, user=True)
MAX_EXPOSURE_TENTHS = 15
judged = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed: the unit files are not checked",
)


def analyze(*arguments: str, runtime: str = "/run") -> subprocess.CompletedProcess[str]:
    """``systemd-analyze``: its exit code, and everything that it said."""
    return subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        env=os.environ | {"XDG_RUNTIME_DIR": runtime},
        check=False,
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_the_copies_for_packagers_are_what_would_be_installed(name: str) -> None:
    assert (DEPLOY / name).read_text() == render(SHIPPED[name])


@judged
@pytest.mark.parametrize("name", SHIPPED)
def test_systemd_finds_nothing_wrong_with_a_shipped_unit(name: str) -> None:
    done = analyze("verify", str(DEPLOY / name))
    assert (done.returncode, done.stdout) == (0, "")


@judged
@pytest.mark.parametrize(
    ("name", "unit", "manager"),
    [
        ("ketch.service", LIVE, "--system"),
        ("ketch.service", OWN, "--user"),
        ("ketch@.service", Unit(command=ENV, user=True, instance="eth"), "--user"),
    ],
    ids=["live", "user", "user instance"],
)
def test_systemd_finds_nothing_wrong_with_any_other_unit(
    tmp_path: Path, name: str, unit: Unit, manager: str
) -> None:
    file = tmp_path / name
    file.write_text(render(unit))
    done = analyze("verify", manager, str(file), runtime=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")


@judged
def test_systemd_finds_nothing_wrong_with_a_live_instance(tmp_path: Path) -> None:
    unit = Unit(command=ENV, instance="eth", live=True, config=Path('/srv/a b%"$.yaml'))
    (tmp_path / "ketch@eth.service").write_text(render(unit))
    drop_in = tmp_path / unit.drop_in
    drop_in.parent.mkdir()
    drop_in.write_text(render_drop_in(unit))
    done = analyze("verify", str(tmp_path / "ketch@eth.service"))
    assert (done.returncode, done.stdout) == (0, "")


@judged
@pytest.mark.parametrize("name", SHIPPED)
def test_the_sandbox_leaves_an_exposure_of_at_most_1_5(name: str) -> None:
    threshold = f"--threshold={MAX_EXPOSURE_TENTHS}"
    done = analyze("security", "--offline=true", "--no-pager", threshold, str(DEPLOY / name))
    assert done.returncode == 0, done.stdout


@judged
def test_a_unit_that_is_wrong_would_have_been_found(tmp_path: Path) -> None:
    file = tmp_path / "ketch.service"
    file.write_text(render(LIVE).replace("WatchdogSec=60", "WatchdogSec=soon"))
    assert "Failed to parse sec value" in analyze("verify", str(file)).stdout
    file.write_text(render(LIVE).replace("ProtectSystem=strict", ""))
    exposed = analyze("security", "--offline=true", "--no-pager", "--threshold=5", str(file))
    assert exposed.returncode != 0


@pytest.mark.parametrize("name", SHIPPED)
def test_a_stop_has_time_to_unwind_and_a_wrong_configuration_is_not_tried_again(name: str) -> None:
    lines = (DEPLOY / name).read_text().splitlines()
    for line in (
        "Type=notify", "NotifyAccess=main", "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure", "RestartPreventExitStatus=78", "WatchdogSec=60",
        "TimeoutStopSec=120", "KillMode=mixed", "LimitCORE=0",
    ):  # fmt: skip
        assert line in lines
    for key in NAMES:
        assert any(line.startswith(f"#LoadCredential={key}:") for line in lines)


@pytest.mark.parametrize("unit", [LIVE, OWN])
def test_the_unit_waits_longer_than_desks_and_actors_may_take_as_shipped(unit: Unit) -> None:
    settings = load_settings(None, ()).config
    deadline_s = settings.supervision.root.shutdown_deadline
    longest_s = desks_end_s(settings.desks.values()) + actors_end_s(deadline_s)
    (line,) = (line for line in render(unit).splitlines() if line.startswith("TimeoutStopSec="))
    assert int(line.partition("=")[2]) >= longest_s + 40
