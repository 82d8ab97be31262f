"""deploy/compose/compose.yaml without Docker: its services as processes of this machine, with its commands, variables and files.

Only what a container network would give is replaced: host names, ports, and the folder /opt/dagster.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from orders_platform_tests.testing.dagster_webserver import Webserver, wait_for
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.workplace import CHECKOUT

COMPOSE = CHECKOUT / "deploy" / "compose"
BIN = Path(sys.executable).parent


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Compose's `${NAME}`, `${NAME:-default}` and `${NAME:?message}`."""

    def value(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        if variables.get(name):
            return variables[name]
        assert operator != ":?", f"compose would refuse to start: {name}: {rest}"
        return rest or ""

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, text)


def composed(variables: Mapping[str, str]) -> Mapping[str, Mapping[str, object]]:
    """The services of the file, for somebody with these variables."""

    def filled(node: object) -> object:
        match node:
            case str():
                return interpolated(node, variables)
            case dict():
                return {key: filled(value) for key, value in node.items()}
            case list():
                return [filled(value) for value in node]
        return node

    return filled(yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))["services"])


def mounted_files(service: Mapping[str, object]) -> list[tuple[Path, Path]]:
    """What a service mounts of this host, and where."""
    volumes = [volume.split(":") for volume in service["volumes"]]
    return [(COMPOSE / volume[0], Path(volume[1])) for volume in volumes if volume[0].startswith((".", "/"))]


@dataclass
class Services:
    """`home` stands for /opt/dagster; `given` is the .env file; `outside` are variables of the network around (addresses)."""

    home: Path
    given: Mapping[str, str]
    outside: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {"3000": str(free_port()), "4000": str(free_port())}
        self.services = composed(self.given)
        (self.home / "storage").mkdir(parents=True)
        (self.home / "dagster.yaml").write_bytes((COMPOSE / "dagster.yaml").read_bytes())
        for source, target in mounted_files(self.services["code"]):
            (self.home / target.relative_to("/opt/dagster")).write_bytes(source.read_bytes())
        workspace = (COMPOSE / "workspace.yaml").read_text(encoding="utf-8")
        here = workspace.replace("host: code", "host: 127.0.0.1").replace("4000", self.ports["4000"])
        (self.home / "workspace.yaml").write_text(here, encoding="utf-8")

    @property
    def webserver(self) -> Webserver:
        return Webserver(f"http://127.0.0.1:{self.ports['3000']}")

    def command(self, words: Sequence[str]) -> list[str]:
        """As it would run in the container, here."""
        places = {"0.0.0.0": "127.0.0.1", **self.ports}
        moved = [places.get(word, word.replace("/opt/dagster", str(self.home))) for word in words]
        return [str(BIN / moved[0]), *moved[1:]]

    def variables(self, service: str) -> dict[str, str]:
        """Nothing but what compose and the image give the service; the checkout's path besides."""
        own = {"PATH", "LANG", "HOME", "TMPDIR"}
        kept = {name: text for name, text in os.environ.items() if name in own}
        image = {"DAGSTER_HOME": str(self.home), "DAGSTER_DISABLE_TELEMETRY": "yes", "PYTHONPATH": str(CHECKOUT)}
        given = self.services[service]["environment"].items()
        said = {name: str(text).replace("/opt/dagster", str(self.home)) for name, text in given}
        network = {name: text for name, text in self.outside.items() if name in said}
        return {**kept, **image, **said, **network, **(self.extra if service == "code" else {})}

    def run(self, service: str) -> None:
        """A service that ends by itself."""
        command, environment = self.command(self.services[service]["command"]), self.variables(service)
        done = subprocess.run(command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, service: str) -> None:
        """A service that stays."""
        with (self.home / f"{service}.log").open("ab") as log:
            self.running[service] = subprocess.Popen(
                self.command(self.services[service]["command"]),
                cwd=self.home,
                env=self.variables(service),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, service: str) -> str:
        return (self.home / f"{service}.log").read_text(encoding="utf-8")

    def healthy(self, service: str, port: str) -> bool:
        """What compose's own health check says, of a service that has not ended; not asked, which takes seconds, while nobody listens."""
        assert self.running[service].poll() is None, self.log(service)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(self.ports[port]))):
                return False
        return self.answers(service)

    def answers(self, service: str) -> bool:
        words = self.services[service]["healthcheck"]["test"][1:]
        if words[0] == "python":
            words = [word.replace("127.0.0.1:3000", f"127.0.0.1:{self.ports['3000']}") for word in words]
        checked = subprocess.run(
            self.command(words), cwd=self.home, env=self.variables(service), capture_output=True, timeout=60, check=False
        )
        return checked.returncode == 0

    def up(self) -> None:
        """In the order that `depends_on` asks for."""
        self.run("migrate")
        self.start("code")
        wait_for("the code server is healthy", lambda: self.healthy("code", "4000"))
        for service in ("webserver", "daemon"):
            self.start(service)
        wait_for("the webserver answers", self.webserver.answers)
        wait_for("the location is loaded", self.webserver.loaded)
        wait_for("every daemon beats", self.webserver.daemons_are_well)

    def down(self) -> None:
        """Ends what still runs, at once."""
        for process in self.running.values():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self.running.values():
            process.wait(30)
