"""An answer's text as it is put together without its markup, with what its phrases point at.

Invariants: text is only ever added to, so a span that is counted once stays true. Spaces at the place of a tag
that was taken out become one, and none before a full stop; the model's other spaces are its own.
"""

from dataclasses import dataclass, field

from playground.grounding.codecs.parse_report import Report
from playground.grounding.types import Box, Entity, ParsedAnswer

CLOSING = frozenset(".,;:!?)]}’”、。，；：！？")  # what wants no space before it


@dataclass
class _Named:
    """An entity that may yet be given boxes."""

    phrase: str
    span: tuple[int, int] | None
    boxes: list[Box] = field(default_factory=list)


class AnswerBuilder:
    """Text and entities as they grow; `report` collects what was wrong."""

    def __init__(self) -> None:
        self.report = Report()
        self._pieces: list[str] = []
        self._length = 0
        self._space = ""  # white space that is written only when a word follows
        self._joint = False  # a tag was taken out since the last word
        self._boxed = False  # and it was a box: words do not go on through it
        self._first: tuple[int, int] | None = None  # of the open phrase: its place in the text and in the pieces
        self._open = False
        self._entities: list[_Named] = []
        self._named: _Named | None = None  # what a box belongs to that comes now
        self._labels: dict[str, _Named] = {}
        self._list_end = -1  # where the text ended after the last label of a list

    @property
    def empty(self) -> bool:
        return self._length == 0

    @property
    def open(self) -> bool:
        """A phrase has begun and not ended."""
        return self._open

    def text(self) -> str:
        return "".join(self._pieces)

    def add_text(self, text: str) -> None:
        """Add words of the model."""
        words = text.strip()
        if not words:
            self._space = self._merged(text)
            return
        start = text.index(words[0])
        space = self._merged(text[:start])
        if self.empty or (self._joint and words[0] in CLOSING):
            space = ""
        elif self._boxed and words[0].isalnum():
            space = space or " "
        self._add(space)
        if self._open and self._first is None:
            self._first = self._length, len(self._pieces)
        self._add(words)
        self._space = text[start + len(words) :]
        self._joint = self._boxed = False
        if not self._open:
            self._named = None

    def skip_tag(self) -> None:
        """A tag stood here and is not shown."""
        self._joint = True

    def begin_phrase(self) -> None:
        """A phrase begins."""
        self.skip_tag()
        self._open, self._first, self._named = True, None, None

    def begin_list_item(self) -> None:
        """A phrase begins that is an item of a list: behind boxes it stands after a comma."""
        behind = self._boxed and not self.empty
        self.begin_phrase()
        if behind:
            self._add(",")
            self._space, self._boxed = " ", False

    def end_phrase(self) -> None:
        """The phrase ends; boxes that follow are its own."""
        self.skip_tag()
        self._open = False
        if self._first is None:
            self._named = None
            return
        start, piece = self._first
        self._named = _Named("".join(self._pieces[piece:]), (start, self._length))
        self._first = None

    def add_box(self, box: Box | None) -> None:
        """A box, of the phrase just ended; of none where words stand between. None: one that was left out."""
        if self._open:
            self.end_phrase()
        self._joint = self._boxed = True
        if box is None:
            return
        if self._named is None:
            self._named = _Named("", None)
        if not self._named.boxes:
            self._entities.append(self._named)
        self._named.boxes.append(box)

    def add_labelled_boxes(self, name: str, boxes: list[Box]) -> None:
        """Boxes with their label, as an item of a list: each label is written once and holds all its boxes."""
        self._joint = self._boxed = True
        name = " ".join(name.split())
        if not boxes:
            return
        known = self._labels.get(name)
        if known is None:
            known = self._labels[name] = self._listed(name)
        known.boxes.extend(boxes)

    def claim_text(self, back: int, phrase: str) -> None:
        """Let words said already, which begin `back` characters before the end, own the boxes that follow."""
        start = self._length - back
        self._named = _Named(phrase, (start, start + len(phrase)))

    def link_label(self, name: str, phrase: str, span: tuple[int, int], boxes: list[Box]) -> None:
        """Boxes whose label stands in the text already, as `phrase`; later ones of the same label join them."""
        self._labels[name] = _Named(phrase, span, list(boxes))
        self._entities.append(self._labels[name])

    def has_label(self, name: str) -> bool:
        """A label was listed or tied already."""
        return name in self._labels

    def build(self) -> ParsedAnswer:
        entities = tuple(Entity(one.phrase, one.span, tuple(one.boxes)) for one in self._entities)
        return ParsedAnswer(self.text(), entities, self.report.sentences())

    def _listed(self, name: str) -> _Named:
        """A new entity whose label is written at the end, behind a comma where it follows another."""
        span = None
        if name:
            if self._length == self._list_end:
                self._add(",")
            self._space = "" if self.empty else " "
            self._joint = False
            self.add_text(name)
            self._list_end = self._length
            span = (self._length - len(name), self._length)
        named = _Named(name, span)
        self._entities.append(named)
        return named

    def _merged(self, space: str) -> str:
        """White space at hand and white space that follows: one where a tag stood between, else both."""
        if self._joint and self._space and space:
            return "\n" if "\n" in self._space + space else " "
        return self._space + space

    def _add(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._length += len(text)
