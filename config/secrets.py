"""Keys and tokens: where they come from, and a wrapper that no log, error or message can open.

Secrets are never settings. Each is looked for in ``$CREDENTIALS_DIRECTORY`` (systemd credentials),
then in the file that ``NAME_FILE`` names, then in the variable ``NAME``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NoReturn

from config.errors import MASK, ConfigError, ConfigErrors, MissingKey, Unreadable

GRVT_API_KEY: Final = "GRVT_API_KEY"
GRVT_PRIVATE_KEY: Final = "GRVT_PRIVATE_KEY"
GRVT_TRADING_ACCOUNT_ID: Final = "GRVT_TRADING_ACCOUNT_ID"
BACKPACK_PUBLIC_KEY: Final = "BACKPACK_PUBLIC_KEY"
BACKPACK_SECRET_KEY: Final = "BACKPACK_SECRET_KEY"
NAMES: Final = (
    GRVT_API_KEY,
    GRVT_PRIVATE_KEY,
    GRVT_TRADING_ACCOUNT_ID,
    BACKPACK_PUBLIC_KEY,
    BACKPACK_SECRET_KEY,
)

_MAX_BYTES: Final = 4096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_HEX_KEY: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_ACCOUNT_ID: Final = re.compile(r"[0-9]{1,20}")
_API_KEY: Final = re.compile(r"[!-~]+")


class Secret:
    """A text that only ``reveal`` gives back.

    It shows as ``***`` however it is printed, can't be pickled or encoded, and compares in constant
    time. Immutable, so any thread may hold it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself: for the one line of code that signs or sends it."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.__text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash is a fingerprint of the text

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never written down")


def load_secrets(
    names: Iterable[str],
    environ: Mapping[str, str],
    credentials_directory: str | os.PathLike[str] | None = None,
) -> dict[str, Secret]:
    """The secrets called ``names``.

    ``credentials_directory`` defaults to ``$CREDENTIALS_DIRECTORY``. A file that ``NAME_FILE``
    names must be ours and closed to everybody else. An empty variable counts as not set.

    Raises ConfigErrors: every secret that is missing, unreadable or misshapen, never its text.
    """
    directory = credentials_directory or environ.get("CREDENTIALS_DIRECTORY") or None
    found: dict[str, Secret] = {}
    errors: list[ConfigError] = []
    for name in names:
        try:
            found[name] = _load(name, environ, directory)
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise ConfigErrors(errors)
    return found


def _load(
    name: str, environ: Mapping[str, str], directory: str | os.PathLike[str] | None
) -> Secret:
    credential = Path(directory) / name if directory else None
    if credential is not None and credential.exists():
        # systemd owns these files, and guards them by more than their mode.
        return _checked(name, _read(credential, private=False), str(credential))
    file_variable = f"{name}_FILE"
    if file := environ.get(file_variable):
        return _checked(name, _read(Path(file), private=True), f"env {file_variable}")
    if text := environ.get(name, "").strip():
        return _checked(name, text, f"env {name}")
    expected = _shape(name)[1]
    hint = f"set {name}, or {file_variable} to a file of mode 0600, or pass a systemd credential"
    raise MissingKey(name, expected, "secrets", hint)


def _read(path: Path, *, private: bool) -> str:
    """The text of ``path``. An error names the file and the remedy, and carries no cause: the
    cause of a decoding error would hold the text."""
    problem = ""
    raw = b""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(str(path), "is not a regular file")
            if private:
                _require_private(path, status)
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    if problem:
        raise Unreadable(str(path), problem)
    if len(raw) > _MAX_BYTES or not raw.isascii():
        raise Unreadable(str(path), "does not hold a key: it is too large, or not ASCII text")
    return raw.decode("ascii").strip()


def _open_at_once(path: str, flags: int) -> int:
    """A named pipe without a writer would keep the service from starting, for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _require_private(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        reason = f"belongs to user {status.st_uid}, expected {os.geteuid()}, who runs ketch"
        raise Unreadable(str(path), reason, f"chown it to user {os.geteuid()}")
    if status.st_mode & _OTHERS:
        reason = f"can be read by others (mode {stat.S_IMODE(status.st_mode):04o})"
        raise Unreadable(str(path), reason, f"chmod 600 {path}")


def _checked(name: str, text: str, origin: str) -> Secret:
    fits, expected = _shape(name)
    if not fits(text):
        raise ConfigError(name, MASK if text else "nothing", expected, origin)
    return Secret(text)


def _shape(name: str) -> tuple[Callable[[str], bool], str]:
    return _SHAPES.get(name, (bool, "a text that is not empty"))


def _is_base64_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


_SHAPES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    GRVT_API_KEY: (_matches(_API_KEY), "an API key without spaces"),
    GRVT_PRIVATE_KEY: (_matches(_HEX_KEY), "0x and 64 hexadecimal digits"),
    GRVT_TRADING_ACCOUNT_ID: (_matches(_ACCOUNT_ID), "an account id, digits only"),
    BACKPACK_PUBLIC_KEY: (_is_base64_key, "32 bytes in base64"),
    BACKPACK_SECRET_KEY: (_is_base64_key, "32 bytes in base64"),
}
