"""The Storybook recipes at tiny sizes: each learns a little, may be cut, and gives what the next one needs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from playground.drawn_world.sampling import Split
from playground.errors import UserError
from playground.storybook.claims import INDEX, Claims, RelationClaim, ThingClaim
from playground.storybook.grammar import caption
from playground.storybook.judge import StorybookJudge
from playground.storybook.scenes import draw, is_held_out, scene
from playground.storybook.types import Relation
from playground.training.recipes.training_loop import Schedule, pictures
from playground.training.storybook import autoencoder, denoiser, evaluation, judge, text_encoder
from playground.training.storybook.shards import Plan, SceneShards, rendered

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> SceneShards:
    return rendered(tmp_path_factory.mktemp("scenes"), Plan(Split.TRAIN, 16, per_shard=8))


def test_a_row_is_the_scene_of_its_seed(shards: SceneShards) -> None:
    shown = shards.scene(11)
    assert shown == scene(shards.plan.seeds[11])
    assert np.array_equal(shards.rows("images", np.array([11]))[0], draw(shown, 128).picture)


def test_cells_name_what_covers_them(shards: SceneShards) -> None:
    for row in range(16):
        things = shards.rows("things", np.array([row]))[0]
        assert set(things[things >= 0].tolist()) <= {item.thing for item in shards.scene(row).items}
    assert (shards.rows("things", np.arange(16)) >= 0).any((1, 2)).all()


def test_a_folder_grows_and_refuses_other_scenes(tmp_path: Path) -> None:
    rendered(tmp_path, Plan(Split.JUDGE, 4, per_shard=4))
    assert len(rendered(tmp_path, Plan(Split.JUDGE, 8, per_shard=4))) == 8
    with pytest.raises(UserError, match="other scenes"):
        rendered(tmp_path, Plan(Split.TRAIN, 4, per_shard=4))


def test_the_autoencoder_learns_and_its_latents_have_unit_variance(shards: SceneShards, tmp_path: Path) -> None:
    model, _ = autoencoder.train(shards, tmp_path, Schedule(96, 16, 2e-3, warmup=16))
    latents = autoencoder.encode(model, shards.rows("images", np.arange(4)))
    assert latents.shape == (4, autoencoder.CHANNELS, 8, 8)
    assert 0.3 < (latents * model.config.scaling_factor).std() < 3
    goes_on, _ = autoencoder.train(shards, tmp_path, Schedule(96, 16, 2e-3, warmup=16))
    weights = zip(model.parameters(), goes_on.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights), "a run that is done is not trained on"


def test_the_decoder_alone_may_go_on(shards: SceneShards, tmp_path: Path) -> None:
    before = autoencoder.build()
    before.save_pretrained(tmp_path / "before")
    after, _ = autoencoder.train(shards, tmp_path / "run", Schedule(32, 16, 2e-3), tmp_path / "before", True)
    kept = zip(before.encoder.parameters(), after.encoder.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in kept)
    assert not torch.equal(before.decoder.conv_out.weight, after.decoder.conv_out.weight)


def test_questions_about_captions_are_answered_by_their_claims() -> None:
    red_cat = ThingClaim("cat", 2), ThingClaim("dog", 1)
    claims = Claims(red_cat, (RelationClaim(0, Relation.LEFT_OF, 1),))
    asked = text_encoder.questions([claims], np.random.default_rng(0))
    slot = asked.single[0].tolist().index(INDEX["cat"])
    assert asked.answers[0, slot, 3] == 1, "two are said"
    assert asked.answers[0, slot, -1] == 1
    assert asked.things[0].nonzero().flatten().tolist() == sorted([INDEX["cat"], INDEX["dog"]])
    pairs = asked.pairs[0].tolist()
    there = pairs.index([INDEX["cat"], INDEX["dog"]])
    back = pairs.index([INDEX["dog"], INDEX["cat"]])
    assert asked.relations[0, there, list(Relation).index(Relation.LEFT_OF)] == 1
    assert not asked.relations[0, back].any()


@pytest.mark.slow
def test_words_then_pictures_make_a_stock_pipeline(shards: SceneShards, tmp_path: Path) -> None:
    tokenizer = text_encoder.tokenizer_of(tmp_path / "tokenizer", captions=200)
    text, found = text_encoder.train(tokenizer, tmp_path / "text", Schedule(32, 16, 1e-3))
    assert set(found) == {"single", "relation", "background", "things"}
    text_encoder.save(text, tokenizer, tmp_path / "clip")
    text, tokenizer = text_encoder.load(tmp_path / "clip")
    vae = autoencoder.build()
    latents = denoiser.latents_of(vae, shards, tmp_path / "latents")
    reader = autoencoder.reader_of(shards, latents, tmp_path / "reader", images=64)
    (tmp_path / "unet").mkdir()
    pipeline = denoiser.train(
        shards, latents, vae, reader, text, tokenizer, text_encoder.describer(shards), tmp_path / "unet",
        Schedule(16, 8, 1e-3), widths=(32, 64),
    )  # fmt: skip
    denoiser.save(pipeline, tmp_path / "whole")
    opened = DiffusionPipeline.from_pretrained(tmp_path / "whole")  # without arguments, as the library has it
    picture = opened("a cat and a dog", num_inference_steps=2, output_type="np").images[0]
    assert picture.shape == (128, 128, 3)


def test_the_judge_learns_and_reads_scenes(shards: SceneShards, tmp_path: Path) -> None:
    model = judge.train(shards, tmp_path, Schedule(64, 8, 1e-3, warmup=8))
    found = judge.accuracy(model, shards, np.arange(4))
    assert set(found) == {"scenes", "things", "false", "colours", "backgrounds"}


def test_targets_lie_where_the_boxes_are(shards: SceneShards) -> None:
    for row in range(16):
        shown = shards.scene(row)
        for y, x, thing, _, (x0, y0, x1, y1) in judge.targets(shown, 16):
            assert x0 <= x + 1 and x <= x1 and y0 <= y + 1 and y <= y1
            assert thing in {item.thing for item in shown.items}


def test_one_box_twice_is_one_thing() -> None:
    model = StorybookJudge(things=4, widths=(8, 8, 16, 16), threshold=0.0).eval()
    seen, _ = model.detect(pictures(draw(scene(3), 128).picture[None], CPU))[0]
    boxes = [one.box for one in seen]
    assert len(boxes) == len(set(boxes))


def test_prompts_of_the_table_ask_for_held_out_pairs_and_say_what_they_claim() -> None:
    things = list(range(40))
    for language in ("en", "zh"):
        for name, prompts in evaluation.rows(20, language, things).items():
            for prompt in prompts:
                labels = [INDEX[claim.thing] for claim in prompt.claims.things]
                if name == "two things, held-out pairs":
                    assert is_held_out(*labels)
                assert set(prompt.kinds) <= {"thing", "colour", "count", "relation", "background"}
    assert len(evaluation.paraphrases("en")) >= 150
    assert len(evaluation.paraphrases("zh")) >= 150


def test_captions_that_may_be_learnt_are_not_held_out() -> None:
    rng = np.random.default_rng(5)
    for seed in range(20):
        text, _ = text_encoder.new_caption(scene(seed), rng)
        assert not text_encoder.held_out(text)
    assert caption(scene(0), rng).text
