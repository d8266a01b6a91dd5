"""How well `avatar-minigpt` points and answers, on held-out group pictures.

Invariants: questions come from the generator that training uses, pictures from seeds it never saw; an answer is
read by the codec that the app reads it with. Greedy, one question at a time, as a visitor would ask.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playground.drawn_world.attributes import BY_NAME, Person
from playground.drawn_world.phrases import agrees, claims
from playground.drawn_world.questions import NUMBERS, Asked, ask, detect, grounded, identify, refer
from playground.drawn_world.sampling import Split, seeds
from playground.grounding.boxes import iou
from playground.grounding.codecs import CODECS
from playground.grounding.minigpt_prompt import opening, turn
from playground.grounding.types import Box, Entity, ParsedAnswer
from playground.training.evaluation.model_card import Row, percent
from playground.training.recipes import minigpt
from playground.training.recipes.training_loop import pictures
from playground.training.shards import drawn_group

BATCH, RIGHT = 32, 0.5  # questions at a time; IoU from which a box is right
MOST_TOKENS = 256
SIZE = 96
PEERS = "MiniGPT-v2 on photographs: 84.3 % (mean over RefCOCO/+/g)"
_PLURALS = {"glasses": "glasses", "hats": "hat", "beards": "beard", "moustaches": "moustache"}


@dataclass(frozen=True)
class Judged:
    """One question, the words that came, and what they point at."""

    row: int
    asked: Asked
    raw: str
    parsed: ParsedAnswer


def table(models: Path, count: int) -> list[Row]:
    """All tasks on `count` held-out group pictures: per picture one question of each kind, as far as it has one."""
    drawn = [drawn_group(seed, SIZE) for seed in seeds(Split.HELD_OUT, count)]
    images, records = np.stack([image for image, _ in drawn]), [record for _, record in drawn]
    own = minigpt.load(models / "avatar-minigpt")
    rng = np.random.default_rng(0)
    kinds = (refer, refer, refer, detect, detect, identify, ask, ask, ask, grounded)
    asked = [
        (row, found) for row, record in enumerate(records) for kind in kinds
        if (found := kind(record, SIZE, rng)) is not None
    ]  # fmt: skip
    judged = answered(own, images, asked)

    def of(tag: str, *kinds: str) -> list[Judged]:
        return [j for j in judged if j.asked.tag == tag and (not kinds or j.asked.kind in kinds)]

    said = of("refer", "attribute", "position", "both")
    rows = [Row("refer to a person: IoU ≥ 0.5", _share(said, records, referred), "75 %", PEERS)]
    for kind in ("attribute", "position", "both", "part"):
        rows.append(Row(f"– by {kind}", _share(of("refer", kind), records, referred)))
    rows.append(Row("detect: F1 at IoU 0.5", f"{f1(of('detection'), records):.3f}", "0.75"))
    for kind in ("people", "glasses", "hat", "beard", "moustache"):
        rows.append(Row(f"– {kind}", f"{f1(of('detection', kind), records):.3f}"))
    nothing = of("detection", "absent")
    rows.append(Row("– what is not there is not found", _share(nothing, records, lambda j, _: not j.parsed.entities)))
    rows.append(Row("identify: all that is said is right", _share(of("identify"), records, identified), "75 %"))
    for kind in ("person", "hat", "glasses", "beard"):
        rows.append(Row(f"– {kind}", _share(of("identify", kind), records, identified)))
    phrases = [right for j in of("grounding") for right in grounded_phrases(j, records[j.row])]
    rows.append(
        Row("grounded caption: true phrases with their boxes", percent(float(np.mean(phrases or [False]))), "70 %")
    )
    rows.append(Row("VQA: exact answer", _share(of("vqa"), records, exact), "80 %"))
    for kind in ("count", "yes/no", "colour", "which"):
        rows.append(Row(f"– {kind}", _share(of("vqa", kind), records, exact)))
    broken = sum(bool(j.parsed.warnings) for j in judged)
    rows.append(Row("answers with something wrong in their markup", percent(broken / len(judged))))
    return [*rows, Row("questions asked", f"{len(judged):,} about {count:,} pictures")]


@torch.no_grad()
def answered(own: minigpt.MiniGPT, images: np.ndarray, asked: Sequence[tuple[int, Asked]]) -> list[Judged]:
    """Ask every (row, question) about `images` (N, S, S, 3) and read what comes."""
    model, tokenizer = own.model.eval(), own.tokenizer
    tokenizer.padding_side = "left"
    where = model.device
    order = sorted(range(len(asked)), key=lambda i: (asked[i][1].tag, len(asked[i][1].answer)))
    found: dict[int, Judged] = {}
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        texts = [opening() + turn(asked[i][1].prompt, first=True) for i in part]
        tokens = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt").to(where)
        pixels = pictures(images[[asked[i][0] for i in part]], where).contiguous()
        said = model.generate(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, pixel_values=pixels[:, None],
            max_new_tokens=MOST_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id,
        )[:, tokens.input_ids.shape[1] :]  # fmt: skip
        for i, ids in zip(part, said.tolist(), strict=True):
            end = ids.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in ids else len(ids)
            raw = tokenizer.decode(ids[:end])
            row, question = asked[i]
            found[i] = Judged(row, question, raw, CODECS["minigpt_v2"].parse(raw, (SIZE, SIZE)))
    return [found[i] for i in range(len(asked))]


def referred(judged: Judged, record: dict[str, Any]) -> bool:
    """The first box lies on the thing."""
    boxes = [box for entity in judged.parsed.entities for box in entity.boxes]
    return bool(boxes) and iou(boxes[0], _true(record, judged.asked.boxes[0])) >= RIGHT


def f1(judged: list[Judged], records: list[dict[str, Any]]) -> float:
    """Of all boxes of all questions: matched one to one, the surest overlap first."""
    hits = said = there = 0
    for j in judged:
        boxes = [box for entity in j.parsed.entities for box in entity.boxes]
        true = [_true(records[j.row], index) for index in j.asked.boxes]
        hits += matched(boxes, true)
        said += len(boxes)
        there += len(true)
    return 2 * hits / (said + there) if said + there else 0.0


def matched(found: Sequence[Box], true: Sequence[Box]) -> int:
    """How many pairs with IoU ≥ 0.5 there are, each box used once."""
    pairs = sorted(((iou(a, b), i, k) for i, a in enumerate(found) for k, b in enumerate(true)), reverse=True)
    used: set[tuple[str, int]] = set()
    for overlap, i, k in pairs:
        if overlap >= RIGHT and not used & {("found", i), ("true", k)}:
            used |= {("found", i), ("true", k)}
    return len(used) // 2


def identified(judged: Judged, record: dict[str, Any]) -> bool:
    """Everything that the answer says holds, and it speaks of the right kind of thing."""
    box = record["boxes"][judged.asked.boxes[0]]
    who, kind = _person(record["people"][box["figure"]]), box["part"]
    text = judged.parsed.text
    if kind != "person" and not text.endswith(kind):
        return False
    if kind == "person" and "person" not in text:
        return False
    said = claims(text)
    return bool(said) and agrees(who, said)


def exact(judged: Judged, record: dict[str, Any]) -> bool:
    return judged.parsed.text.strip() == judged.asked.answer


def grounded_phrases(judged: Judged, record: dict[str, Any]) -> list[bool]:
    """For each phrase of a grounded caption, whether its words hold for what its boxes lie on; one False for none."""
    return [_phrase_holds(entity, record) for entity in judged.parsed.entities] or [False]


def _phrase_holds(entity: Entity, record: dict[str, Any]) -> bool:
    words = entity.phrase.split()
    everybody = [i for i, box in enumerate(record["boxes"]) if box["part"] == "person"]
    if words[-1:] == ["people"]:
        true = [_true(record, i) for i in everybody]
        return words[0] == NUMBERS[min(len(true), 5)] and matched(entity.boxes, true) == len(true) == len(entity.boxes)
    part = _PLURALS.get(words[-1] if words else "", words[-1] if words else "")
    part = part if part in ("glasses", "hat", "beard", "moustache") else ""
    whole = "person" in words
    said = claims(entity.phrase)
    true_of = [
        i for i, box in enumerate(record["boxes"])
        if (box["part"] == "person" if whole else box["part"] != "person" and (not part or box["part"] == part))
        and (not said or agrees(_person(record["people"][box["figure"]]), said))
    ]  # fmt: skip
    return bool(entity.boxes) and matched(entity.boxes, [_true(record, i) for i in true_of]) == len(entity.boxes)


def _share(
    judged: list[Judged], records: list[dict[str, Any]], right: Callable[[Judged, dict[str, Any]], bool]
) -> str:  # fmt: skip
    return percent(float(np.mean([right(j, records[j.row]) for j in judged] or [False]))) + f" of {len(judged):,}"


def _true(record: dict[str, Any], index: int) -> Box:
    box = record["boxes"][index]
    return Box(*(box[side] / SIZE for side in ("x0", "y0", "x1", "y1")))


def _person(named: dict[str, Any]) -> Person:
    return Person(**{
        name: next(value for value in attribute.values if str(value) == named[name])
        for name, attribute in BY_NAME.items()
    })  # type: ignore[arg-type]  # fmt: skip
