"""The VAE tab: faces with named sliders, and autoencoders of photographs."""

from tabs.common.tab import Tab
from tabs.vae import words, words_photo
from tabs.vae.layout import vae_tab

TAB = Tab("vae", "tab_vae", vae_tab, words.WORDS | words_photo.WORDS)
