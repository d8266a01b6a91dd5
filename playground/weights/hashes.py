"""Is a file what it was published as? Read once, remembered after.

Invariants: a digest is trusted for exactly the path, size and time of change it was computed
for; one small stamp file each, so that processes need no lock between them.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

BLOCK = 1 << 20  # bytes between two looks at Stop: about a millisecond of hashing


class HashCache:
    """The sha256 of big files read before, kept in a folder of the cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(self, path: Path) -> str | None:
        """The digest of the file as it is now, or None if it was never read or has changed since."""
        try:
            stamp = json.loads(self._file(path).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return stamp["sha256"] if stamp["of"] == _identity(path) else None

    def record(self, path: Path, sha256: str) -> None:
        file = self._file(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        unfinished.write_text(json.dumps({"of": _identity(path), "sha256": sha256}), encoding="utf-8")
        os.replace(unfinished, file)

    def sha256(self, path: Path, advance: Callable[[int], None]) -> str:
        """The digest, from the stamp where there is one; `advance` is told each block read."""
        known = self.known(path)
        if known is not None:
            return known
        identity = _identity(path)
        digest = hashlib.sha256()
        read_into(digest.update, path, advance)
        if _identity(path) == identity:  # else somebody is writing it: the stamp would be a lie
            self.record(path, digest.hexdigest())
        return digest.hexdigest()

    def _file(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:32]}.json"


def git_sha1(path: Path) -> str:
    """The object id git gives a file: sha1 over `blob <size>\\0` and the content. For small files."""
    return hashlib.sha1(b"blob %d\0" % path.stat().st_size + path.read_bytes(), usedforsecurity=False).hexdigest()


def read_into(update: Callable[[bytes], None], path: Path, advance: Callable[[int], None]) -> None:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            update(block)
            advance(len(block))


def _identity(path: Path) -> list[str | int]:
    status = path.stat()
    return [os.path.abspath(path), status.st_size, status.st_mtime_ns]
