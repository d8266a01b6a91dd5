"""The panel for photographs: its handlers as Gradio calls them, and one journey in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from playground.autoencoders.service import DEFAULT_SIDE
from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings
from tabs.vae.handlers_photo import CHANNELS, PhotoHandlers, PhotoSessionState
from tabs.vae.photo_panel import photo_panel
from tests.support.pages import PATIENCE_MS, opened, served
from tests.support.remote_chat import handler_of
from tests.tiny_models.autoencoders import catalogue

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN"})
STATUS, COMPARE, GALLERY, MOVING, STOP = range(5)


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("photo")
    made = Playground(Settings(offline=True, catalogs=(catalogue(folder),), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture
def handlers(playground: Playground) -> PhotoHandlers:
    return PhotoHandlers(playground.autoencoders)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A JPEG that lies on its side, as a phone stores it: 53 x 37 upright."""
    path = tmp_path_factory.mktemp("pictures") / "photo.jpg"
    small = np.random.default_rng(3).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(small).resize((37, 53), Image.Resampling.BICUBIC).save(path, exif=exif)
    return str(path)


def options(
    model: str = "tiny", side: float = DEFAULT_SIDE, noise: float = 0, bits: float = 0, **gains: float
) -> tuple[Any, ...]:
    return (model, side, noise, bits, 0, *[gains.get(f"g{number}", 1) for number in range(CHANNELS)])


def test_a_photograph_comes_back_upright_with_its_figures(handlers: PhotoHandlers, photo: str) -> None:
    visit = PhotoSessionState()
    drawn = list(handlers.reconstruct(visit, photo, REQUEST, *options()))
    before, after = drawn[-1][COMPARE]
    assert before.size == after.size == (53, 37)
    status = drawn[-1][STATUS]
    assert "53 × 37 pixels" in status and "latent 4 × 5 × 7 = 140 numbers" in status
    assert "PSNR" in status and "2.28 bits per pixel" in status
    assert [update["visible"] for update in map(_props, drawn[-1][5:])] == [number < 4 for number in range(CHANNELS)]
    assert any("Decoding" in str(update[STATUS]) for update in drawn[:-1])
    assert visit.job is None and visit.encoded is not None
    scaled = list(handlers.reconstruct(visit, photo, CHINESE, *options(side=64)))
    assert "53 × 37 像素" in scaled[-1][STATUS]


def test_letting_a_slider_go_changes_the_result_there_is(handlers: PhotoHandlers, photo: str) -> None:
    visit = PhotoSessionState()
    assert list(handlers.retouch(visit, photo, REQUEST, *options(noise=1))) == []  # nothing there yet
    plain = list(handlers.reconstruct(visit, photo, REQUEST, *options()))[-1][COMPARE][1]
    noisy = list(handlers.retouch(visit, photo, REQUEST, *options(noise=1)))
    assert noisy[-1][COMPARE][1].tobytes() != plain.tobytes()
    assert not any("Encoding" in str(update[STATUS]) for update in noisy)
    flipped = list(handlers.retouch(visit, photo, REQUEST, *options(g0=-1)))
    assert flipped[-1][COMPARE][1].tobytes() != plain.tobytes()
    with pytest.raises(UserError, match="4 channels, and 6 gains"):
        list(handlers.retouch(visit, photo, REQUEST, *options(g5=0.5)))


def test_the_sheet_of_bits_and_the_way_to_another(handlers: PhotoHandlers, photo: str, tmp_path: Path) -> None:
    visit = PhotoSessionState()
    sheet = list(handlers.sheet(visit, photo, REQUEST, *options()))[-1]
    captions = [caption for _, caption in _props(sheet[GALLERY])["value"]]
    assert len(captions) == 8 and captions[0].startswith("1 bits a number")
    other = tmp_path / "other.png"
    Image.new("RGB", (90, 90), "teal").save(other)
    way = list(handlers.between(visit, photo, str(other), 4.0, REQUEST, *options()))[-1]
    assert [caption for _, caption in _props(way[GALLERY])["value"]] == ["0 %", "33 %", "67 %", "100 %"]
    assert 'src="data:image/webp;base64,' in _props(way[MOVING])["value"]


def test_what_cannot_be_done_is_told(handlers: PhotoHandlers, photo: str, tmp_path: Path) -> None:
    visit = PhotoSessionState()
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    nan = float("nan")
    for call in (
        lambda: handlers.reconstruct(visit, None, REQUEST, *options()),
        lambda: handlers.between(visit, photo, None, 4, REQUEST, *options()),
        lambda: handlers.between(visit, photo, photo, nan, REQUEST, *options()),
        lambda: handlers.reconstruct(visit, str(text), REQUEST, *options()),
        lambda: handlers.reconstruct(visit, photo, REQUEST, *options(model="smollm2-135m")),
        lambda: handlers.reconstruct(visit, photo, REQUEST, *options(noise=nan)),
        lambda: handlers.reconstruct(visit, photo, REQUEST, *options(side=1e9)),
        lambda: handlers.reconstruct(visit, photo, REQUEST, *options(g0=nan)),
    ):
        with pytest.raises(UserError):
            list(call())
        assert visit.job is None
    drawn = []
    with pytest.raises(UserError, match="no numbers"):
        for update in handlers.reconstruct(visit, photo, REQUEST, *options(model="broken")):
            drawn.append(update)
    assert "no numbers" in drawn[-1][STATUS] and not _props(drawn[-1][STOP])["interactive"]


def test_stop_and_a_newer_wish_end_the_one_before(handlers: PhotoHandlers, photo: str) -> None:
    visit = PhotoSessionState()
    running = handlers.sheet(visit, photo, REQUEST, *options("kl"))
    next(running)
    handlers.stop(visit)
    assert list(running)[-1][STATUS] == "Stopped." and visit.job is None
    older = handlers.sheet(visit, photo, REQUEST, *options("kl"))
    next(older)
    newer = list(handlers.reconstruct(visit, photo, REQUEST, *options()))
    assert "PSNR" in newer[-1][STATUS]
    assert all("PSNR" not in str(update[STATUS]) and update[COMPARE] is not None for update in older)
    assert visit.job is None


def _props(update: Any) -> dict[str, Any]:
    """What a component returned as an update sets."""
    return update.constructor_args


def test_a_choice_does_not_open_the_panel_anew(playground: Playground) -> None:
    """The browser tells what it remembers after every choice; the side that was set then stays as it is."""
    with gr.Blocks(analytics_enabled=False) as page:
        photo_panel(playground)
    describe, opened = handler_of(page, "describe"), handler_of(page, "opened")
    visit = PhotoSessionState()
    assert isinstance(opened("tiny", visit, REQUEST), tuple)
    assert _props(describe(visit, "kl", 64, REQUEST)[1])["value"] == 64
    assert opened("kl", visit, REQUEST) == gr.skip()
    assert isinstance(opened("tiny", visit, REQUEST), tuple), "what is remembered comes after the page has opened"


def test_a_visitors_journey(
    playground: Playground, photo: str, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "temp"))
    with gr.Blocks(analytics_enabled=False) as page:
        photo_panel(playground)
    with served(page) as url:
        complaints: list[str] = []
        tab = opened(browser, url, complaints)
        status = tab.locator("#photo-status textarea")
        tab.locator("#photo-run").click()
        expect(tab.get_by_text("Put a photograph in first")).to_be_visible(timeout=PATIENCE_MS)
        tab.locator("#photo-model input").click()
        tab.get_by_role("option", name=re.compile("Tiny tiny")).click()
        tab.locator("#photo-picture input[type=file]").set_input_files(photo)
        expect(tab.locator("#photo-picture img")).to_be_visible(timeout=PATIENCE_MS)
        tab.locator("#photo-run").click()
        expect(status).to_have_value(re.compile(r"53 × 37 pixels.*PSNR"), timeout=PATIENCE_MS)
        expect(tab.locator("#photo-compare img").first).to_be_visible()
        first = status.input_value()
        bits = tab.locator("#photo-bits input[type=number]")
        bits.fill("1")
        bits.blur()
        expect(status).not_to_have_value(first, timeout=PATIENCE_MS)
        expect(status).to_have_value(re.compile("0.20 bits per pixel"), timeout=PATIENCE_MS)
        tab.locator("#photo-sheet").click()
        expect(tab.locator("#photo-gallery img")).to_have_count(8, timeout=PATIENCE_MS)
        tab.context.close()
        assert complaints == []
