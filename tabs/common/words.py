"""Every word a visitor reads, in English and 中文, side by side: those that several tabs use, and the way to say them.

Invariants: labels go to the browser as keys (`label`) and are translated there; text that Python composes (`say`) is
put in the language the browser asked for. No other file of `tabs/` than the `words.py` of each tab holds a sentence.
"""

from collections.abc import Mapping

import gradio as gr

from playground.runtime.devices import format_bytes

LANGUAGES = ("en", "zh")
_STRINGS: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
I18N = gr.I18n(**_STRINGS)  # holds the same dictionaries: words registered later are in it


def register_words(words: Mapping[str, tuple[str, str]]) -> None:
    """Add the words of a tab: key → (English, 中文).

    Raises:
        ValueError: A key is taken by another text.
    """
    for key, texts in words.items():
        for language, text in zip(LANGUAGES, texts, strict=True):
            if _STRINGS[language].setdefault(key, text) != text:
                raise ValueError(f"The word {key!r} has two texts: {_STRINGS[language][key]!r} and {text!r}.")


def label(key: str) -> str:
    """A static text, translated in the browser."""
    assert key in _STRINGS[LANGUAGES[0]], key
    return I18N(key)  # type: ignore[return-value]  # Gradio takes I18nData wherever it takes a label


def language_of(request: gr.Request | None) -> str:
    """The first of our languages that the browser asks for."""
    accepted = request.headers.get("accept-language", "") if request is not None and request.headers else ""
    for part in accepted.lower().split(","):
        if part.strip()[:2] in LANGUAGES:
            return part.strip()[:2]
    return LANGUAGES[0]


def say(language: str, key: str, **values: object) -> str:
    """A text that Python composes, in one of `LANGUAGES`."""
    return _STRINGS[language][key].format(**values)


def size_text(nbytes: int) -> str:
    """Bytes for people: 92 MB, 1.5 GB; a question mark where nobody said."""
    return format_bytes(nbytes) if nbytes else "?"


# key: (English, 中文)
WORDS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("AIGC Playground", "AIGC 游乐场"),
    "promise": ("Generative models you can touch, on this machine.", "在这台机器上，亲手触摸生成式模型。"),
    # what every tab has
    "model": ("Model", "模型"),
    "stop": ("Stop", "停止"),
    "clear": ("Clear", "清空"),
    "seed": ("Seed", "随机种子"),
    "random_seed": ("New seed each time", "每次换新种子"),
    "temperature": ("Temperature", "温度"),
    # where long work stands
    "waiting": ("Waiting: {place} before you", "排队中：前面还有 {place} 个"),
    "waiting_for": ("Waiting: {what}", "等待中：{what}"),
    "waiting_next": ("Waiting: you are next", "排队中：下一个就是你"),
    "downloading": ("Downloading {what}: {done} of {total}", "正在下载 {what}：{done} / {total}"),
    "preparing": ("Preparing {what}, once only", "正在准备 {what}（仅一次）"),
    "loading": ("Loading {what}", "正在加载 {what}"),
    "warming up": ("Warming up {what}", "正在预热 {what}"),
    "reading": ("Reading the prompt: {done} of {total} tokens", "正在读取提示词：{done} / {total} 个词元"),
    "ready": ("Writing", "正在书写"),
    # the model menu
    "state_embedded": ("embedded", "内置"),
    "state_cached": ("on this disk", "已在本机"),
    "state_to download": ("download {size}", "需下载 {size}"),
    "state_gated": ("gated, download {size}", "需授权，下载 {size}"),
    "state_remote": ("remote", "远程"),
    "model_line": (
        "{licence} · {state} · reads {context:,} tokens · about {memory} of memory. {note}",
        "{licence} · {state} · 可读 {context:,} 个词元 · 约占内存 {memory}。{note}",
    ),
    "model_line_remote": ("{licence} · runs at {host}. {note}", "{licence} · 运行于 {host}。{note}"),
    "save_animation": ("Save animation", "保存动画"),
    # the live stage
    "live_loading": ("Drawing…", "正在绘制……"),
    "live_lost": (
        "The picture did not arrive. Move a control to try again; if it stays so, reload the page.",
        "图片没有送达。再动一下控件试试；若仍如此，请刷新页面。",
    ),
    "live_reset": ("Reset all", "全部重置"),
    "live_reset_one": ("Reset", "重置"),
    "live_random": ("Randomise", "随机"),
    "live_lock": ("Lock", "锁定"),
    "live_unlock": ("Unlock", "解锁"),
    "live_fps": ("Pictures per second", "每秒图片数"),
    "live_hold": ("Hold to see the picture before any control was moved", "按住可查看移动控件之前的图片"),
    "live_picture": ("The picture that the controls draw", "由控件绘制的图片"),
}

register_words(WORDS)
