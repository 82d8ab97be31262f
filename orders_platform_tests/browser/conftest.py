"""Fixtures: a headless Chromium, pages in it that fail their test on any error of the page, and sandboxes to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from orders_platform_tests.browser.install import MISSING_BROWSER, installed_browser
from orders_platform_tests.sandbox.conftest import api, start

__all__ = ["api", "start"]

_PATIENCE = 15_000
"""Milliseconds that a page gets to show what is expected of it: much, since a busy machine is no failure."""


def browser_path() -> str:
    """Without a browser the test fails rather than be left out unnoticed."""
    return installed_browser() or pytest.fail(MISSING_BROWSER, pytrace=False)


# Playwright's loop counts as running in this thread for as long as the browser lives, and asyncio.run is refused meanwhile: the
# browser ends with its module, not with the session. Starting one takes less than a second.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a module."""
    path = browser_path()
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path)
        yield opened
        opened.close()


@pytest.fixture
def page_errors() -> list[str]:
    """What `page` met: errors in its console, and those that nobody caught. A test that brings one about takes it out."""
    return []


@pytest.fixture
def page(browser: Browser, page_errors: list[str]) -> Iterator[Page]:
    """An empty page, 1400 x 900, with a clock that tests may turn forward; it fails its test when `page_errors` are left."""

    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            page_errors.append(message.text)

    opened = browser.new_page(viewport={"width": 1400, "height": 900}, locale="en-GB", timezone_id="UTC")
    opened.set_default_timeout(_PATIENCE)
    opened.on("console", console)
    opened.on("pageerror", lambda error: page_errors.append(str(error)))
    opened.clock.install()
    yield opened
    opened.close()
    assert page_errors == []
