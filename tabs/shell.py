"""The page: its head, its tabs, what they hand to each other, its look. A new tab is one folder and one line here."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from playground.core import Playground
from tabs import chat, gan, grounding, text_to_image, vae
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates
from tabs.common.tab import Accepts, Sends, Tab, TabHandles
from tabs.common.words import label

TABS: tuple[Tab, ...] = (
    chat.TAB,
    text_to_image.TAB,
    grounding.TAB,
    vae.TAB,
    gan.TAB,
)


def build(playground: Playground, tabs: Sequence[Tab] | None = None) -> gr.Blocks:
    """The whole app, not yet launched.

    Args:
        playground: The models and services behind the page.
        tabs: In the order of the page; the first one is open unless the address names another. Default: `TABS`, and
            behind them those of the extensions the app was started with.
    """
    if tabs is None:
        tabs = (*TABS, *(tab for tab in playground.families.tabs if isinstance(tab, Tab)))
    profile = playground.settings.profile
    with gr.Blocks(title="AIGC Playground", analytics_enabled=False, delete_cache=profile.delete_cache) as page:
        with gr.Row(elem_id="head"):
            gr.Markdown("## AIGC Playground", elem_id="name")
            gr.Markdown(label("promise"), elem_classes="subtle")
        handles: dict[str, TabHandles] = {}
        with gr.Tabs() as bar:
            for tab in tabs:
                with gr.Tab(label(tab.label), id=tab.id) as item:
                    handles[tab.id] = tab.build(playground)
                item.select(partial(playground.preloader.tab_opened, tab.id), None, None, **UNQUEUED)

        def open_tab(request: gr.Request) -> gr.Tabs:
            """`?tab=chat` in the address opens that tab."""
            named = request.query_params.get("tab")
            chosen = named if named in handles else tabs[0].id
            playground.preloader.tab_opened(chosen)
            return gr.Tabs(selected=chosen)

        def models() -> list[dict[str, object]]:
            """List every model: id, tab, label, source, licence, sizes in bytes, context length, state."""
            return playground.listing()

        gr.api(models, api_name="models", queue=False)
        page.load(open_tab, None, bar, **UNQUEUED)
        connect(bar, handles)
    return page


def connect(bar: gr.Tabs, handles: dict[str, TabHandles]) -> None:
    """Give every sender a button for each other tab that accepts what it sends.

    Args:
        bar: The page's tabs.
        handles: What each tab sends and accepts, by the tab's id.
    """
    for sender, sending in handles.items():
        for sends in sending.sends:
            for receiver, accepting in handles.items():
                for accepts in accepting.accepts:
                    if receiver != sender and issubclass(sends.kind, accepts.kind):
                        _add_button(sends, accepts, bar, receiver)


def theme() -> gr.themes.Base:
    """Fonts that come with Gradio, so that nothing is fetched."""
    return gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=["system-ui", "sans-serif"])


def _add_button(sends: Sends[Any], accepts: Accepts[Any], bar: gr.Tabs, receiver: str) -> None:
    own = len(sends.inputs)

    def hand_over(request: gr.Request, *values: Any) -> Updates:
        sent = sends.read(*values[:own], request)
        return {**accepts.receive(sent, *values[own:], request), bar: gr.Tabs(selected=receiver)}

    with sends.buttons:
        word = sends.words.get(accepts.name, accepts.word)
        button = gr.Button(label(word), size="sm", min_width=100, elem_id=f"{sends.name}-to-{accepts.name}")
    button.click(
        shown(hand_over), [*sends.inputs, *accepts.inputs], [*accepts.outputs, bar], js=sends.js, **sends.lane
    )
