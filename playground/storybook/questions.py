"""Questions about a scene with exact answers, in the tags and markup of MiniGPT-v2, English and Chinese.

Invariants:
    An answer is read off the scene. What depends on a place or relation is asked only where everything that might
    pass for it is clear.
    Boxes are named from left to right, and from top to bottom where that is a tie.
    Nothing is called absent while a near relative of it is there (no "tree" beside a pine tree).

Source: tags, templates and boxes of Chen et al. (2023), arXiv:2310.09478.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from playground.storybook import grammar_en, grammar_zh, lexicon_en, lexicon_zh
from playground.storybook.claims import (
    INDEX,
    KINDS,
    Box,
    Place,
    ThingClaim,
    colour_of,
    is_at,
    matching,
    related,
)
from playground.storybook.grammar import Caption, Plan, described, pick
from playground.storybook.scenes import boxes
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour, Relation, Scene, Size
from playground.storybook.vocabulary import means, plural_form, said_synonyms

TAGS = ("caption", "grounding", "refer", "detection", "identify", "vqa")
UNTAGGED = 0.25  # share of questions that come without their tag, as a person would ask
CLEARLY_LARGER = 1.3  # sizes nearer than that ratio are not told apart
APART = 0.12  # of the picture's side: centres nearer than that are not told apart

# Things that one name might be used for: none of them is asked for as absent, nor counted, while another is there.
_FAMILIES = """
    bird, penguin, duck, rooster, chick, owl, turkey, chicken, dove, eagle, swan, dodo, flamingo, peacock,
    parrot, crow, goose;
    fish, tropical fish, pufferfish, shark;
    whale, dolphin, seal, shark;
    dog, poodle, wolf, fox;
    cat, tiger, lion, leopard;
    cow, ox;
    horse, donkey, zebra, unicorn, carousel horse;
    deer, moose;
    bear, panda, koala, polar bear, teddy bear;
    monkey, gorilla, orangutan;
    mouse, hamster;
    elephant, mammoth;
    squirrel, beaver;
    dinosaur, T-Rex, dragon, lizard, crocodile;
    bee, fly, mosquito;
    beetle, ladybug, ant;
    worm, caterpillar, snake;
    shrimp, lobster, crab, scorpion;
    octopus, squid, jellyfish;
    orange, peach, mango;
    lemon, melon;
    cherry, blueberry, grapes;
    bell pepper, chili pepper;
    bread, croissant, baguette, sandwich;
    hamburger, sandwich, taco, hot dog;
    egg, fried egg;
    cake, birthday cake, cupcake, pie, mooncake;
    doughnut, cookie;
    candy, lollipop, chocolate bar;
    cup, teapot, glass of milk, wine glass, cocktail, beer, soda, bubble tea, bowl;
    bowl, rice, noodles, salad, stew, plate, spaghetti;
    tree, pine tree, palm tree, Christmas tree;
    rose, tulip, sunflower, daisy, flower, cherry blossom, lotus, bouquet, potted plant;
    seedling, potted plant, clover;
    maple leaf, fallen leaves, clover;
    car, taxi, police car, SUV, pickup truck, race car, truck, ambulance;
    truck, fire truck, pickup truck, ambulance, tractor;
    bus, tram, train, bullet train, steam train, cable car;
    bicycle, motorcycle, scooter, kick scooter, cyclist;
    airplane, small airplane, rocket, helicopter;
    ship, sailboat, speedboat, ferry, canoe;
    house, hut, castle, church, school, hospital, hotel, office building, factory, temple, mosque, pagoda;
    tower, pagoda, castle;
    tent, circus tent;
    sun, sun face;
    crescent moon, full moon, moon face, planet, globe;
    star, sparkles, comet, snowflake;
    cloud, rain cloud;
    water drop, bubbles, wave;
    fire, explosion, firecracker;
    mountain, volcano, island, rock;
    soccer ball, basketball, baseball, volleyball, American football, billiard ball, balloon, disco ball,
    crystal ball, bowling pins;
    tennis racket, badminton racket, table tennis paddle;
    skateboard, ski, sled;
    ice skate, roller skate, boot, sneaker;
    heart, broken heart, kiss;
    guitar, violin, banjo;
    trumpet, saxophone, flute;
    T-shirt, coat, dress, kimono, swimsuit, bikini;
    jeans, shorts;
    sneaker, boot, leather shoe, hiking boot, high heel, flip-flop, ballet shoes;
    hat, top hat, cap, crown, graduation cap, military helmet, rescue helmet;
    glasses, sunglasses, goggles, diving mask;
    backpack, handbag, suitcase, briefcase, coin purse, shopping bags, money bag, basket;
    book, open book, folder, calendar, newspaper;
    pencil, pen, fountain pen, crayon, paintbrush;
    knife, dagger, swords, scissors, fork and knife;
    hammer, axe, pickaxe;
    wrench, screwdriver;
    key, lock;
    light bulb, flashlight, candle, lantern;
    phone, telephone;
    laptop, television, desktop computer;
    camera, movie camera;
    alarm clock, watch, stopwatch, hourglass, compass;
    chair, sofa, wheelchair;
    bathtub, shower, toilet;
    bucket, barrel, trash can, tin can, jar, vase;
    envelope, red envelope, mailbox, postbox;
    box, gift;
    coin, gold medal, banknote;
    person, baby, boy, girl, man, woman, astronaut, police officer, grandfather, grandmother, doctor, graduate,
    teacher, farmer, cook, singer, artist, firefighter, construction worker, detective, guard, ninja,
    prince, princess, bride, superhero, wizard, fairy, vampire, mermaid, zombie, angel, dancer, runner,
    cyclist, surfer, skier, swimmer, family, Santa Claus, ghost, clown;
    smiley, crying face, angry face, sleeping face, cool face, moon face, sun face, clown;
    robot, alien, space invader, UFO;
    ghost, skull, zombie;
    pill, syringe;
    diamond, ring;
    gear, wheel;
    thumbs up, hand, fist, handshake;
    eye, ear, nose, lips, tongue, tooth;
    leg, foot;
    ball of yarn, spool of thread, knot
"""
FAMILIES: tuple[frozenset[str], ...] = tuple(
    frozenset(name.strip() for name in family.split(",")) for family in _FAMILIES.split(";")
)
_FAMILY: dict[str, frozenset[str]] = {
    thing.name: frozenset().union(*(family for family in FAMILIES if thing.name in family)) for thing in KINDS
}


@dataclass(frozen=True)
class Question:
    """A question and its answer.

    Attributes:
        task: one of `TAGS`.
        text: what is asked, without a tag; a box in it is spelled as MiniGPT-v2 does.
        box: what box the question is about, or None.
        answer_text: the answer as the model writes it: words, `<p>phrase</p> {<x0><y0><x1><y1>}`, or boxes alone.
        entities: the phrases of the answer (of the question, for refer) with their boxes; none means absent.
        kind: what makes it easy or hard: what is measured apart.
        language: "en" or "zh".
        tagged: whether the tag stands before it.
    """

    task: str
    text: str
    box: Box | None
    answer_text: str
    entities: tuple[tuple[str, tuple[Box, ...]], ...]
    kind: str
    language: str
    tagged: bool = True

    @property
    def prompt(self) -> str:
        """The question as it is asked: with its tag, unless this one comes without."""
        return f"[{self.task}] {self.text}" if self.tagged else self.text


def spelled(box: Box) -> str:
    """A box as MiniGPT-v2 writes it: {<x0><y0><x1><y1>} in hundredths of the picture's side."""
    return "{" + "".join(f"<{min(max(round(100 * edge), 0), 100)}>" for edge in box) + "}"


def questions(
    scene: Scene, rng: np.random.Generator, count: int, language: str = "en", around: Sequence[Box] | None = None
) -> tuple[Question, ...]:
    """`count` different questions about one scene, drawn among all kinds.

    Args:
        scene: at least one item.
        rng: decides which, and in what words.
        count: how many, fewer where a scene gives too few.
        language: "en" or "zh".
        around: the box of each item, where they are known; else they are taken from a drawing.
    """
    asker = _Asker(scene, rng, language, around)
    found: dict[str, Question] = {}
    kinds = rng.choice(len(_KINDS), size=6 * count, p=[share for _, share in _KINDS])
    for kind in kinds:
        question = _KINDS[kind][0](asker)
        if question is not None and question.prompt not in found:
            found[question.prompt] = question
            if len(found) == count:
                break
    return tuple(found.values())


class _Asker:
    """Asks about one scene in one language."""

    def __init__(
        self, scene: Scene, rng: np.random.Generator, language: str, around: Sequence[Box] | None = None
    ) -> None:
        self.scene, self.rng, self.language = scene, rng, language
        found = boxes(scene).tolist() if around is None else around
        self.boxes: list[Box] = [(x0, y0, x1, y1) for x0, y0, x1, y1 in found]
        self.zh = language == "zh"
        self.there = list(dict.fromkeys(KINDS[item.thing].name for item in scene.items))
        self._names: dict[str, str] = {}

    # Words

    def say(self, en: Sequence[str], zh: Sequence[str]) -> str:
        """One of the ways to say it in this language."""
        return pick(self.rng, zh if self.zh else en)

    def name(self, thing: str) -> str:
        """One name of a thing, the same all through this asker."""
        if thing not in self._names:
            record = KINDS[INDEX[thing]]
            names = [record.zh if self.zh else record.name]
            if self.rng.random() < 0.25:
                names = [s for s in said_synonyms(record, self.language) if means(s) == thing] or names
            self._names[thing] = pick(self.rng, names)
        return self._names[thing]

    def plural(self, thing: str) -> str:
        """The name for counting and for all of a kind."""
        return self.name(thing) if self.zh else plural_form(KINDS[INDEX[thing]], self.name(thing))

    def phrase(self, claim: ThingClaim, definite: bool = False) -> str:
        write = grammar_zh.noun_phrase if self.zh else grammar_en.noun_phrase
        return write(claim, self.name(claim.thing), definite)

    def absent_words(self, claim: ThingClaim) -> str:
        """That there is none of it."""
        words = self.phrase(replace(claim, count=1), definite=True)
        return f"图里没有{words}" if self.zh else f"no {words.removeprefix('the ')} in this picture"

    # Items

    def in_order(self, items: Sequence[int]) -> tuple[Box, ...]:
        return tuple(sorted((self.boxes[item] for item in items), key=lambda box: (round(box[0], 2), box[1])))

    def items(self, thing: str) -> tuple[int, ...]:
        return matching(self.scene, ThingClaim(thing))

    def alone(self) -> list[str]:
        """Things of which there is one, and nothing that might be called the same."""
        return [name for name in self.there if len(self.items(name)) == 1 and not self.relatives(name)]

    def relatives(self, thing: str) -> bool:
        return any(other != thing and other in _FAMILY[thing] for other in self.there)

    def absent(self) -> str:
        """A thing that is not there, nor anything like it; as often as not of a group that is there."""
        groups = {KINDS[item.thing].group for item in self.scene.items}
        near = self.rng.random() < 0.5
        while True:
            thing = pick(self.rng, THINGS)
            if near and thing.group not in groups and self.rng.random() < 0.9:
                continue
            if thing.name not in self.there and not self.relatives(thing.name):
                return thing.name

    def make(
        self,
        task: str,
        text: str,
        answer: str,
        kind: str,
        entities: Sequence[tuple[str, Sequence[Box]]] = (),
        box: Box | None = None,
    ) -> Question:
        tagged = task in ("detection", "grounding") or bool(self.rng.random() >= UNTAGGED)
        if self.zh:
            text = text.strip()
        frozen = tuple((phrase, tuple(found)) for phrase, found in entities)
        return Question(task, text, box, answer, frozen, kind, self.language, tagged)

    def described(self, background: bool) -> Caption:
        """What is there, all of it."""
        kinds = list(dict.fromkeys(item.thing for item in self.scene.items))
        groups: list[ThingClaim] = []
        for kind in kinds:
            claims = described(self.scene, kind, self.rng)
            if {i for c in claims for i in matching(self.scene, c)} != set(self.items(KINDS[kind].name)):
                claims = [ThingClaim(KINDS[kind].name)]
            groups += [replace(c, count=len(matching(self.scene, c))) for c in claims]
        plan = Plan(tuple(groups), None, self.scene.background if background else None)
        return (grammar_zh if self.zh else grammar_en).describe(plan, self.rng)

    # Places and relations, clear ones

    def standing(self, relation: Relation, item: int) -> tuple[list[int], bool]:
        """Who stands so to an item, and whether that is clear of everybody."""
        who, clear = [], True
        for other in range(len(self.scene.items)):
            if other == item:
                continue
            if related(self.scene, [other], relation, [item], clear=True):
                who.append(other)
            elif related(self.scene, [other], relation, [item]):
                clear = False
        return who, clear


# The tasks


def caption(asker: _Asker) -> Question:
    """A short description."""
    text = asker.say(
        ("describe this image briefly", "what is in this picture?", "describe the picture", "a short caption, please"),
        ("简单描述这张图", "图里有什么？", "描述一下这张图片", "这张图画的是什么？"),
    )
    return asker.make("caption", text, asker.described(background=True).text, "caption")


def grounding(asker: _Asker) -> Question:
    """A description whose phrases have boxes."""
    text = asker.say(
        ("describe this image in detail", "describe the picture with boxes", "please describe this image in details"),
        ("详细描述这张图", "请详细描述图中的内容", "描述这张图并标出位置"),
    )
    said = asker.described(background=bool(asker.rng.random() < 0.6))
    answer, at, entities = "", 0, []
    for span in said.spans:
        phrase = said.text[span.start : span.end]
        found = asker.in_order(matching(asker.scene, said.claims.things[span.thing]))
        answer += f"{said.text[at : span.start]}<p>{phrase}</p> {'<delim>'.join(map(spelled, found))}"
        entities.append((phrase, found))
        at = span.end
    return asker.make("grounding", text, answer + said.text[at:], "grounding", entities)


def refer(asker: _Asker) -> Question | None:
    """One thing, or all of a kind, by words that fit nothing else."""
    kind = ("name", "plural", "colour", "size", "position", "relation", "absent")[
        int(asker.rng.choice(7, p=(0.22, 0.13, 0.15, 0.1, 0.16, 0.14, 0.1)))
    ]
    found = {
        "name": _by_name,
        "plural": _all_of,
        "colour": _by_colour,
        "size": _by_size,
        "position": _by_position,
        "relation": _by_relation,
        "absent": _nothing,
    }[kind](asker)
    if found is None:
        return None
    phrase, items, claim = found
    some = len(items) > 1
    be = "are" if some else "is"
    text = asker.say(
        (
            "{}",
            "{}",
            f"where {be} {{}}?",
            f"where {be} {{}} ?",
            "find {}",
            "give me the location of {}",
            "point to {}",
            "show me {}",
            "where can i see {}?",
        ),
        ("{}", "{}", "{}在哪里？", "{}在哪儿？", "找出{}", "指出{}的位置", "框出{}", "{}在什么地方？"),
    ).format(phrase)
    there = asker.in_order(items)
    answer = "<delim>".join(map(spelled, there)) if there else asker.absent_words(claim)
    return asker.make("refer", text, answer, kind, [(phrase, there)])


_Referred = tuple[str, Sequence[int], ThingClaim] | None


def _by_name(asker: _Asker) -> _Referred:
    names = asker.alone()
    if not names:
        return None
    claim = ThingClaim(pick(asker.rng, names))
    return asker.phrase(claim, definite=True), asker.items(claim.thing), claim


def _nothing(asker: _Asker) -> _Referred:
    claim = ThingClaim(asker.absent())
    return asker.phrase(claim, definite=True), (), claim


def _all_of(asker: _Asker) -> _Referred:
    names = [name for name in asker.there if len(asker.items(name)) > 1 and not asker.relatives(name)]
    if not names:
        return None
    claim = ThingClaim(pick(asker.rng, names), count=None)
    items = asker.items(claim.thing)
    words = asker.plural(claim.thing)
    number = (lexicon_zh if asker.zh else lexicon_en).NUMBERS[len(items)].said[0]
    measure = KINDS[INDEX[claim.thing]].measure
    both = len(items) == 2
    phrase = asker.say(
        (
            f"the {words}",
            f"all {words}",
            f"both {words}" if both else f"all {number} {words}",
            f"the {number} {words}",
        ),
        (f"所有的{words}", f"全部{words}", f"这{number}{measure}{words}", f"{number}{measure}{words}"),
    )
    return phrase, items, claim


def _by_colour(asker: _Asker) -> _Referred:
    """By colour and name, among several or alone."""
    fitting = []
    for name in asker.there:
        for colour in {colour_of(asker.scene.items[item]) for item in asker.items(name)} - {None}:
            claim = ThingClaim(name, colour=colour)
            if len(matching(asker.scene, claim)) == 1 and not asker.relatives(name):
                fitting.append(claim)
    if not fitting:
        return None
    several = [claim for claim in fitting if len(asker.items(claim.thing)) > 1]
    claim = pick(asker.rng, sorted(several or fitting, key=str))
    return asker.phrase(claim, definite=True), matching(asker.scene, claim), claim


def _by_size(asker: _Asker) -> _Referred:
    """The biggest or smallest of a kind, or of two."""
    names = [name for name in asker.there if len(asker.items(name)) > 1 and not asker.relatives(name)]
    if not names:
        return None
    name = pick(asker.rng, names)
    order = sorted(asker.items(name), key=lambda item: asker.scene.items[item].size)
    sizes = [asker.scene.items[item].size for item in order]
    ends: list[tuple[int, tuple[str, ...], str, Size]] = []
    if sizes[-1] >= CLEARLY_LARGER * sizes[-2]:
        ends.append(
            (
                order[-1],
                ("biggest", "largest") if len(order) > 2 else ("bigger", "larger", "big"),
                "最大的" if len(order) > 2 else "大的那",
                Size.LARGE,
            )
        )
    if sizes[0] * CLEARLY_LARGER <= sizes[1]:
        ends.append(
            (
                order[0],
                ("smallest",) if len(order) > 2 else ("smaller", "small"),
                "最小的" if len(order) > 2 else "小的那",
                Size.SMALL,
            )
        )
    if not ends:
        return None
    item, words, zh_words, size = pick(asker.rng, ends)
    noun = asker.name(name)
    measure = KINDS[INDEX[name]].measure if "那" in zh_words else ""
    phrase = f"{zh_words}{measure}{noun}" if asker.zh else f"the {pick(asker.rng, words)} {noun}"
    return phrase, (item,), ThingClaim(name, size=size)


def _by_position(asker: _Asker) -> _Referred:
    """The left one of two, the leftmost, or the thing in a corner that no other of its kind is near."""
    names = [name for name in asker.there if not asker.relatives(name)]
    if not names:
        return None
    several = [name for name in names if len(asker.items(name)) > 1]
    name = pick(asker.rng, several if several and asker.rng.random() < 0.75 else names)
    items = asker.items(name)
    noun = asker.name(name)
    if len(items) == 1:
        places = [
            place
            for place in Place
            if is_at(asker.scene.items[items[0]].x, asker.scene.items[items[0]].y, place, True)
        ]
        if not places:
            return None
        place = pick(asker.rng, places)
        word = pick(asker.rng, (lexicon_zh if asker.zh else lexicon_en).PLACES[place].said)
        return (f"{word}的{noun}" if asker.zh else f"the {noun} {word}"), items, ThingClaim(name)
    axis = "x" if asker.rng.random() < 0.65 else "y"
    order = sorted(items, key=lambda item: getattr(asker.scene.items[item], axis))
    at = [getattr(asker.scene.items[item], axis) for item in order]
    ends = []
    if at[1] - at[0] >= APART:
        ends.append(0)
    if at[-1] - at[-2] >= APART:
        ends.append(-1)
    if not ends:
        return None
    end = pick(asker.rng, ends)
    side = {
        ("x", 0): ("left", "左"),
        ("x", -1): ("right", "右"),
        ("y", 0): ("top", "上"),
        ("y", -1): ("bottom", "下"),
    }[axis, end]
    if asker.zh:
        phrase = f"{'' if len(items) == 2 else '最'}{side[1]}{'边' if axis == 'x' else '面'}的{noun}"
    elif axis == "x":
        phrase = pick(
            asker.rng,
            (f"the {noun} on the {side[0]}", f"the {side[0]}most {noun}", f"the {side[0]} {noun}")[
                : 3 if len(items) == 2 else 2
            ],
        )
        if len(items) > 2:
            phrase = f"the {side[0]}most {noun}"
    else:
        phrase = f"the {noun} at the {side[0]}" if len(items) == 2 else f"the {noun} closest to the {side[0]}"
    return phrase, (order[end],), ThingClaim(name)


def _by_relation(asker: _Asker) -> _Referred:
    """The apple left of the teapot, where one is clearly so and the others clearly are not."""
    anchors = asker.alone()
    if not anchors:
        return None
    anchor = pick(asker.rng, anchors)
    at = asker.items(anchor)[0]
    relation = pick(asker.rng, [r for r in Relation if r is not Relation.BETWEEN])
    names = [name for name in asker.there if name != anchor and not asker.relatives(name)]
    fitting = []
    for name in names:
        clear = [i for i in asker.items(name) if related(asker.scene, [i], relation, [at], clear=True)]
        loose = [i for i in asker.items(name) if related(asker.scene, [i], relation, [at])]
        if len(clear) == 1 and clear == loose:
            fitting.append((name, clear[0]))
    if not fitting:
        return None
    name, item = pick(asker.rng, fitting)
    words = pick(asker.rng, (lexicon_zh if asker.zh else lexicon_en).RELATIONS[relation].said)
    phrase = (
        f"{asker.name(anchor)}{words}的{asker.name(name)}"
        if asker.zh
        else f"the {asker.name(name)} {words} the {asker.name(anchor)}"
    )
    return phrase, (item,), ThingClaim(name)


def detection(asker: _Asker) -> Question:
    """All of one to four kinds, some of which may be absent."""
    number = (1, 2, 3, 4)[int(asker.rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    names: list[str] = []
    for _ in range(number):
        there = [name for name in asker.there if name not in names and not asker.relatives(name)]
        name = pick(asker.rng, there) if there and asker.rng.random() < 0.65 else asker.absent()
        if name not in names:
            names.append(name)
    phrases = []
    several = asker.rng.random() < 0.4
    for name in names:
        phrases.append(asker.plural(name) if several and not asker.zh else asker.name(name))
    found = [asker.in_order(asker.items(name)) for name in names]
    text = _listed(asker, phrases)
    if len(names) == 1:
        if found[0]:
            answer = f"<p>{phrases[0]}</p> {'<delim>'.join(map(spelled, found[0]))}"
        else:
            answer = asker.absent_words(ThingClaim(names[0]))
        kind = "one" if found[0] else "absent"
    else:
        none = "没有" if asker.zh else "none"
        parts = [
            f"<p>{phrase}</p> {'<delim>'.join(map(spelled, there)) if there else none}"
            for phrase, there in zip(phrases, found, strict=True)
        ]
        answer = ("，" if asker.zh else ", ").join(parts)
        kind = "list" if all(found) else "list with absent"
    return asker.make("detection", text, answer, kind, list(zip(phrases, found, strict=True)))


def _listed(asker: _Asker, phrases: Sequence[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    if asker.zh:
        joint = pick(asker.rng, ("、", "，", ",", "\n", "和"))
        if joint == "和":
            return "、".join(phrases[:-1]) + "和" + phrases[-1]
        return joint.join(phrases)
    joint = pick(asker.rng, (", ", ", ", ",", "\n", " and "))
    if joint == " and ":
        return ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return joint.join(phrases)


def identify(asker: _Asker) -> Question:
    """What is in a box."""
    item = int(asker.rng.integers(len(asker.scene.items)))
    box = asker.boxes[item]
    record = asker.scene.items[item]
    text = asker.say(
        ("what is this {}", "{}", "what object is in this location {}", "what is it in {}", "what is in {}?"),
        ("这是什么 {}", "{}", "{} 是什么？", "{} 里面是什么东西？", "框里是什么 {}"),
    ).format(spelled(box))
    colour = colour_of(record) if record.colour is not None else None
    claim = ThingClaim(KINDS[record.thing].name, colour=colour)
    thing = KINDS[record.thing]
    write = grammar_zh.noun_phrase if asker.zh else grammar_en.noun_phrase
    answer = write(claim, thing.zh if asker.zh else thing.name, True).removeprefix("the ")
    return asker.make("identify", text, answer, "identify", [(answer, (box,))], box)


def vqa(asker: _Asker) -> Question | None:
    """A question whose answer is a few words."""
    kind = int(asker.rng.choice(len(_ASKED), p=[share for _, share in _ASKED]))
    found = _ASKED[kind][0](asker)
    if found is None:
        return None
    text, answer, name, items = found
    entities = [(answer, asker.in_order(items))] if items else []
    if asker.rng.random() < 0.15:
        text = asker.say(
            (
                f"Based on the image, respond to this question with a short answer: {text}",
                f"{text} short answer please",
            ),
            (f"请简短回答：{text}", f"看图回答：{text}"),
        )
    return asker.make("vqa", text, answer, name, entities)


_Answered = tuple[str, str, str, Sequence[int]] | None  # question, answer, kind, what it is about


def number_words(asker: _Asker, thing: str | None, number: int) -> str:
    """ "three", 三只; nothing is "none" and 没有."""
    if number == 0:
        return "没有" if asker.zh else "none"
    word = (lexicon_zh if asker.zh else lexicon_en).NUMBERS[number].said[0]
    return word + (KINDS[INDEX[thing]].measure if thing else "个") if asker.zh else word


def _how_many(asker: _Asker) -> _Answered:
    absent = asker.rng.random() < 0.12
    names = [name for name in asker.there if not asker.relatives(name)]
    if not absent and not names:
        return None
    name = asker.absent() if absent else pick(asker.rng, names)
    items = asker.items(name)
    words = asker.plural(name)
    colours = sorted({c for i in items if (c := colour_of(asker.scene.items[i])) is not None})
    kind = "count"
    measure = KINDS[INDEX[name]].measure
    if len(colours) > 1 or (colours and asker.rng.random() < 0.15):
        colour = pick(asker.rng, colours)
        items = matching(asker.scene, ThingClaim(name, colour=colour))
        words = asker.phrase(ThingClaim(name, None, colour=colour), definite=True).removeprefix("the ")
        kind = "count of a colour"
    text = asker.say(
        (f"how many {words} are there?", f"how many {words}?", f"how many {words} can you see?", f"count the {words}"),
        (
            f"图里有几{measure}{words}？",
            f"有几{measure}{words}？",
            f"一共有多少{measure}{words}？",
            f"{words}有几{measure}？",
        ),
    )
    return text, number_words(asker, name, len(items)), kind, items


def _how_many_things(asker: _Asker) -> _Answered:
    text = asker.say(
        ("how many things are there?", "how many objects are in the picture?", "how many things in total?"),
        ("图里一共有几个东西？", "有几样东西？", "画面里一共有多少个东西？"),
    )
    count = len(asker.scene.items)
    return text, number_words(asker, None, count), "count of all", range(count)


def _what_colour(asker: _Asker) -> _Answered:
    fitting = [n for n in asker.alone() if colour_of(asker.scene.items[asker.items(n)[0]]) is not None]
    absent = asker.rng.random() < 0.1
    if not absent and not fitting:
        return None
    name = asker.absent() if absent else pick(asker.rng, fitting)
    noun = asker.name(name)
    be = (
        "are"
        if not asker.zh and grammar_en.is_plural_noun(noun) and KINDS[INDEX[name]].name == KINDS[INDEX[name]].plural
        else "is"
    )
    spelling = pick(asker.rng, ("colour", "color"))
    text = asker.say(
        (
            f"what {spelling} {be} the {noun}?",
            f"which {spelling} {be} the {noun}?",
            f"the {noun} {be} what {spelling}?",
        ),
        (f"{noun}是什么颜色？", f"{noun}是什么颜色的？", f"图里的{noun}是什么颜色？"),
    )
    if absent:
        return text, asker.absent_words(ThingClaim(name)), "colour of nothing", ()
    colour = colour_of(asker.scene.items[asker.items(name)[0]])
    assert colour is not None
    return text, colour_word(asker, colour), "colour", asker.items(name)


def colour_word(asker: _Asker, colour: Colour) -> str:
    return lexicon_zh.COLOURS[colour].said[1].removesuffix("的") if asker.zh else colour.value


def yes_no(asker: _Asker, yes: bool, there: bool = False) -> str:
    """Yes or no; whether something is there is 有 or 没有 in Chinese."""
    if asker.zh:
        return ("有" if yes else "没有") if there else ("是" if yes else "不是")
    return "yes" if yes else "no"


def _is_there(asker: _Asker) -> _Answered:
    yes = asker.rng.random() < 0.5
    names = [name for name in asker.there if not asker.relatives(name)]
    if yes and not names:
        return None
    name = pick(asker.rng, names) if yes else asker.absent()
    words = asker.phrase(ThingClaim(name))
    noun = asker.name(name)
    plural = asker.plural(name)
    text = asker.say(
        (
            f"is there {words}?",
            f"can you see {words}?",
            f"is there {words} in the picture?",
            f"are there any {plural}?",
            f"do you see {words}?",
        ),
        (f"图里有{noun}吗？", f"有{noun}吗？", f"能看到{noun}吗？", f"有没有{noun}？", f"这张图里有没有{noun}？"),
    )
    return text, yes_no(asker, yes, there=True), "is there", asker.items(name) if yes else ()


def _is_coloured(asker: _Asker) -> _Answered:
    fitting = [n for n in asker.alone() if colour_of(asker.scene.items[asker.items(n)[0]]) is not None]
    if not fitting:
        return None
    name = pick(asker.rng, fitting)
    own = colour_of(asker.scene.items[asker.items(name)[0]])
    yes = bool(asker.rng.random() < 0.5)
    colour = own if yes else pick(asker.rng, [colour for colour in Colour if colour is not own])
    assert colour is not None
    noun = asker.name(name)
    be = "are" if grammar_en.is_plural_noun(noun) and KINDS[INDEX[name]].name == KINDS[INDEX[name]].plural else "is"
    word = colour_word(asker, colour)
    text = asker.say((f"{be} the {noun} {word}?",), (f"{noun}是{word}的吗？", f"{noun}是不是{word}的？"))
    return text, yes_no(asker, yes), "is it that colour", asker.items(name)


def _what_stands(asker: _Asker) -> _Answered:
    """What is left of the teapot: clear of everybody, and at most two kinds."""
    anchors = asker.alone()
    if not anchors:
        return None
    anchor = pick(asker.rng, anchors)
    at = asker.items(anchor)[0]
    relation = pick(asker.rng, [r for r in Relation if r is not Relation.BETWEEN])
    who, clear = asker.standing(relation, at)
    if not clear or (not who and asker.rng.random() < 0.8):
        return None
    words = pick(asker.rng, (lexicon_zh if asker.zh else lexicon_en).RELATIONS[relation].said)
    noun = asker.name(anchor)
    text = asker.say(
        (
            f"what is {words} the {noun}?",
            f"what do you see {words} the {noun}?",
            f"which thing is {words} the {noun}?",
        ),
        (
            f"{noun}{words}是什么？",
            f"{noun}的{words}有什么？",
            f"什么在{noun}的{words}？",
            f"{noun}{words}有什么东西？",
        ),
    )
    if not who:
        return text, "什么都没有" if asker.zh else "nothing", "what stands there", ()
    kinds = list(dict.fromkeys(KINDS[asker.scene.items[i].thing].name for i in who))
    if len(kinds) > 2:
        return None
    phrases = [
        asker.phrase(ThingClaim(k, sum(KINDS[asker.scene.items[i].thing].name == k for i in who))) for k in kinds
    ]
    return text, ("和" if asker.zh else " and ").join(phrases), "what stands there", who


def _does_stand(asker: _Asker) -> _Answered:
    """Yes or no on a relation of two that are alone of their kind."""
    names = asker.alone()
    if len(names) < 2:
        return None
    one, other = (names[i] for i in asker.rng.permutation(len(names))[:2])
    a, b = asker.items(one)[0], asker.items(other)[0]
    relation = pick(asker.rng, [r for r in Relation if r is not Relation.BETWEEN])
    yes = related(asker.scene, [a], relation, [b], clear=True)
    if not yes and (related(asker.scene, [a], relation, [b]) or not _clearly_not(asker, a, relation, b)):
        return None
    words = pick(asker.rng, (lexicon_zh if asker.zh else lexicon_en).RELATIONS[relation].said)
    first, second = asker.name(one), asker.name(other)
    be = "are" if grammar_en.is_plural_noun(first) and KINDS[INDEX[one]].name == KINDS[INDEX[one]].plural else "is"
    text = asker.say(
        (f"{be} the {first} {words} the {second}?",),
        (f"{first}在{second}{words}吗？", f"{first}在{second}的{words}吗？", f"{first}是不是在{second}{words}？"),
    )
    return text, yes_no(asker, yes), "does it stand there", (a, b)


def _clearly_not(asker: _Asker, a: int, relation: Relation, b: int) -> bool:
    """Whether nobody would say so: the opposite is clear, or for what asks for nearness they are far apart."""
    opposite = {
        Relation.LEFT_OF: Relation.RIGHT_OF,
        Relation.RIGHT_OF: Relation.LEFT_OF,
        Relation.ABOVE: Relation.BELOW,
        Relation.BELOW: Relation.ABOVE,
        Relation.IN_FRONT_OF: Relation.BEHIND,
        Relation.BEHIND: Relation.IN_FRONT_OF,
    }.get(relation)
    if opposite is not None:
        return related(asker.scene, [a], opposite, [b], clear=True)
    one, other = asker.scene.items[a], asker.scene.items[b]
    return max(abs(one.x - other.x), abs(one.y - other.y)) >= 0.5


def _which_is_larger(asker: _Asker) -> _Answered:
    names = asker.alone()
    if len(names) < 2:
        return None
    one, other = (names[i] for i in asker.rng.permutation(len(names))[:2])
    sizes = {name: asker.scene.items[asker.items(name)[0]].size for name in (one, other)}
    large, small = sorted((one, other), key=lambda name: -sizes[name])
    if sizes[large] < CLEARLY_LARGER * sizes[small]:
        return None
    bigger = asker.rng.random() < 0.5
    first, second = asker.name(one), asker.name(other)
    word = ("bigger", "大") if bigger else ("smaller", "小")
    text = asker.say(
        (f"which is {word[0]}, the {first} or the {second}?", f"what is {word[0]}, the {first} or the {second}?"),
        (f"{first}和{second}哪个{word[1]}？", f"哪个更{word[1]}，{first}还是{second}？"),
    )
    chosen = large if bigger else small
    return text, asker.phrase(ThingClaim(chosen), definite=True), "which is larger", asker.items(chosen)


def _where_is_it_all(asker: _Asker) -> _Answered:
    """What the scene is set in."""
    background = asker.scene.background
    times = {
        Background.DAY_SKY: ("day", "白天"),
        Background.SUNSET: ("sunset", "傍晚"),
        Background.NIGHT_SKY: ("night", "夜里"),
    }
    draw = asker.rng.random()
    if background in times and draw < 0.35:
        text = asker.say(
            ("what time of day is it?", "what time is it in the picture?"), ("现在是什么时候？", "图里是什么时间？")
        )
        return text, times[background][1 if asker.zh else 0], "time", ()
    if draw < 0.7:
        text = asker.say(
            ("what is the background?", "what is in the background?", "where was this?", "where is this scene set?"),
            ("背景是什么？", "这是在什么地方？", "背景里是什么？", "这个场景在哪里？"),
        )
        return text, background_words(background, asker.language), "background", ()
    asked = [b for b in Background if b in lexicon_en.BACKGROUND_NOUNS]
    yes = background in asked and asker.rng.random() < 0.6
    chosen = (
        background if yes else pick(asker.rng, [b for b in asked if b is not background and not _alike(b, background)])
    )
    phrase = pick(asker.rng, lexicon_en.BACKGROUNDS[chosen].said)
    place = {b: nouns[0] for b, nouns in lexicon_zh.BACKGROUND_NOUNS.items()}[chosen]
    text = asker.say((f"is this {phrase}?", f"was this {phrase}?"), (f"这是在{place}吗？", f"这是不是在{place}？"))
    return text, yes_no(asker, yes), "is it that background", ()


def _alike(a: Background, b: Background) -> bool:
    """Whether somebody might call one the other."""
    pairs = (
        {Background.BEACH, Background.SEA},
        {Background.BEACH, Background.DESERT},
        {Background.DAY_SKY, Background.GRASS},
        {Background.DAY_SKY, Background.SUNSET},
        {Background.DAY_SKY, Background.PLAIN_BLUE},
        {Background.SNOW, Background.PLAIN_WHITE},
        {Background.NIGHT_SKY, Background.SUNSET},
        {Background.ROOM, Background.TABLE},
        {Background.DAY_SKY, Background.BEACH},
        {Background.DAY_SKY, Background.SEA},
        {Background.DAY_SKY, Background.SNOW},
        {Background.DAY_SKY, Background.DESERT},
        {Background.SEA, Background.PLAIN_BLUE},
        {Background.GRASS, Background.PLAIN_GREEN},
    )
    return {a, b} in pairs


def background_words(background: Background, language: str) -> str:
    """A background as the answer to "what is in the background?": "a beach", 沙滩."""
    if language == "zh":
        return _BACKGROUND_ZH.get(background) or f"{lexicon_zh.PLAIN[background]}色背景"
    nouns = lexicon_en.BACKGROUND_NOUNS.get(background)
    return nouns[0] if nouns else f"a plain {lexicon_en.PLAIN[background]} background"


_BACKGROUND_ZH = {
    Background.DAY_SKY: "蓝天",
    Background.SUNSET: "夕阳",
    Background.NIGHT_SKY: "夜空",
    Background.GRASS: "草地",
    Background.BEACH: "沙滩",
    Background.SEA: "大海",
    Background.SNOW: "雪地",
    Background.DESERT: "沙漠",
    Background.ROOM: "房间",
    Background.TABLE: "桌子",
}


_ASKED: tuple[tuple[Callable[[_Asker], _Answered], float], ...] = (
    (_how_many, 0.22),
    (_how_many_things, 0.05),
    (_what_colour, 0.14),
    (_is_there, 0.16),
    (_is_coloured, 0.06),
    (_what_stands, 0.14),
    (_does_stand, 0.09),
    (_which_is_larger, 0.05),
    (_where_is_it_all, 0.09),
)
_KINDS: tuple[tuple[Callable[[_Asker], Question | None], float], ...] = (
    (refer, 0.27),
    (detection, 0.18),
    (identify, 0.1),
    (vqa, 0.35),
    (grounding, 0.05),
    (caption, 0.05),
)
