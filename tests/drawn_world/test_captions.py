"""The recipes that know words, at a scale of seconds: they learn, go on where they were cut, and are stock models."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, StableDiffusionPipeline
from transformers import AutoProcessor, CLIPTokenizer, Idefics3VisionConfig, VisionTextDualEncoderModel
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionTransformer

from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import ATTRIBUTES, HIDDEN, from_labels
from playground.drawn_world.captions import Caption, caption_of, captioned_person, held_out, words
from playground.drawn_world.drawing import portrait
from playground.drawn_world.phrases import agrees, claims
from playground.drawn_world.sampling import Split, person, seeds
from playground.drawn_world.values import Lenses
from playground.training.dataset import World, read
from playground.training.evaluation import diffusion as measured
from playground.training.evaluation.frequencies import having
from playground.training.recipes import (
    autoencoder,
    clip,
    clip_tokenizer,
    diffusion,
    latent_classifier,
    upscale_decoder,
)
from playground.training.recipes.caption_targets import Captions, allowed, value_offsets
from playground.training.recipes.net2wider import take_over
from playground.training.recipes.training_loop import Schedule, pictures
from playground.training.recipes.vae import attribute_config
from playground.training.shards import Plan, render

pytestmark = pytest.mark.slow

COUNT, CPU = 48, torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="module")
def worlds(folder: Path) -> tuple[World, World, World]:
    """Portraits, the same after an edit, and groups."""
    plans = [Plan("portraits", Split.TRAIN, COUNT, 64), Plan("edits", Split.TRAIN, COUNT, 64)]
    plans.append(Plan("groups", Split.TRAIN, 8, 96))
    for plan in plans:
        render(folder / plan.kind, plan, processes=1, progress=False)
    portraits, edits, groups = (read(folder / plan.kind) for plan in plans)
    return portraits, edits, groups


@pytest.fixture(scope="module")
def tokenizer(worlds: tuple[World, World, World]) -> CLIPTokenizer:
    return clip_tokenizer.new_tokenizer([*(record["caption"] for record in worlds[0].records()), *words()])


@pytest.fixture
def small(tokenizer: CLIPTokenizer) -> clip.Clip:
    torch.manual_seed(0)
    return clip.build(tokenizer, 64, width=32, depth=(1, 1))


def schedule(images: int, batch: int = 16) -> Schedule:
    return Schedule(images, batch, 2e-3, warmup=16, averaging=16)


def test_the_tokenizer_spells_any_text_and_ends_with_an_id_of_its_own(tokenizer: CLIPTokenizer) -> None:
    assert tokenizer.eos_token_id == 1, "transformers gives the id 2 a meaning of its own"
    for text in ("a smiling person with a red beard", "Zürich ☂ 你好", "xq", "\x07"):
        ids = tokenizer(text).input_ids
        assert ids[0] == tokenizer.bos_token_id and ids[-1] == 1 and 1 not in ids[:-1]
    known = tokenizer("a smiling person with a red beard").input_ids
    assert len(known) == 9, "a word of the world is one token"
    assert tokenizer.model_max_length == clip_tokenizer.TOKENS


def test_what_a_caption_allows_is_what_its_claims_say(worlds: tuple[World, World, World]) -> None:
    portraits = worlds[0]
    rows = np.arange(24)
    captions = Captions(portraits).of(rows, np.random.default_rng(0))
    agree = clip.agreement(portraits.labels(rows), np.stack([allowed(caption.claims) for caption in captions]))
    assert agree.diagonal().all(), "a caption is true of its own picture"
    people = [person(int(seed)) for seed in portraits.seeds(rows)]
    for row, column in product(rows[:12], rows):
        assert agree[row, column] == agrees(people[row], claims(captions[column].text))
    assert not agree.all()


def test_captioned_people_are_always_told_of_by_what_they_were_made_for(folder: Path) -> None:
    render(folder / "captioned", Plan("captioned", Split.TRAIN, 40, 64), processes=1, progress=False)
    world = read(folder / "captioned")
    rows, rng = np.arange(40), np.random.default_rng(0)
    captions = Captions(world)
    first, second = captions.of(rows, rng), captions.of(rows, rng)
    assert [caption.claims for caption in first] == [caption.claims for caption in second]
    assert [caption.text for caption in first] != [caption.text for caption in second]
    assert not any(held_out(caption.text) for caption in first)
    agree = clip.agreement(world.labels(rows), np.stack([allowed(caption.claims) for caption in first]))
    assert agree.diagonal().all()
    nothing = captions.unnamed(rows)
    assert 0 < nothing.sum() < 20
    made = [captioned_person(seed) for seed in world.seeds(rows).tolist()]
    assert nothing.tolist() == [not each.named for each in made]
    assert not Captions(replace(world, plan=replace(world.plan, kind="portraits"))).unnamed(rows).any()


def test_no_picture_is_described_twice_alike_or_in_words_held_out(worlds: tuple[World, World, World]) -> None:
    captions, rng = Captions(worlds[0]), np.random.default_rng(1)
    texts = [caption.text for _ in range(30) for caption in captions.of(np.arange(COUNT), rng)]
    assert len(set(texts)) > 0.8 * len(texts)
    assert not any(held_out(text) for text in texts)
    drawn = [caption_of(seed, person(seed)).text for seed in seeds(Split.TRAIN, 1000)]
    assert 0.03 < np.mean([held_out(text) for text in drawn]) < 0.1, "one in sixteen is kept back"


def test_what_is_said_is_known_where_its_phrase_ends(tokenizer: CLIPTokenizer) -> None:
    text = "a person with red hair, blue hoodie"
    red, blue = claims("red hair"), claims("blue hoodie")
    caption = Caption(text, red | blue, ((text.index(","), red), (len(text), red | blue)))
    other = Caption("a bald person", claims("bald"), ((6, claims("bald")),))
    tokens = tokenizer([text, other.text], padding=True, return_tensors="pt")
    (rows, columns), said = clip.said(tokens, [caption, other])
    words_there = [
        tokenizer.decode(tokens.input_ids[row, column]).strip() for row, column in zip(rows, columns, strict=True)
    ]
    assert words_there == ["hair", "hoodie", "<|endoftext|>", "bald", "<|endoftext|>"]
    expected = [red, red | blue, red | blue, claims("bald"), claims("bald")]
    assert (said == np.stack([allowed(claim) for claim in expected])).all()
    cut = tokenizer([text], truncation=True, max_length=7, return_tensors="pt")
    (_, columns), said = clip.said(cut, [caption])
    assert len(columns) == 2 and (said == allowed(red)).all(), "what was cut off is not claimed"


def test_a_picture_that_a_caption_is_true_of_is_never_held_against_it() -> None:
    unit = torch.eye(3)
    nothing, everything = torch.eye(3).bool(), torch.ones(3, 3).bool()
    alike = unit[[0, 0, 2]]  # the first two pictures look the same
    told_apart, _ = clip.contrast(alike, unit, torch.tensor(3.0), nothing)
    excused, right = clip.contrast(alike, unit, torch.tensor(3.0), everything)
    assert excused < 1e-3 < told_apart and right == 1


def test_words_are_learnt_cut_and_gone_on_with(
    small: clip.Clip, worlds: tuple[World, World, World], folder: Path
) -> None:
    portraits, _, groups = worlds
    before = small.model.vision_model.embeddings.patch_embedding.weight.detach().clone()

    def surprise() -> float:
        """Mean negative log-likelihood of the next token in captions."""
        texts = [record["caption"] for record in portraits.records()[:8]]
        ids = small.tokenizer(texts, padding=True, return_tensors="pt").input_ids
        text = small.model.text_model.eval()
        with torch.no_grad():
            scores = text(ids).last_hidden_state @ text.get_input_embeddings().weight.T
        return float(torch.nn.functional.cross_entropy(scores[:, :-1].flatten(0, 1), ids[:, 1:].flatten()))

    untrained = surprise()
    clip.words(small, groups, folder / "part1", schedule(32))
    clip.words(small, groups, folder / "part1", schedule(2400))
    assert json.loads((folder / "part1" / "progress.json").read_text())["images"] == 2400
    assert surprise() < 0.8 * untrained
    assert torch.equal(before, small.model.vision_model.embeddings.patch_embedding.weight), "sight is part 2"


def test_sight_learns_and_leaves_the_words_alone(
    small: clip.Clip, worlds: tuple[World, World, World], folder: Path
) -> None:
    text = {key: value.clone() for key, value in small.model.text_model.state_dict().items()}
    patches = small.model.vision_model.embeddings.patch_embedding.weight.detach().clone()
    clip.sight(small, *worlds, folder / "part2", schedule(16 * clip.GROUPS_EVERY))
    assert all(torch.equal(value, text[key]) for key, value in small.model.text_model.state_dict().items())
    assert not torch.equal(patches, small.model.vision_model.embeddings.patch_embedding.weight)
    small.save(folder / "clip")
    stock = VisionTextDualEncoderModel.from_pretrained(folder / "clip").eval()
    processor = AutoProcessor.from_pretrained(folder / "clip", backend="pil")
    image = worlds[0].images(np.arange(1))[0]
    inputs = processor(text=["a person"], images=[image], padding=True, return_tensors="pt")
    assert tuple(inputs.pixel_values.shape) == (1, 3, 64, 64) and -1.01 < inputs.pixel_values.min() < 1.01
    with torch.no_grad():
        assert stock(**inputs).logits_per_image.shape == (1, 1)
        bigger = torch.zeros(1, 3, 96, 96)
        assert stock.vision_model(bigger, interpolate_pos_encoding=True).last_hidden_state.shape[1] == 144


def test_eyes_that_are_lent_see_as_where_they_come_from(small: clip.Clip) -> None:
    vision = small.model.config.vision_config
    lender = Idefics3VisionTransformer(
        Idefics3VisionConfig(
            hidden_size=vision.hidden_size, intermediate_size=vision.intermediate_size, image_size=96, patch_size=8,
            num_hidden_layers=vision.num_hidden_layers, num_attention_heads=vision.num_attention_heads,
            hidden_act=vision.hidden_act,
        )
    ).eval()  # fmt: skip
    with torch.no_grad():
        lender.embeddings.position_embedding.weight.copy_(torch.linspace(-1, 1, 144)[:, None].expand(-1, 32))
    clip.borrow(small, lender)
    own = small.model.vision_model.eval()
    places = own.embeddings.position_embedding.weight
    assert places.shape == (64, 32) and abs(float(places[0, 0]) + 1) < 0.2 and abs(float(places[-1, 0]) - 1) < 0.2
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        there, here = lender.embeddings.patch_embedding(image), own.embeddings.patch_embedding(image)
    assert torch.equal(there, here)
    taken = own.encoder.state_dict()
    assert all(torch.equal(value, taken[key]) for key, value in lender.encoder.state_dict().items())


def test_the_autoencoder_and_the_diffusion_model_become_a_stock_pipeline(
    small: clip.Clip, worlds: tuple[World, World, World], folder: Path
) -> None:
    torch.manual_seed(0)
    portraits = worlds[0]
    vae = autoencoder.train(portraits, folder / "kl", schedule(16, 8))
    assert isinstance(vae, AutoencoderKL)
    latents = autoencoder.encoded(vae, portraits, np.arange(COUNT))
    assert latents.shape == (COUNT, 8, 8, 8)
    assert (latents * vae.config.scaling_factor).std() == pytest.approx(1, abs=0.05)
    text = small.model.text_model
    looks = latent_classifier.LatentReader(8, 8, 16)
    before = {key: value.clone() for key, value in looks.state_dict().items()}
    arguments = (portraits, latents, vae, text, small.tokenizer, looks, folder / "unet")
    pipe = diffusion.train(*arguments, schedule(16, 8), widths=(16, 32))
    pipe = diffusion.train(*arguments, schedule(32, 8), widths=(16, 32))
    assert json.loads((folder / "unet" / "progress.json").read_text())["images"] == 32
    assert (folder / "unet" / "grid.png").stat().st_size > 1000
    assert all(torch.equal(value, before[key]) for key, value in looks.state_dict().items()), "it only reads"
    diffusion.save(pipe, folder / "pipeline")
    stored = [path for path in (folder / "pipeline").rglob("*") if path.is_file()]
    assert not [path for path in stored if path.suffix not in (".json", ".safetensors", ".md")]
    stock = DiffusionPipeline.from_pretrained(folder / "pipeline", dtype=torch.float32, use_safetensors=True)
    assert isinstance(stock, StableDiffusionPipeline)
    assert stock.scheduler.config.prediction_type == "v_prediction"
    images = measured.draw(stock, ["a person", "a bald person"], 5, steps=2)
    alone = measured.draw(stock, ["a bald person"], 6, steps=2)
    assert images.shape == (2, 3, 64, 64) and torch.allclose(images[1], alone[0], atol=1 / 100)
    more = diffusion.train(*arguments[:6], folder / "more", schedule(8, 8), folder / "pipeline")
    assert more.unet.config.block_out_channels == [16, 32], "it goes on with what is there"
    own, whom = diffusion.drawings(more, portraits, looks, 3)
    assert own.shape == (3, 8, 8, 8) and whom.shape == (3, len(ATTRIBUTES))
    assert torch.equal(own, diffusion.drawings(more, portraits, looks, 3)[0]), "the same seeds draw the same"


def test_a_doubled_autoencoder_draws_the_same_latents_larger(worlds: tuple[World, World, World], folder: Path) -> None:
    torch.manual_seed(0)
    portraits, small = worlds[0], autoencoder.build(64, (8, 8, 16, 16), 8)
    latents = autoencoder.encoded(small, portraits, np.arange(COUNT))
    large = upscale_decoder.begun(small)
    assert large.config.block_out_channels == (8, 16, 16, 32, 32) and large.config.sample_size == 128
    assert large.config.scaling_factor == small.config.scaling_factor
    with torch.no_grad():
        within, there = large.decoder, small.decoder
        inner = within.up_blocks[0](within.mid_block(within.conv_in(large.post_quant_conv(latents[:4]))))
        before = there.up_blocks[0](there.mid_block(there.conv_in(small.post_quant_conv(latents[:4]))))
        assert torch.allclose(inner, before.repeat_interleave(2, 1), atol=1e-3), "twice as wide, and the same"
    eyes = AvatarVAE(attribute_config(), decoder_widths=(16, 12, 8, 8), encoder_widths=(4, 8, 8, 8))
    after = autoencoder.encoded(small, worlds[1], np.arange(COUNT)), worlds[1].labels(np.arange(COUNT))
    own = latents[:6] + 0.1, portraits.labels(np.arange(6))
    lessons = upscale_decoder.Lessons(portraits, latents, own, after, latent_classifier.LatentReader(8, 8, 16), 1.0)
    wanted = pictures(np.stack([portrait(from_labels(row), 128) for row in portraits.labels(np.arange(8))]), CPU)

    def error() -> float:
        with torch.no_grad():
            return float((large.decode(latents[:8]).sample - wanted).abs().mean())

    last = {key: value.clone() for key, value in large.decoder.up_blocks[4].state_dict().items()}
    upscale_decoder.inside(large, eyes, lessons, folder / "inside", schedule(48, 8))
    upscale_decoder.inside(large, eyes, lessons, folder / "inside", schedule(96, 8))
    assert json.loads((folder / "inside" / "progress.json").read_text())["images"] == 96
    assert all(torch.equal(value, last[key]) for key, value in large.decoder.up_blocks[4].state_dict().items())
    untaught = error()
    large = upscale_decoder.train(large, eyes, lessons, folder / "large", schedule(96, 8))
    assert error() < untaught
    with torch.no_grad():
        after = large.decode(latents[:8]).sample
        assert after.shape == (8, 3, 128, 128)
        again = upscale_decoder.train(upscale_decoder.begun(small), eyes, lessons, folder / "large", schedule(96, 8))
        assert torch.allclose(again.decode(latents[:8]).sample, after, atol=1e-3), "it goes on where it was"
    assert autoencoder.encoded(large, portraits, np.arange(4)).shape == (4, 8, 8, 8), "it sees the portraits larger"
    large.save_pretrained(folder / "larger")
    more = autoencoder.train(portraits, folder / "kl-large", schedule(8, 8), folder / "larger")
    sharp = autoencoder.sharpen(more, eyes, portraits, latents, folder / "sharp-large", schedule(8, 8))
    assert sharp.decode(latents[:1]).sample.shape[-1] == 128, "a large one goes on from small portraits"
    assert (folder / "kl-large" / "grid.png").stat().st_size > 1000


def test_between_two_people_it_is_whom_the_reader_rather_sees(worlds: tuple[World, World, World]) -> None:
    rows = np.arange(COUNT)
    before, after = worlds[0].labels(rows), worlds[1].labels(rows)
    looks = latent_classifier.LatentReader(8, 8, 16)
    with torch.no_grad():  # it sees the second value of everything, whatever there is
        looks.say.weight.zero_()
        looks.say.bias.zero_()[[start + 1 for start in value_offsets()[:-1]]] = 1
    latents, edits = torch.zeros(COUNT, 8, 8, 8), torch.ones(COUNT, 8, 8, 8)
    lessons = upscale_decoder.Lessons(worlds[0], latents, (latents, before), (edits, after), looks, 1.0)
    found, nearer, farther = lessons.between(200)
    assert 0 < found.amin() < 0.2 and 0.8 < found.amax() < 1, "anywhere between the two"
    pairs = {frozenset((tuple(one), tuple(other))) for one, other in zip(before.tolist(), after.tolist(), strict=True)}
    assert all(frozenset((tuple(one), tuple(other))) in pairs for one, other in zip(nearer, farther, strict=True))
    edited = (nearer != farther) & (nearer != HIDDEN) & (farther != HIDDEN)
    more = ((nearer == 1) & edited).sum(1) - ((farther == 1) & edited).sum(1)
    assert (more >= 0).all() and (more > 0).any()
    unmoved = {tuple(row) for row in before.tolist()}
    assert all(tuple(row) in unmoved for row in nearer[more == 0]), "the edit must be seen"


def test_how_far_a_picture_went_to_another_counts_alike_for_few_pixels_and_many() -> None:
    wanted = torch.zeros(3, 3, 16, 16)
    others = wanted.clone()
    others[0, :, :1, :2], others[1], others[2] = 1.0, 0.2, wanted[2]
    for share in (0.0, 0.3, 0.5):
        found = wanted + share * (others - wanted)
        shares = upscale_decoder.undecided(found, wanted, others).tolist()
        assert shares == pytest.approx([share, share, 0]), "no way, no share"
    beside = wanted.clone()
    beside[0, :, 8:] = 1
    assert not upscale_decoder.undecided(beside, wanted, others).any(), "it is no error of another kind"


def test_a_drawing_that_was_left_between_two_people_comes_back_the_sooner(worlds: tuple[World, World, World]) -> None:
    latents, labels = torch.randn(COUNT, 8, 8, 8), worlds[0].labels(np.arange(COUNT))
    lessons = upscale_decoder.Lessons(
        worlds[0],
        latents,
        (latents[:20], labels[:20]),
        (latents, labels),
        latent_classifier.LatentReader(8, 8, 16),
        1.0,
    )
    lessons.note(np.arange(20), torch.tensor([0.9] * 2 + [0.0] * 18))
    counts = np.zeros(20)
    for _ in range(15):
        lesson = lessons.next(32, 64, CPU)
        assert len(lesson.drawn) == 16 and len(lesson.others) == 24 and len(lesson.wanted) == 32
        counts += np.bincount(lesson.drawn, minlength=20)
    assert 3 < counts[:2].mean() / counts[2:].mean() < 12, "six times as often"
    assert (counts > 0).all(), "none is forgotten"


def test_a_network_twice_as_wide_computes_the_same_and_its_twins_part() -> None:
    torch.manual_seed(0)
    small, large = autoencoder.build(64, (8, 16), 4), autoencoder.build(64, (16, 32), 4)
    take_over(large, small.state_dict())
    x = torch.rand(2, 3, 64, 64)
    latent = small.encode(x).latent_dist.mode()
    assert torch.allclose(large.encode(x).latent_dist.mode(), latent, atol=1e-3)
    drawn = large.decode(latent).sample
    assert torch.allclose(drawn, small.decode(latent).sample, atol=1e-3)
    drawn.square().mean().backward()
    twins = large.decoder.conv_in.weight.grad
    assert twins is not None and not torch.allclose(twins[0::2], twins[1::2], rtol=0.01)
    with pytest.raises(RuntimeError):
        take_over(autoencoder.build(64, (24, 32), 4), small.state_dict())


def test_a_reader_of_latents_learns_what_they_show(worlds: tuple[World, World, World], folder: Path) -> None:
    torch.manual_seed(0)
    portraits = worlds[0]
    # Latents that say it outright: every mouth lights a channel of its own.
    latents = torch.randn(COUNT, 8, 8, 8) * 0.1
    index = [attribute.name for attribute in ATTRIBUTES].index("mouth")
    mouths = torch.from_numpy(portraits.labels(np.arange(COUNT))[:, index].astype(np.int64))
    latents[torch.arange(COUNT), mouths % 8] += 2.0
    learnt = latent_classifier.train(portraits, latents, folder / "reader", schedule(64 * 40, 64))
    start, end = value_offsets()[index], value_offsets()[index + 1]
    with torch.no_grad():
        said = learnt(latents)[:, start:end].argmax(1)
    assert (said == mouths).float().mean() > 0.9
    assert not any(parameter.requires_grad for parameter in learnt.parameters())


def test_a_decoder_is_sharpened_alone(worlds: tuple[World, World, World], folder: Path) -> None:
    torch.manual_seed(0)
    portraits, some = worlds[0], np.arange(8)
    vae = autoencoder.build(64)
    latents = autoencoder.encoded(vae, portraits, np.arange(COUNT))
    before = vae.decode(latents[some]).sample.detach()
    eyes = AvatarVAE(attribute_config(), decoder_widths=(16, 12, 8, 8), encoder_widths=(4, 8, 8, 8))
    sharp = autoencoder.sharpen(vae, eyes, portraits, latents, folder / "sharp", schedule(16, 8))
    same = torch.allclose(autoencoder.encoded(sharp, portraits, some), latents[some], atol=0.02)
    assert same, "the latents that the UNet learns stay what they are, but for rounding"
    after = sharp.decode(latents[some]).sample
    assert not torch.allclose(after, before) and torch.isfinite(after).all()
    again = autoencoder.sharpen(autoencoder.build(64), eyes, portraits, latents, folder / "sharp", schedule(16, 8))
    assert torch.allclose(again.decode(latents[some]).sample, after, atol=1e-4), "it goes on where it was"


def test_prompts_are_new_and_true_portraits_obey_them() -> None:
    first = measured.prompts(20)
    assert len(first) == 20 and all(held_out(prompt.text) for prompt in first)
    truth = np.stack([_labels(prompt.seed) for prompt in first])
    said = np.stack([prompt.allowed for prompt in first])
    right = measured.obeyed(truth, said)
    assert np.nanmin(right) == 1
    assert (~np.isnan(right)).sum() == sum(len(claims(prompt.text)) for prompt in first)
    shifted = measured.obeyed(np.roll(truth, 1, axis=0), said)
    assert 0 < np.nanmean(shifted) < 0.8, "another person's portrait does not obey"
    assert set(measured.per_attribute(right).values()) == {1.0}


def test_sentences_by_hand_make_claims_and_their_colours_are_counted() -> None:
    for text in measured.BY_HAND:
        assert len(claims(text)) >= 3, text
    named = measured.colours_named(np.stack([allowed(claims(text)) for text in measured.BY_HAND]))
    assert named[0] == 3 and named[1] == 3


def test_claims_fill_a_row_of_values() -> None:
    seed = seeds(Split.HELD_OUT, 1)[0]
    caption = caption_of(seed, person(seed))
    row = allowed(caption.claims)
    assert row.shape == (value_offsets()[-1],) and row.sum() == sum(map(len, caption.claims.values()))


def _labels(seed: int) -> np.ndarray:
    from playground.drawn_world.attributes import labels

    return labels(captioned_person(seed).person)


def test_what_nobody_names_is_counted_among_those_who_show_it() -> None:
    people = np.stack([_labels(seed) for seed in seeds(Split.HELD_OUT, 50)])
    index = [a.name for a in ATTRIBUTES].index("lenses")
    people[:, index] = HIDDEN
    people[:4, index] = [0, 0, 2, 1]
    assert having(people, "lenses", (Lenses.DARK,)) == 0.25
    free = np.ones((2, len(ATTRIBUTES)), bool)
    assert measured.differing(people[:2], people[:2], free) == 0
    first, second = measured.two_of_each(list(seeds(Split.HELD_OUT, 30)))
    assert 0.3 < measured.differing(first, second, np.ones(first.shape, bool)) < 0.8
