"""What sliders of several tabs have in common."""

from typing import Any


def slider_range(least: float, most: float) -> dict[str, Any]:
    """The ends of a slider; where the model leaves no choice, it stands at its least and cannot be moved."""
    return {"minimum": least, "maximum": most if most > least else least + 1, "interactive": most > least}
