"""A grounding family from outside, met through the catalogue, the model cache, the service and `/ground`."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from playground.catalog import read_catalog
from playground.core import Playground
from playground.errors import UserError
from playground.families import Extension, Family, Registry, load_registry
from playground.grounding.types import Answer, Box, GroundingTask, Question
from playground.runtime.records import ModelKey
from playground.settings import read_settings
from tabs.grounding.api import grounding_endpoint
from tests.examples.grounding_family.dialect import PERCENT
from tests.support.ports import free_port
from tests.tiny_models.grounding import byte_tokenizer, near, picture, taught

MODULE = "tests.examples.grounding_family"
LEARNED = "It is <obj>a hat</obj>(10% 20% 50% 60%)."


def tiny_llava(folder: Path) -> Path:
    """Save a random `LlavaForConditionalGeneration` with its processor, which has learned one answer by heart."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = byte_tokenizer(("<image>", "</s>", "<pad>"), eos_token="</s>", pad_token="<pad>")
    image = tokenizer.convert_tokens_to_ids("<image>")
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = LlavaProcessor(
        pictures, tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )
    processor.save_pretrained(folder)
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14,
        projection_dim=32,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=image, vision_feature_select_strategy="default"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    prompt = "USER: <image>\nFind: a hat ASSISTANT:"
    inputs = processor(text=[prompt], images=[picture()], return_tensors="pt")
    answer = tokenizer(LEARNED + "</s>", add_special_tokens=False).input_ids
    taught(folder, LlavaForConditionalGeneration, dict(inputs), answer)
    return folder


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llava")
    path = folder / "models.toml"
    path.write_text(
        f"""
[[model]]
id = "tiny-llava"
label = "Tiny LLaVA"
family = "llava"
licence = "CC0"
memory_bytes = 1_000_000
sources = [{{ kind = "path", path = "{tiny_llava(folder / "model")}" }}]
options = {{ max_new_tokens = [1, 60, 200], working_bytes = 1_000_000 }}
"""
    )
    return path


@pytest.fixture(scope="module")
def playground(catalogue: Path) -> Iterator[Playground]:
    """The app as it is started with the extension: one flag, nothing else touched."""
    flags = ["--offline", "--extension", MODULE, "--catalog", str(catalogue)]
    made = Playground(read_settings(flags, {"PLAYGROUND_CACHE": str(catalogue.parent / "cache")}))
    yield made
    made.close()


def test_the_model_cache_loads_it_and_the_service_reads_its_dialect(playground: Playground) -> None:
    assert playground.grounding.limits("tiny-llava").codec == "percent"
    question = Question(GroundingTask.DETECT, picture(), "a hat")
    *_, answer = (event for event in playground.grounding.answer("me", "tiny-llava", question).events() if event)
    assert isinstance(answer, Answer) and answer.raw.strip() == LEARNED
    assert answer.parsed.text == "It is a hat." and not answer.parsed.warnings
    (entity,) = answer.parsed.entities
    assert entity.phrase == "a hat" and near(entity.boxes[0], 0.1, 0.2, 0.5, 0.6)
    assert [record.key for record in playground.models.snapshot()] == [ModelKey("tiny-llava")]
    with pytest.raises(UserError, match="was not trained to answer questions"):
        playground.grounding.answer("me", "tiny-llava", Question(GroundingTask.VQA, picture(), "who?"))


def test_a_program_asks_it_like_any_other(playground: Playground, tmp_path: Path) -> None:
    picture().save(tmp_path / "picture.png")
    with gr.Blocks(analytics_enabled=False) as page:
        grounding_endpoint(playground.grounding)
    page.queue().launch(
        server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False
    )
    try:
        client = Client(page.local_url, verbose=False)
        found = client.predict(
            handle_file(tmp_path / "picture.png"), "detect", "a hat", None, "tiny-llava", api_name="/ground"
        )
    finally:
        page.close()
    assert found["text"] == "It is a hat." and found["entities"][0]["boxes"][0] == pytest.approx([0.1, 0.2, 0.5, 0.6])


@pytest.mark.parametrize("edges", [(0.1, 0.2, 0.5, 0.6), (0.0, 0.0, 1.0, 1.0), (0.994, 0.0, 1.0, 0.004)])
def test_its_codec_reads_what_it_writes(edges: tuple[float, float, float, float]) -> None:
    raw = PERCENT.format_phrase("a hat", [Box(*edges)], (200, 100))
    (entity,) = PERCENT.parse(raw, (200, 100)).entities
    box = entity.boxes[0]
    assert entity.phrase == "a hat"
    assert max(abs(a - b) for a, b in zip((box.x0, box.y0, box.x1, box.y1), edges, strict=True)) <= 0.01
    for cut in range(len(raw)):
        assert "%" not in PERCENT.parse(raw[:cut], (200, 100), complete=False).text


def test_without_the_extension_its_family_is_unknown_and_the_known_ones_are_told(catalogue: Path) -> None:
    with pytest.raises(UserError, match=r"no family “llava”.*florence2"):
        read_catalog(catalogue)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("../evil", "name of a module"),
        ("os;print", "name of a module"),
        ("no_such_module_anywhere", "cannot be imported"),
        ("json", "is no extension"),
    ],
)
def test_what_is_no_extension_is_told(module: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_registry(module)


def test_two_families_of_one_name_are_told() -> None:
    extension = Extension(families=(Family(name="mine", tab="chat"),))
    with pytest.raises(UserError, match="two model families called “mine”"):
        Registry(extension, extension)


def test_extensions_are_named_in_the_environment_too() -> None:
    assert read_settings([], {"PLAYGROUND_EXTENSION": f"{MODULE} other"}).extensions == (MODULE, "other")
