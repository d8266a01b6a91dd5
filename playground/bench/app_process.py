"""The app as a process of its own, for what is measured or pictured from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from playground.settings import ROOT

LONGEST_START_S = 60


@contextmanager
def running_app() -> Iterator[str]:
    """The address of an app of its own, once its page answers; ended after the block. Raises `TimeoutError`."""
    port = free_port()
    command = [sys.executable, "app.py", "--offline", "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=dict(os.environ))  # noqa: S603
    try:
        yield wait_for_page(f"http://127.0.0.1:{port}")
    finally:
        app.send_signal(signal.SIGINT)
        app.wait(timeout=30)


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_page(url: str) -> str:
    """The same `url`, once it answers. Raises `TimeoutError` after a minute."""
    until = time.monotonic() + LONGEST_START_S
    while time.monotonic() < until:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"The app did not answer at {url} within {LONGEST_START_S} s.")
