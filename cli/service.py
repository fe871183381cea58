"""``ketch service``: install, uninstall and show the systemd unit.

Files are written whole or not at all, and systemd is told. ``root`` puts everything below another
folder, as ``systemctl --root`` does: an image, a package, a test; systemd is left alone then.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

from cli.exits import CONFIGURATION, UNEXPECTED, USAGE, CommandFailed
from cli.unit_file import (
    Unit,
    checked,
    credentials_folder,
    refuse_hidden,
    render,
    render_drop_in,
    unit_folder,
)
from config.secrets import NAMES

_RUNNING: Final = Path("/run/systemd/system")  # sd_booted(3)
_SYSTEMCTL_S: Final = 180.0  # a stop may take as long as the unit's TimeoutStopSec


def this_command() -> tuple[str, ...]:
    """How to start the Ketch that is running now. CommandFailed (78) if it has no command."""
    program = Path(sysconfig.get_path("scripts")) / "ketch"
    if not os.access(program, os.X_OK):
        text = f"{program}: there is no such command; install Ketch, or say which with --command"
        raise CommandFailed(CONFIGURATION, text)
    return (str(program),)


def show(unit: Unit) -> str:
    """The files that ``install`` would write, each under its path, as ``systemctl cat`` does."""
    folder = unit_folder(unit.user)
    texts = _texts(checked(unit))
    return "\n".join(f"# {folder / name}\n{text}" for name, text in texts.items())


def install(unit: Unit, root: Path | None, *, now: bool) -> list[str]:
    """Write the unit, have systemd read it and, with ``now``, enable and start it.

    Returns what was done and what is left to do, for the operator. Raises CommandFailed: 78 for
    what the operator has to change, 1 when systemd refuses, 2 for options that exclude each other.
    """
    if now and root is not None:
        raise CommandFailed(USAGE, "--now starts a service here; --root prepares another system")
    texts = _texts(checked(unit))
    refuse_hidden(unit, here=root is None)
    _check_settings(unit, root)
    folder = below(root, unit_folder(unit.user))
    said = []
    for name, text in texts.items():
        write_atomically(folder / name, text)
        said.append(f"wrote {folder / name}")
    said += _missing_keys(unit, root)
    if root is not None:
        return said
    if not _systemd_runs(unit.user):
        if now:
            text = f"{said[0]}, but it was not started: systemd does not run here"
            raise CommandFailed(UNEXPECTED, text)
        return [*said, "systemd does not run here; it will see the unit when it does"]
    _systemctl(unit.user, "daemon-reload")
    if now:
        _systemctl(unit.user, "enable", unit.name)
        _systemctl(unit.user, "restart", unit.name)
        return [*said, f"enabled and started {unit.name}"]
    user = " --user" if unit.user else ""
    return [*said, f"to start it now and at every boot: systemctl{user} enable --now {unit.name}"]


def uninstall(unit: Unit, root: Path | None) -> list[str]:
    """Stop and disable the unit, then take its files away; the journal of orders stays.

    Raises CommandFailed: 1 when it is not installed or does not stop, and then nothing is removed.
    """
    folder = below(root, unit_folder(unit.user))
    file, drop_in = folder / unit.file, folder / f"{unit.name}.d"
    if not file.exists():
        raise CommandFailed(UNEXPECTED, f"{unit.name} is not installed: there is no {file}")
    runs = root is None and _systemd_runs(unit.user)
    said = []
    if runs:
        _systemctl(unit.user, "disable", "--now", unit.name)
        said.append(f"stopped and disabled {unit.name}")
    _remove(drop_in / "10-ketch.conf")
    if drop_in.is_dir() and not any(drop_in.iterdir()):
        drop_in.rmdir()
    others = unit.instance and _other_instances(folder, unit)
    if others:
        said.append(f"kept {file}, which {', '.join(others)} needs")
    else:
        _remove(file)
        said.append(f"removed {file}")
    if runs:
        _systemctl(unit.user, "daemon-reload")
    return [*said, "settings, keys and the journal of orders are left where they are"]


def below(root: Path | None, path: Path) -> Path:
    """``path`` as it is reached from here when its system lies below ``root``."""
    return path if root is None else root / path.relative_to("/")


def write_atomically(path: Path, text: str) -> None:
    """All of it or nothing, also if the power goes. Raises CommandFailed (78)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_permitted(path, error) from None


def _texts(unit: Unit) -> dict[str, str]:
    texts = {unit.file: render(unit)}
    if unit.drop_in:
        texts[unit.drop_in] = render_drop_in(unit)
    return texts


def _check_settings(unit: Unit, root: Path | None) -> None:
    """What the service would refuse at its start is refused now."""
    from cli.settings import load_settings

    path = None if unit.configuration is None else below(root, unit.configuration)
    loaded = load_settings(path, ())
    if path is not None and not unit.user and not path.stat().st_mode & stat.S_IROTH:
        text = f"{path}: the service's own user can't read it; it holds no secrets: chmod 644 it"
        raise CommandFailed(CONFIGURATION, text)
    if loaded.config.mode == "live" and not unit.live:
        text = f"{loaded.origin('mode')}: mode is live, and this costs real money; add --live"
        raise CommandFailed(CONFIGURATION, text)
    if unit.live and loaded.config.mode != "live":
        text = "--live, but the configuration says mode: paper; set mode: live to mean it"
        raise CommandFailed(USAGE, text)


def _missing_keys(unit: Unit, root: Path | None) -> list[str]:
    """The service does not start without its keys, but they may well come later."""
    if not unit.live:
        return []
    folder = credentials_folder(unit)
    missing = [name for name in NAMES if not below(root, folder / name).exists()]
    return [f"still to come, mode 0600: {folder / name}" for name in missing]


def _other_instances(folder: Path, unit: Unit) -> list[str]:
    enabled = folder.glob("*.wants/ketch@*.service")
    drop_ins = (path.with_suffix("") for path in folder.glob("ketch@*.service.d"))
    return sorted({path.name for path in (*enabled, *drop_ins)} - {unit.name})


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _not_permitted(path, error) from None


def _not_permitted(path: Path, error: OSError) -> CommandFailed:
    remedy = "run it as root (sudo), or install with --user"
    return CommandFailed(CONFIGURATION, f"{path}: {error.strerror or error}; {remedy}")


def _systemd_runs(user: bool) -> bool:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere")) / "systemd"
    there = runtime.is_dir() if user else _RUNNING.is_dir()
    return there and shutil.which("systemctl") is not None


def _systemctl(user: bool, *arguments: str) -> None:
    command = ["systemctl", *(["--user"] if user else []), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SYSTEMCTL_S, check=False
        )
    except subprocess.TimeoutExpired:
        text = f"{' '.join(command)}: not done after {_SYSTEMCTL_S:.0f} s; see systemctl status"
        raise CommandFailed(UNEXPECTED, text) from None
    if done.returncode:
        text = f"{' '.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}"
        raise CommandFailed(UNEXPECTED, text)
