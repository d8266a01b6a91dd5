"""One big file from the hub, block by block, kept when it stops half-way.

Invariants: nothing becomes a blob of the cache before its sha256 is the one the hub published.

`huggingface_hub` itself begins a file anew after every Stop (each call writes to a fresh temporary
name) and looks up only each 10 MB. Files addressed by their sha256, which is where the bytes are,
therefore come through here; the library does all the rest. Only imported lazily.
"""

import hashlib
import os
import time
from pathlib import Path

import httpx2
from huggingface_hub import constants, get_session
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from playground.errors import UserError
from playground.runtime.task import Task
from playground.weights.download_plan import partial_path
from playground.weights.hashes import read_into
from playground.weights.source import ProgressMeter

TRIES = 5  # broken connections in a row, each without one new byte, before we give up
PAUSE = 1.0  # seconds between two of them
BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
BUSY = (408, 429, 500, 502, 503, 504)
NOT_SATISFIABLE = 416  # “there is nothing from that byte on”: the server's file is shorter than announced


class PartialFile:
    """The bytes of a blob that are here so far, and their digest. Continues what an earlier run left."""

    def __init__(self, path: Path, meter: ProgressMeter, task: Task) -> None:
        self._meter = meter
        self._task = task
        self._digest = hashlib.sha256()
        path.touch()
        read_into(self._digest.update, path, self._advance)
        self._file = path.open("ab")

    @property
    def size(self) -> int:
        return self._file.tell()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def append(self, block: bytes) -> None:
        self._file.write(block)
        self._digest.update(block)
        self._advance(len(block))

    def restart(self) -> None:
        self._meter.done -= self.size
        self._file.truncate(0)
        self._file.seek(0)
        self._digest = hashlib.sha256()

    def close(self) -> None:
        self._file.close()

    def _advance(self, count: int) -> None:
        self._task.check()
        self._meter.done += count


def fetch_blob(url: str, blob: Path, size: int, meter: ProgressMeter, task: Task) -> None:
    """Download `url` to `blob`, whose name is its sha256; `size` in bytes. The caller holds its lock.

    Raises `UserError` for a file that is not what was published (it is removed), `Cancelled` and the
    library's network errors otherwise (what came stays for the next call).
    """
    part = partial_path(blob)
    part.parent.mkdir(parents=True, exist_ok=True)
    file = PartialFile(part, meter, task)
    try:
        _receive(url, file, size, meter, task)
        whole = file.size == size and file.sha256 == blob.name
    finally:
        file.close()
    if not whole:
        part.unlink()
        raise UserError(
            f"What {httpx2.URL(url).host} sent is not the file that was published (its sha256 differs), so it was "
            "removed. Try again; if it happens again, the server or something between here and there alters files."
        )
    os.replace(part, blob)


def _receive(url: str, file: PartialFile, size: int, meter: ProgressMeter, task: Task) -> None:
    """Append until `size` is reached or the server has no more, going on after broken connections."""
    failures = 0
    while file.size < size:
        before = file.size
        try:
            _stream(url, file)
            failures = 0 if file.size > before else failures + 1
        except HfHubHTTPError as error:
            if error.response.status_code == NOT_SATISFIABLE:
                return
            failures += 1
            if error.response.status_code not in BUSY or failures == TRIES:
                raise
        except BROKEN:
            failures = 0 if file.size > before else failures + 1
            if failures == TRIES:
                raise
        if failures == TRIES:
            return  # five answers without a byte: what is here is all there is
        if file.size < size:
            meter.note = "connection lost, trying again"
            time.sleep(PAUSE)
            task.check()
        meter.note = ""


def _stream(url: str, file: PartialFile) -> None:
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if file.size:
        headers["Range"] = f"bytes={file.size}-"
    # A redirect to another host (where the big files are) loses the token: httpx drops it.
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        hf_raise_for_status(response)
        if file.size and response.status_code == 200:  # the server ignored Range and sends all of it
            file.restart()
        for block in response.iter_bytes():
            file.append(block)
