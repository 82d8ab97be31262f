"""A virtual environment for each of the other clients, and running their scripts in it.

Two of them install the same package name, so they cannot share one. The environments are kept under `.venv-peers/` in the repository.
"""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / ".venv-peers"
PEERS: Mapping[str, Sequence[str]] = {
    "monday-api-python-sdk": ("monday-api-python-sdk==1.6.8", "requests==2.34.2", "dacite==1.9.2"),
    "monday": ("monday==2.2.1", "urllib3==2.8.0"),
    "monday-async": ("monday-async==2.0.0", "aiohttp==3.14.5", "aiofiles==25.1.0", "graphql-core==3.2.14"),
}
"""Requirements by client, as released in November 2026."""


class PeerError(Exception):
    """A client could not be installed, or its script ended with an error of its own."""


def python_of(peer: str) -> Path:
    """The interpreter of the client's environment, which is made when it is absent or made for other versions.

    Raises:
        PeerError: pip cannot install the client; its last words are in the message.
    """
    folder = FOLDER / peer
    python, note = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(PEERS[peer])
    if not note.exists() or note.read_text(encoding="utf-8") != wanted:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[peer]]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerError(f"{peer} could not be installed into {FOLDER.name}: {done.stderr.strip()[-500:]}")
        note.write_text(wanted, encoding="utf-8")
    return python


@contextmanager
def started(peer: str, command: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The client's script, running; it is killed when the block ends before it."""
    script = Path(__file__).with_name(f"client_{peer.replace('-', '_')}.py")
    process = subprocess.Popen(
        [str(python_of(peer)), str(script), command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def answer_of(peer: str, process: subprocess.Popen[str]) -> Any:  # JSON, of another shape for each command
    """What the script printed, once it has ended.

    Raises:
        PeerError: it ended with an error.
    """
    printed, said = process.communicate()
    if process.returncode:
        raise PeerError(f"The script of {peer} ended with exit code {process.returncode}: {said.strip()[-700:]}")
    return json.loads(printed)
