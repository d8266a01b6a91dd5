"""Photographs of every size through tiny autoencoders of the real classes: all verbs, Stop, damaged weights."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.autoencoders import latent_operations as latents
from playground.autoencoders.service import AutoencoderService
from playground.autoencoders.types import (
    Encoded,
    Interpolation,
    LatentChanges,
    Progress,
    QuantizationSheet,
    Reconstruction,
)
from playground.catalog import read_catalog
from playground.errors import Cancelled, UserError
from playground.imaging import metrics
from playground.imaging.uploads import to_array
from playground.model_loader import ModelLoader
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Job, Worker
from playground.weights.store import WeightStore
from tests.tiny_models.autoencoders import catalogue, tiny_kl, tiny_taesd

RNG = np.random.default_rng(5)


def photo(width: int, height: int) -> Image.Image:
    small = RNG.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AutoencoderService]:
    folder = tmp_path_factory.mktemp("autoencoders")
    catalog = read_catalog(catalogue(folder))
    loaders = ModelLoader(catalog, WeightStore(folder / "cache", folder / "assets", offline=True), folder / "cache")
    models = ModelCache(loaders, loaders.estimate, on_cpu=lambda _: True)
    worker = Worker("test")
    yield AutoencoderService(catalog, models, worker)
    worker.close()
    models.close()


def last(job: Job[Any]) -> Any:
    events = [event for event in job.events() if event is not None and not isinstance(event, Phase)]
    assert all(isinstance(event, Progress) for event in events[:-1])
    assert [event.done for event in events[:-1]] == sorted(event.done for event in events[:-1])
    return events[-1]


@pytest.mark.parametrize("model", ["tiny", "kl"])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (37, 53), (8, 8), (130, 9)])
def test_any_size_comes_back_at_its_own(service: AutoencoderService, model: str, width: int, height: int) -> None:
    image = photo(width, height)
    found: Reconstruction = last(service.reconstruct("me", model, image))
    assert found.after.size == found.encoded.before.size == image.size and not found.encoded.resized
    assert np.array_equal(to_array(found.encoded.before), to_array(image))
    assert found.encoded.latent.shape == (4, -(-height // 8), -(-width // 8))
    figures = found.metrics
    assert figures.numbers == found.encoded.latent.size
    assert figures.bits_per_pixel == pytest.approx(32 * figures.numbers / (width * height))
    assert figures.ratio == pytest.approx(24 / figures.bits_per_pixel)
    assert figures.psnr == metrics.psnr(to_array(image), to_array(found.after))
    assert figures.ssim == metrics.ssim(to_array(image), to_array(found.after))


@pytest.mark.parametrize("model", ["tiny", "kl"])
def test_it_is_what_the_model_itself_does(service: AutoencoderService, model: str, tmp_path: Path) -> None:
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny

    image = photo(48, 40)
    found: Reconstruction = last(service.reconstruct("me", model, image))
    source = service.catalog.get(model).sources[0]
    net = (AutoencoderKL if model == "kl" else AutoencoderTiny).from_pretrained(source.path)  # type: ignore[union-attr]
    x = torch.tensor(to_array(image), dtype=torch.float32).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        z = net.encode(x).latent_dist.mean if model == "kl" else net.encode(x).latents
        y = net.decode(z).sample
    scale = 0.18215 if model == "kl" else 1.0
    assert found.encoded.latent == pytest.approx(z[0].numpy() * scale, abs=1e-4)
    expected = ((y[0].permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255)
    assert np.abs(to_array(found.after) - expected).max() <= 1


def test_scale_and_shift_make_kl_latents_alike(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

    picture = to_array(photo(32, 32))
    plain, other = (
        PhotoAutoencoder.from_folder(tiny_kl(tmp_path / str(shift), scale, shift), AutoencoderKL, "cpu", "x")
        for scale, shift in ((1.0, None), (0.5, 2.0))
    )
    z, w = plain.encode(picture, Task()), other.encode(picture, Task())
    assert w == pytest.approx((z - 2.0) * 0.5, abs=1e-5)
    assert np.abs(plain.decode(z, Task()).astype(int) - other.decode(w, Task())).max() <= 1


def test_sixteen_channels_are_read_from_the_config(tmp_path: Path) -> None:
    from diffusers import AutoencoderTiny

    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

    net = PhotoAutoencoder.from_folder(tiny_taesd(tmp_path / "m", channels=16), AutoencoderTiny, "cpu", "x")
    assert net.channels == 16 and net.factor == 8
    assert net.encode(to_array(photo(32, 24)), Task()).shape == (16, 3, 4)


def test_a_huge_photograph_is_scaled_and_said_to_be(service: AutoencoderService) -> None:
    found: Reconstruction = last(service.reconstruct("me", "tiny", photo(4000, 3000), longest=96))
    assert found.encoded.resized and found.encoded.original == (4000, 3000)
    assert found.encoded.size == found.after.size == (96, 72)
    for wrong in (63, 2049, float("nan"), True, "512"):
        with pytest.raises(UserError, match="longer side"):
            service.reconstruct("me", "tiny", photo(64, 64), longest=wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="from 64 to 1024"):
        service.reconstruct("me", "kl", photo(64, 64), longest=1025)


def test_a_known_latent_spares_the_encoder_only_where_it_is_the_same(service: AutoencoderService) -> None:
    image = photo(40, 40)
    known: Encoded = last(service.reconstruct("me", "tiny", image)).encoded

    def encodes(model: str, picture: Image.Image, longest: int = 512) -> bool:
        job = service.reconstruct("me", model, picture, LatentChanges(noise=0.1), longest, known)
        return any(isinstance(event, Progress) and event.stage == "encode" for event in job.events())

    assert not encodes("tiny", image) and not encodes("tiny", image.copy())
    assert encodes("kl", image) and encodes("tiny", photo(40, 40)) and encodes("tiny", photo(300, 300), 64)


def test_gain_noise_and_bits_change_what_they_say(service: AutoencoderService) -> None:
    image = photo(64, 48)
    plain: Reconstruction = last(service.reconstruct("me", "tiny", image))
    same: Reconstruction = last(service.reconstruct("me", "tiny", image, LatentChanges(gain=(1.0, 1.0), seed=4)))
    assert np.array_equal(to_array(plain.after), to_array(same.after))
    seen = {to_array(plain.after).tobytes()}
    for changes in (
        LatentChanges(gain=(0.0,)), LatentChanges((1.0, 0.0)), LatentChanges(bits=1), LatentChanges(noise=1.0),
        LatentChanges(noise=1.0, seed=1),
    ):  # fmt: skip
        found: Reconstruction = last(service.reconstruct("me", "tiny", image, changes))
        again: Reconstruction = last(service.reconstruct("me", "tiny", image, changes))
        assert np.array_equal(to_array(found.after), to_array(again.after))
        seen.add(to_array(found.after).tobytes())
    assert len(seen) == 6
    with pytest.raises(UserError, match="4 channels, and 5 gains"):
        last(service.reconstruct("me", "tiny", image, LatentChanges(gain=(1.0,) * 5)))


def test_the_sheet_shows_every_number_of_bits(service: AutoencoderService) -> None:
    sheet: QuantizationSheet = last(service.quantization_sheet("me", "kl", photo(40, 40)))
    assert [bits for bits, _, _ in sheet.rows] == list(range(1, 9))
    assert all(picture.size == (40, 40) for _, picture, _ in sheet.rows)
    sizes = [figures.bits_per_pixel for _, _, figures in sheet.rows]
    numbers = 4 * 5 * 5
    assert sizes == pytest.approx([(numbers * bits + 4 * 64) / 1600 for bits in range(1, 9)])


def test_from_one_photograph_to_another(service: AutoencoderService) -> None:
    a, b = photo(40, 24), photo(100, 100)
    found: Interpolation = last(service.interpolate("me", "tiny", a, b, 5))
    ends = [
        last(service.reconstruct("me", "tiny", image)).after for image in (a, b.resize((40, 40)).crop((0, 8, 40, 32)))
    ]
    assert len(found.frames) == 5 and {frame.size for frame in found.frames} == {(40, 24)}
    assert np.array_equal(to_array(found.frames[0]), to_array(ends[0]))
    assert metrics.psnr(to_array(found.frames[-1]), to_array(ends[1])) > 25
    with Image.open(io.BytesIO(found.animation)) as moving:
        assert (moving.format, moving.size) == ("WEBP", (40, 24))
    for count in (1, 49, True, 2.5):
        with pytest.raises(UserError, match="whole number from 2 to 48"):
            service.interpolate("me", "tiny", a, b, count)  # type: ignore[arg-type]


def test_numbers_that_are_none_are_told_and_no_black_picture_comes(service: AutoencoderService) -> None:
    with pytest.raises(UserError, match="not finite while decoding"):
        last(service.reconstruct("me", "broken", photo(32, 32)))
    with pytest.raises(UserError, match="not finite while decoding"):
        last(service.quantization_sheet("me", "broken", photo(32, 32)))


def test_stop_acts_between_layers_and_leaves_the_model_usable(service: AutoencoderService) -> None:
    image = photo(64, 64)
    before: Reconstruction = last(service.reconstruct("me", "kl", image))
    with service._models.use(ModelKey("kl")) as network:
        task = Task()
        calls = 0

        def stop_soon(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls == 5:
                task.cancel()

        hooks = [module.register_forward_hook(stop_soon) for module in network._model.modules()]
        with pytest.raises(Cancelled):
            network.encode(to_array(image), task)
        assert calls == 5
        for hook in hooks:
            hook.remove()
        assert not any(module._forward_pre_hooks for module in network._model.modules())
    job = service.quantization_sheet("me", "kl", image)
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, Progress) and event.done == 2:
                job.cancel()
    after: Reconstruction = last(service.reconstruct("me", "kl", image))
    assert np.array_equal(to_array(before.after), to_array(after.after))


def test_files_of_something_else_are_told(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL, AutoencoderTiny

    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

    folder = tiny_taesd(tmp_path / "m")
    with pytest.raises(UserError, match="of the class AutoencoderTiny, not AutoencoderKL"):
        PhotoAutoencoder.from_folder(folder, AutoencoderKL, "cpu", "Mine")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "latent_channels": 8}))
    with pytest.raises(UserError, match=r"weights of Mine are missing|are not those of an AutoencoderTiny"):
        PhotoAutoencoder.from_folder(folder, AutoencoderTiny, "cpu", "Mine")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(UserError, match="are not those of an AutoencoderTiny"):
        PhotoAutoencoder.from_folder(folder, AutoencoderTiny, "cpu", "Mine")


def test_weights_that_lack_are_not_made_up(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file, save_file

    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

    folder = tiny_kl(tmp_path / "m")
    path = folder / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights.pop("post_quant_conv.weight")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match="1 of the weights of Mine are missing"):
        PhotoAutoencoder.from_folder(folder, AutoencoderKL, "cpu", "Mine")


def test_only_autoencoders_are_taken(service: AutoencoderService) -> None:
    with pytest.raises(UserError, match="no autoencoder for photographs"):
        service.entry("smollm2-135m")
    known = {entry.id for entry in service.entries()}
    assert {"taesd", "taesdxl", "taesd3", "taef1", "sd-vae-ft-mse", "sdxl-vae-fp16-fix", "tiny"} <= known


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gain", None), ("gain", "1"), ("gain", [float("nan")]), ("gain", [True]), ("gain", [5]), ("gain", [1.0] * 65),
        ("bits", 9), ("bits", -1), ("bits", 2.5), ("bits", None), ("noise", float("inf")), ("noise", -0.1),
        ("noise", "1"), ("seed", 2**32), ("seed", -1), ("seed", float("nan")),
    ],
)  # fmt: skip
def test_hostile_values_are_refused(field: str, value: object) -> None:
    fine: dict[str, Any] = {"gain": [1.0, 0.5], "bits": 3.0, "noise": 0.2, "seed": 4}
    assert latents.validate_changes(**fine) == LatentChanges((1.0, 0.5), 3, 0.2, 4)
    with pytest.raises(UserError, match=f"(?i)\\b{field}\\b"):
        latents.validate_changes(**{**fine, field: value})


def test_fewer_bits_cost_what_theory_says() -> None:
    """Max (1960): mean squared error of the best uniform quantizer for a normal source, by number of levels."""
    latent = np.random.default_rng(0).standard_normal((1, 250, 400)).astype(np.float32)
    known = {1: 0.3634, 2: 0.1188, 3: 0.03744, 4: 0.01154, 5: 0.003495}
    for bits, error in known.items():
        found = latents.quantize(latent * 3 + 7, bits)
        assert len(np.unique(found)) <= 2**bits
        assert float(np.square((found - 7) / 3 - latent).mean()) == pytest.approx(error, rel=0.06)
    flat = np.full((2, 3, 3), 1.5, np.float32)
    assert np.array_equal(latents.quantize(flat, 1), flat)


def test_linear_interpolation_has_exact_ends() -> None:
    a, b = RNG.standard_normal((2, 4, 5, 5)).astype(np.float32)
    assert np.array_equal(latents.lerp(a, b, 0.0), a) and np.array_equal(latents.lerp(a, b, 1.0), b)
    assert latents.lerp(a, b, 0.25) == pytest.approx(0.75 * a + 0.25 * b, abs=1e-6)
