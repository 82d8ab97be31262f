"""The browser that the tests open, and how a machine gets one: no wheel has a Chromium in it.

`python -m orders_platform_tests.browser.chromium` installs it where that takes one command and no password; `make test` begins with it.
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
MISSING = (
    "The tests open a browser, and neither Chromium nor Chrome is on this machine. Install one: "
    "`apt-get install chromium fonts-liberation` on Debian, `snap install chromium` on Ubuntu, "
    "`dnf install chromium` on Fedora, `brew install --cask google-chrome` on macOS."
)


def installed_browser() -> str | None:
    """The path of the first browser that is there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _as_root() -> list[str] | None:
    """What a command begins with to have root's rights; None where only a person can give them."""
    if os.geteuid() == 0:
        return []
    asks = shutil.which("sudo") is None or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode
    return None if asks else ["sudo", "-n"]


def main() -> None:
    """Install a browser if there is none, or end with the command that does."""
    if installed_browser() is None and shutil.which("apt-get") and (prefix := _as_root()) is not None:
        # Without a font the browser would draw empty boxes.
        for words in (["update"], ["install", "--yes", "chromium", "fonts-liberation"]):
            subprocess.run([*prefix, "apt-get", "--quiet=2", *words], check=False)
    if installed_browser() is None:
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
