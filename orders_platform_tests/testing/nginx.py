"""A real nginx with the configuration of deploy/proxy, on a free port, in front of a webserver."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from orders_platform_tests.browser.install import MISSING_NGINX, installed_nginx
from orders_platform_tests.testing.dagster_webserver import wait_for
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.workplace import CHECKOUT

PERSON = ("ann", "a-password-of-hers")
MAIN = """{user}daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; {temporary} include {folder}/site.conf; }}"""


@dataclass(frozen=True)
class Proxy:
    port: int

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def ask(self, method: str, path: str, *, name: str = "localhost", **asked: object) -> httpx.Response:
        """As a person with the password; `name` is the server's in the TLS handshake."""
        with httpx.Client(verify=False, timeout=60, auth=PERSON) as client:
            return client.request(method, self.origin + path, extensions={"sni_hostname": name}, **asked)


@contextmanager
def proxying(upstream: str, folder: Path) -> Iterator[Proxy]:
    """The proxy while the block runs; `upstream` is an address with a port."""
    program, port = installed_nginx(), free_port()
    assert program, MISSING_NGINX
    text = (CHECKOUT / "deploy" / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    for ours, here in (
        ("https://ORDERS.EXAMPLE.COM", f"https://localhost:{port}"), ("ORDERS.EXAMPLE.COM", "localhost"),
        ("listen 443", f"listen 127.0.0.1:{port}"), ("127.0.0.1:3000", upstream), ("/etc/nginx", str(folder)),
    ):  # fmt: skip
        assert ours in text
        text = text.replace(ours, here)
    folder.mkdir()
    (folder / "site.conf").write_text(text, encoding="utf-8")
    (folder / "orders.htpasswd").write_text(f"{PERSON[0]}:{{PLAIN}}{PERSON[1]}\n", encoding="utf-8")
    made = trustme.CA().issue_cert("localhost")
    made.private_key_pem.write_to_path(str(folder / "orders.key"))
    for part in made.cert_chain_pems:
        part.write_to_path(str(folder / "orders.crt"), append=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root; " if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, temporary=temporary), encoding="utf-8")
    with subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for("nginx listens", lambda: process.poll() is not None or (folder / "nginx.pid").exists(), 30)
            assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
            yield Proxy(port)
        finally:
            process.terminate()
