"""The text-to-image tab: pictures from words, and how they come about."""

from tabs.common.tab import Tab
from tabs.text_to_image.layout import image_tab
from tabs.text_to_image.words import WORDS

TAB = Tab("image", "tab_image", image_tab, WORDS)
