"""The families of grounding models. Each is one entry here and one module that loads it."""

from playground.catalog_entry import Entry
from playground.families import Extension, Family, always_cpu, lazy, listed_bytes, listed_in_16_bits
from playground.grounding import options


def _loaded_in_float32(entry: Entry, role: str, vram: int | None) -> int:
    return listed_bytes(entry, role, vram) * (1 if entry.embedded else 2)


EXTENSION = Extension(
    families=(
        Family(
            name="avatar-minigpt",
            tab="grounding",
            load=lazy("playground.grounding.minigpt:load"),
            options=options.MiniGPTOptions,
            memory=listed_in_16_bits,
            device=always_cpu,
            one_core="always",
        ),
        Family(
            name="florence2",
            tab="grounding",
            load=lazy("playground.grounding.florence2:load"),
            options=options.FlorenceOptions,
            memory=listed_in_16_bits,
        ),
        Family(
            name="kosmos2",
            tab="grounding",
            load=lazy("playground.grounding.kosmos2:load"),
            options=options.KosmosOptions,
            memory=listed_in_16_bits,
        ),
        Family(
            name="paligemma",
            tab="grounding",
            load=lazy("playground.grounding.paligemma:load"),
            options=options.PaliGemmaOptions,
            memory=listed_in_16_bits,
        ),
        Family(
            name="qwen-vl",
            tab="grounding",
            load=lazy("playground.grounding.qwen_vl:load"),
            options=options.QwenOptions,
            memory=listed_in_16_bits,
        ),
        # Detectors are in float32: their boxes pass through log-odds, which 16 bits round by pixels.
        Family(
            name="grounding-dino",
            tab="grounding",
            load=lazy("playground.grounding.grounding_dino:load"),
            options=options.DetectorOptions,
            memory=_loaded_in_float32,
            dtype="float32",
        ),
        Family(
            name="owl-vit",
            tab="grounding",
            load=lazy("playground.grounding.owl_vit:load"),
            options=options.OwlOptions,
            memory=_loaded_in_float32,
            dtype="float32",
        ),
        Family(name="openai-vision", tab="grounding", options=options.ServerOptions),
    )
)
