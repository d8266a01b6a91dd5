"""Tiny random checkpoints of transformers' own grounding models with their processors, saved to disk by the tests.

Detectors and the two encoder-side writers: Grounding DINO, MM-Grounding-DINO, OWL-ViT, OWLv2, Florence-2, Kosmos-2.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import Entry, PathSource
from playground.families import built_in
from tests.tiny_models.diffusion import _pairs as byte_pairs
from tests.tiny_models.diffusion import clip_tokenizer

SIDE = 96  # pixels; Grounding DINO needs more than 64
MOST_LESSONS = 400
WORDS = ("glasses", "hat", "the", "a", "beard", "person", "red", "bald", "with", "man", "in")


def tiny_dino(folder: Path, seed: int = 0, mm: bool = False) -> Path:
    """Save a random `GroundingDinoForObjectDetection`, or with `mm` an `MMGroundingDinoForObjectDetection`."""
    from transformers import (
        BertConfig,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessorPil,
        GroundingDinoProcessor,
        MMGroundingDinoConfig,
        MMGroundingDinoForObjectDetection,
        SwinConfig,
    )

    tokenizer = _bert_tokenizer()
    text = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
    )
    eye = SwinConfig(
        image_size=SIDE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=3, out_indices=[2, 3, 4]
    )
    config = (MMGroundingDinoConfig if mm else GroundingDinoConfig)(
        backbone_config=eye,
        text_config=text,
        d_model=32,
        num_queries=40,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        max_text_len=48,
    )
    size = {"shortest_edge": SIDE, "longest_edge": 2 * SIDE}
    GroundingDinoProcessor(GroundingDinoImageProcessorPil(size=size), tokenizer).save_pretrained(folder)
    kind = MMGroundingDinoForObjectDetection if mm else GroundingDinoForObjectDetection
    return _saved(lambda: kind(config), folder, seed)


def tiny_owl(folder: Path, seed: int = 0, second: bool = False) -> Path:
    """Save a random `OwlViTForObjectDetection`, or with `second` an `Owlv2ForObjectDetection`: 36 patches."""
    from transformers import (
        Owlv2Config,
        Owlv2ForObjectDetection,
        Owlv2ImageProcessorPil,
        Owlv2Processor,
        OwlViTConfig,
        OwlViTForObjectDetection,
        OwlViTImageProcessorPil,
        OwlViTProcessor,
    )

    tokenizer = clip_tokenizer(16)
    common = {"intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = common | {
        "hidden_size": 16,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 16,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    eye = common | {"hidden_size": 32, "image_size": SIDE, "patch_size": 16}
    size = {"height": SIDE, "width": SIDE}
    if second:
        Owlv2Processor(Owlv2ImageProcessorPil(size=size), tokenizer).save_pretrained(folder)
        other = Owlv2Config(text_config=text, vision_config=eye, projection_dim=16)
        return _saved(lambda: _sharpened(Owlv2ForObjectDetection(other), "box_head.dense2", by=0.02), folder, seed)
    OwlViTProcessor(OwlViTImageProcessorPil(size=size), tokenizer).save_pretrained(folder)
    config = OwlViTConfig(text_config=text, vision_config=eye, projection_dim=16)
    return _saved(lambda: _sharpened(OwlViTForObjectDetection(config), "box_head.dense2", by=0.02), folder, seed)


def tiny_florence(folder: Path, seed: int = 0) -> Path:
    """Save a random `Florence2ForConditionalGeneration`: pictures of 64 pixels, which are 65 tokens."""
    from transformers import (
        BartConfig,
        BartTokenizer,
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    vocab, merges = byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer = BartTokenizer(
        vocab=vocab, merges=merges, model_max_length=1024, extra_special_tokens={"image_token": "<image>"}
    )
    tokenizer.add_tokens([f"<loc_{number}>" for number in range(1000)])
    text = BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=160,
        init_std=0.1,
    )
    eye = {
        "depths": [1, 1],
        "patch_size": [7, 3],
        "patch_stride": [4, 2],
        "patch_padding": [3, 1],
        "patch_prenorm": [False, True],
        "embed_dim": [8, 16],
        "num_heads": [1, 2],
        "num_groups": [1, 2],
        "window_size": 4,
        "projection_dim": 32,
    }
    pictures = CLIPImageProcessorPil(size={"height": 64, "width": 64}, do_center_crop=False)
    pictures.image_seq_length = 65
    Florence2Processor(pictures, tokenizer).save_pretrained(folder)
    config = Florence2Config(
        text_config=text.to_dict(), vision_config=eye, image_token_id=tokenizer.convert_tokens_to_ids("<image>")
    )
    return _saved(lambda: Florence2ForConditionalGeneration(config), folder, seed)


def tiny_kosmos(folder: Path, seed: int = 0) -> Path:
    """Save a random `Kosmos2ForConditionalGeneration`: 16 places for the picture, a grid of 32 x 32."""
    from transformers import (
        CLIPImageProcessorPil,
        Kosmos2Config,
        Kosmos2ForConditionalGeneration,
        Kosmos2Processor,
        XLMRobertaTokenizer,
    )

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:;?!-'‹›[]AIQ"
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *letters, *(f"▁{word}" for word in WORDS)]
    tokenizer = XLMRobertaTokenizer(vocab=[(piece, -float(number)) for number, piece in enumerate(pieces)])
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = Kosmos2Processor(pictures, tokenizer)
    processor.save_pretrained(folder)
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 256,
        "embed_dim": 32,
        "layers": 2,
        "ffn_dim": 32,
        "attention_heads": 2,
        "init_std": 0.1,
    }
    eye = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = Kosmos2Config(text_config=text, vision_config=eye, latent_query_num=16)
    return _saved(lambda: Kosmos2ForConditionalGeneration(config), folder, seed)


def entry(folder: Path, family: str, **grounding: Any) -> Entry:
    """A catalogue entry of a folder; `grounding` are fields of its table."""
    return Entry(
        id="tiny",
        tab="grounding",
        label="Tiny",
        family=family,
        licence="MIT",
        sources=(PathSource(kind="path", path=folder),),
        options=built_in()[family].options(**grounding),
    )


def picture(width: int = 200, height: int = 120) -> Image.Image:
    """Coloured blocks, the same every time."""
    blocks = np.random.default_rng(0).integers(0, 255, (6, 10, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def teach(folder: Path, lessons: dict[str, str], box: tuple[float, ...] = ()) -> Path:
    """Train the saved Florence-2 or Kosmos-2 until it gives these answers to these prompts about `picture()`.

    Prompts are as transformers' own processor takes them; `box` is that of a Kosmos-2 prompt with "It" in it.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from transformers import AutoProcessor, Florence2ForConditionalGeneration, Kosmos2ForConditionalGeneration

    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    writes_on = type(processor).__name__ == "Kosmos2Processor"
    model = (Kosmos2ForConditionalGeneration if writes_on else Florence2ForConditionalGeneration).from_pretrained(
        folder
    )
    model.eval()
    words = processor.tokenizer
    rows: dict[str, list[Any]] = {"input_ids": [], "labels": []}
    for prompt, answer in lessons.items():
        said = torch.tensor([*words(answer, add_special_tokens=False)["input_ids"], words.eos_token_id])
        if writes_on:
            given = kosmos_inputs(processor, picture(), prompt, **({"bboxes": [box]} if " It<" in prompt else {}))
            asked = given["input_ids"][0]
            rows["input_ids"].append(torch.cat([asked, said]))
            rows["labels"].append(torch.cat([torch.full_like(asked, -100), said]))
        else:
            given = processor(text=prompt, images=picture(), return_tensors="pt")
            rows["input_ids"].append(given["input_ids"][0])
            rows["labels"].append(torch.cat([torch.tensor([words.bos_token_id]), said]))
    ids = pad_sequence(rows["input_ids"], batch_first=True, padding_value=words.pad_token_id)
    batch = {"attention_mask": (ids != words.pad_token_id).long()}
    batch["labels"] = pad_sequence(rows["labels"], batch_first=True, padding_value=-100)
    count = len(lessons)
    with torch.no_grad():  # the eyes stay as they are
        if writes_on:
            patches = model.vision_model(given["pixel_values"]).last_hidden_state
            seen = torch.nn.functional.normalize(model.vision_model.model.post_layernorm(patches), dim=-1)
            batch["image_embeds"] = model.image_to_text_projection(seen)[0].repeat(count, 1, 1)
            places = torch.zeros_like(ids)
            places[:, : len(asked)] = given["image_embeds_position_mask"][0, : len(asked)]
            batch |= {"input_ids": ids, "image_embeds_position_mask": places}
        else:
            seen = model.get_image_features(given["pixel_values"]).pooler_output
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(MOST_LESSONS):
        if not writes_on:
            batch["inputs_embeds"] = torch.cat(
                [seen.expand(count, -1, -1), model.get_input_embeddings()(ids[:, seen.shape[1] :])], dim=1
            )
        loss = model(**batch).loss
        if loss.item() < 0.005:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    else:
        raise AssertionError(f"the lessons were not learned: {loss.item()}")
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def kosmos_inputs(processor: Any, image: Image.Image, prompt: str, **more: Any) -> dict[str, Any]:
    """What transformers' own processor makes of a prompt for `tiny_kosmos`, whose eyes see a square."""
    square = image.resize((28, 28), Image.Resampling.BICUBIC)
    return dict(processor(text=prompt, images=square, num_image_tokens=16, return_tensors="pt", **more))


def _bert_tokenizer() -> Any:
    """A working `BertTokenizer` whose marks have BERT's own ids, by which Grounding DINO cuts its text in phrases."""
    from transformers import BertTokenizer

    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-,;!"
    pieces = iter([*letters, *(f"##{letter}" for letter in letters), *WORDS])
    vocab = {fixed.get(number) or next(pieces, f"[unused{number}]"): number for number in range(1030)}
    return BertTokenizer(vocab=vocab)


def _sharpened(model: Any, *parts: str, by: float) -> Any:
    """With the weights of these parts larger, or all boxes and scores of a fresh model would be nearly the same."""
    import torch

    with torch.no_grad():
        for part in parts:
            for value in model.get_submodule(part).parameters():
                value.mul_(by)
    return model


def _saved(build: Callable[[], Any], folder: Path, seed: int) -> Path:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
    model.save_pretrained(folder, safe_serialization=True)
    return folder
