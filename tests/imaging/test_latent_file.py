"""A saved latent comes back exactly; anything else is refused in words, whatever it holds."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import UserError
from playground.imaging import latent_file
from playground.imaging.latent_file import LatentFile

LATENT = np.random.default_rng(1).standard_normal(64).astype(np.float32)
FILE = LatentFile("vae", "avatar-vae", LATENT.tolist(), {"seed": 7, "values": {"skin": 1.5, "top": "bob"}})
WHOLE = json.loads(latent_file.dumps(FILE))


def test_json_and_png_bring_it_back_exactly(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 64), "teal")
    (tmp_path / "latent.json").write_text(latent_file.dumps(FILE), encoding="utf-8")
    (tmp_path / "latent.png").write_bytes(latent_file.png_with_latent(picture, FILE))
    for name in ("latent.json", "latent.png"):
        found = latent_file.read_latent_file(tmp_path / name)
        assert found == FILE
        assert np.array_equal(latent_file.check_latent(found, "vae", "avatar-vae", (64,)), LATENT)
    with Image.open(tmp_path / "latent.png") as image:
        assert image.getpixel((5, 5)) == (0, 128, 128)


def test_layers_of_styles_are_kept_as_layers() -> None:
    styles = np.random.default_rng(2).standard_normal((8, 32)).astype(np.float32)
    file = latent_file.loads(latent_file.dumps(LatentFile("gan", "avatar-gan", styles.tolist())))
    assert np.array_equal(latent_file.check_latent(file, "gan", "avatar-gan", (8, 32)), styles)


def test_another_model_kind_or_length_is_refused() -> None:
    with pytest.raises(UserError, match="belongs to the VAE tab"):
        latent_file.check_latent(FILE, "gan", "avatar-vae", (64,))
    with pytest.raises(UserError, match="was made by “avatar-vae”"):
        latent_file.check_latent(FILE, "vae", "other", (64,))
    with pytest.raises(UserError, match="64 numbers, and the model works with 8 × 32"):
        latent_file.check_latent(FILE, "vae", "avatar-vae", (8, 32))


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "something else"},
        {"version": 2},
        {"version": None},
        {"kind": "flow"},
        {"kind": ["vae"]},
        {"model": ""},
        {"model": 5},
        {"model": "m" * 129},
        {"extra": None},
        {"extra": []},
        {"latent": None},
        {"latent": []},
        {"latent": [[]]},
        {"latent": 3.0},
        {"latent": "0.5"},
        {"latent": [0.5, "0.5"]},
        {"latent": [0.5, None]},
        {"latent": [True, False]},
        {"latent": [[1.0, 2.0], [1.0]]},
        {"latent": [[1.0], 2.0]},
        {"latent": [1e7]},
        {"latent": [10**400]},
        {"latent": [[[[[1.0]]]]]},
        {"latent": [{"0": 1.0}]},
        {"latent": [0.0] * 70_000},
    ],
    ids=str,
)
def test_damaged_and_hostile_fields_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        latent_file.loads(json.dumps({**WHOLE, **changed}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    for text in (
        json.dumps({**WHOLE, "latent": ["here"]}).replace('"here"', number),
        json.dumps({**WHOLE, "extra": {"a": "here"}}).replace('"here"', number),
    ):
        with pytest.raises(UserError):
            latent_file.loads(text)
    with pytest.raises(ValueError, match="JSON compliant"):
        latent_file.dumps(LatentFile("vae", "avatar-vae", [float("nan")]))


def test_hostile_json_is_refused_in_words() -> None:
    for text in (
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 50_000,
        "null",
        "[1, 2]",
        "3",
        '"text"',
        b"\xff\xfe\x00",
        b"\x80\x04",
    ):
        with pytest.raises(UserError):
            latent_file.loads(text)
    with pytest.raises(UserError, match="too large"):
        latent_file.loads(" " * (latent_file.MAX_BYTES + 1))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_words(data: bytes) -> None:
    with pytest.raises(UserError):
        latent_file.loads(data)


def test_a_png_without_the_chunk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(UserError, match="carries no latent"):
        latent_file.read_latent_file(path)
    info = PngInfo()
    info.add_itxt("Comment", latent_file.dumps(FILE))
    info.add_text(latent_file.KEYWORD, "elsewhere")
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    with pytest.raises(UserError, match="carries no latent"):
        latent_file.read_latent_file(path)


def test_a_compressed_or_giant_chunk_is_not_inflated(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    info = PngInfo()
    info.add_itxt(latent_file.KEYWORD, " " * 60_000_000, zip=True)
    info.add_text("zipped", " " * 60_000_000, zip=True)
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(UserError, match="carries no latent"):
        latent_file.read_latent_file(path)
    info = PngInfo()
    info.add_itxt(latent_file.KEYWORD, " " * (latent_file.MAX_BYTES + 10))
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    with pytest.raises(UserError, match="carries no latent"):
        latent_file.read_latent_file(path)


def test_pngs_that_lie_about_their_chunks_end_in_words(tmp_path: Path) -> None:
    path = tmp_path / "lies.png"
    for body in (
        b"",
        b"\0\0",
        struct.pack(">I", 0xFFFFFFFF) + b"iTXt",
        struct.pack(">I", 0xFFFFFFFF) + b"IDAT",
        struct.pack(">I", 5) + b"iTXt" + b"hello" + struct.pack(">I", zlib.crc32(b"iTXthello")),
        struct.pack(">I", 20) + b"iTXt" + b"aigc-playground\0\0\0\0\0",
    ):
        path.write_bytes(latent_file.PNG + body)
        with pytest.raises(UserError):
            latent_file.read_latent_file(path)
