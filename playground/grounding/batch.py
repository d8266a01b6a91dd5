"""One question to every picture of a folder, an answer a line, in a file that can be gone on with.

Invariants: a line is written whole and at once, so work that was cut goes on where it was. A picture that cannot
be read is a line with an error; a model that cannot answer ends the work.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from playground.errors import UserError
from playground.grounding.boxes import filter_by_score
from playground.grounding.export import as_dict
from playground.grounding.service import GroundingService
from playground.grounding.types import Answer, Box, GroundingTask, Question
from playground.grounding.validation import validate_request
from playground.imaging import uploads
from playground.runtime.task import Phase

ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"))
MAX_REFUSALS = 3  # of a model that has not answered once: it will not answer the others either
VISITOR = "batch"


@dataclass(frozen=True)
class Batch:
    """What is asked of every picture below `folder`; `threshold` (0..1) leaves out boxes whose score is lower."""

    folder: Path
    model: str
    task: GroundingTask
    text: str = ""
    box: Box | None = None
    threshold: float = 0.0
    temperature: float = 0.0
    seed: int = 0

    def key(self, file: str) -> dict[str, Any]:
        """What a line begins with, and what tells that this was asked of this picture already."""
        box = None if self.box is None else [self.box.x0, self.box.y0, self.box.x1, self.box.y1]
        return {"file": file, "model": self.model, "task": self.task.value, "question": self.text, "box": box}

    def question(self, image: Image.Image) -> Question:
        return Question(self.task, image, self.text, self.box, temperature=self.temperature, seed=self.seed)


def pictures(folder: Path) -> list[str]:
    """The picture files below a folder, by their paths relative to it, sorted. Raises `UserError` for none."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. Give the folder that holds the pictures.")
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and path.is_file()
    )
    if not found:
        raise UserError(f"There are no pictures in {folder}. {', '.join(sorted(ENDINGS))} are looked for.")
    return found


def checked(service: GroundingService, batch: Batch) -> None:
    """Raise `UserError` now for a question that would be refused for every picture."""
    validate_request(service.entry(batch.model), batch.question(Image.new("RGB", (64, 64))))


def answered(out: Path, batch: Batch) -> set[str]:
    """The pictures that this was asked of already. A last line that was cut is taken off.

    Raises:
        UserError: the file holds something else than results, and is left as it is.
    """
    if not out.exists():
        return set()
    lines = out.read_bytes().split(b"\n")
    cut = lines.pop()
    done = set()
    for number, line in enumerate(lines, start=1):
        known = _line(line)
        if known is None:
            raise UserError(f"{out} holds something else than results (line {number}). Give another name to --out.")
        file = known["file"]
        if known == {**known, **batch.key(file)}:
            done.add(file)
    if cut:
        if not cut.startswith(b'{"file": ') and not b'{"file": '.startswith(cut):
            raise UserError(f"{out} holds something else than results. Give another name to --out.")
        with out.open("r+b") as file_:
            file_.truncate(out.stat().st_size - len(cut))
    return done


def run(
    service: GroundingService,
    batch: Batch,
    files: list[str],
    out: Path,
    phase: Callable[[Phase], None] = lambda phase: None,
) -> Iterator[dict[str, Any]]:
    """Ask of each of `files`; append a line to `out` for each and yield it.

    Raises:
        UserError: the model refused the first `MAX_REFUSALS` pictures; of these nothing is written.
    """
    refused: list[dict[str, Any]] = []
    working = False
    with out.open("a", encoding="utf-8") as lines:
        for file in files:
            told = batch.key(file)
            try:
                image = uploads.read(batch.folder / file)
            except UserError as error:
                told["error"] = str(error)
                yield _written(told, lines)
                continue
            try:
                told |= _told(_answer(service, batch, image, phase), batch)
            except UserError as error:
                told["error"] = str(error)
                if not working:
                    refused.append(told)
                    if len(refused) == MAX_REFUSALS:
                        raise
                    continue
            else:
                working = True
            for earlier in refused:
                yield _written(earlier, lines)
            refused.clear()
            yield _written(told, lines)
        for earlier in refused:
            yield _written(earlier, lines)


def _answer(service: GroundingService, batch: Batch, image: Image.Image, phase: Callable[[Phase], None]) -> Answer:
    job = service.answer(VISITOR, batch.model, batch.question(image))
    with closing(job.events()) as events:
        for event in events:
            if isinstance(event, Phase):
                phase(event)
            elif isinstance(event, Answer):
                return event
    raise AssertionError("an answer ends every question that is not refused")


def _told(answer: Answer, batch: Batch) -> dict[str, Any]:
    kept = replace(answer, parsed=filter_by_score(answer.parsed, batch.threshold))
    return {**as_dict(kept), "seconds": round(answer.seconds, 3), "stopped": answer.stopped}


def _written(told: dict[str, Any], lines: Any) -> dict[str, Any]:
    lines.write(json.dumps(told, ensure_ascii=False) + "\n")
    lines.flush()
    return told


def _line(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("file"), str) else None
