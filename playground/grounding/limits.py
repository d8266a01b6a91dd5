"""What can be asked of a model about a picture, known before it is loaded.

Invariants: all of it follows from the catalogue's entry; no model library. What a model cannot do has a reason
in words, for the chip that is greyed out and for whoever asks all the same.
"""

from dataclasses import dataclass

from playground.catalog import Entry
from playground.grounding.options import GroundingOptions
from playground.grounding.types import GroundingTask

# Why not, for a model that writes words; {} is its name.
_WRITER = {
    GroundingTask.CHAT: "{} answers set tasks; it was not trained to talk freely.",
    GroundingTask.CAPTION: "{} was not trained to describe pictures.",
    GroundingTask.GROUNDED_CAPTION: "{} does not tie what it writes to boxes.",
    GroundingTask.REFER: "{} does not say where things are.",
    GroundingTask.DETECT: "{} does not say where things are.",
    GroundingTask.IDENTIFY: "{} cannot be asked about a box.",
    GroundingTask.VQA: "{} was not trained to answer questions.",
}
_DETECTOR = "{} finds what you name and writes no words."


@dataclass(frozen=True)
class Limits:
    """What a model takes and gives.

    `tasks` has every `GroundingTask`: "" where the model can do it, else why it cannot, as a sentence. `similar`:
    it finds more like a box. `heat`: it shows what its eyes see. `scores`: its boxes have scores, and `threshold`
    is where a slider over them starts. `streams`: its words come one by one. `temperature`: it can be sampled.
    `turns`: earlier turns are kept. `codec` names the box dialect. `max_new_tokens` is (least, usual, most).
    """

    tasks: dict[GroundingTask, str]
    similar: bool
    heat: bool
    scores: bool
    streams: bool
    temperature: bool
    turns: bool
    threshold: float
    codec: str
    max_new_tokens: tuple[int, int, int]


def limits_of(entry: Entry) -> Limits:
    """The limits of a model of the grounding tab, local or remote."""
    grounding = GroundingOptions.of(entry)
    return Limits(
        tasks={ask: "" if ask in grounding.asks else reason(entry, ask) for ask in GroundingTask},
        similar=grounding.similar,
        heat=grounding.heat,
        scores=grounding.scores,
        streams=grounding.streams,
        temperature=grounding.streams,
        turns=grounding.turns,
        threshold=grounding.threshold,
        codec=grounding.dialect.name,
        max_new_tokens=grounding.max_new_tokens,
    )


def reason(entry: Entry, ask: GroundingTask) -> str:
    """Why a model cannot do this, in a sentence."""
    writes = GroundingOptions.of(entry).streams
    return (_WRITER[ask] if writes else _DETECTOR).format(entry.label)
