"""A Postgres server of the test's own: Debian's programs, a folder that vanishes, a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "a password: with @ and /"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    programs: Path

    def new_database(self, name: str) -> Mapping[str, str]:
        """The variables that deploy/compose/dagster.yaml asks for, of a database nobody has used yet."""
        command = [self.programs / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-d", "postgres"]
        statement = ["-q", "-c", f'CREATE DATABASE "{name}"']
        subprocess.run([*command, *statement], env={**os.environ, "PGPASSWORD": PASSWORD}, check=True, timeout=60)
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": name,
            "DAGSTER_POSTGRES_USER": "dagster",
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        }


def programs() -> Path:
    """The folder of Postgres' server programs; without them the test fails rather than be left out unnoticed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found is None and not debian:
        pytest.fail(
            "This test starts a Postgres server and there is none. Install one: apt-get install postgresql", pytrace=False
        )
    return Path(found).resolve().parent if found else debian[-1].parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """The server, for as long as the block. Postgres refuses to run as root: then it runs as the user that Debian made for it."""
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    where, port = programs(), free_port()
    with tempfile.TemporaryDirectory(prefix="orders-postgres-") as folder:
        home = Path(folder)
        os.chown(home, account.pw_uid, account.pw_gid)
        secret, data = home / "secret", home / "data"
        secret.write_text(PASSWORD, encoding="utf-8")
        os.chown(secret, account.pw_uid, account.pw_gid)
        # Dagster connects anew for every event; with md5 a connection costs half as much, and the password is asked for all the same.
        made = [where / "initdb", "-D", data, "-U", "dagster", "--auth=md5", f"--pwfile={secret}", "-E", "UTF8", "-N"]
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(made, cwd=home, check=True, capture_output=True, timeout=120, **identity)
        options = [f"-c{option}" for option in (*_FAST, "listen_addresses=127.0.0.1", "unix_socket_directories=")]
        with (home / "server.log").open("w") as log:
            server = subprocess.Popen(
                [where / "postgres", "-D", data, "-p", str(port), *options], cwd=home, stdout=log, stderr=log, **identity
            )
        try:
            ready = [where / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            while subprocess.run(ready, capture_output=True, check=False).returncode:
                assert server.poll() is None, (home / "server.log").read_text(encoding="utf-8")
            yield Postgres(port, where)
        finally:
            server.send_signal(2)  # a fast shutdown: does not wait for clients
            server.wait(60)
