"""The VAE's verbs on tiny random networks of the real classes: what must hold whatever the weights are."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground.avatars.flow import AvatarFlow
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.core import Playground
from playground.errors import Cancelled, UserError
from playground.imaging import metrics
from playground.imaging.uploads import Crop
from playground.runtime.task import Phase
from playground.settings import Settings
from playground.vae import interpolation
from playground.vae.service import VaeService
from tests.tiny_models.avatars import tiny_catalog, tiny_family, tiny_vae

VAE = "avatar-vae"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("family")


@pytest.fixture(scope="module")
def playground(folder: Path) -> Iterator[Playground]:
    """The whole family, and a VAE of somebody's own that has no companions and draws another size."""
    models = tiny_family(folder) | {"lonely": tiny_vae(folder / "lonely", seed=5, size=32)}
    catalogue = tiny_catalog(folder / "own.toml", models, {"lonely": "avatar-vae"})
    made = Playground(Settings(offline=True, catalogs=(catalogue,), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def service(playground: Playground) -> VaeService:
    return playground.vae


@pytest.fixture(scope="module")
def vae(folder: Path, service: VaeService) -> AvatarVAE:
    return AvatarVAE.from_pretrained(folder / VAE).eval()


@pytest.fixture(scope="module")
def flow(folder: Path, service: VaeService) -> AvatarFlow:
    return AvatarFlow.from_pretrained(folder / "avatar-flow").eval()


def drawn(vae: AvatarVAE, latent: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8, straight from the network."""
    with torch.no_grad():
        x = vae.decode(torch.from_numpy(latent)[None])[0]
    return ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def noise(seed: int) -> np.ndarray:
    return torch.randn(64, generator=torch.Generator().manual_seed(seed)).numpy()


def test_controls_are_known_before_any_model_library_is_imported(folder: Path, playground: Playground) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom playground.core import Playground\n"
        "from playground.settings import Settings\n"
        f"folder = Path({str(folder)!r})\n"
        "p = Playground(Settings(offline=True, catalogs=(folder / 'own.toml',), cache=folder / 'other'))\n"
        "names = [c.name for c in p.vae.controls('avatar-vae')]\n"
        "p.vae.missing_parts('avatar-vae')\np.close()\n"
        "print('skin' in names, 'hair_length' in names, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "True", "False"]


def test_a_live_picture_is_what_the_network_draws(service: VaeService, vae: AvatarVAE) -> None:
    z = noise(1)
    assert np.array_equal(np.asarray(service.render(VAE, z)), drawn(vae, z))
    frame = service.frame(VAE, z.tolist(), {}, side=64)
    shown = Image.open(BytesIO(frame.jpeg))
    assert shown.format == "JPEG" and np.array_equal(frame.latent, z)
    assert metrics.psnr(np.asarray(shown), drawn(vae, z)) > 28
    assert Image.open(BytesIO(service.frame(VAE, z, {}, side=300).jpeg)).size == (300, 300)


def test_every_control_moves_its_own_coordinates_and_no_others(service: VaeService) -> None:
    z = noise(2)
    for control in service.controls(VAE):
        wanted = control.values if control.kind == "chips" else (control.minimum, 1.25, control.values[-1])
        for value in wanted:
            frame = service.frame(VAE, z, {control.name: value}, side=32)
            rest = np.ones(64, bool)
            rest[control.block.slice] = False
            assert np.array_equal(frame.latent[rest], z[rest])
            stands = frame.values[control.name]
            assert stands == (pytest.approx(value, abs=1e-3) if isinstance(value, float) else stands)
            if control.kind == "chips":
                assert stands == value
    moved = service.frame(VAE, z, {"skin": 0.0, "glasses": "round glasses"}).latent
    assert not np.array_equal(np.asarray(service.render(VAE, moved)), np.asarray(service.render(VAE, z)))


def test_a_seed_gives_the_same_face_again(service: VaeService, flow: AvatarFlow) -> None:
    first = service.frame(VAE, None, {}, seed=7)
    assert np.array_equal(first.latent, service.frame(VAE, None, {}, seed=7).latent)
    assert np.array_equal(first.latent, service.sample(VAE, 7))
    assert not np.allclose(first.latent, service.sample(VAE, 8), atol=0.1)
    with torch.no_grad():
        back, _ = flow(torch.from_numpy(service.sample(VAE, 7, temperature=0.5))[None])
    assert np.allclose(back[0].numpy(), 0.5 * noise(7), atol=1e-4)
    assert np.allclose(service.sample(VAE, 7, temperature=0.5, prior="normal"), 0.5 * noise(7))


def test_pulling_back_shrinks_the_noise(service: VaeService, flow: AvatarFlow) -> None:
    z = noise(3)
    with torch.no_grad():
        before = flow(torch.from_numpy(z)[None])[0][0].numpy()
        after = flow(torch.from_numpy(service.pull_back(VAE, z, 0.25))[None])[0][0].numpy()
        middle = flow.inverse(torch.zeros(1, 64))[0].numpy()
    assert np.allclose(after, 0.75 * before, atol=1e-4)
    assert np.allclose(service.pull_back(VAE, z, 0), z, atol=1e-4)
    assert np.allclose(service.pull_back(VAE, z, 1.0), middle, atol=1e-5)


def test_an_encoded_picture_tells_what_was_seen_and_how_it_comes_back(service: VaeService, vae: AvatarVAE) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8))
    found = service.encode(VAE, picture)
    assert found.crop == Crop(20, 0, 80, 120, 80) and found.seen.size == (64, 64)
    with torch.no_grad():
        mean, _ = vae.encode(torch.from_numpy(np.array(found.seen)).permute(2, 0, 1)[None] / 127.5 - 1)
    assert np.allclose(found.latent, mean[0].numpy(), atol=1e-4)
    assert np.array_equal(np.asarray(found.reconstruction), drawn(vae, found.latent))
    assert found.psnr == metrics.psnr(np.asarray(found.seen), np.asarray(found.reconstruction))
    assert found.values == service.frame(VAE, found.latent, {}).values
    assert found.typicality is None and found.in_distribution  # there is no atlas yet that could tell
    assert service.encode(VAE, picture, Crop(0, 0, 64, 120, 80)).seen.getpixel((0, 0)) == picture.getpixel((0, 0))
    with pytest.raises(UserError, match="crop"):
        service.encode(VAE, picture, Crop(100, 0, 64, 120, 80))


def classified(folder: Path, service: VaeService, latent: np.ndarray) -> dict[str, dict[str, float]]:
    """What the judge says of a latent's picture, straight from the network."""
    judge = AvatarJudge.from_pretrained(folder / "avatar-judge").eval()
    x = torch.from_numpy(np.array(service.render(VAE, latent))).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        shares = [logits.softmax(1)[0].tolist() for logits in judge(x)]
    return {
        name: dict(zip(values, each, strict=True))
        for name, values, each in zip(judge.names, judge.values, shares, strict=True)
    }


def test_a_leak_is_the_distance_between_two_classifications(folder: Path, service: VaeService) -> None:
    a, b = noise(4), 3 * noise(5)
    assert all(leak.change == 0 and leak.before == leak.after for leak in service.leak(VAE, a, a))
    first, second = (classified(folder, service, latent) for latent in (a, b))
    assert all(sum(shares.values()) == pytest.approx(1, abs=1e-4) for shares in first.values())
    found = service.leak(VAE, a, b)
    assert [leak.change for leak in found] == sorted((leak.change for leak in found), reverse=True)
    assert {leak.attribute for leak in found} == set(first) and found[0].change > 0.001
    for leak in found:
        before, after = first[leak.attribute], second[leak.attribute]
        assert leak.change == pytest.approx(sum(abs(before[v] - after[v]) for v in before) / 2, abs=1e-6)
        assert before[leak.before] == max(before.values()) and after[leak.after] == max(after.values())


@pytest.mark.parametrize("mode", ["lerp", "slerp"])
def test_a_path_begins_and_ends_exactly(service: VaeService, vae: AvatarVAE, mode: interpolation.Mode) -> None:
    a, b = noise(6), 2 * noise(7)
    latents, pictures = service.interpolate(VAE, a, b, 5, mode)
    assert pictures.shape == (5, 64, 64, 3) and np.array_equal(latents, interpolation.interpolate(a, b, 5, mode))
    for picture, end in ((pictures[0], a), (pictures[-1], b)):  # together, convolutions round a little differently
        assert np.abs(picture.astype(int) - drawn(vae, end)).max() <= 1
    steps = interpolation.interpolate(a, b, 5, mode)
    assert np.array_equal(steps[0], a) and np.array_equal(steps[-1], b)
    if mode == "slerp":  # the length changes evenly along the way, where a straight line would cut through the middle
        lengths = np.linalg.norm(steps, axis=1)
        assert np.allclose(np.diff(lengths), np.diff(lengths)[0], atol=1e-3)
    else:
        assert np.allclose(steps[2], (a + b) / 2, atol=1e-6)


def test_paths_that_have_no_turn_are_straight() -> None:
    a = np.ones(4, np.float32)
    for b in (a, -a, 0 * a):
        assert np.allclose(interpolation.interpolate(a, b, 3, "slerp")[1], (a + b) / 2, atol=1e-6)
    assert (
        len(interpolation.interpolate_keys([a, 2 * a, 3 * a], 4)) == 12
    )  # a loop goes back, and does not show its first point twice
    assert len(interpolation.interpolate_keys([a, 2 * a, 3 * a], 4, loop=False)) == 9


def test_a_film_tells_how_far_it_is_and_ends_with_webp(service: VaeService) -> None:
    keys = [noise(seed).tolist() for seed in (1, 2, 3)]
    events = [event for event in service.animation("v", VAE, keys, steps=3, side=64).events() if event is not None]
    told = [event.done for event in events if isinstance(event, Phase) and event.kind == "preparing" and event.total]
    assert told == list(range(1, 10))
    assert isinstance(events[-1], bytes)
    film = Image.open(BytesIO(events[-1]))
    assert film.format == "WEBP" and getattr(film, "n_frames", 1) == 9 and film.size == (64, 64)


def test_a_film_can_be_stopped(service: VaeService) -> None:
    job = service.animation("v", VAE, [noise(1), noise(2)], steps=60, side=64)

    def watch() -> None:
        for event in job.events():
            if isinstance(event, Phase) and event.kind == "preparing" and event.done == 3:
                job.cancel()

    with pytest.raises(Cancelled):
        watch()
    assert job.ended.wait(5)
    assert service.frame(VAE, noise(1), {}).jpeg


def test_a_direction_is_what_two_groups_differ_by(service: VaeService) -> None:
    def picture(level: int, seed: int) -> Image.Image:
        grain = np.random.default_rng(seed).integers(-20, 21, (64, 64, 3))
        return Image.fromarray((level + grain).clip(0, 255).astype(np.uint8))

    light, dark = [picture(200, seed) for seed in range(6)], [picture(60, seed) for seed in range(6, 12)]
    found = service.direction(VAE, light, dark)
    means = [np.mean([service.encode(VAE, p).latent for p in group], axis=0) for group in (light, dark)]
    assert np.allclose(found.vector, means[0] - means[1], atol=1e-4)
    assert 0 < found.error < service.direction(VAE, light[:2], dark[:2]).error * 1.5
    assert service.direction(VAE, light[:3], light[3:]).error > 3 * found.error  # nothing tells these groups apart
    assert service.direction(VAE, light[:1], dark[:1]).error > found.error
    assert service.direction(VAE, light[:1], light[:1]).error == np.inf
    with pytest.raises(UserError, match="1 to 32"):
        service.direction(VAE, light, [])


def test_latents_can_be_reckoned_with(service: VaeService) -> None:
    a, b, c = noise(1), noise(2), noise(3)
    assert np.allclose(service.arithmetic(VAE, a, b, c), a - b + c)
    assert np.abs(service.arithmetic(VAE, np.full(64, 20.0), np.full(64, -20.0), c)).max() == 20


@pytest.mark.parametrize(
    "latent",
    [
        [0.0] * 63, [0.0] * 65, [], [[0.0] * 64], [0.0] * 63 + [float("nan")], [0.0] * 63 + [float("inf")],
        [0.0] * 63 + [10**400], [0.0] * 63 + [20.5], [0.0] * 63 + [True], [0.0] * 63 + ["1"], [0.0] * 63 + [None],
        "0" * 64, {"latent": 1}, 7, np.zeros((1, 64)), np.full(64, np.nan), np.array(["x"] * 64), True,
    ],
)  # fmt: skip
def test_a_latent_that_is_none_is_refused_in_words(service: VaeService, latent: object) -> None:
    with pytest.raises(UserError, match=r"latent|numbers"):
        service.frame(VAE, latent, {})
    with pytest.raises(UserError):
        service.arithmetic(VAE, noise(1), noise(2), latent)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nose": 1}, "no control"), ({"glasses": "monocle"}, "round glasses"), ({"glasses": 1}, "by name"),
        ({"skin": 5}, "0 to 4"), ({"skin": -0.01}, "0 to 4"), ({"skin": float("nan")}, "range"),
        ({"skin": 10**400}, "range"), ({"skin": True}, "number"), ({"skin": None}, "number"),
        ({"skin": [1]}, "number"), ({"skin": "x" * 10**6}, "no value"), ({3: 1}, "no control"), ([], "object"),
        ("skin", "object"), (None, "object"),
    ],
)  # fmt: skip
def test_values_that_no_control_has_are_refused_in_words(service: VaeService, values: object, words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        service.frame(VAE, noise(1), values)
    assert len(str(raised.value)) < 600


def test_other_arguments_are_checked_too(service: VaeService) -> None:
    z = noise(1)
    for seed in (-1, 1.5, 2**32, True, "1", None, float("nan")):
        with pytest.raises(UserError, match="whole number"):
            service.sample(VAE, seed)  # type: ignore[arg-type]
    for side in (0, 15, 10**9, 64.5, None):
        with pytest.raises(UserError, match="side"):
            service.frame(VAE, z, {}, side=side)  # type: ignore[arg-type]
    for call in (
        lambda: service.sample(VAE, 1, temperature=float("nan")),
        lambda: service.sample(VAE, 1, prior="other"),  # type: ignore[arg-type]
        lambda: service.pull_back(VAE, z, 1.01),
        lambda: service.interpolate(VAE, z, z, 10_000),
        lambda: service.interpolate(VAE, z, z, 4, "spline"),  # type: ignore[arg-type]
        lambda: service.animation("v", VAE, [z]),
        lambda: service.animation("v", VAE, [z] * 99),
        lambda: service.animation("v", VAE, [z, z], steps=10**6),
        lambda: service.animation("v", VAE, [z, z], fps=0),
        lambda: service.frame("avatar-gan", z, {}),
        lambda: service.frame("nobody", z, {}),
    ):
        with pytest.raises(UserError):
            call()


def test_a_model_without_companions_says_so_and_does_the_rest(service: VaeService) -> None:
    assert set(service.missing_parts("lonely")) == {"flow", "judge", "atlas"} and set(service.missing_parts(VAE)) == {
        "atlas"
    }
    z = service.frame("lonely", None, {"skin": 2.0}, seed=3).latent
    assert np.array_equal(service.sample("lonely", 3, prior="normal")[1:], z[1:])
    assert service.render("lonely", z).size == (32, 32)
    found = service.encode("lonely", Image.new("RGB", (50, 50), "teal"))
    assert found.typicality is None and found.in_distribution and found.seen.size == (32, 32)
    for verb, words in (
        (lambda: service.sample("lonely", 3), "no flow"),
        (lambda: service.pull_back("lonely", z, 0.5), "no flow"),
        (lambda: service.typicality("lonely", z), "no atlas"),
        (lambda: service.leak("lonely", z, z), "judge"),
        (lambda: service.dimensions("lonely"), "no atlas"),
        (lambda: service.latent_at("lonely", 0.5, 0.5), "no atlas"),
        (lambda: service.nearest("lonely", z), "no atlas"),
    ):
        with pytest.raises(UserError, match=words):
            verb()


def test_a_config_that_is_damaged_is_told_in_words(folder: Path, tmp_path: Path) -> None:
    for text in (
        "{",
        "{}",
        '{"attributes": 3}',
        '{"attributes": [{"name": "skin"}]}',
        "[]",
        '{"attributes": [], "size": "x"}',
    ):
        broken = tmp_path / "broken"
        broken.mkdir(exist_ok=True)
        (broken / "model.safetensors").write_bytes((folder / VAE / "model.safetensors").read_bytes())
        (broken / "config.json").write_text(text)
        catalogue = tiny_catalog(tmp_path / "own.toml", {"avatar-vae": broken})
        made = Playground(Settings(offline=True, catalogs=(catalogue,), cache=tmp_path / "cache"))
        with pytest.raises(UserError, match=r"config\.json"):
            made.vae.controls("avatar-vae")
        made.close()


def test_many_at_once_each_get_their_own_picture(service: VaeService) -> None:
    alone = {seed: service.frame(VAE, None, {}, seed=seed).jpeg for seed in range(12)}
    found: dict[int, bytes] = {}

    def visit(seed: int) -> None:
        service.encode(VAE, Image.new("RGB", (64, 64), "red"))
        found[seed] = service.frame(VAE, None, {}, seed=seed).jpeg

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_a_frame_can_go_to_a_page(service: VaeService) -> None:
    frame = service.frame(VAE, None, {})
    assert json.dumps({"latent": frame.latent.tolist(), "values": frame.values})
