"""The chat's verbs over real tiny checkpoints: from the catalogue entry to the last token, and every way to end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from playground.chat.reply import Reply
from playground.chat.types import Turn
from playground.core import Playground
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling
from playground.runtime.task import Phase
from playground.settings import Settings
from tests.tiny_models.causal_lm import tiny_llama

ENTRY = """
[[model]]
id = "{id}"
tab = "chat"
label = "{id}"
family = "causal-lm"
licence = "MIT"
context = 512
memory_bytes = 1_000_000
sources = [{{ kind = "path", path = "{path}" }}]
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Playground]]:
    """A playground whose catalogue holds these folders as models."""
    made: list[Playground] = []

    def build(**folders: Path) -> Playground:
        path = tmp_path / "own.toml"
        path.write_text("".join(ENTRY.format(id=name, path=folder) for name, folder in folders.items()))
        made.append(Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path / "cache")))
        return made[-1]

    yield build
    for playground in made:
        playground.close()


def ask(playground: Playground, model: str, text: str, visitor: str = "v", tokens: int = 8, **other: object) -> Reply:
    reply = Reply(model)
    sampling = Sampling(temperature=0, max_new_tokens=tokens)
    job = playground.chat.reply(visitor, model, (Turn("user", text),), "", sampling, **other)  # type: ignore[arg-type]
    for event in job.events():
        if event is not None and not isinstance(event, Phase):
            reply.add(event)
    return reply


def test_twenty_visitors_and_three_models_each_get_their_own_reply(
    make: Callable[..., Playground], tmp_path: Path
) -> None:
    names = ("one", "two", "three")
    playground = make(**{name: tiny_llama(tmp_path / name, seed=number) for number, name in enumerate(names)})
    alone = {name: ask(playground, name, "Hello, how are you?").turn().text for name in names}
    assert len(set(alone.values())) == 3

    def visit(number: int) -> bool:
        name = names[number % 3]
        return ask(playground, name, "Hello, how are you?", visitor=str(number)).turn().text == alone[name]

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(visit, range(20)))


def test_phases_are_told_on_the_way_to_the_first_token(make: Callable[..., Playground], tmp_path: Path) -> None:
    playground = make(one=tiny_llama(tmp_path / "one"))
    job = playground.chat.reply("v", "one", (Turn("user", "Hi"),), "", Sampling(max_new_tokens=2))
    kinds = [event.kind for event in job.events() if isinstance(event, Phase)]
    assert "loading" in kinds and "ready" in kinds


def test_stop_while_loading_releases_the_visitor_and_leaves_the_line_usable(
    make: Callable[..., Playground], tmp_path: Path
) -> None:
    playground = make(one=tiny_llama(tmp_path / "one"), two=tiny_llama(tmp_path / "two", seed=1))
    job = playground.chat.reply("v", "one", (Turn("user", "Hi"),))
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, Phase) and event.kind == "loading":
                job.cancel()
                stopped = time.monotonic()
    assert time.monotonic() - stopped < 0.3
    assert ask(playground, "two", "Hi").tokens
    assert ask(playground, "one", "Hi").tokens


def test_stop_while_waiting_behind_somebody_releases_at_once(make: Callable[..., Playground], tmp_path: Path) -> None:
    playground = make(one=tiny_llama(tmp_path / "one", context=4096))
    sampling = Sampling(max_new_tokens=3000)
    first = playground.chat.reply("a", "one", (Turn("user", "Hi"),), "", sampling)
    second = playground.chat.reply("b", "one", (Turn("user", "Hi"),), "", sampling)
    events = second.events()
    assert next(event for event in events if event is not None) == Phase("waiting", done=1)
    threading.Timer(0.05, second.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(events)
    assert time.monotonic() - began < 0.05 + 0.3
    first.cancel()


def test_a_reply_of_another_model_is_read_as_words(make: Callable[..., Playground], tmp_path: Path) -> None:
    playground = make(one=tiny_llama(tmp_path / "one"), two=tiny_llama(tmp_path / "two", seed=1))
    said = ask(playground, "one", "Hi").turn()
    reply = Reply("two")
    turns = (Turn("user", "Hi"), said, Turn("user", "And?"))
    for event in playground.chat.reply("v", "two", turns, "", Sampling(max_new_tokens=4)).events():
        if event is not None and not isinstance(event, Phase):
            reply.add(event)
    assert reply.prompt is not None and said.text in reply.prompt.text


def test_looking_inside_needs_the_model_that_said_it(make: Callable[..., Playground], tmp_path: Path) -> None:
    playground = make(one=tiny_llama(tmp_path / "one"), two=tiny_llama(tmp_path / "two", seed=1))
    turns = (Turn("user", "Hi"), ask(playground, "one", "Hi").turn())
    (look,) = [
        event
        for event in playground.chat.inspect("v", "one", turns, 2, "", Sampling()).events()
        if event is not None and not isinstance(event, Phase)
    ]
    assert look.inspection.said.id == turns[1].tokens[2].id
    assert len(look.seen) == len(look.inspection.mean_attention)
    logprob = turns[1].tokens[2].logprob
    assert logprob is not None
    assert look.inspection.surprise_bits == pytest.approx(-logprob / 0.693147, abs=0.01)
    with pytest.raises(UserError, match="Another model"):
        playground.chat.inspect("v", "two", turns, 2, "", Sampling())


def _pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04not to be opened")


def _missing_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.0.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _wrong_shape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    tensors[name] = tensors[name][:, :-1].contiguous()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _hostile_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    config["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('this code must never run')")


@pytest.mark.parametrize(
    "damage", [_pickle_only, _missing_tensor, _wrong_shape, _cut_short, _no_config, _hostile_config]
)
def test_a_bad_checkpoint_is_told_and_the_next_model_works(
    make: Callable[..., Playground], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(tiny_llama(tmp_path / "bad"))
    playground = make(bad=tmp_path / "bad", good=tiny_llama(tmp_path / "good"))
    with pytest.raises(UserError) as error:
        ask(playground, "bad", "Hi")
    assert "Something went wrong inside" not in str(error.value), "a damaged model is foreseen"
    assert ask(playground, "good", "Hi").tokens
