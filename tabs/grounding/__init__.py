"""The grounding tab: answers about a picture, tied to boxes on it."""

from tabs.common.tab import Tab
from tabs.grounding.layout import grounding_tab
from tabs.grounding.words import WORDS

TAB = Tab("grounding", "tab_ground", grounding_tab, WORDS)
