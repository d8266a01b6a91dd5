"""The whole person as SVG: which drawing of `python_avatars` stands for which value.

Invariants: every choice of shape and colour is made here, for pictures of 64 pixels. What the package draws too
faintly for that is enlarged or darkened (`_strengthen`), and frames without glass get some (`_glaze`).

Left out of the package, after looking at sheets at 64 and 96 pixels:

* tops that hide what other attributes show (DREADS, TWIST_LONG_HAIR: clothes; LONG_HAIR_CURLY, CURLY_2, HALF_SHAVED:
  an eye; JEDI: eyes; HIJAB, LOOSE_HAIR, ASTRONAUT: no facial hair possible), whose colour is fixed
  (SHAVED_SIDES, CHEF_CAP, GLADIATOR_HELMET, HairType.HAT, WINTER_HAT_2), or that repeat another at this size
  (CAESAR, BUZZCUT, SHORT_ROUND, PIXIE, WINTER_HAT_4, and so on);
* mouths that are unpleasant or too alike (VOMIT, SCREAM_OPEN, EATING, GRIMACE, TONGUE, CONCERNED, DISBELIEF,
  DEFAULT, SMILE); eyes and eyebrows that differ by a pixel or two (SIDE, SQUINT, WINK, EYE_ROLL, CRY; most
  eyebrows); all noses but one;
* white thin frames (PRESCRIPTION_1), sunglasses that are another's shape (darkness is an attribute of its own here),
  the eye patch; moustaches that repeat another or cover the mouth; printed shirts and costumes; two orange skins.
"""

from typing import Any
from xml.etree import ElementTree  # only ever given the SVG that python_avatars has just written

from playground.drawn_world.attributes import (
    HATS,
    Clothing,
    Colour,
    Eyebrows,
    Eyes,
    FacialHair,
    Glasses,
    HairColour,
    Lenses,
    Mouth,
    Skin,
    Top,
)

NAMESPACE = "{http://www.w3.org/2000/svg}"

# Colours of our own, further apart than the package's: brown hair must show on dark skin, blond on light.
SKINS = dict(zip(Skin, ("#FFE6D0", "#F3C49C", "#D49A64", "#A86B40", "#80513A"), strict=True))
HAIRS = dict(
    zip(HairColour, ("#100E0E", "#5A2D10", "#CF3F0C", "#EBC64E", "#D9D9DE", "#F57FB0", "#3F74D8"), strict=True)
)
COLOURS = dict(
    zip(
        Colour,
        ("#E23B3B", "#F28A24", "#F7D23C", "#37A34A", "#2F78D6", "#8A4BC4", "#23262B", "#F7F7F7"),
        strict=True,
    )
)
_TOPS = {
    Top.BALD: "NONE",
    Top.SHORT: "SHORT_FLAT",
    Top.SPIKY: "MOWGLI",
    Top.MOHAWK: "MOHAWK",
    Top.BUN: "BUN",
    Top.PONYTAIL: "BRAIDS",
    Top.PIGTAILS: "DREADLOCKS",
    Top.BOB: "BOB",
    Top.CURLY: "CURLY",
    Top.AFRO: "FRO",
    Top.LONG_STRAIGHT: "STRAIGHT_STRAND",
    Top.LONG_WAVY: "BIG_HAIR",
    Top.BRIMMED_HAT: "HAT",
    Top.TURBAN: "TURBAN",
    Top.BOBBLE_HAT: "WINTER_HAT_3",
    Top.FLAP_HAT: "WINTER_HAT_1",
}
_FACIAL_HAIR = {
    FacialHair.NONE: "NONE",
    FacialHair.SHORT_BEARD: "BEARD_LIGHT",
    FacialHair.FULL_BEARD: "BEARD_MEDIUM",
    FacialHair.LONG_BEARD: "BEARD_MAGESTIC",
    FacialHair.MOUSTACHE: "MOUSTACHE_MAGNUM",
}
_GLASSES = {Glasses.NONE: "NONE", Glasses.ROUND: "ROUND", Glasses.SQUARE: "PRESCRIPTION_2"}
_LENSES = {Lenses.CLEAR: ("#FFFFFF", "0.28"), Lenses.TINTED: ("#14171C", "0.5"), Lenses.DARK: ("#14171C", "0.97")}
_MOUTHS = {  # the drawing, and how much larger than the package has it
    Mouth.SAD: ("SAD", 1.5),
    Mouth.NEUTRAL: ("SERIOUS", 1.4),
    Mouth.SMILE: ("TWINKLE", 1.7),
    Mouth.LAUGH: ("BIG_SMILE", 1.25),
}
_EYES = {Eyes.CLOSED: "HAPPY", Eyes.OPEN: "DEFAULT", Eyes.WIDE: "SURPRISED", Eyes.HEARTS: "HEART"}
_EYE_SCALE = 1.25  # moves the eyes to the middle of the lenses, too
_EYEBROWS = {
    Eyebrows.ANGRY: "ANGRY_NATURAL",
    Eyebrows.LEVEL: "DEFAULT_NATURAL",
    Eyebrows.WORRIED: "SAD_CONCERNED_NATURAL",
}
_CLOTHES = {
    Clothing.T_SHIRT: "SHIRT_CREW_NECK",
    Clothing.HOODIE: "HOODIE",
    Clothing.DUNGAREES: "OVERALL",
    Clothing.COLLARED: "COLLAR_SWEATER",
    Clothing.BLAZER: "BLAZER_SHIRT",
}


def draw(values: dict[str, Any]) -> ElementTree.Element:
    """The SVG of the person with these values (a dict of `Person`'s fields), 264 by 280 units, no background."""
    import python_avatars as pa

    top = values["top"]
    avatar = pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        top=(pa.HatType if top in HATS else pa.HairType)[_TOPS[top]],
        hat_color=COLOURS[values["hat_colour"]],
        eyebrows=pa.EyebrowType[_EYEBROWS[values["eyebrows"]]],
        eyes=pa.EyeType[_EYES[values["eyes"]]],
        nose=pa.NoseType.DEFAULT,
        mouth=pa.MouthType[_MOUTHS[values["mouth"]][0]],
        facial_hair=pa.FacialHairType[_FACIAL_HAIR[values["facial_hair"]]],
        skin_color=SKINS[values["skin"]],
        hair_color=HAIRS[values["hair_colour"]],
        facial_hair_color=HAIRS[values["hair_colour"]],
        accessory=pa.AccessoryType[_GLASSES[values["glasses"]]],
        clothing=pa.ClothingType[_CLOTHES[values["clothing"]]],
        clothing_color=COLOURS[values["clothing_colour"]],
    )
    root = ElementTree.fromstring(avatar.render())  # noqa: S314 - written by python_avatars just now
    _strengthen(_slot(root, "Mouth"), _MOUTHS[values["mouth"]][1], centre=(54, 22))
    _strengthen(_slot(root, "Eyes"), _EYE_SCALE, centre=(56, 22))
    _strengthen(_slot(root, "Eyebrow"), 1.0, centre=(56, 12))
    if values["glasses"] is not Glasses.NONE:
        _glaze(_slot(root, "Accessory"), values["glasses"], values["lenses"])
    return root


def slot_name(element: ElementTree.Element) -> str:
    """The name of the group this element is, without the file's name that the package puts before it."""
    return element.get("id", "").rpartition("_")[2]


def _slot(root: ElementTree.Element, name: str) -> ElementTree.Element:
    return next(element for element in root.iter() if slot_name(element) == name)


def _strengthen(slot: ElementTree.Element, scale: float, centre: tuple[int, int]) -> None:
    """Draw a feature of the face larger, about its centre, and nearly opaque, so that it shows on dark skin."""
    x, y = centre
    slot.set("transform", f"{slot.get('transform', '')} translate({x} {y}) scale({scale}) translate({-x} {-y})")
    for element in slot.iter():
        if element is slot or element.get("fill-opacity"):
            element.set("fill-opacity", "0.9")


def _glaze(slot: ElementTree.Element, glasses: Glasses, lenses: Lenses) -> None:
    """Put glass into the frames, behind the frame, of the chosen darkness."""
    fill, opacity = _LENSES[lenses]
    for left in (0, 62):
        if glasses is Glasses.ROUND:
            lens = ElementTree.Element(NAMESPACE + "circle", cx=str(40 + left), cy="27", r="21")
        else:
            lens = ElementTree.Element(NAMESPACE + "rect", x=str(17 + left), y="10", width="46", height="36", rx="12")
        lens.set("fill", fill)
        lens.set("fill-opacity", opacity)
        slot.insert(0, lens)
