"""The page: its head, its tabs, its look. A new tab is one file and one line here."""

from functools import partial
from typing import Any

import gradio as gr
from PIL import Image

from playground.core import Playground
from tabs.chat.layout import chat_tab
from tabs.common.errors import shown
from tabs.common.words import label
from tabs.gan.layout import gan_tab
from tabs.grounding.layout import WITH_BOX, GroundingTabHandles, grounding_tab
from tabs.text_to_image import gallery
from tabs.text_to_image.layout import ImageTabHandles, image_tab
from tabs.vae.layout import vae_tab

TABS = (
    ("chat", "tab_chat", chat_tab),
    ("image", "tab_image", image_tab),
    ("grounding", "tab_ground", grounding_tab),
    ("vae", "tab_vae", vae_tab),
    ("gan", "tab_gan", gan_tab),
)
FACES, PHOTOS = "vae-picture", "photo-picture"  # where a picture goes in the VAE tab


def build(playground: Playground) -> gr.Blocks:
    """The whole app, not yet launched."""
    profile = playground.settings.profile
    with gr.Blocks(title="AIGC Playground", analytics_enabled=False, delete_cache=profile.delete_cache) as page:
        with gr.Row(elem_id="head"):
            gr.Markdown("## AIGC Playground", elem_id="name")
            gr.Markdown(label("promise"), elem_classes="subtle")
        sender: ImageTabHandles | None = None
        door: GroundingTabHandles | None = None
        with gr.Tabs() as tabs:
            for name, word, build_tab in TABS:
                with gr.Tab(label(word), id=name) as tab:
                    built = build_tab(playground)
                    sender = built if isinstance(built, ImageTabHandles) else sender
                    door = built if isinstance(built, GroundingTabHandles) else door
                tab.select(
                    partial(playground.ahead.opened, name), None, None, queue=False, show_progress="hidden",
                    api_visibility="private",
                )  # fmt: skip

        def wished(request: gr.Request) -> gr.Tabs:
            """`?tab=chat` in the address opens that tab."""
            names = [name for name, _, _ in TABS]
            tab = request.query_params.get("tab")
            chosen = tab if tab in names else names[0]
            playground.ahead.opened(chosen)
            return gr.Tabs(selected=chosen)

        def models() -> list[dict[str, object]]:
            """List every model: id, tab, label, source, licence, sizes in bytes, context length, state."""
            return playground.listing()

        gr.api(models, api_name="models", queue=False)
        page.load(wished, None, tabs, queue=False, show_progress="hidden", api_visibility="private")
        if sender is not None:
            _sends_to_vae(playground, page, tabs, sender)
        if door is not None:
            _sends_crops(page, tabs, door)
        if sender is not None and door is not None:
            _sends_to_grounding(tabs, sender, door)
    return page


def theme() -> gr.themes.Base:
    """Fonts that come with Gradio, so that nothing is fetched."""
    return gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=["system-ui", "sans-serif"])


def _sends_to_vae(playground: Playground, page: gr.Blocks, tabs: gr.Tabs, sender: ImageTabHandles) -> None:
    """A picture of the text-to-image tab goes on: an avatar to the faces, any other to the photographs."""
    faces, photos = _place(page, FACES), _place(page, PHOTOS)

    def send(visit: Any, request: gr.Request) -> tuple[Any, ...]:
        picture, model = gallery.picture(visit, request), gallery.model(visit, request)
        return _to_vae(picture, playground.images.limits(model).vocabulary)

    sender.to_vae.click(
        shown(send), [sender.visit], [faces[0], photos[0], faces[1], tabs], show_progress="hidden",
        api_visibility="private", concurrency_id="image-verbs", concurrency_limit=None,
    )  # fmt: skip


def _sends_crops(page: gr.Blocks, tabs: gr.Tabs, door: GroundingTabHandles) -> None:
    """The box of the grounding tab goes on, cut out: to the faces if its model sees drawn people."""
    faces, photos = _place(page, FACES), _place(page, PHOTOS)

    def send(visit: Any, box: str, model: str, request: gr.Request) -> tuple[Any, ...]:
        return _to_vae(door.verbs.crop(visit, box, request), door.verbs.drawn_world(model))

    door.to_vae.click(
        shown(send), [door.visit, door.box, door.model], [faces[0], photos[0], faces[1], tabs], js=WITH_BOX,
        show_progress="hidden", api_visibility="private", concurrency_id="grounding-verbs", concurrency_limit=None,
    )  # fmt: skip


def _sends_to_grounding(tabs: gr.Tabs, sender: ImageTabHandles, door: GroundingTabHandles) -> None:
    """A picture of the text-to-image tab goes on to be asked about."""

    def send(visit: Any, asked: Any, request: gr.Request) -> tuple[Any, ...]:
        return (*door.verbs.opened(asked, gallery.picture(visit, request), request), gr.Tabs(selected="grounding"))

    sender.to_ground.click(
        shown(send), [sender.visit, door.visit], [*door.drawn, tabs], show_progress="hidden",
        api_visibility="private", concurrency_id="image-verbs", concurrency_limit=None,
    )  # fmt: skip


def _to_vae(picture: Image.Image, drawn: bool) -> tuple[Any, ...]:
    """Faces, photographs, the VAE's own tabs, the page's tabs."""
    pictures = (picture, gr.skip()) if drawn else (gr.skip(), picture)
    return (*pictures, gr.Tabs(selected="faces" if drawn else "photos"), gr.Tabs(selected="vae"))


def _place(page: gr.Blocks, elem_id: str) -> tuple[Any, Any]:
    """A component of the page, and the tabs around it."""
    found = next(block for block in page.blocks.values() if getattr(block, "elem_id", None) == elem_id)
    tab: Any = found
    while not isinstance(tab, gr.Tab):
        tab = tab.parent
    return found, tab.parent
