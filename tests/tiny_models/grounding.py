"""Tiny random vision-language models of transformers' own classes with their processors, saved to disk by the tests.

What they share is here: tokenizers that know a few words, every byte and a family's own tokens, and `taught`, which
has a model learn one answer by heart, so that real weights say something that can be checked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from playground.catalog import read_catalog
from playground.grounding.service import GroundingService
from playground.grounding.types import Answer, Asked, Box, GroundingTask, PartialAnswer, Question
from playground.model_loader import ModelLoader
from playground.runtime.model_cache import ModelCache
from playground.runtime.worker import Worker
from playground.weights.store import WeightStore

SENTENCES = (
    "a smiling person with long red hair and round glasses, blue hoodie, on a green background",
    "two people with a hat and a black beard. who is this? locate the person, report coordinates in json",
)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% for c in m.content %}{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}{{ '<|im_start|>assistant\n' }}"
)
QWEN_MARKS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>",
)  # fmt: skip
ENTRY = """
[[model]]
id = "{id}"
tab = "grounding"
label = "Tiny {id}"
family = "{family}"
licence = "CC0"
memory_bytes = 3_000_000
{where}
options = {{ {grounding} }}
"""


class Desk:
    """A service over a catalogue file, and one question put to it at a time."""

    def __init__(self, folder: Path, catalog: Path) -> None:
        self.catalog = read_catalog(catalog)
        store = WeightStore(folder / "cache", folder / "assets", offline=True)
        loaders = ModelLoader(self.catalog, store, folder)
        self.models = ModelCache(loaders, loaders.estimate)
        self.worker = Worker("test")
        self.remote = Worker("remote", threads=2)
        self.service = GroundingService(self.catalog, self.models, self.worker, self.remote)

    def ask(self, model: str, ask: GroundingTask, text: str = "", **more: Any) -> list[Any]:
        """`Asked`, `PartialAnswer` and `Answer` of a question; the picture is 200 x 100 unless given."""
        job = self.service.answer("me", model, Question(ask, more.pop("image", picture()), text, **more))
        return [event for event in job.events() if isinstance(event, Asked | PartialAnswer | Answer)]

    def answer(self, model: str, ask: GroundingTask, text: str = "", **more: Any) -> Answer:
        answer = self.ask(model, ask, text, **more)[-1]
        assert isinstance(answer, Answer)
        return answer

    def close(self) -> None:
        self.worker.close()
        self.remote.close()
        self.models.close()


def picture(width: int = 200, height: int = 100) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def near(box: Box, *corners: float) -> bool:
    """Within a thousandth of these corners."""
    return max(abs(a - b) for a, b in zip((box.x0, box.y0, box.x1, box.y1), corners, strict=True)) <= 1e-3


def byte_tokenizer(special: Sequence[str] = (), words: Sequence[str] = SENTENCES, **more: Any) -> Any:
    """A byte-level BPE that reads every text back as it was; `special` tokens come last and are never split."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator(words, trainer)
    learner.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in special])
    return PreTrainedTokenizerFast(tokenizer_object=learner, **more)


def catalogue(path: Path, *entries: Mapping[str, str]) -> Path:
    """A catalogue file of grounding models: each with `id`, `family`, `grounding` (fields) and `path` or `remote`."""

    def written(entry: Mapping[str, str]) -> str:
        folder = entry.get("path")
        where = (
            f'sources = [{{ kind = "path", path = "{folder}" }}]' if folder else f"remote = {{ {entry['remote']} }}"
        )
        return ENTRY.format(where=where, **{name: entry[name] for name in ("id", "family", "grounding")})

    path.write_text("".join(map(written, entries)), encoding="utf-8")
    return path


def tiny_qwen3_vl(folder: Path, seed: int = 0) -> Path:
    """Save a random `Qwen3VLForConditionalGeneration` with its tokenizer, template and preparation of pictures."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    tokenizer = _qwen_files(folder)
    text = _text(tokenizer) | {
        "head_dim": 16,
        "rope_parameters": {
            "rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True, "rope_theta": 10_000.0,
        },
    }  # fmt: skip
    vision = _vision() | {"deepstack_visual_indexes": [0]}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_mark_ids(tokenizer))
    return _saved(Qwen3VLForConditionalGeneration, config, folder, seed, tokenizer)


def tiny_qwen3_5(folder: Path, seed: int = 0) -> Path:
    """Save a random `Qwen3_5ForConditionalGeneration`: one layer of linear attention, one of full attention."""
    from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

    tokenizer = _qwen_files(folder)
    text = _text(tokenizer) | {
        "head_dim": 16,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "rope_parameters": {
            "rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True, "rope_theta": 10_000.0,
            "partial_rotary_factor": 0.5,
        },
    }  # fmt: skip
    config = Qwen3_5Config(text_config=text, vision_config=_vision(), tie_word_embeddings=True, **_mark_ids(tokenizer))
    return _saved(Qwen3_5ForConditionalGeneration, config, folder, seed, tokenizer)


def tiny_qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    """Save a random `Qwen2_5_VLForConditionalGeneration`, whose patches are 14 pixels wide."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = _qwen_files(folder, patch=14)
    text = _text(tokenizer) | {
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10_000.0},
    }  # fmt: skip
    vision = {name: value for name, value in _vision().items() if name != "num_position_embeddings"}
    vision |= {"patch_size": 14, "window_size": 56, "fullatt_block_indexes": [0]}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_mark_ids(tokenizer))
    return _saved(Qwen2_5_VLForConditionalGeneration, config, folder, seed, tokenizer)


def tiny_paligemma(folder: Path, seed: int = 0) -> Path:
    """Save a random PaliGemma 2 (`PaliGemmaForConditionalGeneration` over Gemma 2) with its processor."""
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    marks = ("<pad>", "<eos>", "<bos>", "<image>", *(f"<loc{number:04}>" for number in range(1024)))
    tokenizer = byte_tokenizer(marks, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>")
    pictures = SiglipImageProcessorPil(size={"height": 56, "width": 56})
    pictures.image_seq_length = 16  # (56 / 14) ** 2
    processor = PaliGemmaProcessor(pictures, tokenizer)  # adds the tokens of its segments
    processor.save_pretrained(folder)
    text = _text(processor.tokenizer) | {
        "model_type": "gemma2", "head_dim": 16, "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id,
    }  # fmt: skip
    vision = {
        "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "patch_size": 14, "image_size": 56, "projection_dim": 32,
        "vision_use_head": False,
    }  # fmt: skip
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    config = PaliGemmaConfig(
        text_config=text, vision_config=vision, projection_dim=32, hidden_size=32, image_token_index=image
    )
    return _saved(PaliGemmaForConditionalGeneration, config, folder, seed, processor.tokenizer)


def taught(folder: Path, load: Any, inputs: Any, answer: Sequence[int], steps: int = 120) -> None:
    """Have the model in `folder` learn to say `answer` (token ids, its end included) after `inputs`; save it again."""
    import torch

    model = load.from_pretrained(folder, dtype=torch.float32)
    prompt = inputs["input_ids"]
    said = torch.tensor([answer], dtype=torch.int64)
    given = {name: value for name, value in inputs.items() if name not in ("attention_mask", "labels")}
    given["input_ids"] = torch.cat([prompt, said], dim=1)
    for name in ("mm_token_type_ids", "token_type_ids"):
        if name in given:
            given[name] = torch.cat([given[name], torch.full_like(said, int(name == "token_type_ids"))], dim=1)
    labels = torch.cat([torch.full_like(prompt, -100), said], dim=1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = model(**given, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if float(loss.detach()) < 0.02:
            break
    model.save_pretrained(folder)


def _qwen_files(folder: Path, patch: int = 16) -> Any:
    from transformers import Qwen2VLImageProcessorPil

    tokenizer = byte_tokenizer(QWEN_MARKS, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": 32 * 32, "longest_edge": 128 * 128}
    Qwen2VLImageProcessorPil(patch_size=patch, merge_size=2, temporal_patch_size=2, size=size).save_pretrained(folder)
    return tokenizer


def _text(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 2048,
    }  # fmt: skip


def _vision() -> dict[str, Any]:
    return {
        "depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16,
        "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32, "num_position_embeddings": 16,
    }  # fmt: skip


def _mark_ids(tokenizer: Any) -> dict[str, int]:
    names = {
        "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>",
    }  # fmt: skip
    return {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in names.items()}


def _saved(kind: Any, config: Any, folder: Path, seed: int, tokenizer: Any) -> Path:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    return folder
