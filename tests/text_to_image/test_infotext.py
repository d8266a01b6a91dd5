"""Settings in picture files: written and read back exactly, read from other tools' files, and no file can do harm."""

import json
import struct
import time
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import UserError
from playground.imaging import encoding
from playground.text_to_image import infotext
from playground.text_to_image.infotext import Restored, parse, read, write
from playground.text_to_image.scheduler_names import noise_schedule_name, scheduler_class, scheduler_label
from playground.text_to_image.types import ImageRequest, Settings

A1111 = (
    "girl with an artist's beret, determined, blue eyes, (detailed:1.2)\n"
    "<lora:paint:0.8>\n"
    "Negative prompt: ugly, fat, obese\n"
    "blurry\n"
    "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 965400086, Size: 512x768, Model hash: 45dee52b, "
    'Model: dreamlike, Denoising strength: 0.35, Clip skip: 2, Lora hashes: "paint: 1a2b, other: 3c4d", '
    "Hires upscale: 2, Version: v1.10.1"
)
USUAL = Settings(
    prompt="a smiling person, with red hair: long",
    negative_prompt="hats",
    written="red hair",
    model="avatar-diffusion",
    scheduler="DDIMScheduler",
    steps=25,
    guidance=3.5,
    width=64,
    height=64,
    seed=7,
)


def picture(text: str, keyword: str = "parameters") -> Image.Image:
    return Image.open(BytesIO(encoding.png(Image.new("RGB", (16, 16)), {keyword: text})))


# What is written


def test_it_is_the_form_other_tools_read() -> None:
    assert write(USUAL) == (
        "a smiling person, with red hair: long\n"
        "Negative prompt: hats\n"
        "Steps: 25, Sampler: DDIM, CFG scale: 3.5, Seed: 7, Size: 64x64, Model: avatar-diffusion, "
        'Raw prompt: "red hair", Version: aigc-playground'
    )


WORDS = st.text(max_size=60) | st.text(alphabet=' ,:"\\\n\r\t\0(){}x0Ss\x85\u2028\ud800猫', max_size=40)
ANY_SETTINGS = st.builds(
    Settings,
    prompt=WORDS,
    negative_prompt=WORDS,
    written=WORDS,
    model=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}(/[A-Za-z0-9][A-Za-z0-9._-]{0,30})?", fullmatch=True),
    scheduler=st.sampled_from(
        ["", "DDIMScheduler", "EulerAncestralDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "SCMScheduler",
         "FlowMatchLCMScheduler", "EDMEulerScheduler"]
    ),
    steps=st.integers(1, 10_000),
    guidance=st.floats(0, 1000),
    width=st.integers(1, 16_384),
    height=st.integers(1, 16_384),
    seed=st.integers(0, 2**32 - 1),
    strength=st.floats(0, 1),
)  # fmt: skip


@given(ANY_SETTINGS)
@settings(max_examples=200, deadline=None)
@example(USUAL)
@example(Settings("a\nNegative prompt: b\nSteps: 3, Seed: 4, Size: 5x5", "", "", "m", "", 1, 0.0, 8, 8, 0))
@example(Settings("", "Negative prompt:", "", "m", "", 1, 1e-7, 8, 8, 0))
@example(Settings('{"prompt": "x"}', "", "", "m", "", 1, 0.1 + 0.2, 8, 8, 0))
@example(Settings("x" * 15_000, "\0" * 9_000, "猫" * 9_000, "m", "", 1, 5.0, 8, 8, 0))
def test_what_is_written_is_read_back_exactly(said: Settings) -> None:
    for found in (parse(write(said)), read(picture(write(said)))):
        assert found.model == said.model
        assert found.settings == ImageRequest(
            prompt=said.prompt,
            negative_prompt=said.negative_prompt,
            width=said.width,
            height=said.height,
            steps=said.steps,
            guidance=said.guidance,
            scheduler=said.scheduler,
            seed=said.seed,
            strength=ImageRequest.strength if said.strength == 1 else said.strength,
            written=said.written,
        )


def test_what_a_server_keeps_to_itself_is_left_to_the_model() -> None:
    text = write(Settings("a cat", "", "", "far/away", "", 0, 0.0, 0, 0, 3))
    assert text == "a cat\nSeed: 3, Model: far/away, Version: aigc-playground"
    assert parse(text) == Restored(ImageRequest("a cat", seed=3), "far/away")


def test_a_guidance_of_nothing_is_a_setting_too() -> None:
    assert parse(write(Settings("a cat", "", "", "turbo", "", 1, 0.0, 512, 512, 3))).settings.guidance == 0.0


def test_our_own_pictures_need_no_note() -> None:
    assert parse(write(USUAL)).notes == ()


# What other tools wrote


def check_a1111(found: Restored) -> None:
    assert found.model == "dreamlike"
    assert found.settings == ImageRequest(
        prompt="girl with an artist's beret, determined, blue eyes, (detailed:1.2)\n<lora:paint:0.8>",
        negative_prompt="ugly, fat, obese\nblurry",
        width=512,
        height=768,
        steps=20,
        guidance=7.5,
        scheduler="DPMSolverMultistepScheduler",
        seed=965400086,
        strength=0.35,
    )
    notes = " ".join(found.notes)
    assert "Karras" in notes and "Clip skip, Hires upscale." in notes
    assert "lora" in notes and "weights words" in notes and "Another tool" in notes


def test_a_picture_of_automatic1111() -> None:
    check_a1111(read(picture(A1111)))


def test_a_newer_one_names_its_schedule_apart() -> None:
    found = parse(A1111.replace("2M Karras", "2M, Schedule type: Exponential"))
    assert found.settings.scheduler == "DPMSolverMultistepScheduler"
    assert "Exponential" in found.notes[0]


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le", "utf-16"])
@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_a_jpeg_or_webp_of_automatic1111(tmp_path: Path, form: str, order: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode(order)
    path = tmp_path / "picture"
    Image.new("RGB", (16, 16)).save(path, form, exif=exif)
    check_a1111(read(path))


def test_an_exif_comment_in_chinese_is_told_from_its_bytes_swapped(tmp_path: Path) -> None:
    text = "一只猫坐在红色的椅子上，" * 40 + "\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64"
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-le")
    path = tmp_path / "picture.jpg"
    Image.new("RGB", (16, 16)).save(path, exif=exif)
    assert read(path).settings.prompt.startswith("一只猫") and read(path).settings.seed == 1


def test_a_picture_of_fooocus_in_its_own_scheme() -> None:
    data = {
        "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL_v8", "base_model_hash": "aeb7e9e689",
        "guidance_scale": 4, "loras": [["sd_xl_offset", 0.1, "4852686128"]], "metadata_scheme": "fooocus",
        "negative_prompt": "blurry", "performance": "Speed", "prompt": "a fox", "resolution": "(1152, 896)",
        "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "123456", "sharpness": 2.0, "steps": 30,
        "styles": "['Fooocus V2']", "version": "Fooocus v2.5.0",
    }  # fmt: skip
    found = read(picture(json.dumps(data)))
    assert found.settings == ImageRequest("a fox", "blurry", 1152, 896, 30, 4.0, "DPMSolverMultistepScheduler", 123456)
    assert found.model == "juggernautXL_v8"
    assert "karras" in found.notes[0] and "styles" in found.notes[1]


def test_a_picture_of_invokeai() -> None:
    data = {
        "app_version": "3.3.0", "generation_mode": "txt2img", "positive_prompt": "landscape", "clip_skip": 0,
        "negative_prompt": "low quality", "width": 768, "height": 432, "seed": 356120443, "rand_device": "cpu",
        "cfg_scale": 7.5, "steps": 50, "scheduler": "euler_k", "loras": [],
        "model": {"model_name": "amixx", "base_model": "sd-1"},
    }  # fmt: skip
    found = read(picture(json.dumps(data), "invokeai_metadata"))
    assert found.settings == ImageRequest(
        "landscape", "low quality", 768, 432, 50, 7.5, "EulerDiscreteScheduler", 356120443
    )
    assert found.model == "amixx" and found.notes == parse(json.dumps(data)).notes


def test_text_behind_the_pixels_is_found() -> None:
    text = b"parameters\0" + write(USUAL).encode("latin-1")
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    data = encoding.png(Image.new("RGB", (16, 16)), {})
    assert read(Image.open(BytesIO(data[:-12] + chunk + data[-12:]))).settings.seed == 7


def test_compressed_text_is_read() -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", write(USUAL), zip=True)
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG", pnginfo=chunks)
    assert read(Image.open(buffer)).settings.seed == 7


def test_lines_behind_the_settings_do_not_hide_them() -> None:
    found = parse(A1111 + "\nTemplate: a {b|c}")
    assert found.settings.steps == 20 and found.settings.seed == 965400086


def test_words_alone_are_a_prompt() -> None:
    assert parse("just a fox").settings == ImageRequest("just a fox")


@pytest.mark.parametrize(
    ("name", "kind", "schedule"),
    [
        ("Euler a", "EulerAncestralDiscreteScheduler", ""),
        ("DPM++ 2M SDE Karras", "DPMSolverMultistepScheduler", "Karras"),
        ("dpmpp_2m_k", "DPMSolverMultistepScheduler", "Karras"),
        ("uni_pc", "UniPCMultistepScheduler", ""),
        ("HeunDiscreteScheduler", "HeunDiscreteScheduler", ""),
        ("EDMEulerScheduler", "EDMEulerScheduler", ""),
        ("magic", "", ""),
        ("__import__('os')", "", ""),
    ],
)
def test_names_of_samplers(name: str, kind: str, schedule: str) -> None:
    assert (scheduler_class(name), noise_schedule_name(name)) == (kind, schedule)
    if kind:
        assert scheduler_class(scheduler_label(kind)) == kind


def test_every_sampler_named_is_a_class_of_diffusers() -> None:
    import diffusers

    from playground.text_to_image.scheduler_names import _TABLE

    assert [kind for kind in _TABLE if not hasattr(diffusers, kind)] == []


# What does not fit, and what is meant to hurt


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("Steps: -4, Seed: 1, Size: 64x64", "Steps “-4”"),
        ("Steps: 99999, Seed: 1, Size: 64x64", "Steps “99999”"),
        ("Steps: 20, Seed: -1, Size: 64x64", "Seed “-1”"),
        (f"Steps: 20, Seed: {'9' * 5000}, Size: 64x64", "Seed “999"),
        ("Steps: 20, Seed: 1, Size: 999999x1", "The size"),
        ("Steps: 20, Seed: 1, Size: 64", "The size"),
        ("Steps: 20, Seed: 1, CFG scale: nan", "CFG scale “nan”"),
        ("Steps: 20, Seed: 1, CFG scale: 1e999", "CFG scale"),
        ("Steps: 20, Seed: 1, Denoising strength: 7", "Denoising strength"),
        ("Steps: 20, Seed: 1, Sampler: ../../etc", "The sampler"),
    ],
)
def test_a_value_that_cannot_be_is_told_and_left_out(values: str, said: str) -> None:
    found = parse(f"a fox\n{values}")
    assert found.notes[0].startswith(said) and len(found.notes[0]) < 200
    assert found.settings.prompt == "a fox"


@pytest.mark.parametrize(
    "text",
    [
        "a" * infotext.MOST_CHARACTERS,
        " " * infotext.MOST_CHARACTERS,
        "a: " * (infotext.MOST_CHARACTERS // 3),
        'a: "' * (infotext.MOST_CHARACTERS // 4),
        'k: "\\", ' * (infotext.MOST_CHARACTERS // 8),
        "Steps: 1, " * (infotext.MOST_CHARACTERS // 10),
        "Steps: 1\n" * (infotext.MOST_CHARACTERS // 9),
        ",".join(f"k{n}: {n}" for n in range(40_000)),
        "[" * infotext.MOST_CHARACTERS,
        '{"prompt":' + "[" * 100_000,
        '{"prompt": "x", "steps": ' + "9" * 100_000 + "}",
        json.dumps({"prompt": "x", **{f"k{n}": n for n in range(1, 30_000)}}),
        json.dumps({"prompt": ["x"], "seed": {"a": 1}, "steps": True, "sampler": None, "model": {"name": []}}),
        "\0\x01\x02\x1b[31m\nSteps: 1\x07, Seed: 2\x00, Model: <script>\x1b]0;x\x07",
        "((((" * 50_000,
        "<lora:" * 50_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_neither_hangs_nor_breaks(text: str) -> None:
    began = time.monotonic()
    try:
        found = parse(text)
    except UserError:
        found = None
    assert time.monotonic() - began < 3  # quadratic patterns would take minutes
    if found:
        assert len(found.settings.prompt) <= infotext.MOST_PROMPT
        assert all(len(note) < 500 and note.isprintable() for note in found.notes)
        assert found.model.isprintable() and len(found.model) <= 128


@given(st.text(max_size=300) | st.text(alphabet=' ,:"\\\n{}[]Stepsd01x', max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UserError):
        assert parse(text).settings.count == 1


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_exif_comment_is_read_or_refused(comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + comment
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    with suppress(UserError):
        assert read(Image.open(buffer)).settings.count == 1


def test_text_beyond_all_measure_is_refused() -> None:
    with pytest.raises(UserError, match="settings have at most"):
        read(picture("x" * (infotext.MOST_CHARACTERS + 1)))


def test_text_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add(b"zTXt", b"parameters\0\0" + zlib.compress(b"x" * 50_000_000))
    path = tmp_path / "bomb.png"
    Image.new("RGB", (16, 16)).save(path, pnginfo=chunks)
    with pytest.raises(UserError, match="damaged"):
        read(path)


def test_what_is_no_picture_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("Steps: 20")
    with pytest.raises(UserError, match="not a picture"):
        read(path)


def test_a_picture_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(encoding.png(Image.effect_noise((64, 64), 50), {})[:300])
    with pytest.raises(UserError, match="damaged"):
        read(path)


def test_a_photograph_says_what_it_lacks() -> None:
    with pytest.raises(UserError, match="carries no settings"):
        read(Image.new("RGB", (16, 16)))


def test_a_workflow_is_not_a_list_of_settings() -> None:
    with pytest.raises(UserError, match="ComfyUI"):
        read(picture('{"3": {"inputs": {}}}', "prompt"))
