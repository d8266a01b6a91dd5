"""The CLIP score over tiny CLIPs of the real classes: against the plain call, any picture, damaged folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.catalog_entry import Entry, PathSource
from playground.errors import UserError
from playground.families import LoadRequest
from playground.text_to_image.clip_score import AT_ONCE, ClipScore, load
from tests.tiny_models.clip import TOKENS, tiny_clip, tiny_dual
from tests.tiny_models.diffusion import tiny_diffusion

TEXT = "a smiling person with long red hair"
BUILDERS: dict[str, Callable[[Path], Path]] = {"clip": tiny_clip, "dual": tiny_dual}


def request_for(folder: Path) -> LoadRequest:
    """To load the CLIP of a folder."""
    source = PathSource(kind="path", path=folder)
    entry = Entry(id="clip", tab="companion", label="This CLIP", family="clip", licence="MIT", sources=(source,))
    return LoadRequest(entry, folder)


@pytest.fixture(scope="module", params=BUILDERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BUILDERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def clip(folder: Path) -> ClipScore:
    resident = load(request_for(folder))
    assert resident.nbytes > 10_000 and resident.move is not None
    resident.move("cpu")
    assert isinstance(resident.model, ClipScore)
    return resident.model


def pictures(count: int, side: int = 64) -> list[Image.Image]:
    rng = np.random.default_rng(5)
    return [Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for _ in range(count)]


def test_it_is_the_cosine_of_the_models_own_embeddings(clip: ClipScore, folder: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel, VisionTextDualEncoderModel

    kind: Any = CLIPModel if "clip" in folder.name else VisionTextDualEncoderModel
    model = kind.from_pretrained(folder).eval()
    images = pictures(3)
    words = AutoTokenizer.from_pretrained(folder)([TEXT], padding="max_length", max_length=TOKENS, return_tensors="pt")
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        out = model(input_ids=words.input_ids, attention_mask=words.attention_mask, pixel_values=pixels)
    # The embeddings of the full forward pass have length 1 already.
    expected = 100 * (out.image_embeds @ out.text_embeds.T)[:, 0]
    assert clip.score(images, TEXT) == pytest.approx(expected.tolist(), abs=1e-3)
    assert len({round(score, 4) for score in clip.score(images, TEXT)}) == 3


def test_a_picture_has_the_same_score_alone_and_among_many(clip: ClipScore) -> None:
    images = pictures(AT_ONCE + 3)
    together = clip.score(images, TEXT)
    assert len(together) == len(images)
    assert together[-1] == pytest.approx(clip.score([images[-1]], TEXT)[0], abs=1e-3)
    assert all(-100 <= score <= 100 for score in together)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_pictures_of_any_size_and_mode(clip: ClipScore, mode: str) -> None:
    odd = Image.effect_noise((201, 33), 60).convert(mode)
    assert len(clip.score([odd, *pictures(1)], TEXT)) == 2


@pytest.mark.parametrize("text", ["", "   ", "猫" * 50, "red " * 5_000], ids=["empty", "blank", "chinese", "endless"])
def test_any_words(clip: ClipScore, text: str) -> None:
    assert np.isfinite(clip.score(pictures(1), text)).all()


def test_words_beyond_the_model_are_not_read(clip: ClipScore) -> None:
    long = "red " * TOKENS * 2
    assert clip.score(pictures(1), long + "hair") == clip.score(pictures(1), long + "hat")


def test_no_pictures_no_scores(clip: ClipScore) -> None:
    assert clip.score([], TEXT) == []


def test_damaged_weights_give_words_not_a_number(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = tiny_dual(tmp_path / "nan") / "model.safetensors"
    weights = load_file(path)
    weights["text_projection.weight"][0, 0] = float("nan")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match="not finite"):
        load(request_for(tmp_path / "nan")).model.score(pictures(1), TEXT)


def _missing(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("text_projection.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    "damage",
    [
        _missing,
        _cut,
        lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: [path.unlink() for path in folder.glob("*processor*.json")],
        lambda folder: (folder / "model.safetensors").unlink(),
    ],
    ids=["missing", "cut", "another", "no-json", "no-words", "no-preparation", "no-weights"],
)
def test_a_folder_that_is_no_clip_says_so(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    damage(tiny_clip(tmp_path / "bad"))
    with pytest.raises(UserError, match="This CLIP"):
        load(request_for(tmp_path / "bad"))


def test_a_pipeline_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not those of a CLIP"):
        load(request_for(tiny_diffusion(tmp_path / "pipe")))
