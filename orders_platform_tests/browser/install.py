"""The browser, the nginx and the libraries that the tests need, and how a machine gets them: no wheel has them in it.

`python -m orders_platform_tests.browser.install` installs them where that takes one command and no password; `make test` begins with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
MISSING_BROWSER = (
    "The tests open a browser, and neither Chromium nor Chrome is on this machine. Install one: "
    "`apt-get install chromium fonts-liberation` on Debian, `snap install chromium` on Ubuntu, "
    "`dnf install chromium` on Fedora, `brew install --cask google-chrome` on macOS."
)
NGINX = ("nginx", "/usr/sbin/nginx")
MISSING_NGINX = (
    "The tests start the proxy of deploy/proxy, and nginx is not on this machine. Install it: `apt-get install nginx` on Debian and Ubuntu "
    "(`systemctl disable --now nginx` ends the service that comes with it), `dnf install nginx` on Fedora, `brew install nginx` on macOS."
)
MISSING_LIBRARY = (
    "The tests open a browser with Playwright, whose driver does not start; `python -m playwright --version` says why. "
    "If it is for libatomic: `apt-get install libatomic1` on Debian and Ubuntu, `dnf install libatomic` on Fedora."
)

MISSING_ODBC = (
    "The tests import pyodbc, whose libodbc.so.2 is not on this machine. Install it: `apt-get install libodbc2` on Debian and Ubuntu, "
    "`dnf install unixODBC` on Fedora, `brew install unixodbc` on macOS."
)


def installed_browser() -> str | None:
    """The path of the first browser that is there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def installed_nginx() -> str | None:
    """The path of nginx, which is often not among those of a person."""
    return next(filter(None, map(shutil.which, NGINX)), None)


def _starts(*words: str) -> bool:
    return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0


def _missing() -> dict[str, str]:
    """Debian's packages, each with what a person is told who has to install it."""
    needed = {}
    if installed_browser() is None:
        needed["chromium"] = MISSING_BROWSER
        needed["fonts-liberation"] = MISSING_BROWSER  # without a font the browser would draw empty boxes
    if installed_nginx() is None:
        needed["nginx"] = MISSING_NGINX
    if not _starts("-m", "playwright", "--version"):
        needed["libatomic1"] = MISSING_LIBRARY
    if not _starts("-c", "import pyodbc"):
        needed["libodbc2"] = MISSING_ODBC
    return needed


def _as_root() -> list[str] | None:
    """What a command begins with to have root's rights; None where only a person can give them."""
    if os.geteuid() == 0:
        return []
    asks = shutil.which("sudo") is None or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode
    return None if asks else ["sudo", "-n"]


def main() -> None:
    """Install what is missing, or end with the command that does."""
    missing = _missing()
    if missing and shutil.which("apt-get") and (prefix := _as_root()) is not None:
        print(f"The tests need {' and '.join(missing)}, which apt-get installs now.", flush=True)
        for words in (["update"], ["install", "--yes", *missing]):
            subprocess.run([*prefix, "apt-get", "--quiet=2", *words], stdout=subprocess.DEVNULL, check=False)
        missing = _missing()
    if missing:
        sys.exit("\n".join(dict.fromkeys(missing.values())))


if __name__ == "__main__":
    main()
