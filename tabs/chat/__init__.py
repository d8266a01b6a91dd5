"""The chat tab: a conversation with a language model, and a look inside each reply."""

from tabs.chat.layout import chat_tab
from tabs.chat.words import WORDS
from tabs.common.tab import Tab

TAB = Tab("chat", "tab_chat", chat_tab, WORDS)
