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
from tabs.common.events import Updates
from tabs.vae.photo_panel import PhotoPanel, photo_panel
from tabs.vae.session import PhotoSession
from tests.support.pages import PATIENCE_MS, opened, served
from tests.tiny_models.autoencoders import catalogue

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN"})


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("photo")
    made = Playground(Settings(offline=True, catalogs=(catalogue(folder),), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def panel(playground: Playground) -> PhotoPanel:
    with gr.Blocks(analytics_enabled=False):
        made = photo_panel(playground)
    assert made is not None
    return made


@pytest.fixture
def session() -> PhotoSession:
    return PhotoSession()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A JPEG that lies on its side, as a phone stores it: 53 x 37 upright."""
    path = tmp_path_factory.mktemp("pictures") / "photo.jpg"
    small = np.random.default_rng(3).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(small).resize((37, 53), Image.Resampling.BICUBIC).save(path, exif=exif)
    return str(path)


def values(panel: PhotoPanel, session: PhotoSession, picture: str | None, **changed: Any) -> dict[Any, Any]:
    """What stands in the panel's components, as Gradio hands it to a handler."""
    stands: dict[str, Any] = {"second": None, "count": 4.0, "side": DEFAULT_SIDE, "bits": 0, "noise": 0, "seed": 0}
    gains = changed.pop("gains", {})
    model = changed.pop("model", "tiny")
    found = {getattr(panel, name): value for name, value in (stands | changed).items()}
    found |= {slider: gains.get(number, 1) for number, slider in enumerate(panel.gains)}
    return found | {panel.session: session, panel.menu.dropdown: model, panel.picture: picture}


def final(updates: list[Updates]) -> Updates:
    """What the page shows after all of these."""
    merged: Updates = {}
    for each in updates:
        merged |= each
    return merged


def test_a_photograph_is_reconstructed_upright_with_its_metrics(
    panel: PhotoPanel, session: PhotoSession, photo: str
) -> None:
    updates = list(panel.reconstruct(values(panel, session, photo), REQUEST))
    page = final(updates)
    before, after = page[panel.compare]
    assert before.size == after.size == (53, 37)
    status = page[panel.status]
    assert "53 × 37 pixels" in status and "latent 4 × 5 × 7 = 140 numbers" in status
    assert "PSNR" in status and "2.28 bits per pixel" in status
    assert [_props(page[slider])["visible"] for slider in panel.gains] == [number < 4 for number in range(16)]
    assert any("Decoding" in str(each.get(panel.status)) for each in updates[:-1])
    assert session.job is None and session.encoded is not None
    scaled = final(list(panel.reconstruct(values(panel, session, photo, side=64), CHINESE)))
    assert "53 × 37 像素" in scaled[panel.status]


def test_releasing_a_slider_changes_the_result(panel: PhotoPanel, session: PhotoSession, photo: str) -> None:
    assert list(panel.update(values(panel, session, photo, noise=1), REQUEST)) == [], "nothing there yet"
    plain = final(list(panel.reconstruct(values(panel, session, photo), REQUEST)))[panel.compare][1]
    noisy = list(panel.update(values(panel, session, photo, noise=1), REQUEST))
    assert final(noisy)[panel.compare][1].tobytes() != plain.tobytes()
    assert not any("Encoding" in str(each.get(panel.status)) for each in noisy)
    flipped = final(list(panel.update(values(panel, session, photo, gains={0: -1}), REQUEST)))
    assert flipped[panel.compare][1].tobytes() != plain.tobytes()
    with pytest.raises(UserError, match="4 channels, and 6 gains"):
        list(panel.update(values(panel, session, photo, gains={5: 0.5}), REQUEST))
    assert set(panel.reset_changes()) == {panel.noise, panel.bits, panel.seed, *panel.gains}


def test_the_sheet_of_bits_and_the_interpolation(
    panel: PhotoPanel, session: PhotoSession, photo: str, tmp_path: Path
) -> None:
    sheet = final(list(panel.make_sheet(values(panel, session, photo), REQUEST)))
    captions = [caption for _, caption in _props(sheet[panel.gallery])["value"]]
    assert len(captions) == 8 and captions[0].startswith("1 bit per number")
    other = tmp_path / "other.png"
    Image.new("RGB", (90, 90), "teal").save(other)
    way = final(list(panel.make_interpolation(values(panel, session, photo, second=str(other)), REQUEST)))
    assert [caption for _, caption in _props(way[panel.gallery])["value"]] == ["0 %", "33 %", "67 %", "100 %"]
    assert 'src="data:image/webp;base64,' in _props(way[panel.animation])["value"]


def test_what_cannot_be_done_is_told(panel: PhotoPanel, session: PhotoSession, photo: str, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    nan = float("nan")
    for call, change in (
        (panel.reconstruct, {"picture": None}),
        (panel.make_interpolation, {}),
        (panel.make_interpolation, {"second": photo, "count": nan}),
        (panel.reconstruct, {"picture": str(text)}),
        (panel.reconstruct, {"model": "smollm2-135m"}),
        (panel.reconstruct, {"noise": nan}),
        (panel.reconstruct, {"side": 1e9}),
        (panel.reconstruct, {"gains": {0: nan}}),
    ):
        with pytest.raises(UserError):
            list(call(values(panel, session, **({"picture": photo} | change)), REQUEST))
        assert session.job is None
    drawn: list[Updates] = []
    with pytest.raises(UserError, match="not finite"):
        for update in panel.reconstruct(values(panel, session, photo, model="broken"), REQUEST):
            drawn.append(update)
    assert "not finite" in drawn[-1][panel.status] and not _props(drawn[-1][panel.stop])["interactive"]


def test_stop_and_a_newer_job_end_the_one_before(panel: PhotoPanel, session: PhotoSession, photo: str) -> None:
    running = panel.make_sheet(values(panel, session, photo, model="kl"), REQUEST)
    next(running)
    session.stop()
    assert list(running)[-1][panel.status] == "Stopped." and session.job is None
    older = panel.make_sheet(values(panel, session, photo, model="kl"), REQUEST)
    next(older)
    newer = final(list(panel.reconstruct(values(panel, session, photo), REQUEST)))
    assert "PSNR" in newer[panel.status]
    assert not any(panel.compare in each for each in older)
    assert session.job is None


def _props(update: Any) -> dict[str, Any]:
    """What a component returned as an update sets."""
    return update.constructor_args


def test_a_choice_does_not_open_the_panel_anew(panel: PhotoPanel, session: PhotoSession) -> None:
    """The browser tells what it remembers after every choice; the side that was set then stays as it is."""
    assert panel.opened(session, "tiny", REQUEST)
    assert _props(panel.choose_model(session, "kl", 64, REQUEST)[panel.side])["value"] == 64
    assert panel.opened(session, "kl", REQUEST) == {}
    assert panel.opened(session, "tiny", REQUEST), "what is remembered comes after the page has opened"


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
        expect(tab.get_by_text("Add a photograph first")).to_be_visible(timeout=PATIENCE_MS)
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
