"""Ways to draw faster that somebody asked for: the same pictures, Stop between layers, and words where it fails.

Compiled is here what torch's compiler reads, but not into machine code: that takes a C++ compiler and minutes.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock

from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase, Task
from playground.settings import CHANNELS_LAST, COMPILED, WAYS, read_settings
from playground.text_to_image.loading import networks_of
from playground.text_to_image.optimization import optimize, repeated_blocks
from playground.text_to_image.pipeline import LocalPipeline
from playground.text_to_image.types import ImageRequest, Picture, Step
from playground.text_to_image.validation import validate_request
from tests.text_to_image.test_pipelines import FEW, KINDS, Studio, array
from tests.tiny_models.diffusion import catalogue

pytestmark = pytest.mark.slow

SHARED = ("drawn", "xl", "klein", "z")  # diffusers names no blocks of Sana to be compiled


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faster")


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    made = Studio(folder, catalogue(folder))
    yield made
    made.close()


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> list[torch.fx.GraphModule]:
    """Grows by one whenever a block is compiled."""
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    return graphs


def opened(studio: Studio, folder: Path, kind: str, *ways: str) -> LocalPipeline:
    return LocalPipeline.from_folder(folder / kind, studio.catalog.get(kind), "cpu", "float32", ways=ways)


def draw(pipeline: LocalPipeline, task: Task | None = None, **wished: Any) -> list[Any]:
    wish = ImageRequest("a man with a hat", seed=3, preview=False, score=False, **wished)
    return list(pipeline.generate(validate_request(pipeline.entry, wish).request, task or Task()))


def picture(events: list[Any]) -> np.ndarray:
    return array(next(event.image for event in events if isinstance(event, Picture)))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_the_same(studio: Studio, folder: Path, kind: str, compiler: list[torch.fx.GraphModule]) -> None:
    usual = picture(draw(opened(studio, folder, kind)))
    assert compiler == []
    for way in WAYS:
        pipeline = opened(studio, folder, kind, way)
        assert np.abs(picture(draw(pipeline)) - usual).max() <= 1
        compiled = len(compiler)
        assert (compiled > 0) == (way == COMPILED and kind in SHARED)
        assert np.abs(picture(draw(pipeline)) - usual).max() <= 1
        assert len(compiler) == compiled  # once


def test_channels_last_is_how_convolutions_have_their_weights(studio: Studio, folder: Path) -> None:
    for ways, wanted in (((), False), ((CHANNELS_LAST,), True)):
        pipe = opened(studio, folder, "drawn", *ways).pipe
        for part in (pipe.unet, pipe.vae):
            weights = [layer.weight for layer in part.modules() if isinstance(layer, torch.nn.Conv2d)]
            laid = [w.is_contiguous(memory_format=torch.channels_last) for w in weights if min(w.shape[1:]) > 1]
            assert laid and all(laid) == wanted


@pytest.mark.parametrize("kind", SHARED)
def test_stop_acts_before_a_compiled_block_too(
    studio: Studio, folder: Path, kind: str, compiler: list[torch.fx.GraphModule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.text_to_image.pipeline.SMALL_MODEL", 0)  # looked at as closely as a large one
    pipeline, steps = opened(studio, folder, kind, COMPILED), list[int]()
    draw(pipeline)
    assert compiler
    block = [block for part in networks_of(pipeline.pipe) for block in repeated_blocks(part)][-1]
    reached, task = list[None](), Task()
    # As if a visitor pressed Stop at that moment of the first step: this hook comes before the pipeline's own.
    hook = block.register_forward_pre_hook(lambda *_: task.cancel())
    behind = block.register_forward_hook(lambda *_: reached.append(None))
    wish = ImageRequest("a man with a hat", seed=3, preview=False, score=False)
    with pytest.raises(Cancelled):
        for event in pipeline.generate(validate_request(pipeline.entry, wish).request, task):
            steps += [event.step] if isinstance(event, Step) else []
    assert reached == [] and steps == []
    hook.remove()
    behind.remove()
    assert [event for event in draw(pipeline) if isinstance(event, Step)][-1].step == FEW[kind]


def test_more_kinds_of_blocks_than_a_compiler_keeps_compute_nevertheless(compiler: list[torch.fx.GraphModule]) -> None:
    class Blocks(torch.nn.ModuleList):
        _repeated_blocks = ("BasicTransformerBlock",)

    blocks = Blocks(BasicTransformerBlock(8 * width, 1, 8) for width in range(1, 12)).requires_grad_(False)
    given = [torch.ones(1, 4, 8 * width) for width in range(1, 12)]
    usual = [block(x) for block, x in zip(blocks, given, strict=True)]
    optimize([blocks], (COMPILED,))
    for block, x, wanted in zip(blocks, given, usual, strict=True):
        torch.testing.assert_close(block(x), wanted)
    assert 0 < len(compiler) < len(blocks)


def test_the_first_picture_of_a_size_says_that_it_takes_long(
    studio: Studio, folder: Path, compiler: list[torch.fx.GraphModule]
) -> None:
    for ways, wanted in (((), []), ((COMPILED,), [Phase("warming up", "Tiny drawn")] * 2)):
        pipeline, phases = opened(studio, folder, "drawn", *ways), list[Phase]()
        for width in (64, 64, 128, 64):
            draw(pipeline, Task(phases.append), width=width)
        assert phases == wanted
    phases = []
    draw(opened(studio, folder, "sprint", COMPILED), Task(phases.append))
    assert phases == []  # nothing is compiled


def test_what_cannot_be_compiled_says_what_to_do(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_graph: torch.fx.GraphModule, _inputs: Any) -> Any:
        raise RuntimeError("no compiler here")

    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=broken))
    with pytest.raises(UserError, match=r"BackendCompilerFailed; the terminal.* without --faster compile"):
        draw(opened(studio, folder, "drawn", COMPILED))


def test_ways_are_asked_for_when_the_app_starts() -> None:
    assert read_settings([], {}).faster == ()
    assert read_settings(["--faster", "compile", "channels-last"], {}).faster == ("compile", "channels-last")
    assert read_settings([], {"PLAYGROUND_FASTER": "compile"}).faster == ("compile",)
    with pytest.raises(UserError, match="compilation"):
        read_settings([], {"PLAYGROUND_FASTER": "compilation"})
