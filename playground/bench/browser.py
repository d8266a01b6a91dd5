"""The Chromium that tests, benchmarks and screenshots drive. `python -m playground.bench.browser` prints which it is.

Playwright itself is imported late: this module also answers where it is not needed.
"""

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playground.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@functools.cache
def chromium_path() -> str:
    """The executable of an installed Chromium or Chrome, or else of Playwright's own.

    Call it before `sync_playwright()` is entered: it may have to ask Playwright itself.

    Raises:
        UserError: neither is installed; says which command installs one.
    """
    for name in NAMES:
        path = shutil.which(name)
        if path and _starts(path):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if _starts(path):
        return path
    raise UserError(
        f"No Chromium is installed. Install one: {sys.executable} -m playwright install --with-deps chromium "
        "(or on Debian: apt-get install chromium)"
    )


def _starts(path: str) -> bool:
    """Whether it runs at all: a name on the path may only point at a package that is not installed."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


@contextmanager
def browser() -> Iterator["Browser"]:
    """Chromium without a window, closed after the block."""
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield started
        finally:
            started.close()


if __name__ == "__main__":
    try:
        print(f"Chromium: {chromium_path()}")
    except UserError as error:
        sys.exit(str(error))
