"""The pictures of docs/images that show a terminal, and the board of the tutorial.

python -m orders_platform_tests.documents.pictures    makes them anew; the board needs a browser
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from orders_platform_tests.browser.install import installed_browser
from orders_platform_tests.documents.pages import SHOWN_FOLDER, SHOWN_SERVER, TUTORIAL, Reader, blocks_of, reader_of
from orders_platform_tests.testing.workplace import CHECKOUT

FOLDER = CHECKOUT / "docs" / "images"
WIDTH = 80
MOST_LINES = 40


def shown_at_a_terminal(somebody: Reader, command: str) -> str:
    """What a terminal of 80 columns would show; without progress, which goes by."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    variables = {**somebody.variables, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=somebody.folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    parts = list[bytes]()
    try:
        while part := os.read(ours, 65_536):
            parts.append(part)
    except OSError:
        pass  # Linux ends a terminal whose last program has gone so
    process.wait()
    os.close(ours)
    text = b"".join(parts).decode().replace("\r\n", "\n").replace(str(somebody.folder), SHOWN_FOLDER)
    return text.replace(somebody.shell.server, SHOWN_SERVER)


def picture(name: str, command: str, output: str) -> None:
    """An SVG. Its font is whatever the reader has, so that nothing is fetched."""
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"), force_terminal=True)  # noqa: SIM115
    lines = output.rstrip("\n").split("\n")
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    console.print(Text.from_ansi("\n".join(lines[:MOST_LINES])))
    if len(lines) > MOST_LINES:
        console.print("...")
    svg = console.export_svg(title="orders-platform", theme=DIMMED_MONOKAI, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"
    )
    (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


def board(somebody: Reader) -> None:
    serve = next(block for block in blocks_of(TUTORIAL.read_text("utf-8")) if block.title == "second terminal")
    somebody.do(serve)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser())
        page = browser.new_page(viewport={"width": 1100, "height": 560}, locale="en-GB", timezone_id="UTC")
        page.goto(somebody.variables["MONDAY_API_URL"].removesuffix("v2"))
        page.wait_for_timeout(1_500)
        page.screenshot(path=FOLDER / "tutorial_board.png")
        browser.close()


def main() -> None:
    with reader_of("<!-- after the tutorial -->") as somebody:
        picture("status", "orders-platform status", shown_at_a_terminal(somebody, "orders-platform status"))
        orders = somebody.folder / "orders.csv"
        text = orders.read_text("utf-8").replace("NAVY,ACTIVE,2027-01-15,12.50", "NAVY,ACTIVE,2027-01-22,13.25")
        orders.write_text(text + text.splitlines()[-1].replace("RHO-010", "RHO-011") + "\n", "utf-8")
        somebody.shell.type("orders-platform load orders.csv")
        picture("sync_show", "orders-platform sync --show", shown_at_a_terminal(somebody, "orders-platform sync --show"))
        board(somebody)
    with reader_of("") as somebody:
        picture("demo", "orders-platform demo", shown_at_a_terminal(somebody, "orders-platform demo"))


if __name__ == "__main__":
    main()
