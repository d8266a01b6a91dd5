"""Where pipelines come from and how they are kept: variants, offload; and what the service adds."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub.utils import filter_repo_objects
from PIL import Image

from playground.catalog import HubSource, read_catalog
from playground.errors import UserError
from playground.runtime.records import ModelKey
from playground.text_to_image.limits import limits_of
from playground.text_to_image.offload import offload_for
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.types import ImageRequest, Picture
from playground.weights.download_plan import patterns
from playground.weights.store import WeightStore
from playground.weights.types import State
from tests.support.hub_server import Repo, plain_library, serve_hub
from tests.text_to_image.test_pipelines import PROMPT, Studio, array
from tests.tiny_models.clip import tiny_clip, tiny_dual
from tests.tiny_models.diffusion import ENTRY, IMAGE, catalogue, tiny_diffusion

Maker = Callable[[Path], Path]
CLIP = """
[[model]]
id = "clip"
tab = "companion"
label = "Tiny CLIP"
family = "clip"
licence = "CC0"
memory_bytes = 1_000_000
sources = [{{ kind = "path", path = "{path}" }}]
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("loading")
    made = Studio(folder, catalogue(folder, "drawn"))
    yield made
    made.close()


# Files


def test_the_catalogues_models_have_sense() -> None:
    entries = read_catalog().of_tab("image")
    assert entries[0].id == "avatar-diffusion" and entries[0].embedded
    ids = {entry.id for entry in read_catalog()}
    for entry in entries:
        assert {ImageOptions.of(entry).clip, ImageOptions.of(entry).decoder} <= ids | {""}
        limits = limits_of(entry)
        assert len(limits.schedulers) == len(set(limits.schedulers)) >= 1
        assert limits.image_to_image and limits.trajectory
        assert entry.memory_bytes > ImageOptions.of(entry).offload_bytes
        if not entry.embedded:
            assert entry.download_bytes and ImageOptions.of(entry).offload_bytes
            assert isinstance(entry.sources[0], HubSource) and entry.sources[0].pipeline


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("steps = [1, 6, 60]", "steps = [9, 6, 60]"), "options"),
        (("sizes = [32, 64, 128]", "sizes = [30, 64, 128]"), "options"),
        (('scheduler = "DDIMScheduler"', 'scheduler = "os.system"'), "options.scheduler"),
        (("tokens = 16", 'decoder = "../x"'), "options.decoder"),
        (("tokens = 16", "token = 16"), "options.token"),
    ],
)
def test_a_fault_in_an_image_table_is_told_by_field(tmp_path: Path, change: tuple[str, str], field: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(ENTRY.format(id="mine", path="/x", image=IMAGE["drawn"].replace(*change)))
    with pytest.raises(UserError) as error:
        read_catalog(path)
    assert "mine" in str(error.value) and field in str(error.value)


PUBLISHED = [
    "README.md", "model_index.json", "sd_turbo.safetensors", "scheduler/scheduler_config.json",
    "text_encoder/config.json", "text_encoder/model.safetensors", "text_encoder/model.fp16.safetensors",
    "text_encoder/pytorch_model.bin", "tokenizer/vocab.json", "tokenizer/merges.txt",
    "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/model.onnx", "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors",
    "safety_checker/config.json", "safety_checker/model.safetensors", "safety_checker/model.fp16.safetensors",
    "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
    "transformer/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
    "transformer/diffusion_pytorch_model.safetensors.index.json",
]  # fmt: skip


def test_of_a_pipelines_repository_one_variant_comes_and_no_checkpoint_twice() -> None:
    def taken(variant: str) -> set[str]:
        source = HubSource(kind="hub", repo="a/b", pipeline=True, variant=variant)
        return set(filter_repo_objects(PUBLISHED, **patterns(source)))

    small = {name for name in PUBLISHED if name.endswith((".json", ".txt"))}
    assert taken("fp16") == small | {
        "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "transformer/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
    }
    assert taken("") == small | {
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
    }


def own(folder: Path, model: Path, image: str = IMAGE["drawn"]) -> Studio:
    path = folder / "own.toml"
    path.write_text(ENTRY.format(id="mine", path=model, image=image))
    return Studio(folder, path)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline in its fp16 variant alone."""
    import torch
    from diffusers import StableDiffusionPipeline

    folder = tmp_path_factory.mktemp("half")
    plain = tiny_diffusion(folder / "plain")
    pipe = StableDiffusionPipeline.from_pretrained(plain, safety_checker=None, dtype=torch.float16)
    pipe.save_pretrained(folder / "half", variant="fp16")
    return folder / "half"


def test_a_folder_that_holds_a_variant_alone_is_read(half: Path, tmp_path: Path) -> None:
    from playground.text_to_image.loading import weights_variant

    assert weights_variant(half.parent / "plain") is None and weights_variant(half) == "fp16"
    studio = own(tmp_path, half)
    try:
        assert studio.pictures("mine", preview=False)[0].image.size == (64, 64)
    finally:
        studio.close()


def test_a_hub_model_downloads_what_it_needs_and_makes_a_picture(
    half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_library(monkeypatch, tmp_path)
    files = {str(path.relative_to(half)): path.read_bytes() for path in half.rglob("*") if path.is_file()}
    beside = {
        "huge.safetensors": b"a checkpoint in one file",
        "unet/diffusion_pytorch_model.safetensors": b"float32",
        "unet/diffusion_pytorch_model.bin": b"a pickle",
        "safety_checker/config.json": b"{}",
        "safety_checker/model.fp16.safetensors": b"never loaded",
    }
    path = tmp_path / "own.toml"
    source = '{ kind = "hub", repo = "acme/pipeline", pipeline = true, variant = "fp16" }'
    text = ENTRY.format(id="far", path="", image=IMAGE["drawn"])
    path.write_text(text.replace('{ kind = "path", path = "" }', source))
    with serve_hub() as hub:
        hub.repos["acme/pipeline"] = Repo(files | beside)
        store = WeightStore(tmp_path / "cache", tmp_path, hub_endpoint=hub.url, hub_cache=tmp_path / "hub")
        studio = Studio(tmp_path, path, store)
        try:
            assert store.state(studio.catalog.get("far")) == State.TO_DOWNLOAD
            assert studio.pictures("far", preview=False)[0].image.size == (64, 64)
            assert store.state(studio.catalog.get("far")) == State.CACHED
        finally:
            studio.close()
    got = {link.name for link in (tmp_path / "hub").rglob("snapshots/*/**/*") if link.is_file()}
    assert "diffusion_pytorch_model.fp16.safetensors" in got
    assert not got & {"huge.safetensors", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"}
    assert not list((tmp_path / "hub").rglob("safety_checker/model*"))


@pytest.mark.parametrize("fault", ["class", "weights", "cut", "no library"])
def test_files_that_are_something_else_are_told(tmp_path: Path, fault: str) -> None:
    model, image = tiny_diffusion(tmp_path / "model"), IMAGE["drawn"]
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    if fault == "class":
        image += ', pipeline = "ZImagePipeline"'
    if fault == "no library":
        image += ', pipeline = "NoSuchPipeline"'
    if fault == "weights":
        from safetensors.torch import load_file, save_file

        kept = load_file(weights)
        save_file({name: kept[name] for name in list(kept)[:5]}, weights, metadata={"format": "pt"})
    if fault == "cut":
        weights.write_bytes(weights.read_bytes()[:5000])
    studio = own(tmp_path, model, image)
    try:
        with pytest.raises(UserError, match="Tiny mine"):
            studio.make("mine", preview=False)
    finally:
        studio.close()


def test_the_rule_of_offload() -> None:
    gb = 10**9
    assert offload_for(16 * gb, 8 * gb, 3 * gb, 24 * gb) == "none"
    assert offload_for(16 * gb, 8 * gb, 3 * gb, 12 * gb) == "parts"
    assert offload_for(16 * gb, 8 * gb, 3 * gb, 6 * gb) == "layers"
    assert offload_for(16 * gb, 0, 3 * gb, 6 * gb) == "none"  # nothing known: residency will say that it is too large


# What the service adds


def test_a_grid_holds_the_picture_of_every_pair(studio: Studio) -> None:
    from playground.text_to_image import grid

    job = studio.service.grid(
        "me", "drawn", ImageRequest(PROMPT, seed=1), grid.parse_axis("seed", "4, 5"), grid.parse_axis("steps", "2, 3")
    )
    events = list(job.events())
    cells = [event for event in events if isinstance(event, grid.Cell)]
    assert [(cell.row, cell.column) for cell in cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert isinstance(events[-1], grid.Sheet)
    alone = studio.pictures("drawn", seed=5, steps=3)[0]
    assert np.array_equal(array(cells[3].picture.image), array(alone.image))
    with pytest.raises(UserError, match="steps"):
        studio.service.grid("me", "drawn", ImageRequest(PROMPT), grid.parse_axis("steps", "2, 900"))


def test_a_png_carries_what_gives_the_picture_again(studio: Studio) -> None:
    from playground.text_to_image import infotext

    picture = studio.pictures("drawn", seed=12, steps=4, guidance=2.5)[0]
    data = studio.service.png(picture)
    restored = infotext.read(Image.open(io.BytesIO(data)))
    again = [
        event
        for event in studio.service.generate("me", restored.model, restored.settings).events()
        if isinstance(event, Picture)
    ]
    assert np.array_equal(array(again[0].image), array(picture.image))


def test_helpers_that_are_not_here_are_not_asked_for(studio: Studio, tmp_path: Path) -> None:
    """A decoder and a CLIP of the catalogue that never were downloaded: no score, linear previews, no error."""
    path = catalogue(tmp_path, "drawn", decoder='"taesd"', clip='"clip-vit-base-patch32"')
    away = Studio(tmp_path, path)
    try:
        picture = away.pictures("drawn")[0]
        assert picture.score is None and picture.scored_by == ""
    finally:
        away.close()


def test_a_tiny_decoder_on_this_disk_gives_the_previews(tmp_path: Path) -> None:
    from tests.tiny_models.autoencoders import ENTRY as AUTOENCODER
    from tests.tiny_models.autoencoders import tiny_taesd

    path = catalogue(tmp_path, "xl", decoder='"tiny"')
    text = AUTOENCODER.format(id="tiny", family="autoencoder-tiny", path=tiny_taesd(tmp_path / "tiny"))
    path.write_text(path.read_text() + text)
    away = Studio(tmp_path, path)
    away.all_here()
    try:
        assert away.pictures("xl", steps=4)
        assert {record.key.id for record in away.models.snapshot()} == {"xl", "tiny"}
    finally:
        away.close()


def test_an_unknown_model_and_one_of_another_tab_are_refused(studio: Studio) -> None:
    with pytest.raises(UserError, match="no model"):
        studio.service.limits("nothing")
    with pytest.raises(UserError, match="makes no pictures from words"):
        studio.service.generate("me", "smollm2-135m", ImageRequest(PROMPT))


@pytest.mark.parametrize("maker", [tiny_clip, tiny_dual])
def test_a_clip_on_this_disk_scores_every_picture_by_the_words_of_its_person(tmp_path: Path, maker: Maker) -> None:
    path = catalogue(tmp_path, "drawn", clip='"clip"')
    path.write_text(path.read_text() + CLIP.format(path=maker(tmp_path / "clip")))
    away = Studio(tmp_path, path)
    away.all_here()
    try:
        pictures = away.pictures("drawn", count=3, written="a red hat", seed=2)
        with away.models.use(ModelKey("clip")) as clip:
            expected = clip.score([picture.image for picture in pictures], "a red hat")
        assert [picture.score for picture in pictures] == pytest.approx(expected, abs=1e-3)
        assert {picture.scored_by for picture in pictures} == {"Tiny CLIP"}
        assert away.pictures("drawn", score=False)[0].score is None
    finally:
        away.close()


def test_a_clip_that_fails_costs_no_picture(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "drawn", clip='"clip"')
    clip = tiny_clip(tmp_path / "clip")
    (clip / "model.safetensors").write_bytes(b"no tensors")
    path.write_text(path.read_text() + CLIP.format(path=clip))
    away = Studio(tmp_path, path)
    away.all_here()
    try:
        picture = away.pictures("drawn")[0]
        assert picture.score is None and picture.image.size == (64, 64)
    finally:
        away.close()
