"""One line of words, read out when it changes.

Invariants: the value is {text}; it reaches the page as a text node.
"""

from tabs.common.html_component import HtmlComponent


class StatusLine(HtmlComponent):
    """One line of words, read out when it changes."""

    styles, scripts = ("status_line.css",), ("status_line.js",)
