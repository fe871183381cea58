"""Processes of a drill: each in an environment of its own, and none outlives us."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cli

HOME: Final = Path(cli.__file__).resolve().parent.parent
_STOP_S: Final = 30.0


@contextmanager
def started(
    arguments: list[str],
    folder: Path,
    log: str,
    *,
    told: bool = False,
    certificate: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in an environment without settings or keys of ours; it ends with the block.

    With ``told`` it listens at its standard input; ``certificate`` is all that it trusts.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KETCH_")}
    unset = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"), "")
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH", "")]))
    own = {"XDG_STATE_HOME": str(folder), "PYTHONPATH": path, "COLUMNS": "120"}
    trusted = {} if certificate is None else {"SSL_CERT_FILE": str(certificate)}
    with (folder / log).open("ab") as said:
        child = subprocess.Popen(
            [*_leash(), *arguments],
            stdin=subprocess.PIPE if told else subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=kept | unset | own | trusted,
            start_new_session=True,  # a Ctrl-C is for the drill, which then ends it in order
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child.stdin is not None:
            child.stdin.close()


def _leash() -> list[str]:
    """What has it killed when we are: nobody else would ever end it. It becomes the command."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
