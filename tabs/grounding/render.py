"""What the grounding tab shows: pure functions from a visit to component values.

Invariants: a phrase and its boxes carry the same key and colour wherever they appear. Nothing is escaped here,
because nothing is HTML: the page sets text as text.
"""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import Entry
from playground.grounding import task_tags
from playground.grounding.export import colour
from playground.grounding.limits import Limits
from playground.grounding.types import Box, Entity, GroundingTask
from playground.weights.types import State
from tabs.common.model_menu import state_text
from tabs.common.words import say, size_text
from tabs.grounding.session import Exchange, SessionState

MAX_LABEL = 60  # characters of a phrase on a box
MAX_BOXES = 300  # drawn of one answer
HEAT_SIDE = 256  # pixels
# From dark violet over red to yellow: brighter is more, also without colour.
HEAT_AT = (0.0, 0.35, 0.7, 1.0)
HEAT_RGBA = ((24, 10, 60, 110), (140, 30, 100, 150), (240, 110, 40, 190), (255, 232, 90, 215))
# The order in which a question without a tag is taken by a model that cannot just talk.
USUAL = (
    GroundingTask.CHAT,
    GroundingTask.VQA,
    GroundingTask.DETECT,
    GroundingTask.REFER,
    GroundingTask.GROUNDED_CAPTION,
    GroundingTask.CAPTION,
    GroundingTask.IDENTIFY,
)
STARTS = {
    GroundingTask.CAPTION: "please describe this image",
    GroundingTask.GROUNDED_CAPTION: "describe this image in detail",
    GroundingTask.IDENTIFY: "what is this",
}  # what MiniGPT-v2's own demo fills in, and was trained on
_STAGE_WORDS = (
    "drop", "drop_more", "own", "draw", "identify", "region", "similar", "use", "clear", "draw_title",
    "identify_title", "region_title", "similar_title", "use_title", "clear_title", "flat", "boxes", "labels", "width",
    "heat", "cool", "other", "quote", "forget", "percent", "sending", "unsent",
)  # fmt: skip


def stage(visit: SessionState, limits: Limits | None, language: str) -> dict[str, Any]:
    """The value of a `Stage`: the picture, and the boxes of the answer on show."""
    width, height = visit.image.size if visit.image else (0, 0)
    current = visit.current()
    drawn = [] if current is None else [*boxes(visit, current)]
    other = visit.found(current.beside) if current is not None and current.beside is not None else None
    if other is not None:
        drawn += boxes(visit, other, dashed=True)
    return {
        "picture": visit.file,
        "width": width,
        "height": height,
        "alt": say(language, "ground_alt", width=width, height=height) if visit.image else "",
        "boxes": drawn[:MAX_BOXES],
        "regions": [{"name": name, "box": corners(box)} for name, box in visit.regions.items()],
        "asked": asked_boxes(current),
        "box": corners(visit.box) if visit.box else None,
        "moved": visit.moved,
        "heat": {"src": visit.heat} if visit.heat else None,
        "busy": visit.job is not None,
        "able": {
            "identify": limits.tasks[GroundingTask.IDENTIFY] if limits else "",
            "similar": "" if limits is None or limits.similar else say(language, "ground_similar_never"),
        },
        "words": {key: say(language, f"ground_{key}") for key in _STAGE_WORDS},
    }


def boxes(visit: SessionState, exchange: Exchange, dashed: bool = False) -> list[dict[str, Any]]:
    """The boxes of one answer, as the stage draws them."""
    return [
        {
            "key": key(exchange, number),
            "label": entity.phrase[:MAX_LABEL],
            "score": "" if box.score is None else f"{box.score:.2f}",
            "colour": colour(number),
            "box": corners(box),
            "dashed": dashed,
        }
        for number, entity in enumerate(visit.filtered_answer(exchange).entities)
        for box in entity.boxes
    ]


def asked_boxes(exchange: Exchange | None) -> list[list[float]]:
    """The box a question was about, or that its answer should give back."""
    box = None if exchange is None else exchange.box or exchange.origin
    return [] if box is None else [corners(box)]


def talk(visit: SessionState, limits: Limits | None, language: str) -> dict[str, Any]:
    """The value of a `Talk`."""
    return {
        "turns": [turn(visit, exchange, limits, language) for exchange in visit.exchanges],
        "shown": visit.shown,
        "hint": say(language, "ground_talk_empty"),
        "words": {"prompt": say(language, "ground_prompt_sent"), "raw": say(language, "ground_raw")},
    }


def turn(visit: SessionState, exchange: Exchange, limits: Limits | None, language: str) -> dict[str, Any]:
    """One question with its answer."""
    parsed = visit.filtered_answer(exchange)
    inside, beside = split(parsed.text, parsed.entities)
    warnings = list(parsed.warnings)
    report = "ground_report_n" if warnings else "ground_report"
    return {
        "key": exchange.key,
        "tag": task_tags.TAG_OF[exchange.task],
        "question": exchange.text,
        "model": exchange.label,
        "parts": [
            {"text": text, "key": "" if n is None else key(exchange, n), "colour": "" if n is None else colour(n)}
            for text, n in inside
        ],
        "list": [
            {
                "label": parsed.entities[n].phrase or say(language, "ground_box"),
                "key": key(exchange, n),
                "colour": colour(n),
                "said": many_and_sure(parsed.entities[n]),
            }
            for n in beside
        ],
        "status": status(exchange, parsed.entities, language),
        "notes": exchange.said,
        "warnings": warnings,
        "prompt": exchange.prompt,
        "raw": exchange.raw,
        "report": say(language, report, n=len(warnings)),
        "verbs": verbs(exchange, limits, language),
        "live": exchange.live,
    }


def verbs(exchange: Exchange, limits: Limits | None, language: str) -> list[dict[str, str]]:
    """What can be done with an answer: one that names a box can be asked for that box."""
    words = exchange.answer is not None and exchange.parsed.text.strip()
    if exchange.task is not GroundingTask.IDENTIFY or not words or limits is None or limits.tasks[GroundingTask.REFER]:
        return []
    return [{"verb": "back", "label": say(language, "ground_back")}]


def split(text: str, entities: tuple[Entity, ...]) -> tuple[list[tuple[str, int | None]], list[int]]:
    """The text in pieces with the number of the phrase each is, and the numbers of those that are not in the text.

    Of phrases that overlap the first stays in the text.
    """
    pieces: list[tuple[str, int | None]] = []
    beside: list[int] = []
    end = 0
    placed = [(entity.span, number) for number, entity in enumerate(entities) if entity.span is not None]
    for (start, stop), number in sorted(placed):
        if start < end or stop <= start or stop > len(text):
            beside.append(number)
            continue
        pieces += [(text[end:start], None), (text[start:stop], number)]
        end = stop
    pieces.append((text[end:], None))
    beside += [number for number, entity in enumerate(entities) if entity.span is None]
    return [(piece, number) for piece, number in pieces if piece], sorted(beside)


def many_and_sure(entity: Entity) -> str:
    """How many boxes where it is not one, and the best score."""
    scores = [box.score for box in entity.boxes if box.score is not None]
    many = "" if len(entity.boxes) == 1 else f"×{len(entity.boxes)}"
    return " ".join(part for part in (many, f"{max(scores):.2f}" if scores else "") if part)


def status(exchange: Exchange, entities: tuple[Entity, ...], language: str) -> str:
    """The figures of an answer in one line; "" while it comes."""
    answer = exchange.answer
    if answer is None:
        return ""
    count = sum(len(entity.boxes) for entity in entities)
    counted = say(language, "ground_boxes_1" if count == 1 else "ground_boxes_n", n=count)
    parts = [counted] if count or not exchange.parsed.text else []
    if answer.tokens:
        parts.append(say(language, "ground_tokens", n=answer.tokens))
    parts.append(say(language, "ground_seconds", s=answer.seconds))
    if answer.stopped:
        parts.append(say(language, "ground_cut"))
    return " · ".join(parts)


def key(exchange: Exchange, number: int) -> str:
    return f"{exchange.key}:{number}"


def corners(box: Box) -> list[float]:
    return [round(value, 5) for value in (box.x0, box.y0, box.x1, box.y1)]


def tasks(text: str, limits: Limits, language: str) -> dict[str, Any]:
    """The value of `Tasks` for what stands in the prompt."""
    ask = task_tags.parse_tag(text)[0]
    now = ask or usual(limits)
    chips = [
        {
            "ask": one.value,
            "label": say(language, f"ground_ask_{one.value}"),
            "hint": say(language, f"ground_hint_{one.value}"),
            "on": one is now,
            "reason": limits.tasks[one],
        }
        for one in GroundingTask
    ]
    return {"tasks": chips, "hint": limits.tasks[now] or say(language, f"ground_hint_{now.value}")}


def usual(limits: Limits) -> GroundingTask:
    """What a question without a tag is to a model."""
    return next((ask for ask in USUAL if not limits.tasks[ask]), GroundingTask.CHAT)


def started(ask: GroundingTask, text: str) -> str:
    """The prompt after a chip was chosen: its tag, and what a person wrote, or what the task usually asks."""
    rest = task_tags.parse_tag(text)[1].strip()
    kept = "" if rest in STARTS.values() else rest
    return f"{task_tags.TAG_OF[ask]} {kept or STARTS.get(ask, '')}".lstrip()


def heat_uri(heat: np.ndarray) -> str:
    """A PNG with transparency, as a data URI, of (h, w) floats in 0..1."""
    rows, columns = heat.shape
    scale = HEAT_SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    values = np.nan_to_num(np.asarray(smooth)).clip(0, 1)
    channels = [np.interp(values, HEAT_AT, channel) for channel in zip(*HEAT_RGBA, strict=True)]
    buffer = BytesIO()
    Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def model_line(entry: Entry, limits: Limits, state: State, language: str) -> str:
    """What to know of the chosen model before it is asked."""
    if entry.remote is not None:
        host = entry.remote.url.split("://")[-1].split("/")[0]
        return say(language, "model_line_remote", licence=entry.licence, host=host, note=entry.note)
    return say(
        language,
        "ground_model_line",
        licence=entry.licence,
        state=state_text(entry, state, language),
        memory=size_text(entry.memory_bytes),
        codec=limits.codec,
        note=entry.note,
    )
