"""Where a customer's page is kept.

Belongs here: a file name that any customer's name can become, and replacing a page so that a reader never sees half of one. Does not belong
here: what is in it (`rendering.py`), which folder (`configuration.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from orders_platform.errors import ConfigurationError


def page_of(folder: Path, customer: str) -> Path:
    """The customer's file: its name, with what a file's name cannot hold written as %2F; two customers never share one."""
    return folder / (quote(customer, safe=" '()&,+") + ".html")


def write_page(folder: Path, customer: str, text: str) -> Path:
    """Put a customer's page in place of the last one.

    Raises:
        ConfigurationError: the folder cannot be made or written.
    """
    page = page_of(folder, customer)
    half = page.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half.write_text(text, encoding="utf-8")
        half.replace(page)
    except OSError as error:
        raise ConfigurationError(
            f"The report {page} cannot be written: {error}. Correct `folder` in [reports], or the rights of that folder."
        ) from error
    return page
