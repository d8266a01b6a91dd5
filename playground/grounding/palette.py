"""One colour per entity, the same on the page, in the text and in an exported picture.

Invariants: a colour is found by an entity's number alone, so it stays while an answer grows.
"""

# Each has a contrast of at least 4.5 to white (white letters on it can be read) and 3.5 to a dark page (#111827).
PALETTE = (
    "#e51313", "#126cf3", "#11850f", "#ac39e3", "#ad6004", "#078181",
    "#dc1876", "#7e7507", "#7261d8", "#6b7280", "#a86051", "#507f20",
)  # fmt: skip


def colour(number: int) -> str:
    """The colour `#rrggbb` of the entity of that number, from 0; they repeat after `len(PALETTE)`."""
    return PALETTE[number % len(PALETTE)]
