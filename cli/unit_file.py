"""The systemd units that ``ketch service`` installs: their text, names and places.

The templates are in ``systemd/``; ``deploy/`` holds what they render to for a packager.
"""

from __future__ import annotations

import importlib.resources
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from cli.exits import CONFIGURATION, USAGE, CommandFailed
from config.secrets import NAMES

ETC: Final = Path("/etc/ketch")
_SYSTEM: Final = Path("/etc/systemd/system")
_INSTANCE: Final = re.compile(r"[a-z0-9][a-z0-9_.]{0,31}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:=,+-]+")
_PROGRAM: Final = re.compile(r"/[A-Za-z0-9_./+-]+")
# What ProtectHome= and PrivateTmp= hide from the service.
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be installed. ``instance`` is "" for the plain ``ketch.service``.

    ``command`` starts Ketch, without its arguments; ``config`` is a settings file or None for what
    is shipped (an instance always has one). Checked by ``checked``.
    """

    command: tuple[str, ...]
    config: Path | None = None
    user: bool = False
    instance: str = ""
    live: bool = False

    @property
    def name(self) -> str:
        """What systemctl calls it: ``ketch.service`` or ``ketch@NAME.service``."""
        return f"ketch@{self.instance}.service" if self.instance else "ketch.service"

    @property
    def file(self) -> str:
        """The name of the file: that of the template for an instance."""
        return "ketch@.service" if self.instance else "ketch.service"

    @property
    def configuration(self) -> Path | None:
        """The settings file that it will read."""
        if self.config is None and self.instance:
            return folder_of_settings(self.user) / f"{self.instance}.yaml"
        return self.config

    @property
    def drop_in(self) -> str:
        """The file that makes one instance differ from the template; "" if nothing does."""
        if self.instance and (self.config is not None or self.live):
            return f"{self.name}.d/10-ketch.conf"
        return ""


def unit_folder(user: bool) -> Path:
    """Where an administrator's, or a user's own, units are."""
    if not user:
        return _SYSTEM
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user"


def folder_of_settings(user: bool) -> Path:
    """Where instances have their settings: /etc/ketch, or ketch in the user's config folder."""
    if not user:
        return ETC
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ketch"


def checked(unit: Unit) -> Unit:
    """``unit`` if systemd and its sandbox can run it. Raises CommandFailed."""
    if unit.instance and _INSTANCE.fullmatch(unit.instance) is None:
        text = f"instance {unit.instance!r}: expected lower case letters, digits, _ and ."
        raise CommandFailed(USAGE, text)
    program = unit.command[0]
    if _PROGRAM.fullmatch(program) is None:
        text = f"command {program!r}: expected an absolute path of plain characters"
        raise CommandFailed(CONFIGURATION, text)
    return unit


def refuse_hidden(unit: Unit, *, here: bool) -> None:
    """CommandFailed (78) if the sandbox hides the command or the settings from the service.

    ``here``: it is this system's command, so that the interpreter behind it can be looked up.
    """
    program = Path(unit.command[0])
    paths = [program, *([interpreter_of(program)] if here else []), unit.configuration]
    for path in paths:
        for hidden in _HIDDEN:
            if path is not None and not unit.user and path.is_relative_to(hidden):
                text = (
                    f"{path}: a system service does not see {hidden}; put it elsewhere "
                    f"(Ketch and its Python in /opt/ketch, settings in {ETC}), or use --user"
                )
                raise CommandFailed(CONFIGURATION, text)


def interpreter_of(program: Path) -> Path:
    """What runs a script, links followed: the Python of an environment may be in a home."""
    try:
        with open(program, "rb") as file:
            first = file.readline(512)
    except OSError:
        return program
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    return Path(words[0]).resolve() if words else program.resolve()


def render(unit: Unit) -> str:
    """The text of the unit file; for an instance, of the template that all instances share."""
    if unit.instance:
        config, folder, what = f"{_settings_specifier(unit)}/%i.yaml", "ketch-%i", "%i"
    else:
        config, folder = ("" if unit.config is None else _quoted(str(unit.config))), "ketch"
        what = "hedged trading"
    live = unit.live and not unit.instance
    template = "ketch-user.service" if unit.user else "ketch.service"
    values = {
        "WHAT": what,
        "COMMAND": _command(unit.command, config, live),
        "NAME": "ketch@%i" if unit.instance else "ketch",
        "FOLDER": folder,
        "CREDENTIALS": credentials(unit, "%i" if unit.instance else "ketch", active=live),
    }
    text = (importlib.resources.files("cli") / "systemd" / template).read_text("utf-8")
    return re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], text)


def render_drop_in(unit: Unit) -> str:
    """What makes this instance differ from the template."""
    command = _command(unit.command, _quoted(str(unit.configuration)), unit.live)
    lines = ["# Rendered by `ketch service install`.", "[Service]", "ExecStart="]
    lines.append(f"ExecStart={command}")
    if unit.live:
        lines.append(credentials(unit, unit.instance, active=True))
    return "\n".join(lines) + "\n"


def credentials_folder(unit: Unit) -> Path:
    """Where the keys of a service lie: beside its settings."""
    return folder_of_settings(unit.user) / f"{unit.instance or 'ketch'}.credentials"


def _settings_specifier(unit: Unit) -> str:
    """The folder of settings as a unit file says it: a home may have any name."""
    return "%E/ketch" if unit.user else str(ETC)


def credentials(unit: Unit, name: str, *, active: bool) -> str:
    """The lines that hand the keys over; comments unless ``active``."""
    folder, mark = f"{_settings_specifier(unit)}/{name}.credentials", "" if active else "#"
    if unit.user:
        return "\n".join(f'{mark}Environment="{key}_FILE={folder}/{key}"' for key in NAMES)
    return "\n".join(f"{mark}LoadCredential={key}:{folder}/{key}" for key in NAMES)


def _command(command: tuple[str, ...], config: str, live: bool) -> str:
    words = [*map(_quoted, command), "run"]
    words += ["-c", config] if config else []
    return " ".join([*words, *(["--live"] if live else [])])


def _quoted(word: str) -> str:
    """As ExecStart= reads it back: no specifier, no variable, no escape."""
    if not word.isprintable():
        raise CommandFailed(CONFIGURATION, f"{word!r}: expected a path of printable characters")
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%").replace("$", "$$") + '"'
