"""Secrets: where they are found, what is refused, and that nothing prints them."""

from __future__ import annotations

import copy
import io
import logging
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from loguru import logger

from config.errors import ConfigErrors
from config.secrets import NAMES, Secret, load_secrets

PRIVATE_KEY = "0x" + "5a" * 32
BASE64_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
TEXTS = {
    "GRVT_API_KEY": "api-hunter2",
    "GRVT_PRIVATE_KEY": PRIVATE_KEY,
    "GRVT_TRADING_ACCOUNT_ID": "8289849667772468",
    "BACKPACK_PUBLIC_KEY": BASE64_KEY,
    "BACKPACK_SECRET_KEY": BASE64_KEY,
}


def refusal(
    environ: dict[str, str], names: tuple[str, ...] = NAMES, directory: Path | None = None
) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load_secrets(names, environ, directory)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not any(text in told for text in TEXTS.values())
    return str(caught.value).splitlines()


def private_file(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_environment_gives_all_secrets() -> None:
    secrets = load_secrets(NAMES, TEXTS)
    assert {name: secret.reveal() for name, secret in secrets.items()} == TEXTS


def test_credentials_win_over_files_and_files_over_variables(tmp_path: Path) -> None:
    (tmp_path / "GRVT_API_KEY").write_text("credential\n")
    environ = {"GRVT_API_KEY": "variable", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    environ["GRVT_API_KEY_FILE"] = private_file(tmp_path / "key", " file \n")
    names = ("GRVT_API_KEY",)
    assert load_secrets(names, environ)["GRVT_API_KEY"].reveal() == "credential"
    (tmp_path / "GRVT_API_KEY").unlink()
    assert load_secrets(names, environ)["GRVT_API_KEY"].reveal() == "file"
    del environ["GRVT_API_KEY_FILE"]
    assert load_secrets(names, environ)["GRVT_API_KEY"].reveal() == "variable"


def test_only_the_secrets_asked_for_are_needed() -> None:
    assert list(load_secrets(("GRVT_API_KEY",), TEXTS)) == ["GRVT_API_KEY"]


def test_all_missing_secrets_are_told_at_once_with_the_remedy() -> None:
    lines = refusal({"GRVT_API_KEY": "  "})
    assert len(lines) == 5
    assert lines[1] == (
        "secrets: GRVT_PRIVATE_KEY is missing, expected 0x and 64 hexadecimal digits; set "
        "GRVT_PRIVATE_KEY, or GRVT_PRIVATE_KEY_FILE to a file of mode 0600, "
        "or pass a systemd credential"
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("GRVT_API_KEY", "two words", "an API key without spaces"),
        ("GRVT_PRIVATE_KEY", "5a" * 32, "0x and 64 hexadecimal digits"),
        ("GRVT_PRIVATE_KEY", PRIVATE_KEY + "0", "0x and 64 hexadecimal digits"),
        ("GRVT_TRADING_ACCOUNT_ID", "0xabc", "an account id, digits only"),
        ("BACKPACK_PUBLIC_KEY", "AQID", "32 bytes in base64"),
        ("BACKPACK_SECRET_KEY", "ключ", "32 bytes in base64"),
    ],
)
def test_a_misshapen_secret_is_refused_unseen(name: str, text: str, expected: str) -> None:
    assert refusal({name: text}, (name,)) == [f"env {name}: {name}: got ***, expected {expected}"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o610])
def test_a_file_open_to_others_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = private_file(tmp_path / "key", "api-hunter2", mode)
    assert refusal({"GRVT_API_KEY_FILE": path}, ("GRVT_API_KEY",)) == [
        f"{path}: can be read by others (mode {mode:04o}); chmod 600 {path}"
    ]


def test_a_file_closed_even_to_writing_is_fine(tmp_path: Path) -> None:
    path = private_file(tmp_path / "key", "api-hunter2", 0o400)
    assert load_secrets(("GRVT_API_KEY",), {"GRVT_API_KEY_FILE": path})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = private_file(tmp_path / "key", "api-hunter2")
    os.chown(path, 12345, -1)
    assert refusal({"GRVT_API_KEY_FILE": path}, ("GRVT_API_KEY",)) == [
        f"{path}: belongs to user 12345, expected 0, who runs ketch; chown it to user 0"
    ]


def write_nothing(path: Path) -> None:
    private_file(path, "\n")


def write_too_much(path: Path) -> None:
    private_file(path, "api-hunter2" * 1000)


def write_bytes(path: Path) -> None:
    path.write_bytes(b"api-hunter2\xff")
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (write_nothing, "env GRVT_API_KEY_FILE: GRVT_API_KEY: got nothing, expected an API key "),
        (write_too_much, "{path}: does not hold a key: it is too large, or not ASCII text"),
        (write_bytes, "{path}: does not hold a key: it is too large, or not ASCII text"),
        (lambda path: path.mkdir(), "{path}: cannot be read: Is a directory"),
        (os.mkfifo, "{path}: is not a regular file"),
        (lambda path: None, "{path}: cannot be read: No such file or directory"),
    ],
)
def test_a_file_without_a_key_is_refused(
    tmp_path: Path, prepare: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "key"
    prepare(path)
    [line] = refusal({"GRVT_API_KEY_FILE": str(path)}, ("GRVT_API_KEY",))
    assert line.startswith(message.format(path=path))


def in_a_log(secret: Secret) -> str:
    out = io.StringIO()
    sink = logger.add(out, backtrace=False, diagnose=True, serialize=True)
    handler = logging.StreamHandler(out)
    logging.getLogger("ketch.test").addHandler(handler)
    logging.getLogger("ketch.test").warning("%s %r", secret, secret)
    try:
        raise ValueError(secret)
    except ValueError:
        logger.bind(secret=secret).exception("with {} and {!r}", secret, secret)
    logging.getLogger("ketch.test").removeHandler(handler)
    logger.remove(sink)
    return out.getvalue()


def in_msgspec(secret: Secret) -> str:
    holder = msgspec.defstruct("Holder", ["secret"])(secret)
    told = repr(holder)
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins):
        with pytest.raises(TypeError) as caught:
            encode(holder)
        told += str(caught.value)
    return told + msgspec.json.encode(holder, enc_hook=str).decode()


def pickled(secret: Secret) -> str:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(secret)
    return str(caught.value)


@pytest.mark.parametrize(
    "tell",
    [
        str,
        repr,
        ascii,
        "{}".format,
        "{:>40}".format,
        lambda secret: f"{secret!s} {secret!r} {secret:x<9}",
        lambda secret: f"{[secret]} { ({'key': secret}) } {ValueError(secret)!r}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr(copy.deepcopy([copy.copy(secret)])),
        in_a_log,
        in_msgspec,
        pickled,
    ],
)
def test_a_secret_shows_nowhere(tell: Callable[[Secret], str]) -> None:
    told = tell(Secret(TEXTS["GRVT_API_KEY"]))
    assert told
    assert "hunter2" not in told


def test_secrets_compare_among_themselves_only() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))
