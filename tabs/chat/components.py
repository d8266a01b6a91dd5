"""Two components that show tokens: the reply to be clicked into, and the prompt.

Invariants: values are plain JSON and reach the page as text nodes only, never as HTML, so a
model (or a visitor) cannot write markup into the page.
"""

from tabs.common.html_component import HtmlComponent


class TokenInspector(HtmlComponent):
    """A reply as clickable tokens, and what is known of the clicked one.

    Events: `select` with {place, token}; `input` with {place, token, choice} to go on from another choice.
    """

    root, bare = "inspector", False
    styles, scripts = ("inspector.css",), ("inspector.js",)


class PromptPieces(HtmlComponent):
    """The prompt as the model sees it: its tokens, with their ids on hover."""

    root, bare = "pieces", False
    styles, scripts = ("pieces.css",), ("pieces.js",)
