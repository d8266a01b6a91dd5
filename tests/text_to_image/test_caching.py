"""Words are read once: the next step costs no keys and values of them, the next picture of the same words no text
encoder, and pictures are the same."""

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.models.attention_processor import Attention
from PIL import Image
from torch.overrides import TorchFunctionMode

from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.text_to_image.optimization import cache_cross_attention, cache_prompt_embeddings
from playground.text_to_image.types import ImageRequest, Picture
from tests.text_to_image.test_pipelines import KINDS, Studio, array
from tests.tiny_models.diffusion import catalogue


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reading")


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    made = Studio(folder, catalogue(folder))
    yield made
    made.close()


@contextmanager
def counted(studio: Studio, model: str) -> Iterator[list[int]]:
    """Grows by one whenever the text encoder reads."""
    reads: list[int] = []
    with studio.models.use(ModelKey(model)) as engine:
        encoder: torch.nn.Module = engine.pipe.text_encoder
        hook = encoder.register_forward_hook(lambda *_: reads.append(1))
        try:
            yield reads
        finally:
            hook.remove()


def draw(studio: Studio, model: str, words: str, **wish: Any) -> Image.Image:
    events = studio.service.generate("me", model, ImageRequest(words, **wish)).events()
    return next(event.image for event in list(events) if isinstance(event, Picture))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_words_are_read_once_and_others_anew(studio: Studio, kind: str) -> None:
    with counted(studio, kind) as reads:
        first = draw(studio, kind, "a man with a hat", seed=1)
        once = len(reads)
        assert once >= 1
        assert np.abs(array(draw(studio, kind, "a man with a hat", seed=2)) - array(first)).max() > 1
        assert np.array_equal(array(draw(studio, kind, "a man with a hat", seed=1)), array(first))
        assert len(reads) == once
        other = draw(studio, kind, "a woman with glasses", seed=1)
        assert len(reads) > once
        assert not np.array_equal(array(other), array(first))
        for number in range(4):  # what was read long ago is forgotten
            draw(studio, kind, f"a man with {number} hats", seed=1)
        before = len(reads)
        assert np.array_equal(array(draw(studio, kind, "a man with a hat", seed=1)), array(first))
        assert len(reads) > before


def test_what_is_unwanted_and_how_many_pictures_are_part_of_what_was_read(studio: Studio) -> None:
    wish = {"seed": 3, "guidance": 5.0}
    with counted(studio, "drawn") as reads:
        plain = draw(studio, "drawn", "a face", **wish)
        after = [len(reads)]
        without = draw(studio, "drawn", "a face", **wish, negative_prompt="a very large green hat")
        after.append(len(reads))
        together = draw(studio, "drawn", "a face", **wish, count=2)
        after.append(len(reads))
    assert after[0] < after[1] < after[2]
    assert not np.array_equal(array(plain), array(without))
    assert np.abs(array(together) - array(plain)).max() <= 1


def test_a_picture_to_begin_from_has_its_words_read_too(studio: Studio) -> None:
    start = Image.new("RGB", (64, 64), "red")
    with counted(studio, "drawn") as reads:
        first = draw(studio, "drawn", "a hat", seed=1, start=start, strength=0.6)
        once = len(reads)
        draw(studio, "drawn", "a hat", seed=2, start=start, strength=0.6)
        assert len(reads) == once >= 1
        other = draw(studio, "drawn", "a woman with long hair", seed=1, start=start, strength=0.6)
        assert len(reads) > once
    assert not np.array_equal(array(first), array(other))


class Products(TorchFunctionMode):
    """Counts what linear layers compute, by their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.of: Counter[int] = Counter()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.nn.functional.linear:
            self.of[id(args[1])] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("start", [None, Image.new("RGB", (64, 64), "red")])
def test_the_words_of_a_picture_become_keys_and_values_in_its_first_step_only(
    studio: Studio, start: Image.Image | None
) -> None:
    wish: dict[str, Any] = {
        "width": 64,
        "height": 64,
        "steps": 4,
        "guidance": 3.0,
        "scheduler": "DDIMScheduler",
        "strength": 1.0,
    }
    with studio.models.use(ModelKey("drawn")) as engine:
        layers = [layer for layer in engine.pipe.unet.modules() if isinstance(layer, Attention)]
        across = [layer for layer in layers if layer.is_cross_attention]
        assert 0 < len(across) < len(layers)
        for words in ("a man with a hat", "a woman with glasses"):
            with Products() as products:
                list(engine.generate(ImageRequest(words, start=start, **wish), Task()))
            for layer in layers:
                expected = 1 if layer in across else 4
                assert products.of[id(layer.to_q.weight)] == 4
                assert products.of[id(layer.to_k.weight)] == products.of[id(layer.to_v.weight)] == expected


@torch.no_grad()
def test_keys_are_kept_for_one_tensor_of_words_as_long_as_it_exists() -> None:
    layer = Attention(8, cross_attention_dim=4, heads=2, dim_head=4)
    cache_cross_attention(layer)
    words = torch.ones(1, 3, 4)
    first = layer.to_k(words)
    assert torch.equal(first, words @ layer.to_k.weight.T)
    layer.to_k.weight.zero_()  # whoever computes anew gives zeros from now on
    assert layer.to_k(words) is first and first.any()
    assert not layer.to_k(words.clone()).any()
    assert layer.to_k(words) is first
    gone = weakref.ref(first)
    del first
    assert gone() is not None
    del words
    assert gone() is None


def test_what_was_read_does_not_keep_a_pipeline_in_memory(folder: Path, studio: Studio) -> None:
    pipe = DiffusionPipeline.from_pretrained(folder / "drawn", dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    cache_prompt_embeddings(pipe)
    cache_cross_attention(pipe.unet)
    pipe("a face", width=64, height=64, num_inference_steps=1)
    gc.collect()
    gone = weakref.ref(pipe.unet)
    gc.disable()
    try:
        del pipe
        assert gone() is None
    finally:
        gc.enable()
