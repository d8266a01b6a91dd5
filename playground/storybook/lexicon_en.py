"""English words of the Storybook world for everything but the names of things.

Each table maps a meaning to the phrases that have it, in lower case. `said` phrases are what captions draw from,
`read` phrases are understood as well. Hyphens are spaces here: texts are read with their words taken apart.
"""

from dataclasses import dataclass

from playground.storybook.claims import Place
from playground.storybook.types import Background, Colour, Relation, Size


@dataclass(frozen=True)
class Phrases:
    """Ways to say one meaning: `said` by captions and understood, `read` only understood."""

    said: tuple[str, ...]
    read: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.said + self.read


NUMBERS: dict[int, Phrases] = {
    1: Phrases(("one", "1"), ("a single", "single", "only one", "just one", "lone", "1x")),
    2: Phrases(("two", "2"), ("a couple of", "a couple", "couple of", "a pair of", "pair of", "both", "twin", "2x",
        "double")),
    3: Phrases(("three", "3"), ("a trio of", "trio of", "3x", "triple")),
    4: Phrases(("four", "4"), ("4x",)),
    5: Phrases(("five", "5"), ("5x",)),
}  # fmt: skip
TOO_MANY: dict[int, Phrases] = {
    6: Phrases(("six", "6"), ("half a dozen", "a half dozen")), 7: Phrases(("seven", "7")), 8: Phrases(("eight",
        "8")),
    9: Phrases(("nine", "9")), 10: Phrases(("ten", "10")), 11: Phrases(("eleven", "11")),
    12: Phrases(("twelve", "12"), ("a dozen", "dozen")), 20: Phrases(("twenty", "20")), 100: Phrases(("hundred",
        "a hundred", "100")),
    1000: Phrases(("thousand", "a thousand", "1000")),
}  # fmt: skip
SEVERAL = Phrases(
    ("some", "several", "a few"),
    ("many", "few", "lots of", "a lot of", "a bunch of", "bunch of", "plenty of", "multiple", "various", "numerous",
     "a group of", "group of", "a flock of", "flock of", "a herd of", "herd of", "loads of", "tons of", "a number of",
     "a pile of", "pile of", "a handful of", "more than one", "a row of", "dozens of", "hundreds of", "a crowd of"),
)  # fmt: skip
NONE = Phrases(
    (),
    (
        "no",
        "without",
        "without a",
        "without any",
        "without an",
        "without the",
        "not any",
        "no more",
        "not a",
        "not an",
        "but not",
        "but not a",
        "but no",
    ),
)

SIZES: dict[Size, Phrases] = {
    Size.SMALL: Phrases(
        ("small", "little", "tiny"),
        ("mini", "miniature", "wee", "teeny", "teeny tiny", "tiny little", "small sized", "itty bitty", "teensy",
         "very small", "really small", "smaller", "petite", "minuscule"),
    ),
    Size.MEDIUM: Phrases((), ("medium sized", "medium", "middle sized", "mid sized", "average sized")),
    Size.LARGE: Phrases(
        ("big", "large", "huge"),
        ("giant", "enormous", "gigantic", "massive", "great big", "oversized", "jumbo", "big big", "very big",
         "very large", "really big", "bigger", "larger", "humongous", "colossal", "immense", "big old"),
    ),
}  # fmt: skip

COLOURS: dict[Colour, Phrases] = {
    Colour.RED: Phrases(("red",), ("scarlet", "crimson", "bright red", "dark red", "ruby", "reddish", "cherry red")),
    Colour.ORANGE: Phrases(("orange",), ("bright orange", "dark orange", "tangerine coloured", "orangey")),
    Colour.YELLOW: Phrases(("yellow",), ("golden", "bright yellow", "lemon yellow", "yellowish", "golden yellow")),
    Colour.GREEN: Phrases(("green",), ("emerald", "lime green", "dark green", "light green", "bright green",
        "greenish", "emerald green")),
    Colour.BLUE: Phrases(("blue",), ("navy", "navy blue", "azure", "sky blue", "light blue", "dark blue",
        "royal blue", "bright blue", "cobalt", "bluish", "baby blue")),
    Colour.PURPLE: Phrases(("purple",), ("violet", "lilac", "lavender", "dark purple", "light purple", "purplish",
        "indigo")),
    Colour.PINK: Phrases(("pink",), ("hot pink", "bright pink", "light pink", "rosy", "pinkish", "rose pink",
        "fuchsia", "magenta")),
    Colour.BLACK: Phrases(("black",), ("jet black", "pitch black", "blackish")),
}  # fmt: skip
# Colours that the world paints nothing in, with the nearest that it does (none where there is no near one).
OTHER_COLOURS: dict[str, tuple[Colour, ...]] = {
    "white": (), "grey": (Colour.BLACK,), "gray": (Colour.BLACK,), "brown": (Colour.ORANGE,), "silver": (),
    "gold": (Colour.YELLOW,), "beige": (Colour.YELLOW,), "turquoise": (Colour.BLUE, Colour.GREEN),
    "cyan": (Colour.BLUE,), "teal": (Colour.GREEN, Colour.BLUE), "maroon": (Colour.RED,), "burgundy": (Colour.RED,),
    "cream": (Colour.YELLOW,), "tan": (Colour.ORANGE,), "khaki": (Colour.GREEN,), "bronze": (Colour.ORANGE,),
    "copper": (Colour.ORANGE,), "multicoloured": (), "multicolored": (), "multi coloured": (), "multi colored": (),
    "colourless": (), "transparent": (), "ivory": (Colour.YELLOW,), "coral coloured": (Colour.PINK,),
    "salmon pink": (Colour.PINK,), "off white": (), "snow white": (), "rainbow coloured": (), "rainbow colored": (),
    "mint green": (Colour.GREEN,), "olive green": (Colour.GREEN,), "dark grey": (Colour.BLACK,),
    "peach coloured": (Colour.PINK,),
}  # fmt: skip

PICTURE = ("picture", "image", "scene", "photo", "frame", "canvas", "page", "drawing")


def _sides(word: str) -> Phrases:
    said = (f"on the {word}", f"on the {word} side")
    read = [f"at the {word}", f"to the {word}", f"in the {word}", f"on the far {word}", f"far {word}", f"{word} side",
            f"on {word}", f"on the {word} hand side", f"to the far {word}", f"on {word} side", f"at {word}", word,
            f"at the far {word}", f"at the {word} side", f"in the {word} half", f"over on the {word}"]  # fmt: skip
    for opening in (f"on the {word}", f"on the {word} side", f"on the {word} hand side", f"at the {word}",
                    f"in the {word} half", f"to the {word}", f"{word} side",
                        f"left {word}" if word == "" else f"in the {word} part"):  # fmt: skip
        read += [f"{opening} of the {noun}" for noun in PICTURE]
    return Phrases(said, tuple(read))


def _ends(word: str, *others: str) -> Phrases:
    said = (f"at the {word}",)
    read = [f"on the {word}", f"in the {word}", f"at the very {word}", f"near the {word}", f"{word} of the picture",
            f"in the {word} half", f"at {word}", f"towards the {word}", *others]  # fmt: skip
    for opening in (f"at the {word}", f"in the {word} half", f"in the {word} part", f"near the {word}"):
        read += [f"{opening} of the {noun}" for noun in PICTURE]
    return Phrases((*said, f"at the {word} of the picture"), tuple(read))


def _corner(up: str, side: str) -> Phrases:
    said = (f"in the {up} {side} corner", f"in the {up} {side}", f"at the {up} {side}")
    other = {"top": "upper", "bottom": "lower"}[up]
    read = [f"on the {up} {side}", f"in {up} {side}", f"{up} {side}", f"{up} {side} corner"]
    for opening in (f"in the {other} {side}", f"in the {other} {side} corner", f"at the {other} {side}",
                    f"at the {up} {side} corner", f"on the {other} {side}", f"{other} {side}",
                        f"{other} {side} corner",
                    f"in the {side} {up} corner", f"to the {up} {side}", f"to the {other} {side}"):  # fmt: skip
        read.append(opening)
    for opening in (*said, f"in the {other} {side}", f"in the {other} {side} corner"):
        read += [f"{opening} of the {noun}" for noun in PICTURE]
    return Phrases(said, tuple(read))


PLACES: dict[Place, Phrases] = {
    Place.LEFT: _sides("left"),
    Place.RIGHT: _sides("right"),
    Place.TOP: _ends("top", "up high", "high up", "up top", "up above", "in the upper half", "in the upper part"),
    Place.BOTTOM: _ends("bottom", "down low", "down below", "in the lower half", "in the lower part"),
    Place.MIDDLE: Phrases(
        ("in the middle", "in the center", "in the centre"),
        ("at the center", "at the centre", "in the very middle", "dead center", "right in the middle", "middle",
         "center", "centre", "in the middle of the picture", "in the center of the picture",
         "in the centre of the picture", "in the middle of the image", "in the center of the image",
         "in the centre of the image", "in the middle of the scene", "in the middle of it all", "centered",
         "in the center of the scene", "in the centre of the scene", "in the middle of the page"),
    ),
    Place.TOP_LEFT: _corner("top", "left"),
    Place.TOP_RIGHT: _corner("top", "right"),
    Place.BOTTOM_LEFT: _corner("bottom", "left"),
    Place.BOTTOM_RIGHT: _corner("bottom", "right"),
}  # fmt: skip

RELATIONS: dict[Relation, Phrases] = {
    Relation.LEFT_OF: Phrases(
        ("left of", "to the left of", "on the left of"),
        ("on the left side of", "at the left of", "on the left hand side of", "just left of", "to the left side of",
         "at the left side of"),
    ),
    Relation.RIGHT_OF: Phrases(
        ("right of", "to the right of", "on the right of"),
        ("on the right side of", "at the right of", "on the right hand side of", "just right of",
         "to the right side of", "at the right side of"),
    ),
    Relation.ABOVE: Phrases(
        ("above", "over"), ("on top of", "atop", "on", "upon", "higher than", "up above", "high above", "just above",
            "onto")
    ),
    Relation.BELOW: Phrases(
        ("under", "below", "beneath"), ("underneath", "lower than", "just below", "right under", "at the foot of")
    ),
    Relation.NEXT_TO: Phrases(
        ("next to", "beside"),
        ("by", "near", "alongside", "close to", "near to", "at the side of", "by the side of", "adjacent to",
         "right next to", "right beside", "nearby", "side by side with", "along with a nearby", "just next to"),
    ),
    Relation.IN_FRONT_OF: Phrases(("in front of",), ("covering", "right in front of", "blocking", "partly covering")),
    Relation.BEHIND: Phrases(
        ("behind",), ("in back of", "at the back of", "hidden behind", "right behind", "partly hidden by",
            "in the back of")
    ),
    Relation.BETWEEN: Phrases(("between",), ("in between", "right between", "in the middle between")),
}  # fmt: skip

# Phrases that come behind a scene ("a cat at night"); `BACKGROUND_NOUNS` can carry a scene ("a beach with a cat").
BACKGROUNDS: dict[Background, Phrases] = {
    Background.DAY_SKY: Phrases(
        ("in the sky", "in a blue sky", "under a blue sky", "by day", "in the daytime"),
        ("against a blue sky", "in front of a blue sky", "blue sky", "the sky", "sky", "clear sky",
            "under a clear sky", "sunny day",
         "on a sunny day", "in the air", "up in the sky", "sky background", "daytime", "day", "against the sky",
         "in the blue sky", "during the day", "with a blue sky", "under the blue sky", "high in the sky", "day sky",
             "midday", "in the open sky", "under the sky", "a blue sky", "blue skies", "in broad daylight"),
    ),
    Background.SUNSET: Phrases(
        ("at sunset", "at dusk", "in the evening", "against a sunset"),
        ("sunset", "dusk", "evening", "at sundown", "during sunset", "in the sunset", "sundown", "golden hour",
         "at twilight", "twilight", "sunset sky", "under a sunset sky", "at the end of the day", "evening sky",
         "in the evening light", "with a sunset", "orange sky", "red sky", "at nightfall", "sunset background",
             "when the sun goes down", "the sun is going down", "the sun goes down", "the sun sets",
             "the sun is setting", "the setting sun", "the sun has set", "a sunset"),
    ),
    Background.NIGHT_SKY: Phrases(
        ("at night", "in the night", "under a night sky", "in the night sky", "under a starry sky",
            "on a starry night"),
        ("night", "night sky", "starry sky", "starry night", "the night sky", "by night", "in the dark",
            "at midnight",
         "midnight", "nighttime", "night time", "during the night", "on a dark night", "a night sky",
             "under the night sky",
         "under the starry sky", "in a starry sky", "late at night", "in space", "outer space", "in outer space",
         "night scene", "in a night sky", "against the night sky", "dark sky", "in the night time", "after dark",
             "tonight", "at nighttime", "against a night sky"),
    ),
    Background.GRASS: Phrases(
        ("on the grass", "in a meadow", "on a lawn", "in a field", "on green grass"),
        ("grass", "meadow", "lawn", "in the grass", "in the meadow", "in the field", "grassy field",
            "in a grassy field",
         "on a meadow", "in the park", "in a park", "in the garden", "in a garden", "green grass", "grassland",
             "on grass",
         "in the countryside", "on the lawn", "a grassy meadow", "green field", "in a green field", "on a field",
             "pasture",
         "in a pasture", "on a grassy hill", "grassy", "field", "in the backyard", "in the yard", "park", "garden",
             "on a green meadow", "in a green meadow"),
    ),
    Background.BEACH: Phrases(
        ("on the beach", "at the beach", "on a beach", "on the sand"),
        ("beach", "seaside", "by the sea", "at the seaside", "on the shore", "by the ocean", "on a sandy beach",
            "seashore", "at the shore",
         "on the seashore", "sandy beach", "beach background", "in the sand", "by the seaside", "shore",
             "along the beach", "on the coast", "sand", "tropical beach", "near the sea"),
    ),
    Background.SEA: Phrases(
        ("in the sea", "on the sea", "on the ocean", "in the water"),
        ("at the bottom of the sea", "seabed", "out of the waves", "out of the water", "sea", "ocean", "at sea",
            "in the ocean", "on the water", "on the waves", "water", "out at sea", "open sea", "in the waves",
         "on the open sea", "floating on water", "in water", "on water", "underwater", "under the sea",
             "under water", "on the lake", "on a lake", "in a lake", "lake", "the sea", "sea background",
             "sailing the sea"),
    ),
    Background.SNOW: Phrases(
        ("in the snow", "on the snow", "in a snowy landscape", "in winter"),
        ("snow", "snowy", "winter", "on snow", "snowy field", "in a snowy field", "snowy landscape",
            "winter landscape",
         "in deep snow", "winter scene", "on a snowy day", "snow covered ground", "in the winter",
             "in the ice and snow",
         "snowy ground", "on the snowy ground", "in a winter landscape", "wintry", "in snow", "in the cold snow",
             "snow background"),
    ),
    Background.DESERT: Phrases(
        ("in the desert", "in a desert", "among sand dunes"),
        ("desert", "sand dunes", "dunes", "in the dunes", "on a dune", "in the sahara", "sahara",
            "desert background", "in the hot desert", "in a sandy desert", "on sand dunes"),
    ),
    Background.ROOM: Phrases(
        ("in a room", "indoors", "inside a room", "on the floor"),
        ("room", "inside", "in the room", "inside the house", "at home", "living room", "in the living room",
         "in a living room", "bedroom", "in the bedroom", "in a bedroom", "on a wooden floor", "floor", "in my room",
         "in an empty room", "in the house", "in the kitchen", "kitchen", "in a kitchen", "indoor", "inside a house",
             "on the carpet", "on a carpet", "on the wooden floor"),
    ),
    Background.TABLE: Phrases(
        ("on a table", "on the table", "on a wooden table"),
        ("table", "tabletop", "on a tabletop", "table top", "on a desk", "on the desk", "desk", "on my desk",
            "wooden table", "on top of a table",
         "on top of the table", "on a kitchen table", "on the kitchen table", "on a table top", "on a dining table",
             "on the dining table", "on my table", "on our table"),
    ),
}  # fmt: skip
PLAIN: dict[Background, str] = {
    Background.PLAIN_WHITE: "white", Background.PLAIN_GREY: "grey", Background.PLAIN_RED: "red",
    Background.PLAIN_YELLOW: "yellow", Background.PLAIN_GREEN: "green", Background.PLAIN_BLUE: "blue",
    Background.PLAIN_PURPLE: "purple", Background.PLAIN_PINK: "pink",
}  # fmt: skip
for _background, _colour in PLAIN.items():
    _said = (f"on a {_colour} background", f"against a plain {_colour} background", f"with a {_colour} background",
             f"on a plain {_colour} background", f"on {_colour}")  # fmt: skip
    _read = [
        f"{opening}{kind}{colour} {noun}"
        for opening in ("", "on a ", "against a ", "with a ", "in front of a ", "on the ", "against the ", "over a ",
            "and a ", "on ", "the ", "a ")
        for kind in ("", "plain ", "simple ", "solid ", "pure ", "clean ", "flat ", "light ", "soft ", "pale ",
            "bright ")
        for colour in ((_colour, "gray") if _colour == "grey" else (_colour,))
        for noun in ("background", "backdrop", "wall", "bg")
    ]  # fmt: skip
    BACKGROUNDS[_background] = Phrases(
        _said, tuple(p for p in dict.fromkeys(_read) if p not in _said) + (("on gray",
            "against gray") if _colour == "grey" else ()) + (f"against {_colour}", f"background {_colour}",
            f"background is {_colour}", f"the background is {_colour}", f"background should be {_colour}")
    )  # fmt: skip

BACKGROUND_NOUNS: dict[Background, tuple[str, ...]] = {
    Background.DAY_SKY: ("a blue sky", "the sky"), Background.SUNSET: ("a sunset",),
    Background.NIGHT_SKY: ("a night sky", "a starry sky", "the night sky"),
    Background.GRASS: ("a meadow", "a lawn", "a green field"), Background.BEACH: ("a beach", "a sandy beach"),
    Background.SEA: ("the sea", "the ocean"), Background.SNOW: ("a snowy landscape", "a snowy field"),
    Background.DESERT: ("a desert",), Background.ROOM: ("a room",), Background.TABLE: ("a table",),
}  # fmt: skip

OPENINGS = (
    "a picture of",
    "a drawing of",
    "an image of",
    "an illustration of",
    "picture of",
    "a photo of",
    "a scene with",
)
COMMANDS = ("draw", "draw me", "please draw", "show me", "please show", "paint", "make a picture of", "give me",
    "i want",
            "i would like", "can you draw", "could you draw", "generate", "create", "let me see",
                "i'd like a picture of",
            "please make a picture with")  # fmt: skip
THERE = (
    "there is",
    "there are",
    "i see",
    "i can see",
    "we see",
    "you can see",
    "here is",
    "here are",
    "it shows",
    "this is",
)

# Words that say nothing the world could draw wrong. Verbs and manners that it cannot draw are among them: a sleeping
# cat is a cat here.
FILLERS = tuple(
    """
    painting-of drawing-of i-saw we-saw he-saw she-saw i'd i'll we'd you'd a an the this that these those my
    your his her their our its it's is are was be been being am i'm i you he she we they me us him them of
    in at to from for as with into out up down off away around across along through there here where which
    who whose what how when while why so very really quite rather too also just only even still again please
    pls plz kindly thanks thank hi hello hey can could would will should may might must let lets let's want
    wants wanted need needs like likes love loves looking look looks see sees seen shown showing shows show
    draw draws drew drawn drawing drawings paint painted painting paintings make makes made making create
    creates created creating generate generates generated generating give gives render renders rendered
    rendering picture pictures pic pics image images photo photos photograph photographs illustration
    illustrations scene scenes sketch cartoon artwork portrait view closeup close-up shot composition poster
    postcard wallpaper sticker stickers emoji emojis icon icons clipart graphic 3d 2d style styled have has
    had having contain contains containing include includes including featuring features feature depicting
    depicts depict display displayed each every all another other others same different side together apart
    separately both either cute lovely pretty beautiful nice sweet happy sad smiling funny silly adorable
    fluffy furry fuzzy soft shiny glossy bright colorful colourful simple plain old new young fresh ripe
    tasty delicious yummy juicy hot cold warm cool wooden metal plastic glass stone paper golden-brown round
    square tall short long thin fat thick heavy light dark pale deep clean dirty empty full open closed
    broken whole good great best amazing awesome wonderful fantastic magical mysterious peaceful quiet calm
    busy crowded dreamy cozy cosy festive sunny cloudy rainy windy foggy misty little-known single-handed
    friendly angry sleepy tired hungry lonely brave shy proud lazy curious playful grumpy jolly cheerful
    gentle wild tame tropical exotic traditional modern vintage retro classic fancy elegant rustic
    minimalist realistic detailed sitting sits sit standing stands stand lying lies laying lay resting rests
    flying flies floating floats hanging hangs hovering hovers swimming swims running runs walking walks
    jumping jumps sleeping sleeps eating eats drinking drinks playing plays riding rides driving drives
    parked parking sailing sails shining shines glowing glows growing grows blooming falling falls rising
    rises climbing climbs hiding hides waiting waits looking-up watching watches holding holds carrying
    carries wearing wears placed put puts located positioned arranged lined lining surrounded surrounding
    facing leaning stacked scattered drifting rolling dancing dances singing sings reading reads smoking
    burning melting sit-down perched crouching kneeling gazing staring peeking chasing following meeting
    talking fighting hugging kissing be-like somewhere nowhere anywhere everywhere something anything
    nothing someone somebody kind kinds sort sorts type types bit piece pieces slice slices bowl plate of-a
    cup cups-of bottle box-of pack bag-of basket-of set sets pair pairs background backgrounds foreground
    distance front back top bottom left right middle center centre corner edge sides upper lower nearby far
    near distant beyond today tonight now then later soon once twice always never maybe perhaps possibly
    probably actually basically simply exactly about almost nearly okay ok yes yeah no-one well oh ah um hmm
    wow lol haha color colour colors colours coloured colored size sized sizes large-scale many-coloured
    number numbers count shape shaped one ones each-other themselves itself himself herself everything
    everyone all-of if than or but nor yet because since until unless though although whether not don't
    doesn't isn't aren't try trying tried help helping think know say says said tell ask asks go goes going
    come comes coming get gets got take takes keep keeps find finds use uses using add adds adding added
    set-up put-in fill filled filling cover covered covers lit sparkling twinkling starlit moonlit sunlit
    dim gleaming vivid pastel neon rich smooth rough sharp blurry fuzzy-looking clear crisp morning noon
    afternoon hour day-time time times moment week year summer spring autumn fall season holiday outside
    outdoors outdoor somewhere-else place places area spot ground surface land landscape horizon nature
    natural world environment setting male female adult baby-like grown big-eyed long-haired striped spotted
    dotted patterned checkered plaid fancy-looking delivery racing winged horned spiky prickly slimy wet dry
    frozen melted baked fried cooked raw sliced cut peeled half quarter first second third last next
    previous final main own certain few-of such much more most less least enough extra accompanied followed
    joined containing-a consisting made-of based inspired themed children's kids kid's child's storybook
    story fairytale fairy-tale book-style
    """.split()  # noqa: SIM905
)
