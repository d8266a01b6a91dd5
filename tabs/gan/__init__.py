"""The GAN tab: samples by their seeds, and directions to move them in."""

from tabs.common.tab import Tab
from tabs.gan.layout import gan_tab
from tabs.gan.words import WORDS

TAB = Tab("gan", "tab_gan", gan_tab, WORDS)
