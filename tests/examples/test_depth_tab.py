"""A sixth tab from outside, met as a visitor, another tab and a program meet it."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, expect

from playground.core import Playground
from playground.errors import UserError
from playground.settings import read_settings
from tabs.common.session import SessionState
from tabs.common.tab import Picture, TabHandles
from tabs.shell import TABS, build
from tests.examples.depth_tab import TAB
from tests.examples.depth_tab.handlers import DepthHandlers
from tests.examples.depth_tab.layout import depth_components
from tests.examples.depth_tab.service import DepthService
from tests.support.pages import PATIENCE_MS, opened, served

MODULE = "tests.examples.depth_tab"
REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})


def tiny_depth_anything(folder: Path) -> Path:
    """Save a random `DepthAnythingForDepthEstimation` with its image processor."""
    import torch
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessorPil,
    )

    eyes = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=28, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], apply_layernorm=True, reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=eyes, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8,
        head_hidden_size=8,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    DPTImageProcessorPil(size={"height": 28, "width": 28}, ensure_multiple_of=14).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """The app as it is started with the extension: one flag, nothing else touched."""
    folder = tmp_path_factory.mktemp("depth")
    catalog = folder / "models.toml"
    catalog.write_text(
        f"""
[[model]]
id = "tiny-depth"
label = "Tiny depth"
family = "depth-anything"
licence = "CC0"
memory_bytes = 1_000_000
sources = [{{ kind = "path", path = "{tiny_depth_anything(folder / "model")}" }}]
"""
    )
    flags = ["--offline", "--extension", MODULE, "--catalog", str(catalog)]
    made = Playground(read_settings(flags, {"PLAYGROUND_CACHE": str(folder / "cache")}))
    yield made
    made.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").resize((48, 32)).save(path)
    return path


@pytest.fixture
def tab(playground: Playground) -> DepthHandlers:
    service = DepthService(playground)
    with gr.Blocks(analytics_enabled=False):
        return DepthHandlers(service, depth_components(playground, service))


def test_a_picture_gives_a_map_as_large_as_it(tab: DepthHandlers, picture: Path) -> None:
    ui, session = tab.ui, SessionState()
    values = {ui.session: session, ui.picture: str(picture), ui.menu.dropdown: "tiny-depth"}
    drawn = list(tab.estimate(values, REQUEST))
    depth = [updates[ui.depth] for updates in drawn if ui.depth in updates][-1]
    assert depth.size == (48, 32) and np.ptp(np.asarray(depth)) == 255
    assert drawn[-1][ui.status] == "Done." and session.job is None
    with pytest.raises(UserError, match="Choose a picture"):
        list(tab.estimate(values | {ui.picture: None}, REQUEST))
    with pytest.raises(UserError, match="no depth model"):
        list(tab.estimate(values | {ui.menu.dropdown: "elsewhere"}, REQUEST))


def test_it_stands_behind_the_apps_own_tabs_and_every_sender_has_a_button_for_it(playground: Playground) -> None:
    page = build(playground)
    tabs = [block.id for block in page.blocks.values() if isinstance(block, gr.Tab) and block.id in ids()]
    assert tabs == ids()
    buttons = {block.elem_id for block in page.blocks.values() if isinstance(block, gr.Button)}
    assert {"image-to-depth", "ground-to-depth", "image-to-vae", "image-to-ground", "ground-to-vae"} <= buttons


def ids() -> list[str]:
    return [tab.id for tab in (*TABS, TAB)]


def test_without_its_models_it_says_so_and_accepts_nothing(tmp_path: Path) -> None:
    bare = Playground(read_settings(["--offline", "--extension", MODULE], {"PLAYGROUND_CACHE": str(tmp_path)}))
    with gr.Blocks(analytics_enabled=False):
        assert TAB.build(bare) == TabHandles()
    bare.close()


def test_a_program_asks_its_endpoint(playground: Playground, picture: Path) -> None:
    with served(build(playground)) as url:
        client = Client(url, verbose=False)
        assert "/depth" in client.view_api(return_format="dict")["named_endpoints"]
        rows = client.predict(handle_file(picture), api_name="/depth")["depth"]
        assert np.asarray(rows).shape == (32, 48) and np.min(rows) == 0 and np.max(rows) == 1
        listed = [model for model in client.predict(api_name="/models") if model["tab"] == "depth"]
        assert [model["id"] for model in listed] == ["tiny-depth"]


def test_a_visitor_opens_it_by_its_address(browser: Browser, playground: Playground, picture: Path) -> None:
    complaints: list[str] = []
    with served(build(playground)) as url:
        page = opened(browser, url, complaints, query="?tab=depth")
        expect(page.locator("#depth-about")).to_contain_text("CC0", timeout=PATIENCE_MS)
        page.locator("#depth-picture input[type=file]").set_input_files(picture)
        expect(page.locator("#depth-picture img")).to_be_visible(timeout=PATIENCE_MS)  # uploaded
        page.locator("#depth-run").click()
        expect(page.locator("#depth-map img")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("#depth-status")).to_contain_text("Done.")
        page.context.close()
    assert complaints == []


def test_a_picture_of_another_tab_arrives(tab: DepthHandlers) -> None:
    sent = Picture(Image.new("RGB", (8, 8)))
    assert tab.receive(sent, REQUEST) == {tab.ui.picture: sent.image}
