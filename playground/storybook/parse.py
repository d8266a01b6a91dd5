"""A person's own words read into claims, with notes about what this world does not know.

Invariants:
    Nothing that a person types raises; texts beyond `MOST_CHARACTERS` are read up to there.
    Spans are half-open and count characters of the text as it was given.
    What is not understood is left out of the claims, never guessed.
"""

import difflib
import itertools
import re
import unicodedata
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from playground.drawn_world.phrases import phrase_end
from playground.storybook import prompt_words
from playground.storybook.claims import KINDS, MOST, Claims, Place, RelationClaim, ThingClaim
from playground.storybook.things import PERSON_THING
from playground.storybook.types import Background, Colour, Relation, Size
from playground.storybook.vocabulary import HAN, UNCOUNTED, Kind, Meaning, first_word, vocabulary

MOST_CHARACTERS = 2000
MOST_NOTES = 40
_THING = {thing.name: thing for thing in KINDS}


class NoteKind(StrEnum):
    """Why a part of a prompt is not drawn as it was typed."""

    UNKNOWN = "unknown word"  # suggestions: names of things
    COLOUR = "colour that is not painted"  # suggestions: colours
    FIXED_COLOUR = "thing that keeps its own colour"  # suggestions: none
    COUNT = "number too high"  # suggestions: none
    NEGATION = "asked to leave out"  # suggestions: none
    SYNTAX = "prompt syntax"  # weights, networks, parameters, markup; suggestions: none
    QUALITY = "quality words"  # suggestions: none
    LONG = "text too long"  # suggestions: none


@dataclass(frozen=True)
class Note:
    """Something about one part of the text that the page should say.

    Attributes:
        kind: what is the matter.
        span: the characters it is about, half-open.
        word: those characters.
        suggestions: names of the nearest things, or colour words; nearest first, at most three.
    """

    kind: NoteKind
    span: tuple[int, int]
    word: str
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as this world understands it.

    Attributes:
        clean_text: the text without syntax and quality words, spaces tidied; unknown words stay.
        claims: what it asks for.
        notes: what it does not understand, in the order of the text.
    """

    clean_text: str
    claims: Claims
    notes: tuple[Note, ...]


@dataclass
class _Token:
    kind: Kind
    start: int
    end: int
    text: str
    meanings: tuple[Meaning, ...] = ()
    looks: str | None = None

    @property
    def value(self) -> object:
        return self.meanings[0].value if self.meanings else None

    def meaning(self, kind: Kind) -> Meaning | None:
        return next((meaning for meaning in self.meanings if meaning.kind is kind), None)


def parse(text: str) -> ReadPrompt:
    """Read a prompt in English, Chinese or both.

    Args:
        text: anything a person types.

    Returns:
        Its claims, the text without what other programs would read as syntax, and notes.
    """
    notes: list[Note] = []
    whole = text[:MOST_CHARACTERS]
    if len(text) > MOST_CHARACTERS:
        notes.append(Note(NoteKind.LONG, (MOST_CHARACTERS, len(text)), ""))
    plain = _without_syntax(whole, notes)
    tokens = _tokens(plain)
    kept = list(plain)
    for token in tokens:
        if token.kind is Kind.QUALITY:
            notes.append(Note(NoteKind.QUALITY, (token.start, token.end), whole[token.start : token.end]))
            kept[token.start : token.end] = " " * (token.end - token.start)
    tokens = _with_looks(plain, tokens)
    reader = _Reader(whole, notes)
    reader.read([token for token in tokens if token.kind is not Kind.QUALITY])
    notes.sort(key=lambda note: note.span)
    return ReadPrompt(_tidy("".join(kept)), reader.claims(), tuple(notes[:MOST_NOTES]))


def nearest(word: str, most: int = 3) -> tuple[str, ...]:
    """Names of the known things nearest to a word: by meaning where that is known, else by spelling."""
    return _nearest(word.lower()[:40])[:most]


@lru_cache(maxsize=4096)
def _nearest(word: str) -> tuple[str, ...]:
    known = vocabulary()
    for form in (word, word.removesuffix("s"), word.removesuffix("es")):
        if form in known.related:
            return known.related[form]
    found: list[str] = []
    if HAN.search(word):
        for size in range(len(word) - 1, 0, -1):  # the longest part that means something
            for start in range(len(word) - size, -1, -1):
                part = word[start : start + size]
                thing = next((m for m in known.chinese.get(part, ()) if m.kind is Kind.THING), None)
                if thing is not None:
                    found.append(str(thing.value))
                elif size > 1:
                    found += known.related.get(part, ())
            if found:
                break
        return tuple(dict.fromkeys(found))
    if len(word) < 4:
        return ()
    nouns = _nouns()
    near = [
        noun for noun in nouns if abs(len(noun) - len(word)) <= 2 and (noun[0] == word[0] or noun[1:3] == word[1:3])
    ]
    for noun in difflib.get_close_matches(word, near, 3, 0.75):
        found.append(nouns[noun])
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _nouns() -> dict[str, str]:
    """English names, plurals and synonyms → names."""
    return {
        " ".join(words): str(thing.value)
        for entries in vocabulary().english.values()
        for words, meanings in entries
        for thing in meanings
        if thing.kind is Kind.THING
    }


def _without_syntax(text: str, notes: list[Note]) -> str:
    """The text with all syntax of other programs replaced by spaces, character for character."""
    kept = list(text)

    def drop(pattern: re.Pattern[str], group: int = 0, note: bool = True) -> None:
        for found in pattern.finditer("".join(kept)):
            start, end = found.span(group)
            if note:
                notes.append(Note(NoteKind.SYNTAX, (start, end), text[start:end]))
            kept[start:end] = " " * (end - start)

    if "negative" in text.lower() or "提示词" in text:
        drop(prompt_words.NEGATIVE)
    if "<" in text or "embedding:" in text.lower():
        drop(prompt_words.NETWORK)
        drop(prompt_words.MARKUP)
    if "--" in text:
        drop(prompt_words.PARAMETER)
    if "BREAK" in text:
        drop(prompt_words.BREAK)
    if prompt_words.BRACKETS.search(text):
        drop(prompt_words.WEIGHT)
        drop(prompt_words.SCHEDULE, 2)
        before = "".join(kept)
        doubled = re.findall(r"[(\[{]{2,}|[\[{]", before)
        drop(prompt_words.BRACKETS, note=False)
        if doubled:
            first = re.search(r"[(\[{]", before)
            if first is not None:
                notes.append(Note(NoteKind.SYNTAX, first.span(), first.group()))
    return "".join(kept)


def _tidy(text: str) -> str:
    """Spaces and the commas between parts that were left out, tidied."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.，。;!?])", r"\1", text)
    text = re.sub(r"([,，])(?:\s*[,，])+", r"\1", text)
    text = text.strip(" ,，")
    return text.encode("utf-8", "replace").decode("utf-8")


_JOINTS = frozenset("-'’.")  # "T-shirt", "ladies' boot", "T. rex"
_AS_VERBS = """
fly flies watch watches ring rings slide slides saw saws wave waves cook cooks kiss kisses guard guards tie
ties drum drums fan fans target targets duck ducks bat bats fire mask masks light spiral spirals box boxes
"""
_VERBS = frozenset(_AS_VERBS.split())
_SCANNER = re.compile(r"[A-Za-z0-9À-ÖØ-öø-ÿĀ-ſ]+|[㐀-鿿豈-﫿〇、，。；！？：]|[^\s]|\n")


def _fold(text: str) -> str:
    """One English word as it is looked up."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def _tokens(text: str) -> list[_Token]:
    known = vocabulary()
    marks = re.sub(r"(?<=[A-Za-z])['’](?=[A-Za-z])", "\x00", text)  # apostrophes join: "man's", "i'd"
    pieces: list[tuple[str, int, int, bool]] = []  # word, start, end, whether it is Chinese
    for found in _SCANNER.finditer(marks):
        piece = found.group()
        if piece == "\x00" and pieces:
            continue
        if pieces and found.start() > 0 and marks[found.start() - 1] == "\x00" and not pieces[-1][3]:
            word, start, _, _ = pieces.pop()
            pieces.append((word + _fold(piece), start, found.end(), False))
            continue
        han = bool(HAN.match(piece))
        pieces.append((piece if han else _fold(piece), found.start(), found.end(), han))
    tokens: list[_Token] = []
    at = 0
    while at < len(pieces):
        word, start, end, han = pieces[at]
        if han:
            at = _chinese(text, pieces, at, tokens)
            continue
        if word.isalnum() and at + 1 < len(pieces) and pieces[at + 1][3]:  # "T恤"
            step = _mixed(pieces, at, tokens)
            if step:
                at += step
                continue
        meanings = known.chinese.get(word)
        if meanings is not None:  # punctuation
            tokens.append(_Token(meanings[0].kind, start, end, word, meanings))
            at += 1
            continue
        if not word[:1].isalnum() or not word.isascii():
            if word[:1].isalnum():
                tokens.append(_Token(Kind.UNKNOWN, start, end, word))
            at += 1
            continue
        step, found_meanings = _english(pieces, at)
        if step:
            last = pieces[at + step - 1]
            if step == 1 and marks[end - 2] == "\x00" and word.endswith("s"):  # "the cat's": no plural
                single = next((m for phrase, m in known.english.get(word[:-1], ()) if len(phrase) == 1), None)
                found_meanings = single or found_meanings
            tokens.append(
                _Token(
                    found_meanings[0].kind,
                    start,
                    last[2],
                    " ".join(p[0] for p in pieces[at : at + step]),
                    found_meanings,
                )
            )
            at += step
            continue
        tokens += _odd(word, start, end)
        at += 1
    return tokens


_HAVING = re.compile(r"\s+(with|wearing)\s+", re.IGNORECASE)


def _with_looks(text: str, tokens: list[_Token]) -> list[_Token]:
    """The tokens with what is said of people's looks ("a person with a red beard") taken up into the noun."""
    kept: list[_Token] = []
    skipped = 0
    for token in tokens:
        if token.start < skipped:
            continue
        kept.append(token)
        if token.kind is Kind.THING and token.value == PERSON_THING.name:
            having = _HAVING.match(text, token.end)
            end = having and phrase_end(text, having.end(), having[1].lower())
            if having and end:
                token.looks = " ".join(text[having.start() : end].lower().split())
                skipped = end
    return kept


def _mixed(pieces: list[tuple[str, int, int, bool]], at: int, tokens: list[_Token]) -> int:
    """Take a Chinese phrase that begins with Latin letters, and say how many pieces it had."""
    for end in range(min(len(pieces), at + 5), at + 1, -1):
        word = "".join(piece[0] for piece in pieces[at:end])
        meanings = vocabulary().chinese.get(word)
        if meanings is not None:
            tokens.append(_Token(meanings[0].kind, pieces[at][1], pieces[end - 1][2], word, meanings))
            return end - at
    return 0


def _english(pieces: list[tuple[str, int, int, bool]], at: int) -> tuple[int, tuple[Meaning, ...]]:
    """How many words the longest phrase from here takes, and what it means; hyphens inside are stepped over."""
    for phrase, meanings in vocabulary().english.get(pieces[at][0], ()):
        position, matched = at, 0
        while position < len(pieces) and matched < len(phrase):
            word = pieces[position][0]
            if word == phrase[matched]:
                matched += 1
            elif not (word in _JOINTS and matched > 0):
                break
            position += 1
        if matched == len(phrase):
            if (
                phrase[0] in ("a", "an")
                and len(phrase) > 1
                and meanings[0].kind in (Kind.SEVERAL, Kind.NUMBER, Kind.BACKGROUND)
            ):
                step, noun = _english(pieces, at + 1)
                if noun and noun[0].kind is Kind.THING and step + 1 > position - at:
                    continue  # "a bunch of grapes", "a desert island"
            return position - at, meanings
    return 0, ()


def _odd(word: str, start: int, end: int) -> list[_Token]:
    """A word that is not in the vocabulary as it stands: "1girl", "2cats", "cat's", "dogss"."""
    known = vocabulary().english

    def entry(part: str) -> tuple[Meaning, ...]:
        return next((meanings for phrase, meanings in known.get(part, ()) if len(phrase) == 1), ())

    counted = re.fullmatch(r"(\d)x?([a-z]+)", word)
    if counted and entry(counted[2]):
        middle = start + len(counted[1])
        number, noun = entry(counted[1]), entry(counted[2])
        if number:
            return [
                _Token(number[0].kind, start, middle, counted[1], number),
                _Token(noun[0].kind, middle, end, counted[2], noun),
            ]
    times = re.fullmatch(r"x(\d{1,3})", word)
    if times:  # "apples x3"
        return [_Token(Kind.NUMBER, start, end, word, (Meaning(Kind.NUMBER, int(times[1])),))]
    if word.endswith("s") and entry(word[:-1]):
        meanings = entry(word[:-1])
        return [_Token(meanings[0].kind, start, end, word, meanings)]
    if word.isdigit():
        value = min(int(word[:9]), 10**6)
        return [_Token(Kind.NUMBER, start, end, word, (Meaning(Kind.NUMBER, value),))]
    return [_Token(Kind.UNKNOWN, start, end, word)]


def _chinese(text: str, pieces: list[tuple[str, int, int, bool]], at: int, tokens: list[_Token]) -> int:
    """Take the longest known phrase from here, or one character of an unknown run."""
    known = vocabulary()
    stop = at
    while stop < len(pieces) and pieces[stop][3] and stop - at < 2 * known.longest:
        stop += 1
    run = "".join(piece[0] for piece in pieces[at:stop])
    size = first_word(run)
    if size:
        word, meanings = run[:size], known.chinese[run[:size]]
        tokens.append(_Token(meanings[0].kind, pieces[at][1], pieces[at + size - 1][2], word, meanings))
        return at + size
    character, start, stop_at, _ = pieces[at]
    if (
        tokens
        and tokens[-1].kind is Kind.UNKNOWN
        and not tokens[-1].meanings
        and tokens[-1].end == start
        and HAN.search(tokens[-1].text)
    ):
        tokens[-1].end = stop_at
        tokens[-1].text += character
    else:
        tokens.append(_Token(Kind.UNKNOWN, start, stop_at, character))
    return at + 1


@dataclass
class _Phrase:
    """A noun phrase while it is read."""

    count: int | str | None = "unsaid"  # "unsaid" where no number, article or quantity stands before the noun
    colour: Colour | None = None
    size: Size | None = None
    definite: bool = False
    unknown: bool = False
    number_token: _Token | None = None
    colour_token: _Token | None = None
    other: bool = False
    empty: bool = True
    several: str = ""
    measured: bool = False


@dataclass
class _Said:
    """A thing claim while it can still change."""

    thing: str
    count: int | None
    explicit: bool
    colour: Colour | None
    size: Size | None
    place: Place | None = None
    looks: str | None = None
    led: bool = False  # its place stood before it


@dataclass
class _Reader:
    """Goes through the tokens once; see the module's tests for what it understands."""

    text: str
    notes: list[Note]
    said: list[_Said] = field(default_factory=list)
    relations: list[tuple[tuple[int, ...], Relation, int, int | None]] = field(default_factory=list)
    background: Background | None = None

    def read(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.phrase = _Phrase()
        self.group: list[int | None] = []  # what has been named in this clause; None is something unknown
        self.last: int | None = None
        self.fresh = False  # the last token of weight was a noun
        self.predicate = False
        self.waiting: tuple[Relation, list[int | None]] | None = None  # a relation that still needs its object
        self.between: tuple[list[int | None], int | None] | None = None  # BETWEEN that still needs its second object
        self.leading: tuple[Relation, int | None, int | None] | None = None  # a relation that still needs its subject
        self.led: list[int] = []
        self.before, self.behind = _Phrase(), -1  # the noun phrase before, and where it ended
        self.single = False  # the leading relation takes one noun: 树左边的猫
        self.subjects: list[int | None] = []  # of the relation before
        self.place: Place | None = None
        self.at: int | None = None  # how many of the group stood before 在
        self.joined = False  # the last token of weight was "and" or a comma
        self.comma = False  # it was a comma
        for index, token in enumerate(tokens):
            self._token(index, token)
        self._flush(None)
        self._end_clause()

    def claims(self) -> Claims:
        """The claims, with equal descriptions counted together."""
        merged: dict[tuple[object, ...], int] = {}
        things: list[ThingClaim] = []
        place_of: dict[int, int] = {}
        for index, said in enumerate(self.said):
            key = (said.thing, said.colour, said.size, said.place, said.looks)
            if key in merged:
                at = merged[key]
                before = things[at].count
                total = None if before is None or said.count is None else before + said.count
                things[at] = replace(things[at], count=total if total is None or total <= MOST else None)
            else:
                at = merged[key] = len(things)
                things.append(ThingClaim(said.thing, said.count, said.colour, said.size, said.place, said.looks))
            place_of[index] = at
        relations = []
        for subjects, relation, object_, second in self.relations:
            to = place_of[object_]
            other = None if second is None else place_of[second]
            for subject in subjects:
                who = place_of[subject]
                if who != to and who != other:
                    claim = RelationClaim(who, relation, to, other)
                    if claim not in relations:
                        relations.append(claim)
        return Claims(tuple(things), tuple(relations), self.background)

    def _token(self, index: int, token: _Token) -> None:
        kind = self._kind(index, token)
        phrase = self.phrase
        match kind:
            case Kind.THING:
                following = self.tokens[index + 1].kind if index + 1 < len(self.tokens) else None
                verb = token.text in _VERBS and phrase.empty and self.last is not None
                if verb and (self.fresh or following is Kind.RELATION):
                    return  # "a bird flies over a tree"
                self._noun(token)
            case Kind.NUMBER:
                value = token.meaning(Kind.NUMBER)
                assert value is not None
                if token.text == "one" and (phrase.colour or phrase.size) and self.last is not None:
                    self._noun_again(plural=False)
                    return
                if phrase.unknown:
                    self._flush(kind)
                self.phrase.count = value.value
                self.phrase.number_token = token
                self.phrase.empty = False
            case Kind.SEVERAL:
                phrase.count, phrase.empty, phrase.number_token = None, False, None
                phrase.several = token.text
            case Kind.NONE:
                self._flush(kind)
                self.phrase.count, self.phrase.empty = 0, False
                self.phrase.number_token = token
            case Kind.ARTICLE:
                if not phrase.empty:
                    self._flush(kind)
                if self.phrase.count != 0:
                    self.phrase.count = 1
                self.phrase.empty = False
            case Kind.DEFINITE:
                if phrase.unknown:
                    self._flush(kind)
                self.phrase.definite, self.phrase.empty = True, False
            case Kind.SIZE:
                phrase.size, phrase.empty = token.meaning(Kind.SIZE).value, False  # type: ignore[union-attr]
            case Kind.COLOUR:
                if phrase.colour is not None and phrase.unknown:
                    self._flush(kind)
                self.phrase.colour, self.phrase.empty = token.meaning(Kind.COLOUR).value, False  # type: ignore[union-attr]
                self.phrase.colour_token = token
            case Kind.OTHER_COLOUR:
                near = token.value
                assert isinstance(near, tuple)
                self._note(NoteKind.COLOUR, token, tuple(str(colour) for colour in near))
            case Kind.UNKNOWN:
                word = token.text if not token.meanings else str(token.value)
                self._note(NoteKind.UNKNOWN, token, nearest(word))
                if self.between is not None and self.phrase.empty:
                    pass
                self.phrase.unknown, self.phrase.empty = True, False
            case Kind.MEASURE:
                phrase.measured = True
            case Kind.RELATION:
                self._flush(kind)
                value = token.meaning(Kind.RELATION)
                assert value is not None
                if token.text == "by" and index and self.tokens[index - 1].text.endswith(("ed", "en")):
                    self.fresh = False  # "surrounded by balloons"
                    return
                self._relation(value.value, index)
            case Kind.VERB:
                self._flush(kind)
                assert isinstance(token.value, Relation)
                if self.leading is None:
                    self._relation(token.value, index)
            case Kind.SIDE:
                self._flush(kind)
                self._side(index, token)
            case Kind.PLACE:
                self._flush(kind)
                place = token.meaning(Kind.PLACE)
                assert place is not None
                if " " not in token.text and not self._stands_alone(index):
                    return
                self._place(place.value)
            case Kind.BACKGROUND:
                meaning = token.meaning(Kind.BACKGROUND)
                assert meaning is not None
                self._background(index, token, meaning.value)
            case Kind.AND:
                if self._adjectives_go_on(index):
                    return
                self._flush(kind)
                self.joined, self.fresh, self.comma = True, False, False
            case Kind.COMMA:
                if self._adjectives_go_on(index):
                    return
                self._flush(kind)
                self.predicate = False
                self.waiting = None  # "whale below, helicopter above it"
                if token.text in ("，", ",") and self.leading is not None and self.led and HAN.search(self.text):
                    self._end_leading()
                self.joined, self.fresh, self.comma = True, False, True
            case Kind.STOP:
                self._flush(kind)
                if token.text in ("with", "also", "there is", "there are", "there s", "theres"):
                    if self.leading is None and self.between is None and self.waiting is None:
                        self.group = []
                        self.fresh = False
                    self.joined = False
                else:
                    self._end_clause()
            case Kind.IS:
                if token.text != "in":
                    self._flush(kind)
                    self.predicate = True
            case Kind.HAS:
                self._flush(kind)
                self.fresh = False
            case Kind.AT:
                self._flush(kind)
                self.at = len(self.group)
            case Kind.PRONOUN:
                self._flush(kind)
                self._pronoun(index)
            case Kind.EACH_OTHER:
                self._flush(kind)
                relation = self.waiting[0] if self.waiting else Relation.NEXT_TO
                group = [who for who in (self.waiting[1] if self.waiting else self.group) if who is not None]
                for one, other in itertools.pairwise(group):
                    self.relations.append(((one,), relation, other, None))
                self.waiting = None
            case Kind.OF | Kind.FILLER:
                if token.text in ("another", "other", "另", "另外", "另一"):
                    phrase.other = True
                if token.text in ("ones",) and (phrase.colour or phrase.size) and self.last is not None:
                    self._noun_again(plural=True)

    def _kind(self, index: int, token: _Token) -> Kind:
        """Which of its meanings a word has here."""
        kinds = [meaning.kind for meaning in token.meanings]
        following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        before = self.tokens[index - 1] if index else None
        if len(kinds) < 2:
            kind = token.kind
        elif Kind.THING in kinds and Kind.COLOUR in kinds:  # "orange"
            thing = token.meaning(Kind.THING)
            noun_follows = following is not None and (
                following.kind in (Kind.THING, Kind.SIZE, Kind.COLOUR)
                or (following.kind is Kind.UNKNOWN)
                or (
                    following.kind is Kind.FILLER
                    and index + 2 < len(self.tokens)
                    and self.tokens[index + 2].kind is Kind.THING
                )
            )
            named = thing is not None and (thing.plural or (not noun_follows and not self.predicate))
            return Kind.THING if named else Kind.COLOUR
        elif Kind.THING in kinds and Kind.MEASURE in kinds:
            counted = before is not None and (before.kind in (Kind.NUMBER, Kind.SEVERAL) or before.text == "多少")
            noun_follows = following is not None and (
                following.kind in (Kind.THING, Kind.COLOUR, Kind.SIZE, Kind.UNKNOWN, Kind.OTHER_COLOUR)
            )
            return Kind.MEASURE if counted and noun_follows else Kind.THING
        elif Kind.THING in kinds:
            return Kind.THING
        else:
            kind = kinds[0]
        if (
            kind is Kind.SIDE
            and Kind.MEASURE in kinds
            and before is not None
            and before.kind in (Kind.NUMBER, Kind.SEVERAL)
        ):
            return Kind.MEASURE
        return kind

    def _stands_alone(self, index: int) -> bool:
        """Whether "left" or "right" alone is a place: "cat left, dog right"; not "right on top", not "left a note"."""
        following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        if following is None or following.kind in (Kind.COMMA, Kind.STOP, Kind.AND):
            return self.fresh
        before = self.tokens[index - 1].kind if index else None
        return before in (None, Kind.COMMA, Kind.STOP) and following.kind in (Kind.THING, Kind.NUMBER, Kind.IS)

    def _adjectives_go_on(self, index: int) -> bool:
        """Whether an "and" or comma stands between two adjectives of one noun: "a big and red car"."""
        if self.phrase.colour is None and self.phrase.size is None:
            return False
        after = self.tokens[index + 1 : index + 4]
        if not after or after[0].kind not in (Kind.SIZE, Kind.COLOUR):
            return False
        if after[0].kind is Kind.COLOUR and self.phrase.colour is not None:
            return False
        return after[0].kind is not Kind.SIZE or self.phrase.size is None

    def _noun(self, token: _Token) -> None:
        meaning = token.meaning(Kind.THING)
        assert meaning is not None
        thing = _THING[meaning.value]
        plural = meaning.plural
        if plural and token.text == thing.name:
            plural = False
        self._close(thing.name, plural, token)

    def _noun_again(self, plural: bool) -> None:
        """ "a red one": the noun is the last thing's."""
        assert self.last is not None
        if self.phrase.count == "unsaid" and plural:
            self.phrase.count = None
        self._close(self.said[self.last].thing, plural, None, again=True)

    def _close(self, name: str, plural: bool, token: _Token | None, again: bool = False) -> None:
        phrase = self.phrase
        self.phrase = _Phrase()
        if token is not None and self._compound(token, phrase):
            phrase = self.before
            self.said.pop()
            self.group.pop()
        self.before, self.behind = phrase, -1 if token is None or HAN.search(token.text) else token.end
        explicit = phrase.count != "unsaid"
        count: int | None
        if phrase.count == "unsaid":
            count = None if plural else 1
        elif phrase.count is None:
            pile = phrase.several == f"一{_THING[name].measure}"  # 一堆落叶 is one thing
            uncounted = token is not None and token.text in UNCOUNTED and phrase.several == "some"
            count = (
                1
                if pile or uncounted
                else None
                if plural or token is None or phrase.measured or HAN.search(token.text) or _same_plural(name)
                else 1
            )
        else:
            assert not isinstance(phrase.count, str)
            count = phrase.count
            if phrase.number_token is not None and "pair" in phrase.number_token.text and _same_plural(name):
                count = 1  # "a pair of scissors"
            if (
                phrase.number_token is not None
                and phrase.number_token.text in ("一对", "一双")
                and _THING[name].measure in "双对副"
            ):
                count = 1
            if count == 1 and plural and phrase.number_token is None:
                count = None
        if isinstance(count, int) and count > MOST:
            assert phrase.number_token is not None
            self._note(NoteKind.COUNT, phrase.number_token)
            count = None
        if count == 0 and phrase.number_token is not None:
            self._note(NoteKind.NEGATION, phrase.number_token)
        colour = phrase.colour
        if colour is not None and not _THING[name].recolourable:
            if phrase.colour_token is not None:
                self._note(NoteKind.FIXED_COLOUR, phrase.colour_token)
            colour = None
        again_said = (
            None if explicit and not (phrase.definite and count == 1) else self._mentioned(name, colour, phrase.size)
        )
        if again or phrase.other:
            again_said = None
        if again_said is not None:
            if self.comma and self.leading is None and self.waiting is None and self.between is None:
                self.group = []  # "a cat and a tree, the cat is …": what follows the comma is about the cat alone
            said = self.said[again_said]
            said.colour, said.size = said.colour or colour, said.size or phrase.size
            index = again_said
        else:
            looks = None if token is None else token.looks
            self.said.append(_Said(name, count, explicit, colour, phrase.size, looks=looks))
            index = len(self.said) - 1
        self.predicate = False
        self._named(index)

    def _compound(self, token: _Token, phrase: _Phrase) -> bool:
        """Whether the noun before only says what kind this one is: "a yellow school bus"."""
        return (
            phrase.empty
            and self.behind == token.start - 1
            and not self.before.empty
            and self.last == len(self.said) - 1
            and bool(self.group)
            and self.group[-1] == self.last
            and self.leading is None
            and self.said[-1].count == 1
        )

    def _mentioned(self, name: str, colour: Colour | None, size: Size | None) -> int | None:
        """The claim that a noun without a number refers back to."""
        for index in range(len(self.said) - 1, -1, -1):
            said = self.said[index]
            if self.place is not None and said.place not in (None, self.place):
                continue
            if said.thing == name and colour in (None, said.colour) and size in (None, said.size):
                return index
        return None

    def _named(self, index: int | None) -> None:
        """A noun phrase is complete: give it its part in what is going on."""
        if index is not None and self.place is not None and self.waiting is None:
            self.said[index].place = self.place
            self.said[index].led = True
            self.place = None
        if index is not None:
            self.last = index
        if self.waiting is not None:
            relation, subjects = self.waiting
            self.waiting = None
            if relation is Relation.BETWEEN:
                if index is not None and self.said[index].count == 2:
                    self._related(subjects, relation, index, index)
                else:
                    self.between = (subjects, index)
            else:
                self._related(subjects, relation, index, None)
        elif self.between is not None:
            subjects, first = self.between
            self.between = None
            self._related(subjects, Relation.BETWEEN, first, index)
        else:
            self.group.append(index)
            if self.leading is not None:
                if index is not None:
                    self.led.append(index)
                if self.single:
                    self._end_leading()
        self.fresh, self.joined, self.comma = True, False, False

    def _related(
        self, subjects: list[int | None], relation: Relation, object_: int | None, second: int | None
    ) -> None:
        """A relation has all its objects; without subjects it waits for what comes."""
        self.subjects = subjects
        if subjects:
            who = tuple(subject for subject in subjects if subject is not None and subject not in (object_, second))
            if who and object_ is not None and (relation is not Relation.BETWEEN or second is not None):
                self.relations.append((who, relation, object_, second))
            self.group = []
        else:
            self.leading = (relation, object_, second)
            self.led, self.single = [], False
            self.group = []

    def _relation(self, relation: Relation, index: int) -> None:
        """An English relation, before its object."""
        subjects = list(self.group)
        if self.leading is not None and self.led:
            self._end_leading()
        elif not subjects and self.joined and self.subjects:
            subjects = list(self.subjects)
        elif not subjects and self.fresh and self.last is not None:
            subjects = [self.last]
        self.waiting = (relation, subjects)
        self.fresh = False
        self.predicate = False

    def _side(self, index: int, token: _Token) -> None:
        """A Chinese side word: behind a noun a relation, else a place."""
        meaning = token.meaning(Kind.SIDE)
        assert meaning is not None
        place, relation = meaning.value
        following = self.tokens[index + 1].kind if index + 1 < len(self.tokens) else None
        ends = following in (None, Kind.COMMA, Kind.STOP)
        before = self.at if self.at is not None else None
        owner_led = self.last is not None and self.said[self.last].led
        objects = self.group[before:] if before is not None else self.group
        is_relation = relation is not None and self.fresh and bool(objects) and not (owner_led and place is not None)
        spaced = index > 0 and self.tokens[index - 1].end < token.start
        if is_relation and before is None and place is not None:
            is_relation = not ends and not (spaced and following not in (Kind.HAS, Kind.IS, Kind.OF))
        if is_relation and relation is Relation.BETWEEN:
            two = len(objects) >= 2 or (objects[-1] is not None and self.said[objects[-1]].count == 2)
            if not two and place is not None:
                is_relation = False
        if not is_relation:
            if spaced and before is None:
                self.fresh = False  # 云朵 底部一个苹果
            if place is not None:
                self._place(place)
            elif self.last is not None and before is None and not ends:  # 一艘船，底下有条鱼
                self._related([], relation, self.last, None)
            self.at = None
            return
        assert relation is not None
        taken = 2 if relation is Relation.BETWEEN and len(objects) >= 2 else 1
        object_ = objects[-taken]
        second = objects[-1] if taken == 2 else (object_ if relation is Relation.BETWEEN else None)
        others = self.group[: len(self.group) - taken] if before is None else self.group[:before]
        self.at = None
        if before == 0 and not others and following in (None, Kind.COMMA, Kind.STOP):
            named: list[int | None] = [who for who in range(len(self.said)) if who not in (object_, second)]
            others = named[-1:]  # 袜子呢？在床下面
        follows = following in (Kind.HAS, Kind.IS, Kind.VERB) or (following is Kind.OF and not others)
        if before is None and following is Kind.OF:
            follows = True
        if follows or not others:
            if self.leading is not None and self.led:
                self.led = [who for who in self.led if who not in (object_, second)]
                self._end_leading()
            self._related([], relation, object_, second)
            self.single = following is Kind.OF
        else:
            self._related(others, relation, object_, second)
        self.fresh = False

    def _end_leading(self) -> None:
        if self.leading is not None:
            relation, object_, second = self.leading
            who = tuple(dict.fromkeys(w for w in self.led if w not in (object_, second)))
            if who and object_ is not None and (relation is not Relation.BETWEEN or second is not None):
                self.relations.append((who, relation, object_, second))
            self.subjects = list(self.led)
        if not self.single:
            self.group = []
        self.leading, self.led, self.single = None, [], False

    def _place(self, place: Place) -> None:
        if self.waiting is not None:
            self.waiting = None
        if self.fresh and self.last is not None and self.said[self.last].place is None:
            self.said[self.last].place = place
            self.fresh = False
        else:
            self.place = place

    def _background(self, index: int, token: _Token, background: Background) -> None:
        following = self.tokens[index + 1].kind if index + 1 < len(self.tokens) else None
        single = token.text.isascii() and " " not in token.text
        if single and following is Kind.THING and token.end + 1 == self.tokens[index + 1].start:
            return  # "sea turtle"
        if self.predicate:
            self._flush(Kind.BACKGROUND)
        self.phrase = _Phrase()
        self.waiting = None
        time = (Background.NIGHT_SKY, Background.SUNSET)
        if self.background in (None, Background.DAY_SKY) or (background in time and self.background not in time):
            self.background = background

    def _pronoun(self, index: int) -> None:
        """ "it" is the last thing that is not the subject; where all are subjects, the first of them."""
        named = range(len(self.said))
        if self.waiting is not None:
            relation, subjects = self.waiting
            others = [who for who in named if who not in subjects]
            known = [who for who in subjects if who is not None]
            if others:
                self._named(others[-1])
            elif len(known) > 1:  # "a parrot with a dog beneath it"
                self.waiting = (relation, [*known[1:]])
                self._named(known[0])
            elif known:
                self.waiting = (relation, [])
                self._named(known[0])
            return
        if self.last is None:
            return
        others = [who for who in named if self.group and who != self.group[-1]]
        if self.at is not None and others:  # 猴子坐在它上面
            self.group.append(others[-1])
            self.fresh = True
        elif HAN.search(self.tokens[index].text) or not self.group:
            self.group.append(self.last)
            self.fresh = True

    def _flush(self, cause: Kind | None) -> None:
        """Something that is no part of a noun phrase follows: see what the words before it were about."""
        phrase = self.phrase
        if phrase.empty:
            self.phrase = _Phrase()
            return
        self.phrase = _Phrase()
        if phrase.unknown:
            self._named(None)
            return
        if self.last is None:
            return
        said = self.said[self.last]
        has_look = phrase.colour is not None or phrase.size is not None
        colour = phrase.colour
        if colour is not None and not _THING[said.thing].recolourable:
            if phrase.colour_token is not None:
                self._note(NoteKind.FIXED_COLOUR, phrase.colour_token)
            colour = None
        if has_look and isinstance(phrase.count, int) and said.colour is None and said.count not in (0, 1):
            self.said.append(_Said(said.thing, phrase.count, True, colour, phrase.size))  # "one red and one blue"
        elif has_look and (self.fresh or self.predicate):
            said.colour, said.size = said.colour or colour, said.size or phrase.size
        elif isinstance(phrase.count, int) and phrase.number_token is not None and self.fresh and not said.explicit:
            if 0 < phrase.count <= MOST:
                said.count, said.explicit = phrase.count, True
            elif phrase.count > MOST:
                self._note(NoteKind.COUNT, phrase.number_token)
                said.count = None
        if cause is not Kind.IS:
            self.predicate = False

    def _end_clause(self) -> None:
        self._end_leading()
        if self.place is not None and self.last is not None and self.said[self.last].place is None:
            self.said[self.last].place = self.place
        self.place = self.at = self.waiting = self.between = None
        self.group, self.subjects = [], []
        self.fresh = self.joined = self.comma = self.predicate = False

    def _note(self, kind: NoteKind, token: _Token, suggestions: tuple[str, ...] = ()) -> None:
        span = (token.start, token.end)
        note = Note(kind, span, self.text[token.start : token.end], suggestions[:3])
        if note not in self.notes:
            self.notes.append(note)


def _same_plural(name: str) -> bool:
    return _THING[name].plural == name
