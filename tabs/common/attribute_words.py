"""The words of the drawn world as a visitor reads them: names of attributes and of their values, and their colours.

Invariants: a model's config names them in English; here stands how they are said, and nothing that a model
needs. A word that is not listed is said as it is.
"""

from collections.abc import Sequence

NAMES: dict[str, tuple[str, str]] = {
    "skin": ("Skin", "肤色"),
    "top": ("Hair or hat", "发型或帽子"),
    "hair_length": ("Hair length", "头发长度"),
    "hair_colour": ("Hair colour", "发色"),
    "hat_colour": ("Hat colour", "帽子颜色"),
    "facial_hair": ("Facial hair", "胡须"),
    "facial_hair_kind": ("Facial hair", "胡须样式"),
    "glasses": ("Glasses", "眼镜"),
    "lenses": ("Lenses", "镜片"),
    "mouth": ("Mouth", "嘴"),
    "eyes": ("Eyes", "眼睛"),
    "eyes_kind": ("Kind of eyes", "眼睛样式"),
    "eyebrows": ("Eyebrows", "眉毛"),
    "clothing": ("Clothing", "衣着"),
    "clothing_colour": ("Clothing colour", "衣着颜色"),
    "background": ("Background", "背景"),
    "backdrop": ("Backdrop", "背景样式"),
}

HIDDEN = "not to be seen"  # what the judge says of an attribute that a portrait does not show

_CHINESE = {
    "pale": "苍白", "light": "浅", "tan": "小麦色", "brown": "棕色", "dark": "深",
    "bald": "光头", "short hair": "短发", "spiky hair": "刺猬头", "mohawk": "莫霍克", "bun": "发髻",
    "ponytail": "马尾", "pigtails": "双马尾", "bob": "波波头", "curly hair": "卷发", "afro": "爆炸头",
    "long straight hair": "长直发", "long wavy hair": "长卷发", "wide-brimmed hat": "宽檐帽", "turban": "头巾",
    "bobble hat": "绒球帽", "hat with ear flaps": "护耳帽",
    "black": "黑色", "red": "红色", "blonde": "金色", "grey": "灰色", "pink": "粉色", "blue": "蓝色", "orange": "橙色",
    "yellow": "黄色", "green": "绿色", "purple": "紫色", "white": "白色", "turquoise": "青色",
    "none": "无", "short beard": "短须", "full beard": "络腮胡", "long beard": "长须", "moustache": "小胡子",
    "round glasses": "圆框", "square glasses": "方框", "clear": "透明", "tinted": "浅色",
    "sad": "难过", "neutral": "平静", "smile": "微笑", "laugh": "大笑",
    "closed": "闭着", "open": "睁开", "wide": "睁大", "hearts": "爱心",
    "angry": "生气", "level": "平直", "worried": "担忧",
    "T-shirt": "T 恤", "hoodie": "连帽衫", "dungarees": "背带裤", "collared sweater": "翻领毛衣", "blazer": "西装外套",
    "flat": "纯色", "gradient": "渐变", "not to be seen": "看不到",
}  # fmt: skip
_SHORTER = {
    "wide-brimmed hat": "brimmed hat", "hat with ear flaps": "flap hat", "long straight hair": "long straight",
    "long wavy hair": "long wavy", "collared sweater": "sweater", "round glasses": "round", "square glasses": "square",
}  # fmt: skip
_ON_A_SCALE = {
    "short beard": "short", "full beard": "full", "long beard": "long", "short hair": "short", "bob": "medium",
    "long straight hair": "long",
}  # fmt: skip

_PAINT = {
    "black": "#23262b", "red": "#e23b3b", "orange": "#f28a24", "yellow": "#f7d23c", "green": "#37a34a",
    "blue": "#2f78d6", "purple": "#8a4bc4", "white": "#f7f7f7",
}  # fmt: skip
_COLOURS: dict[str, dict[str, str]] = {
    "skin": {"pale": "#ffe6d0", "light": "#f3c49c", "tan": "#d49a64", "brown": "#a86b40", "dark": "#80513a"},
    "hair_colour": {
        "black": "#100e0e", "brown": "#5a2d10", "red": "#cf3f0c", "blonde": "#ebc64e", "grey": "#d9d9de",
        "pink": "#f57fb0", "blue": "#3f74d8",
    },
    "hat_colour": _PAINT,
    "clothing_colour": _PAINT,
    "background": {
        "red": "#e97c7c", "orange": "#e9af7c", "yellow": "#e9db7c", "green": "#7ce97c", "turquoise": "#7ce9e2",
        "blue": "#7ca8e9", "purple": "#b27ce9", "pink": "#e97cba",
    },
}  # fmt: skip


def name(attribute: str, language: str) -> str:
    """An attribute (or a control) by its name in a model's config."""
    english = attribute.replace("_", " ").capitalize()
    return NAMES.get(attribute, (english, english))[language == "zh"]


def value(word: str, language: str, on_a_scale: bool = False) -> str:
    """A value of an attribute; on a scale, whose name says of what, in as few letters as may be."""
    if language == "zh":
        return _CHINESE.get(word, word)
    return _ON_A_SCALE.get(word, _SHORTER.get(word, word)) if on_a_scale else _SHORTER.get(word, word)


def colours(attribute: str, values: Sequence[str]) -> list[str] | None:
    """CSS colours of these values, or None for an attribute that is no colour."""
    known = _COLOURS.get(attribute, {})
    return [known[word] for word in values] if values and all(word in known for word in values) else None
