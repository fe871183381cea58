"""``ketch service``: what is written where, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli import service
from cli.exits import CommandFailed
from cli.service import install, show, uninstall, write_atomically
from cli.unit_file import Unit, checked, interpreter_of, refuse_hidden, render, render_drop_in
from tests.support.cli import ketch

KETCH = ("/opt/ketch/bin/ketch",)
PLAIN = Unit(command=KETCH)
ETH = Unit(command=KETCH, instance="eth")
UNITS = "etc/systemd/system"
PRIVATE_KEYS = ("GRVT_PRIVATE_KEY", "BACKPACK_SECRET_KEY")


def line(text: str, start: str) -> str:
    """The one line that starts so."""
    (found,) = [line for line in text.splitlines() if line.startswith(start)]
    return found


def settings(root: Path, name: str, text: str = "log: {level: debug}\n", mode: int = 0o644) -> Path:
    """A settings file in the /etc/ketch of another system."""
    path = root / "etc/ketch" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return Path("/etc/ketch") / name


# -- the text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "command"),
    [
        (PLAIN, "/opt/ketch/bin/ketch run"),
        (Unit(command=KETCH, config=Path("/k.yaml")), "/opt/ketch/bin/ketch run -c /k.yaml"),
        (ETH, "/opt/ketch/bin/ketch run -c /etc/ketch/%i.yaml"),
        (Unit(command=KETCH, live=True), "/opt/ketch/bin/ketch run --live"),
        (Unit(command=("/usr/bin/env", "ketch")), "/usr/bin/env ketch run"),
    ],
)  # fmt: skip
def test_the_command_is_absolute_and_says_which_settings(unit: Unit, command: str) -> None:
    assert line(render(unit), "ExecStart=") == f"ExecStart={command}"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/srv/a b.yaml", '"/srv/a b.yaml"'),
        ("/srv/100%i.yaml", '"/srv/100%%i.yaml"'),
        ("/srv/$HOME.yaml", '"/srv/$$HOME.yaml"'),
        ('/srv/"q"\\.yaml', '"/srv/\\"q\\"\\\\.yaml"'),
    ],
)
def test_a_path_of_any_name_stays_one_word_without_specifiers(path: str, word: str) -> None:
    text = render(Unit(command=KETCH, config=Path(path)))
    assert line(text, "ExecStart=").endswith(f" -c {word}")


def test_each_instance_has_folders_of_its_own() -> None:
    assert line(render(PLAIN), "StateDirectory=") == "StateDirectory=ketch"
    assert line(render(ETH), "StateDirectory=") == "StateDirectory=ketch-%i"
    assert line(render(ETH), "RuntimeDirectory=") == "RuntimeDirectory=ketch-%i"


def test_the_plain_template_serves_every_instance_and_a_drop_in_makes_one_differ() -> None:
    live = Unit(command=KETCH, instance="eth", live=True)
    assert render(live) == render(ETH)
    drop_in = render_drop_in(live).splitlines()
    assert drop_in[1:4] == [
        "[Service]", "ExecStart=",
        "ExecStart=/opt/ketch/bin/ketch run -c /etc/ketch/eth.yaml --live",
    ]  # fmt: skip
    assert "LoadCredential=GRVT_API_KEY:/etc/ketch/eth.credentials/GRVT_API_KEY" in drop_in


@pytest.mark.parametrize("key", PRIVATE_KEYS)
def test_keys_are_credentials_of_a_live_service_and_comments_otherwise(key: str) -> None:
    assert f"\n#LoadCredential={key}:" in render(PLAIN)
    assert f"\nLoadCredential={key}:" in render(Unit(command=KETCH, live=True))


def test_nothing_of_a_template_is_left_unfilled() -> None:
    for unit in (PLAIN, ETH, Unit(command=KETCH, user=True), Unit(command=KETCH, live=True)):
        assert "@COMMAND@" not in render(unit)
        assert not [word for word in render(unit).split() if word.strip("/=").startswith("@W")]


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "code", "sentence"),
    [
        (Unit(command=KETCH, instance="../x"), 2, "expected lower case letters"),
        (Unit(command=("ketch",)), 78, "expected an absolute path"),
        (Unit(command=("/opt/a b/ketch",)), 78, "expected an absolute path of plain"),
    ],
)
def test_what_systemd_could_not_run_is_refused(unit: Unit, code: int, sentence: str) -> None:
    with pytest.raises(CommandFailed, match=sentence) as refused:
        checked(unit)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "unit",
    [
        Unit(command=("/home/me/.venv/bin/ketch",)),
        Unit(command=("/root/ketch/bin/ketch",)),
        Unit(command=KETCH, config=Path("/tmp/mine.yaml")),
    ],
)
def test_what_the_sandbox_hides_is_refused_but_not_for_ones_own_manager(unit: Unit) -> None:
    with pytest.raises(CommandFailed, match="a system service does not see") as refused:
        refuse_hidden(unit, here=False)
    assert refused.value.code == 78
    own = Unit(command=unit.command, config=unit.config, user=True)
    refuse_hidden(own, here=False)


def test_the_python_behind_a_command_is_found_through_links(tmp_path: Path) -> None:
    python, link, script = tmp_path / "python3.11", tmp_path / "python", tmp_path / "ketch"
    python.touch()
    link.symlink_to(python)
    script.write_text(f"#!{link} -E\n")
    assert interpreter_of(script) == python
    assert interpreter_of(link) == python
    assert interpreter_of(tmp_path / "none") == tmp_path / "none"


def test_settings_that_the_service_would_refuse_are_refused_now(tmp_path: Path) -> None:
    path = settings(tmp_path, "ketch.yaml", "log: {levle: debug}\n")
    with pytest.raises(CommandFailed, match="unknown key") as refused:
        install(Unit(command=KETCH, config=path), tmp_path, now=False)
    assert refused.value.code == 78
    assert not (tmp_path / UNITS).exists()


def test_an_instance_without_settings_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"etc/ketch/eth\.yaml: cannot be read"):
        install(ETH, tmp_path, now=False)


def test_settings_that_only_root_can_read_are_refused(tmp_path: Path) -> None:
    path = settings(tmp_path, "ketch.yaml", mode=0o600)
    with pytest.raises(CommandFailed, match="chmod 644"):
        install(Unit(command=KETCH, config=path), tmp_path, now=False)


@pytest.mark.parametrize(
    ("mode", "live", "code", "sentence"),
    [("live", False, 78, "add --live"), ("paper", True, 2, "says mode: paper")],
)
def test_real_money_is_never_traded_by_half_a_word(
    tmp_path: Path, mode: str, live: bool, code: int, sentence: str
) -> None:
    text = f"mode: {mode}\nlive: {{confirm_account: '1'}}\n"
    path = settings(tmp_path, "ketch.yaml", text)
    with pytest.raises(CommandFailed, match=sentence) as refused:
        install(Unit(command=KETCH, config=path, live=live), tmp_path, now=False)
    assert refused.value.code == code


def test_starting_now_and_another_root_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="--root prepares another system"):
        install(PLAIN, tmp_path, now=True)


# -- install, show, uninstall -------------------------------------------------------------------


def test_install_writes_the_unit_and_uninstall_takes_it_away(tmp_path: Path) -> None:
    said = install(PLAIN, tmp_path, now=False)
    file = tmp_path / UNITS / "ketch.service"
    assert said == [f"wrote {file}"]
    assert file.read_text() == render(PLAIN)
    assert file.stat().st_mode & 0o777 == 0o644
    assert uninstall(PLAIN, tmp_path)[0] == f"removed {file}"
    assert list((tmp_path / UNITS).iterdir()) == []


def test_a_live_install_names_the_keys_that_are_still_to_come(tmp_path: Path) -> None:
    path = settings(tmp_path, "eth.yaml", "mode: live\nlive: {confirm_account: '1'}\n")
    keys = tmp_path / "etc/ketch/eth.credentials"
    keys.mkdir()
    (keys / "GRVT_API_KEY").touch()
    said = install(Unit(command=KETCH, instance="eth", live=True), tmp_path, now=False)
    assert path.name == "eth.yaml"
    assert (tmp_path / UNITS / "ketch@eth.service.d/10-ketch.conf").exists()
    assert not any("GRVT_API_KEY" in text for text in said)
    assert "still to come, mode 0600: /etc/ketch/eth.credentials/GRVT_PRIVATE_KEY" in said


def test_the_template_stays_while_another_instance_needs_it(tmp_path: Path) -> None:
    for name in ("eth", "btc"):
        settings(tmp_path, f"{name}.yaml")
        install(Unit(command=KETCH, instance=name), tmp_path, now=False)
    wants = tmp_path / UNITS / "multi-user.target.wants"
    wants.mkdir()
    (wants / "ketch@btc.service").touch()
    assert "ketch@btc.service needs" in uninstall(ETH, tmp_path)[0]
    assert (tmp_path / UNITS / "ketch@.service").exists()
    (wants / "ketch@btc.service").unlink()
    uninstall(Unit(command=KETCH, instance="btc"), tmp_path)
    assert not (tmp_path / UNITS / "ketch@.service").exists()


def test_uninstalling_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"ketch\.service is not installed") as refused:
        uninstall(PLAIN, tmp_path)
    assert refused.value.code == 1


def test_a_write_that_fails_leaves_the_old_unit_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "ketch.service"
    write_atomically(file, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "new\udcff\n")
    assert file.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["ketch.service"]


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "etc").touch()
    with pytest.raises(CommandFailed, match="install with --user") as refused:
        install(PLAIN, tmp_path, now=False)
    assert refused.value.code == 78


def test_systemd_is_told_when_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _fake_systemctl(tmp_path, monkeypatch, code=0)
    said = install(Unit(command=KETCH, user=True), None, now=True)
    assert said[-1] == "enabled and started ketch.service"
    uninstall(Unit(command=KETCH, user=True), None)
    assert told.read_text().splitlines() == [
        "--user daemon-reload", "--user enable ketch.service", "--user restart ketch.service",
        "--user disable --now ketch.service", "--user daemon-reload",
    ]  # fmt: skip


def test_a_stop_that_systemd_refuses_keeps_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_systemctl(tmp_path, monkeypatch, code=4)
    file = tmp_path / "config/systemd/user/ketch.service"
    write_atomically(file, "unit\n")
    with pytest.raises(CommandFailed, match=r"systemctl --user disable .*: not today") as refused:
        uninstall(Unit(command=KETCH, user=True), None)
    assert refused.value.code == 1
    assert file.exists()


def _fake_systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, code: int) -> Path:
    """A systemctl that notes what it is told, beside a user manager that seems to run."""
    told = tmp_path / "told"
    program = tmp_path / "bin/systemctl"
    write_atomically(program, f'#!/bin/sh\necho "$*" >> {told}\necho not today >&2\nexit {code}\n')
    program.chmod(0o755)
    (tmp_path / "runtime/systemd").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return told


# -- as an operator types it --------------------------------------------------------------------


def test_show_prints_what_install_writes(tmp_path: Path) -> None:
    shown = ketch(tmp_path, "service", "show", "--command", KETCH[0])
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == show(PLAIN)
    assert shown.stdout == f"# /{UNITS}/ketch.service\n{render(PLAIN)}"


def test_install_and_uninstall_as_an_operator_types_them(tmp_path: Path) -> None:
    options = ("--root", str(tmp_path), "--command", KETCH[0])
    done = ketch(tmp_path, "service", "install", *options)
    assert (done.returncode, done.stdout) == (0, f"wrote {tmp_path}/{UNITS}/ketch.service\n")
    done = ketch(tmp_path, "service", "uninstall", "--root", str(tmp_path))
    assert done.returncode == 0, done.stderr
    again = ketch(tmp_path, "service", "uninstall", "--root", str(tmp_path))
    assert again.returncode == 1
    assert "is not installed" in again.stderr


def test_the_command_that_runs_is_the_one_that_is_installed() -> None:
    (program,) = service.this_command()
    assert os.access(program, os.X_OK)
    assert Path(program).name == "ketch"
