"""The control socket in the file system: private from its first moment, told from a dead one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from actors.control_socket import SocketTaken, connect, control_path, listen, remove
from tests.support.console import BOUND_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_socket_is_private_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with listen(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_folder_of_ours_that_was_open_to_others_is_closed(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    with listen(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_path_may_be_longer_than_a_unix_address(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 30) / "control.sock"
    with listen(path) as listener, connect(path, BOUND_S) as client:
        accepted, _ = listener.accept()
        with accepted:
            client.sendall(b"through")
            assert accepted.recv(10) == b"through"


def test_the_socket_of_a_dead_process_is_replaced(path: Path) -> None:
    listen(path).close()
    assert path.exists()
    with listen(path), connect(path, BOUND_S):
        pass


def test_the_socket_of_a_live_process_is_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(path) as first:
        monkeypatch.setattr(os, "getpid", lambda: 1)  # the one who asks is another
        with pytest.raises(SocketTaken) as caught:
            listen(path)
        assert first.getsockname() == str(path)
    assert str(path) in str(caught.value)


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        listen(path)
    assert path.read_text() == "mine"


def test_only_its_own_file_is_removed(path: Path) -> None:
    with listen(path):
        remove(path, path.stat().st_ino + 1)
        assert path.exists()
        remove(path, path.stat().st_ino)
        assert not path.exists()
        remove(path, 1)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"RUNTIME_DIRECTORY": "/run/k:/run/b", "XDG_RUNTIME_DIR": "/x"}, "/run/k/control.sock"),
        ({"RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": "/x"}, "/x/ketch/paper.sock"),
        ({}, "/state/control.sock"),
    ],
)  # fmt: skip
def test_the_place_is_the_managers_then_the_users_then_the_state_folder(
    environ: dict[str, str], expected: str
) -> None:
    assert control_path(environ, "paper", Path("/state")) == Path(expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_can_not_even_connect(path: Path) -> None:
    with listen(path):
        child = os.fork()
        if child == 0:
            os.setuid(65_534)
            try:
                connect(path, BOUND_S)
            except PermissionError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
