"""The values of the drawn world, each one drawing that an eye can tell from the others at 64 pixels.

Invariants: a value's text is a word that captions use; members stand in the order of their labels. What cannot
be told apart, or hides something else, was left out (see `svg`).
"""

from enum import StrEnum


class Skin(StrEnum):
    """Ordered, from light to dark."""

    PALE = "pale"
    LIGHT = "light"
    TAN = "tan"
    BROWN = "brown"
    DARK = "dark"


class Top(StrEnum):
    """Hair style or hat, one attribute because a hat replaces the hair. Nominal; see `hair_length`."""

    BALD = "bald"
    SHORT = "short hair"
    SPIKY = "spiky hair"
    MOHAWK = "mohawk"
    BUN = "bun"
    PONYTAIL = "ponytail"
    PIGTAILS = "pigtails"
    BOB = "bob"
    CURLY = "curly hair"
    AFRO = "afro"
    LONG_STRAIGHT = "long straight hair"
    LONG_WAVY = "long wavy hair"
    BRIMMED_HAT = "wide-brimmed hat"
    TURBAN = "turban"
    BOBBLE_HAT = "bobble hat"
    FLAP_HAT = "hat with ear flaps"


class HairColour(StrEnum):
    """Nominal. Colours the hair and the facial hair alike."""

    BLACK = "black"
    BROWN = "brown"
    RED = "red"
    BLONDE = "blonde"
    GREY = "grey"
    PINK = "pink"
    BLUE = "blue"


class Colour(StrEnum):
    """Nominal: the colour of clothes and of hats."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    BLACK = "black"
    WHITE = "white"


class FacialHair(StrEnum):
    """Ordered without the moustache: none, short, full, long. The moustache stands beside that order."""

    NONE = "none"
    SHORT_BEARD = "short beard"
    FULL_BEARD = "full beard"
    LONG_BEARD = "long beard"
    MOUSTACHE = "moustache"


class Glasses(StrEnum):
    """Nominal: the frame. How dark the lenses are is `Lenses`."""

    NONE = "none"
    ROUND = "round glasses"
    SQUARE = "square glasses"


class Lenses(StrEnum):
    """Ordered by darkness. Seen only where there are glasses."""

    CLEAR = "clear"
    TINTED = "tinted"
    DARK = "dark"


class Mouth(StrEnum):
    """Ordered."""

    SAD = "sad"
    NEUTRAL = "neutral"
    SMILE = "smile"
    LAUGH = "laugh"


class Eyes(StrEnum):
    """Ordered by opening without the hearts: closed, open, wide. Not seen behind dark lenses."""

    CLOSED = "closed"
    OPEN = "open"
    WIDE = "wide"
    HEARTS = "hearts"


class Eyebrows(StrEnum):
    """Ordered by height of the inner end: angry, level, worried. Not seen behind the frames of glasses."""

    ANGRY = "angry"
    LEVEL = "level"
    WORRIED = "worried"


class Clothing(StrEnum):
    """Nominal."""

    T_SHIRT = "T-shirt"
    HOODIE = "hoodie"
    DUNGAREES = "dungarees"
    COLLARED = "collared sweater"
    BLAZER = "blazer"


class Background(StrEnum):
    """Cyclic: hues in the order of the colour circle."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    TURQUOISE = "turquoise"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"


class Backdrop(StrEnum):
    """Nominal: one flat colour, or that colour running from light at the top to deep at the bottom."""

    FLAT = "flat"
    GRADIENT = "gradient"


class HairLength(StrEnum):
    """Ordered, derived from `Top`; no value where a hat is worn or the style has no length on this scale."""

    NONE = "bald"
    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
