"""Pictures in and out: whatever a visitor may upload becomes an upright RGB picture, or words that say why not."""

import contextlib
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.errors import Cancelled, UserError
from playground.imaging import animation, encoding, metrics, uploads
from playground.imaging.uploads import Crop
from playground.runtime.task import Task

RNG = np.random.default_rng(7)


def smooth(height: int, width: int) -> np.ndarray:
    small = RNG.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def marked() -> Image.Image:
    """40 x 24, red in the upper left corner, blue in the lower right one."""
    image = Image.new("RGB", (40, 24), "white")
    image.paste((255, 0, 0), (0, 0, 10, 10))
    image.paste((0, 0, 255), (30, 14, 40, 24))
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_every_exif_orientation_comes_out_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = marked()
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)  # what a camera held that way would store
    if undo in uploads.UPRIGHT:
        stored = stored.transpose(uploads.UPRIGHT[undo])
    exif = Image.Exif()
    exif[uploads.ORIENTATION] = orientation
    exif[0x010F] = "a camera"
    options = {"quality": 100} if suffix != "png" else {}
    path = save(tmp_path / f"picture.{suffix}", stored, exif=exif, **options)
    image = uploads.read(path)
    assert image.size == (40, 24)
    assert metrics.psnr(uploads.to_array(image), uploads.to_array(marked())) > 25
    assert not image.info and not image.getexif()


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (16, 16), (10, 20, 30, 0))
    half = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    assert uploads.read(save(tmp_path / "clear.png", clear)).getpixel((3, 3)) == (255, 255, 255)
    assert uploads.read(save(tmp_path / "half.png", half)).getpixel((3, 3)) == (127, 127, 127)
    grey = Image.new("LA", (16, 16), (50, 255))
    assert uploads.read(save(tmp_path / "grey.png", grey)).getpixel((3, 3)) == (50, 50, 50)
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    assert uploads.read(save(tmp_path / "palette.png", palette)).getpixel((3, 3)) == (0, 255, 0)
    assert uploads.read(save(tmp_path / "hole.png", palette, transparency=1)).getpixel((3, 3)) == (255, 255, 255)


def test_cmyk_one_bit_and_sixteen_bits(tmp_path: Path) -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red = uploads.read(save(tmp_path / "ink.jpg", cmyk, quality=95)).getpixel((8, 8))
    assert isinstance(red, tuple) and red[0] > 200 and red[1] < 60 and red[2] < 60
    assert uploads.read(save(tmp_path / "bit.png", Image.new("1", (16, 16), 1))).getpixel((8, 8)) == (255, 255, 255)
    deep = Image.fromarray(np.full((16, 16), 32768, np.uint16))
    assert uploads.read(save(tmp_path / "deep.png", deep)).getpixel((8, 8)) == (128, 128, 128)
    assert uploads.read(save(tmp_path / "deep.tiff", deep)).getpixel((8, 8)) == (128, 128, 128)
    floats = Image.fromarray(np.full((16, 16), 0.5, np.float32))
    assert uploads.read(save(tmp_path / "float.tiff", floats)).getpixel((8, 8)) == (128, 128, 128)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    path = save(tmp_path / f"moves.{suffix}", frames[0], save_all=True, append_images=frames[1:], duration=50)
    pixel = uploads.read(path).getpixel((8, 8))
    assert isinstance(pixel, tuple) and pixel[0] > 240 and pixel[1] < 15


def test_words_for_what_is_no_picture(tmp_path: Path) -> None:
    for name, data in {
        "text.png": b"hello, I am a text",
        "empty.jpg": b"",
        "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n",
        "pickle.png": b"\x80\x04\x95",
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(UserError, match="not a picture that can be read"):
            uploads.read(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_a_truncated_picture_is_told(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"whole.{suffix}", Image.fromarray(smooth(90, 120)))
    data = path.read_bytes()
    for share in (0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(UserError, match=r"damaged or cut short|not a picture"):
            uploads.read(path)


@pytest.mark.filterwarnings("ignore")  # of damaged tags
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif"])
def test_flipped_bytes_give_a_picture_or_words_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"whole.{suffix}", Image.fromarray(smooth(30, 40)))
    data = path.read_bytes()
    rng = random.Random(3)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 3, 20))):
            changed[rng.randrange(min(len(data), rng.choice((64, len(data)))))] = rng.randrange(256)
        path.write_bytes(changed)
        with contextlib.suppress(UserError):
            assert uploads.read(path).mode == "RGB"


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_giant_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    path = tmp_path / "giant.png"
    path.write_bytes(png_header(side, side))  # decoding it would fail as “cut short”
    with pytest.raises(
        UserError, match=r"too large\. (It|With \d+ × \d+ pixels it) has more than the 50 million pixels"
    ):
        uploads.read(path)


def display_p3() -> bytes:
    """The colour profile of most phones: a matrix and one curve (ICC.1:2010, sections 8.3, 10.10, 10.16)."""

    def fixed(*numbers: float) -> bytes:
        return struct.pack(f">{len(numbers)}i", *(round(65536 * number) for number in numbers))

    def tag_xyz(*numbers: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*numbers)

    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    name = "P3".encode("utf-16-be")
    text = b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(name), 28) + name
    tags = {
        b"desc": text, b"wtpt": tag_xyz(0.9642, 1.0, 0.8249), b"rXYZ": tag_xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": tag_xyz(0.29198, 0.69225, 0.04189), b"bXYZ": tag_xyz(0.15710, 0.06657, 0.78407),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        table += key + struct.pack(">II", start + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"\0" * 4, 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + data


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_a_colour_profile_is_applied(tmp_path: Path, suffix: str) -> None:
    options = {} if suffix in ("png", "tiff") else {"quality": 100}
    green = Image.new("RGB", (16, 16), (60, 160, 70))
    path = save(tmp_path / f"green.{suffix}", green, icc_profile=display_p3(), **options)
    assert np.allclose(uploads.read(path).getpixel((8, 8)), (0, 164, 52), atol=4)  # type: ignore[arg-type]
    plain = save(tmp_path / f"plain.{suffix}", green, icc_profile=b"no profile", **options)
    assert np.allclose(uploads.read(plain).getpixel((8, 8)), (60, 160, 70), atol=3), "a broken one is passed over"  # type: ignore[arg-type]


def test_a_colour_profile_is_applied_before_transparency_is_composited(tmp_path: Path) -> None:
    half = Image.new("RGBA", (16, 16), (60, 160, 70, 0))
    half.paste((60, 160, 70, 255), (0, 0, 8, 16))
    image = uploads.read(save(tmp_path / "half.png", half, icc_profile=display_p3()))
    assert image.getpixel((12, 8)) == (255, 255, 255)
    assert np.allclose(image.getpixel((4, 8)), (0, 164, 52), atol=4)  # type: ignore[arg-type]


def test_the_smallest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 × 1 pixels"):
        uploads.read(save(tmp_path / "dot.png", Image.new("RGB", (1, 1))))
    with pytest.raises(UserError, match="300 × 7 pixels"):
        uploads.read(Image.new("RGB", (300, 7)))
    assert uploads.read(Image.new("L", (8, 8))).size == (8, 8)


def test_the_crop_is_the_centre_or_the_one_asked_for() -> None:
    image = marked()
    small, crop = uploads.square(image, 12)
    assert crop == Crop(8, 0, 24, 40, 24) and small.size == (12, 12)
    corner, _ = uploads.square(image, 8, Crop(0, 0, 10, 40, 24))
    assert np.all(uploads.to_array(corner) == (255, 0, 0))


@pytest.mark.parametrize(
    "crop", [Crop(0, 0, 25, 40, 24), Crop(-1, 0, 10, 40, 24), Crop(0, 0, 0, 40, 24), Crop(0, 0, 10, 41, 24)]
)
def test_a_crop_of_something_else_is_refused(crop: Crop) -> None:
    with pytest.raises(UserError, match="crop"):
        uploads.square(marked(), 8, crop)


def test_arrays_and_encodings_go_round(tmp_path: Path) -> None:
    array = smooth(64, 64)
    assert np.array_equal(uploads.to_array(uploads.from_array(array)), array)
    decoded = Image.open(io.BytesIO(encoding.jpeg(array, 320)))
    assert decoded.format == "JPEG" and decoded.size == (320, 320)
    assert metrics.psnr(np.asarray(decoded.resize((64, 64), Image.Resampling.BOX)), array) > 35
    assert encoding.data_uri(b"\xff\xd8").startswith("data:image/jpeg;base64,/9")
    words = {"parameters": "seed 3", "题": "一个微笑的人"}
    (tmp_path / "with text.png").write_bytes(
        encoding.png(uploads.from_array(array), {"parameters": words["parameters"], "title": words["题"]})
    )
    with Image.open(tmp_path / "with text.png") as saved:
        assert saved.text == {"parameters": "seed 3", "title": "一个微笑的人"}  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(saved), array)


def test_psnr_and_ssim_are_the_published_ones() -> None:
    a = smooth(40, 52)
    assert metrics.psnr(a, a) == float("inf") and metrics.ssim(a, a) == pytest.approx(1)
    b = np.where(a < 128, a + 16, a - 16).astype(np.uint8)
    assert metrics.psnr(a, b) == pytest.approx(20 * np.log10(255 / 16), abs=1e-4)
    # constant pictures: contrast and structure are 1, so SSIM is the luminance term alone (equation 6)
    x, y = np.full((20, 20, 3), 100, np.uint8), np.full((20, 20, 3), 150, np.uint8)
    luminance = (2 * 100 * 150 + metrics.C1) / (100**2 + 150**2 + metrics.C1)
    assert metrics.ssim(x, y) == pytest.approx(luminance, abs=1e-6)
    assert metrics.ssim(a, 255 - a) < 0.2
    assert metrics.ssim(smooth(8, 8), smooth(8, 8)) < 1  # smaller than the window
    with pytest.raises(ValueError, match="one size"):
        metrics.psnr(a, a[1:])


def naive_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Equation 13 of the paper, window by window."""
    x, y = (array @ np.array([0.299, 0.587, 0.114]) for array in (a.astype(float), b.astype(float)))
    places = np.arange(11) - 5
    weights = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    weights /= weights.sum()
    found = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            p, q = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            found.append(
                (2 * mp * mq + metrics.C1) * (2 * cov + metrics.C2)
                / ((mp**2 + mq**2 + metrics.C1) * (vp + vq + metrics.C2))
            )  # fmt: skip
    return float(np.mean(found))


def test_ssim_is_the_mean_over_windows() -> None:
    a = smooth(19, 23)
    b = np.clip(a.astype(int) + RNG.integers(-30, 30, a.shape), 0, 255).astype(np.uint8)
    assert metrics.ssim(a, b) == pytest.approx(naive_ssim(a, b), abs=1e-6)


def test_an_animation_loops_and_holds_every_frame() -> None:
    frames = [smooth(16, 16) for _ in range(7)]
    told: list[int] = []
    data = animation.webp(iter(frames), 20, 48, report=told.append, count=7)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (7, (48, 48), 0)  # type: ignore[attr-defined]
        for place, frame in enumerate(frames):
            image.seek(place)
            image.load()
            assert image.info["duration"] == 50
            assert metrics.psnr(np.asarray(image.convert("RGB")), np.asarray(encoding.enlarge(frame, 48))) > 28
    assert told == list(range(1, 8))
    assert animation.webp(iter(frames), 20, 48) == data  # counted beforehand or not


def test_stop_ends_an_animation_between_two_frames() -> None:
    task, made = Task(), []

    def frames() -> object:
        for number in range(100):
            made.append(number)
            yield smooth(8, 8)

    with pytest.raises(Cancelled):
        animation.webp(frames(), 20, 32, task, lambda done: task.cancel() if done == 5 else None, count=100)  # type: ignore[arg-type]
    assert len(made) == 5
    with pytest.raises(ValueError, match="at least one"):
        animation.webp([], 20, 32)
    with pytest.raises(ValueError, match="announced"):
        animation.webp([smooth(8, 8)] * 3, 20, 32, count=5)


def test_a_picture_gradio_has_opened_already_is_read_with_the_same_care(tmp_path: Path) -> None:
    path = save(tmp_path / "cut.jpg", Image.fromarray(smooth(90, 120)))
    path.write_bytes(path.read_bytes()[:900])
    with Image.open(path) as lazy, pytest.raises(UserError, match="damaged or cut short"):
        uploads.read(lazy)
