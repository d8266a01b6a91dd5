"""The page: its head, its tabs, its look. A new tab is one file and one line here."""

import gradio as gr

from playground.core import Playground
from tabs.chat.layout import chat_tab
from tabs.gan.layout import gan_tab
from tabs.vae.layout import vae_tab
from tabs.words import label

TABS = (("chat", "tab_chat", chat_tab), ("vae", "tab_vae", vae_tab), ("gan", "tab_gan", gan_tab))


def build(playground: Playground) -> gr.Blocks:
    """The whole app, not yet launched."""
    profile = playground.settings.profile
    with gr.Blocks(title="AIGC Playground", analytics_enabled=False, delete_cache=profile.delete_cache) as page:
        with gr.Row(elem_id="head"):
            gr.Markdown("## AIGC Playground", elem_id="name")
            gr.Markdown(label("promise"), elem_classes="subtle")
        with gr.Tabs() as tabs:
            for name, word, build_tab in TABS:
                with gr.Tab(label(word), id=name):
                    build_tab(playground)

        def wished(request: gr.Request) -> gr.Tabs:
            """`?tab=chat` in the address opens that tab."""
            names = [name for name, _, _ in TABS]
            tab = request.query_params.get("tab")
            return gr.Tabs(selected=tab if tab in names else names[0])

        def models() -> list[dict[str, object]]:
            """List every model: id, tab, label, source, licence, sizes in bytes, context length, state."""
            return playground.listing()

        gr.api(models, api_name="models", queue=False)
        page.load(wished, None, tabs, queue=False, show_progress="hidden", api_visibility="private")
    return page


def theme() -> gr.themes.Base:
    """Fonts that come with Gradio, so that nothing is fetched."""
    return gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=["system-ui", "sans-serif"])
