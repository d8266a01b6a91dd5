"""The text-to-image tab's handlers, called as Gradio calls them, on a real tiny pipeline."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings
from playground.text_to_image import infotext
from playground.text_to_image.prompt_vocabulary import phrase_groups, toggle_phrase, unknown_words
from playground.text_to_image.types import Picture, Trajectory, TrajectoryFrame
from tabs.common.words import I18N
from tabs.text_to_image import gallery, handlers_grid, render
from tabs.text_to_image.handlers import ImageHandlers
from tabs.text_to_image.handlers_prompt import PromptHandlers, chips
from tabs.text_to_image.model_settings import described
from tabs.text_to_image.session import MOST_FILMS, MOST_KEPT, Kept, SessionState
from tests.chat.test_service import ENTRY
from tests.tiny_models.causal_lm import tiny_llama
from tests.tiny_models.diffusion import catalogue, poison

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN"})
PROMPT = "a smiling person with red hair"
CANVAS, SHELF, STATUS, SEED, SENT, FILM, GENERATE, STOP = range(8)


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("image")
    path = catalogue(folder, "drawn", "xl")
    broken = path.with_name("broken.toml")
    made = catalogue(folder / "broken", "drawn")
    poison(folder / "broken" / "drawn")
    broken.write_text(made.read_text().replace('id = "drawn"', 'id = "broken"'))
    chat = path.with_name("chat.toml")
    chat.write_text(ENTRY.format(id="near", path=tiny_llama(folder / "near", context=512)))
    playground = Playground(Settings(offline=True, catalogs=(path, broken, chat), cache=folder / "cache"))
    yield playground
    playground.close()


@pytest.fixture
def handlers(playground: Playground) -> ImageHandlers:
    return ImageHandlers(playground.images, update_s=0.0)


def options(prompt: str = PROMPT, **changed: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "prompt": prompt, "negative": "", "expanded": "", "use_expanded": False, "model": "drawn", "steps": 3.0,
        "guidance": 3.0, "width": 64.0, "height": 64.0, "scheduler": "", "seed": 5, "new_seed": False, "count": 1.0,
        "preview": True, "film": False, "start": None, "strength": 0.6,
    }  # fmt: skip
    assert set(changed) <= set(values)
    return tuple((values | changed).values())


def run(
    handlers: ImageHandlers, visit: SessionState, *args: Any, request: gr.Request = REQUEST
) -> list[tuple[Any, ...]]:
    return list(handlers.generate(visit, request, *(args or options())))


def said(update: tuple[Any, ...]) -> str:
    return update[STATUS].get("text", "")


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def test_a_picture_comes_out_of_the_noise_and_is_kept_with_its_settings(handlers: ImageHandlers) -> None:
    visit = SessionState()
    drawn = run(handlers, visit, *options(count=2.0))
    steps = [u[CANVAS]["text"] for u in drawn if "step" in u[CANVAS].get("text", "")]
    assert any("step 1 of 3" in text for text in steps) and any("step 3 of 3" in text for text in steps)
    shares = [u[CANVAS]["share"] for u in drawn if isinstance(u[CANVAS].get("share"), float)]
    assert shares == sorted(shares) and shares[-1] == 1.0
    live = next(u[CANVAS]["pictures"] for u in drawn if u[CANVAS].get("pictures"))
    assert live[0].startswith("data:image/jpeg;base64,")
    assert [kept.settings.seed for kept in visit.pictures] == [5, 6]
    assert len(drawn[-1][SHELF]["pictures"]) == 2
    assert "2 pictures" in said(drawn[-1]) and "steps/s" in said(drawn[-1]) and "memory" in said(drawn[-1])
    assert drawn[0][STOP].constructor_args["visible"] and not drawn[-1][STOP].constructor_args["visible"]
    file = Image.open(BytesIO(visit.pictures[1].png))
    found = infotext.parse(file.info["parameters"])
    assert (found.settings.prompt, found.settings.seed, found.model) == (PROMPT, 6, "drawn")
    # The canvas shows the file itself, so that what is saved from the page carries its settings.
    last = drawn[-1][CANVAS]["pictures"][0]
    assert base64.b64decode(last.split(",", 1)[1]) == visit.pictures[1].png
    assert PROMPT in next(u[SENT] for u in drawn if isinstance(u[SENT], str))
    assert visit.job is None


def test_stop_ends_it_and_keeps_what_is_finished(handlers: ImageHandlers) -> None:
    visit = SessionState()
    running = handlers.generate(visit, REQUEST, *options(count=4.0, steps=12.0))
    drawn: list[tuple[Any, ...]] = []
    for update in running:
        drawn.append(update)
        if visit.pictures and "step 2" in update[CANVAS].get("text", ""):
            handlers.stop(visit)
    kept = len(visit.pictures)
    assert 0 < kept < 4 and visit.job is None
    assert "Stopped at picture" in said(drawn[-1]) and f"{kept} finished" in said(drawn[-1])
    assert len(run(handlers, visit)) > 3 and len(visit.pictures) == kept + 1
    only = handlers.generate(visit, CHINESE, *options(steps=60.0))
    drawn = [next(only) for _ in range(4)]
    handlers.stop(visit)
    drawn += list(only)
    assert "停" in said(drawn[-1])


def test_one_run_at_a_time_and_a_page_that_closes_frees_the_worker(handlers: ImageHandlers) -> None:
    visit = SessionState()
    running = handlers.generate(visit, REQUEST, *options(steps=60.0))
    next(running)
    with pytest.raises(UserError, match="Stop it first"):
        run(handlers, visit)
    with pytest.raises(UserError, match="正在"):
        run(handlers, visit, request=CHINESE)
    running.close()  # type: ignore[attr-defined]
    assert visit.job is None
    assert len(run(handlers, visit)) > 2


def test_bad_wishes_are_told_and_lose_nothing(handlers: ImageHandlers, tmp_path: Path) -> None:
    visit = SessionState()
    run(handlers, visit)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    nan = float("nan")
    for wrong in (
        options(""), options("  "), options(model="smollm2-135m"), options(model="nobody"), options(steps=nan),
        options(guidance=nan), options(seed="x"), options(count=nan), options(start=str(text)),
        options(strength=nan, start=str(text)),
    ):  # fmt: skip
        with pytest.raises(UserError):
            run(handlers, visit, *wrong)
        assert visit.job is None and len(visit.pictures) == 1


def test_what_goes_too_far_is_brought_inside_and_said(handlers: ImageHandlers) -> None:
    visit = SessionState()
    words = "a person with red hair and round glasses " * 20
    drawn = run(handlers, visit, *options(words, steps=3, width=70, seed=-1, count=1))
    done = visit.pictures[0].settings
    assert done.width % 8 == 0 and done.seed >= 0
    assert "Width 70 became" in said(drawn[-1]) and "Seed -1 means any" in said(drawn[-1])
    assert "Not read" in said(drawn[-1]), "a prompt cut short is said"
    assert [u[SEED] for u in drawn if isinstance(u[SEED], int)][-1] == done.seed


def test_a_model_that_gives_no_numbers_is_told_and_nothing_black_is_kept(handlers: ImageHandlers) -> None:
    visit = SessionState()
    drawn: list[tuple[Any, ...]] = []
    with pytest.raises(UserError):
        for update in handlers.generate(visit, REQUEST, *options(model="broken")):
            drawn.append(update)
    assert visit.pictures == [] and said(drawn[-1]) and not drawn[-1][STOP].constructor_args["visible"]


def test_the_film_is_made_of_the_chosen_picture_afterwards(handlers: ImageHandlers) -> None:
    visit = SessionState()
    with pytest.raises(UserError, match="no picture"):
        list(handlers.film(visit, REQUEST))
    run(handlers, visit, *options(count=2.0, steps=4.0))
    first = visit.pictures[0]
    gallery.choose(visit, event(key=first.key), REQUEST)
    drawn = list(handlers.film(visit, REQUEST))
    value = drawn[-1][FILM]
    assert [row["name"] for row in value["rows"]] == ["Reverse: noisy", "Reverse: expected", "Forward: noise added"]
    assert len({len(row["frames"]) for row in value["rows"]}) == 1 and len(value["rows"][0]["frames"]) == 5
    assert len(value["schedule"]["marks"]) == 5 and len(value["schedule"]["signal"]) > 50
    assert all(0 <= x <= 1 and 0 <= y <= 1 for line in ("signal", "noise") for x, y in value["schedule"][line])
    assert len(visit.pictures) == 2 and visit.pictures[0].film is not None, "it is no new picture"
    assert visit.chosen == first.key
    assert len(list(handlers.film(visit, REQUEST))) == 1, "a film there is, is only shown"


def test_choosing_sorting_saving_and_using_again(handlers: ImageHandlers, playground: Playground) -> None:
    visit = SessionState()
    run(handlers, visit, *options(count=3.0, negative="glasses", scheduler="EulerDiscreteScheduler"))
    scores = (20.0, 31.5, None)
    visit.pictures = [replace(one, score=score) for one, score in zip(visit.pictures, scores, strict=True)]
    second = visit.pictures[1]
    best = gallery.sort(visit, "best", REQUEST)["pictures"]
    assert [tile["key"] for tile in best] == [second.key, visit.pictures[0].key, visit.pictures[2].key]
    assert best[0]["best"] == "best of 2" and "CLIP 31.5" in best[0]["caption"] and not best[1]["best"]
    gallery.choose(visit, event(key=second.key), REQUEST)
    assert gallery.reuse_seed(visit, REQUEST) == (6, False)
    name, uri = gallery.save(visit, REQUEST).split("|", 1)
    assert name == "image-seed-6.png" and base64.b64decode(uri.split(",", 1)[1]) == second.png
    model, wish, _ = gallery.wish_again(visit, "en")
    assert model == "drawn" and wish.scheduler == "EulerDiscreteScheduler" and wish.negative_prompt == "glasses"
    job = playground.images.generate("visitor", model, wish)
    again = next(one for one in job.events() if isinstance(one, Picture))
    assert np.abs(pixels(second.png) - np.asarray(again.image).astype(int)).max() <= 1
    for odd in ({}, {"key": 99}, {"key": "1"}, {"key": None}, {"key": [1]}):
        with pytest.raises(UserError):
            gallery.choose(visit, event(**odd), REQUEST)
    gallery.clear(visit, REQUEST)
    assert visit.pictures == []
    with pytest.raises(UserError):
        gallery.save(visit, REQUEST)


def test_image_to_image_begins_from_the_picture_and_remembers_it(handlers: ImageHandlers, tmp_path: Path) -> None:
    visit = SessionState()
    path = tmp_path / "start.png"
    Image.new("RGB", (90, 70), "teal").save(path)
    run(handlers, visit, *options(start=str(path), strength=0.4, steps=5.0))
    kept = visit.pictures[0]
    assert kept.settings.strength == pytest.approx(0.4) and kept.start is not None
    _, wish, words = gallery.wish_again(visit, "en")
    assert wish.start is kept.start and "began from" in words


def test_settings_come_back_from_a_file(handlers: ImageHandlers, playground: Playground, tmp_path: Path) -> None:
    visit = SessionState()
    run(handlers, visit, *options(negative="a hat", guidance=4.5, seed=77))
    path = tmp_path / "mine.png"
    path.write_bytes(visit.pictures[0].png)
    model, wish, words = gallery.restored(str(path), ["drawn", "xl"], "xl", "en")
    assert (model, wish.seed, wish.guidance, wish.negative_prompt, wish.prompt) == ("drawn", 77, 4.5, "a hat", PROMPT)
    assert "seed 77" in words
    other, _, words = gallery.restored(str(path), ["xl"], "xl", "en")
    assert other == "xl" and "drawn" in words
    updates = described(playground.images, playground.state, "xl", "", "en", replace(wish, steps=40))
    assert updates[3].constructor_args["value"] == 4, "inside the limits of the model it is used with"
    for name, content in (("text.png", b"no picture"), ("plain.png", None)):
        file = tmp_path / name
        file.write_bytes(content) if content else Image.new("RGB", (20, 20)).save(file)
        with pytest.raises(UserError):
            gallery.restored(str(file), ["drawn"], "drawn", "en")
    with pytest.raises(UserError):
        gallery.restored(None, ["drawn"], "drawn", "en")


def test_the_grid_fills_cell_by_cell_and_its_cells_can_be_taken(handlers: ImageHandlers) -> None:
    visit, grids = SessionState(), handlers_grid.GridHandlers(handlers)
    drawn = list(grids.make(visit, "seed", "1, 2", "steps", "2, 4", REQUEST, *options()))
    made = [sum(cell is not None for row in u[0]["cells"] for cell in row) for u in drawn if "cells" in u[0]]
    assert made == [0, 1, 2, 3, 4, 4]
    assert drawn[-1][0]["columns"] == ["seed 1", "seed 2"] and drawn[-1][0]["rows"] == ["steps 2", "steps 4"]
    assert visit.cells[1, 0].settings.steps == 4 and visit.cells[1, 0].settings.seed == 1
    assert visit.pictures == [], "only a click puts them among the pictures"
    grids.take(visit, event(row=1, column=1), REQUEST)
    grids.take(visit, event(row=1, column=1), REQUEST)
    assert [kept.settings.seed for kept in visit.pictures] == [2]
    sheet = Image.open(BytesIO(base64.b64decode(grids.save(visit, REQUEST).split(",", 1)[1])))
    assert sheet.width > 128 and "Steps" in sheet.info["parameters"]
    for odd in ({}, {"row": 9, "column": 0}, {"row": "0", "column": "0"}):
        with pytest.raises(UserError):
            grids.take(visit, event(**odd), REQUEST)


def test_a_stopped_grid_keeps_its_cells_and_bad_axes_are_told(handlers: ImageHandlers) -> None:
    visit, grids = SessionState(), handlers_grid.GridHandlers(handlers)
    with pytest.raises(UserError):
        grids.save(visit, REQUEST)
    update: tuple[Any, ...] = ()
    for update in grids.make(visit, "seed", "1-6", handlers_grid.NOTHING, "", REQUEST, *options(steps=10.0)):  # noqa: B007
        if len(visit.cells) == 2:
            handlers.stop(visit)
    assert "Stopped" in update[1]["text"] and 2 <= len(visit.cells) < 6 and visit.sheet
    for x, values, y in (
        ("seed", "", "none"), ("colour", "1", "none"), ("steps", "1-9999", "none"), ("seed", "1,2", "seed"),
        ("words", "dragon, fox", "none"), ("seed", "x" * 9000, "none"),
    ):  # fmt: skip
        with pytest.raises(UserError):
            list(grids.make(visit, x, values, y, "1, 2", REQUEST, *options()))
        assert visit.job is None


@pytest.mark.parametrize(
    ("before", "phrase", "after"),
    [
        ("", "round glasses", "a person wearing round glasses"),
        ("a person with red hair", "a full beard", "a person with red hair and a full beard"),
        ("a person with a bun on a red background", "a beard", "a person with a bun and a beard on a red background"),
        ("a person on a red background", "on a blue background", "a person on a blue background"),
        ("a person", "smiling", "a smiling person"),
        ("a person", "angry eyebrows", "a person with angry eyebrows"),
        ("an astronaut", "smiling", "smiling an astronaut"),
    ],
)  # fmt: skip
def test_a_chip_puts_its_phrase_where_a_caption_has_it(before: str, phrase: str, after: str) -> None:
    assert toggle_phrase(before, phrase) == after


def test_every_chip_can_be_switched_on_and_off_again() -> None:
    base = "a person with open eyes on a red background"
    words = [word for group in phrase_groups() for word in group.words]
    assert len(words) > 60
    for word in words:
        on = toggle_phrase(base, word) if word not in _on(base) else base
        assert word in _on(on), (word, on)
        off = toggle_phrase(on, word)
        assert word not in _on(off), (word, off)
    assert toggle_phrase("a person with red hair and round glasses", "red hair") == "a person with round glasses"
    assert toggle_phrase("a person, red hair, a hat", "red hair") == "a person, a hat"
    assert _on("a person with clear round glasses") == {"clear round glasses"}, "the longest phrase counts"


def test_the_chips_follow_the_prompt_and_unknown_words_are_named(playground: Playground) -> None:
    prompting = PromptHandlers(playground.images)
    value, odd = prompting.looked("a dragon with red hair", "drawn", REQUEST)
    assert "“dragon”" in odd and {"text": "red hair", "on": True} in [w for g in value["groups"] for w in g["words"]]
    assert prompting.looked("a dragon", "xl", REQUEST)[1] == ""
    assert prompting.surprise() and unknown_words(prompting.surprise()) == ()
    for data in (event(), event(word="<b>"), event(word=["red hair"]), event(word=None)):
        with pytest.raises(UserError):
            prompting.toggle("a person", data)


def test_the_chat_model_writes_more_and_both_prompts_are_kept(handlers: ImageHandlers, playground: Playground) -> None:
    visit, prompting = SessionState(), PromptHandlers(playground.images)
    drawn = list(prompting.expand(visit, "a fox", "near", 7, REQUEST))
    text = next(u[0] for u in reversed(drawn) if isinstance(u[0], str) and u[0])
    assert text and visit.job is None and drawn[-1][1] is True and "expanded" in drawn[-1][2]["text"]
    again = list(prompting.expand(visit, "a fox", "near", 7, REQUEST))
    assert next(u[0] for u in reversed(again) if isinstance(u[0], str) and u[0]) == text, "seeded"
    run(handlers, visit, *options("a fox", model="xl", steps=1, expanded="a red fox in snow", use_expanded=True))
    done = visit.pictures[0].settings
    assert (done.prompt, done.written) == ("a red fox in snow", "a fox")
    wished = gallery.wish_again(visit, "en")[1]
    assert (wished.prompt, wished.written) == ("a red fox in snow", "a fox")
    run(handlers, visit, *options("a person", expanded="a red fox in snow", use_expanded=True))
    assert visit.pictures[1].settings.prompt == "a person", "the drawn world reads what was written"
    for prompt, chat in (("", "near"), ("a fox", "nobody"), ("a fox", "drawn")):
        with pytest.raises(UserError):
            list(prompting.expand(visit, prompt, chat, 7, REQUEST))
        assert visit.job is None


def test_the_model_sets_the_page(playground: Playground) -> None:
    drawn = described(playground.images, playground.state, "drawn", "", "en")
    fast = described(playground.images, playground.state, "xl", "", "zh")
    assert drawn[2].constructor_args["interactive"] and not fast[2].constructor_args["interactive"]
    assert "不读取" in fast[2].constructor_args["placeholder"]
    assert fast[3].constructor_args["maximum"] == 4 and drawn[3].constructor_args["value"] == 6
    assert drawn[13].constructor_args["visible"] and not fast[13].constructor_args["visible"]  # surprise me


def test_a_visit_holds_no_more_than_its_share() -> None:
    visit, picture = SessionState(), Image.new("RGB", (8, 8))
    film = Trajectory((TrajectoryFrame(0, 999.0, 0.0, 1.0, picture, None),), (), ())
    settings = infotext.parse("a\nSteps: 1, Seed: 1, Size: 8x8, Model: m, Version: x").settings
    for number in range(MOST_KEPT + 5):
        kept = Kept(visit.new_key(), 1, settings, b"x", "data:,", None, "")  # type: ignore[arg-type]
        assert visit.keep(kept) == (1 if number >= MOST_KEPT else 0)
        visit.filmed(kept.key, film)
    assert len(visit.pictures) == MOST_KEPT and sum(kept.film is not None for kept in visit.pictures) == MOST_FILMS
    visit.keep(Kept(visit.new_key(), 2, settings, b"x" * 70_000_000, "data:,", None, ""))  # type: ignore[arg-type]
    assert len(visit.pictures) == 1, "the newest always stays"


def test_all_words_are_there_in_both_languages() -> None:
    english, chinese = (I18N.translations[language] for language in ("en", "zh"))
    keys = [key for key in english if key.startswith("image_")]
    assert len(keys) > 80
    for key in keys:
        fields = {part.split("}")[0].split(":")[0] for part in english[key].split("{")[1:]}
        assert fields == {part.split("}")[0].split(":")[0] for part in chinese[key].split("{")[1:]}, key


def _on(prompt: str) -> set[str]:
    return {w["text"] for group in chips(prompt, "en")["groups"] for w in group["words"] if w["on"]}


def test_previews_of_large_pictures_are_small() -> None:
    uri = render.jpeg_uri(Image.effect_noise((1024, 512), 60).convert("RGB"), 384)
    assert Image.open(BytesIO(base64.b64decode(uri.split(",", 1)[1]))).size == (384, 192)
