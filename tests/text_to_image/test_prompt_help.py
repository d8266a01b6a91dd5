"""Help with prompts: chips of the drawn world, surprises, unknown words, and a chat model that says more."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core import Playground
from playground.drawn_world.captions import words as all_words
from playground.drawn_world.phrases import claims
from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase
from playground.settings import Settings
from playground.text_to_image.prompt_expansion import MOST_WORDS, clean_prompt, expand_prompt, trim_to_last_clause
from playground.text_to_image.prompt_vocabulary import phrase_groups, random_prompt, unknown_words
from tests.support.openai_server import Exchange, ScriptedServer, scripted_server
from tests.tiny_models.causal_lm import tiny_llama

LOCAL = """
[[model]]
id = "{id}"
tab = "chat"
label = "{id}"
family = "causal-lm"
licence = "MIT"
context = 1024
memory_bytes = 1_000_000
sources = [{{ kind = "path", path = "{path}" }}]
"""
REMOTE = """
[[model]]
id = "far"
tab = "chat"
label = "Far away"
family = "openai-chat"
licence = "?"
thinking = "{thinking}"
remote = {{ url = "{url}", model = "m" }}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], Playground]]:
    """A playground with these models beside its own."""
    made: list[Playground] = []

    def build(entries: str) -> Playground:
        path = tmp_path / "own.toml"
        path.write_text(entries)
        made.append(Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path / "cache")))
        return made[-1]

    yield build
    for playground in made:
        playground.close()


def texts(playground: Playground, model: str, prompt: str, seed: int = 0) -> list[str]:
    job = expand_prompt(playground.chat, "v", model, prompt, seed)
    return [event for event in job.events() if isinstance(event, str)]


# Chips


def test_the_chips_are_phrases_that_mean_what_they_say() -> None:
    found = phrase_groups()
    assert [group.key for group in found] == [
        "hair", "hair_colour", "hat", "hat_colour", "facial_hair", "glasses", "mouth", "eyes", "eyebrows", "skin",
        "clothing", "clothing_colour", "background",
    ]  # fmt: skip
    about = {"hair": "top", "hat": "top", "hat_colour": "hat_colour"}
    for group in found:
        assert len(group.words) >= 3 and len(set(group.words)) == len(group.words)
        meanings = [tuple(sorted(claims(words).items())) for words in group.words]
        assert all(about.get(group.key, group.key) in dict(meaning) for meaning in meanings), group
        assert len(set(meanings)) == len(meanings), f"two chips of {group.key} mean the same"
        assert not any(unknown_words(words) for words in group.words)
        assert not any("{" in words for words in group.words)


def test_chips_are_what_a_person_would_write() -> None:
    chips = {words for group in phrase_groups() for words in group.words}
    for words in ("long hair", "red hair", "a moustache", "round glasses", "smiling", "on a green background",
                  "a hoodie", "blue clothes", "no glasses", "bald", "an orange hat"):  # fmt: skip
        assert words in chips
    assert not chips & {"a mustache", "bearded", "a cap", "without glasses"}, "understood, but not written"


# Surprise


def test_a_surprise_is_the_same_for_its_seed_and_known_to_the_model() -> None:
    prompts = [random_prompt(seed) for seed in range(40)]
    assert prompts == [random_prompt(seed) for seed in range(40)]
    assert len(set(prompts)) > 35
    assert all(claims(prompt) and not unknown_words(prompt) for prompt in prompts)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**80])
def test_what_is_no_seed_is_told(seed: int) -> None:
    with pytest.raises(UserError, match="A seed must be a whole number from 0"):
        random_prompt(seed)


# Unknown words


def test_words_the_drawn_world_never_says() -> None:
    assert unknown_words("A Dragon with RED hair, a t-shirt and a dragon’s wing. 猫!") == (
        "dragon",
        "dragon’s",
        "wing",
        "猫",
    )
    assert (
        unknown_words("a smiling person with long red hair and round glasses, blue hoodie, on a green background")
        == ()
    )
    assert unknown_words("") == unknown_words("?!, …") == ()


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_unknown_words_are_few_short_and_each_once(text: str) -> None:
    found = unknown_words(text)
    assert len(found) <= 12 and len(set(found)) == len(found)
    assert all(0 < len(word) <= 40 and word not in all_words() for word in found)


# What a chat model said


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("a red fox in snow", "a red fox in snow"),
        ("<think>The user wants a fox.\nOK</think>\n\na red fox", "a red fox"),
        ("<think>never closed", ""),
        ("Here is the prompt:\n\na red fox", "a red fox"),
        ("Sure! Here's a prompt: a red fox", "a red fox"),
        ("**Prompt:** a red fox", "a red fox"),
        ("Expanded prompt: a red fox", "a red fox"),
        ("```\na red fox\n```", "a red fox"),
        ("## A red fox", "A red fox"),
        ("- a *red* fox, __soft__ light", "a red fox, soft light"),
        ("1. a red fox\n2. a blue fox", "a red fox"),
        ('"a red fox"', "a red fox"),
        ("“a red fox”", "a red fox"),
        ("'a red fox'", "a red fox"),
        ('a sign saying "open", red', 'a sign saying "open", red'),
        ('"open" says a sign in "red"', '"open" says a sign in "red"'),
        ("a fox's den", "a fox's den"),
        ("snake_case stays and 2*3*4", "snake_case stays and 2*3*4"),
        ("a red fox\n\nThis prompt describes…", "a red fox"),
        ("a \x1b[31mred\x07 fox\u202e", "a [31mred fox"),
        ("   \n\n  ", ""),
    ],
)
def test_one_plain_line_is_left(said: str, line: str) -> None:
    assert clean_prompt(said)[0] == line


def test_it_is_whole_when_another_line_begins() -> None:
    assert clean_prompt("a red fox") == ("a red fox", False)
    assert clean_prompt("a red fox\n") == ("a red fox", True)


def test_what_was_cut_off_ends_at_its_last_pause() -> None:
    assert trim_to_last_clause("a red fox in snow, soft light, a sm") == "a red fox in snow, soft light"
    assert trim_to_last_clause("a fox, in snow and nothing else but sn") == "a fox, in snow and nothing else but sn"
    assert trim_to_last_clause("1.5 foxes in sn") == "1.5 foxes in sn"


def test_too_many_words_are_cut_at_a_comma() -> None:
    line, whole = clean_prompt("a fox, " * 100)
    assert whole and len(line.split()) <= MOST_WORDS and line.endswith("fox")
    line, whole = clean_prompt("fox " * 100)
    assert whole and len(line.split()) == MOST_WORDS


@given(st.text(max_size=400) | st.text(alphabet='<think>/`*_"\n #-1.: Suerpromt', max_size=120))
@settings(max_examples=300, deadline=None)
def test_whatever_is_said_one_printable_line_is_left(said: str) -> None:
    line, _ = clean_prompt(said)
    assert line.isprintable() and len(line.split()) <= MOST_WORDS
    assert "<think>" not in line


def test_endless_markup_takes_no_time() -> None:
    began = time.monotonic()
    for letter in ("*", "_", "`", "<think>", "'", "Sure ", "#", "> ", "1. "):
        clean_prompt(letter * 30_000)
    assert time.monotonic() - began < 3


# Expansion through the chat


def test_a_local_model_writes_it_out_seeded(make: Callable[[str], Playground], tmp_path: Path) -> None:
    playground = make(LOCAL.format(id="one", path=tiny_llama(tmp_path / "one", context=1024)))
    first = texts(playground, "one", "a fox", seed=3)
    assert len(first) > 2 and all(text.startswith("a fox") and "\n" not in text for text in first)
    assert len(first[-1]) > len("a fox,") and not first[-1].endswith(",")
    assert texts(playground, "one", "a fox", seed=3) == first
    assert texts(playground, "one", "a fox", seed=4)[-1] != first[-1]


def test_the_events_are_those_of_a_job(make: Callable[[str], Playground], tmp_path: Path) -> None:
    playground = make(LOCAL.format(id="one", path=tiny_llama(tmp_path / "one", context=1024)))
    job = expand_prompt(playground.chat, "v", "one", "a fox", 0)
    kinds = {event.kind for event in job.events() if isinstance(event, Phase)}
    assert "loading" in kinds and job.visitor == "v"
    assert job.ended.wait(5)
    job = expand_prompt(playground.chat, "v", "one", "a fox", 0)
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, str):
                job.cancel()
                stopped = time.monotonic()
    assert time.monotonic() - stopped < 0.3 + 0.2
    assert texts(playground, "one", "a fox"), "the model is usable again"


def said(*parts: str, **delta: str) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for part in parts:
            exchange.say(part)
        exchange.finish()

    return script


def test_what_is_asked_and_what_comes(make: Callable[[str], Playground], server: ScriptedServer) -> None:
    playground = make(REMOTE.format(url=server.url, thinking="switch"))
    server.play(said("<think>Hm", "m.</think>", '"a red', ' fox, soft light"', "\n\nI hope", " you like it"))
    assert texts(playground, "far", "  a\nfox ", seed=9) == ["a red", "a red fox, soft light"]
    body = server.asked[0].body
    assert body["messages"][0]["role"] == "system" and body["messages"][-1]["content"] == "a fox"
    assert (body["temperature"], body["seed"], body["chat_template_kwargs"]) == (0.7, 9, {"enable_thinking": False})


@pytest.mark.parametrize("parts", [("<think>I cannot stop thinking",), ("```\n```",), (" ", "\n")])
def test_the_prompt_itself_where_nothing_usable_comes(
    make: Callable[[str], Playground], server: ScriptedServer, parts: tuple[str, ...]
) -> None:
    playground = make(REMOTE.format(url=server.url, thinking="none"))
    server.play(said(*parts))
    assert texts(playground, "far", "a  fox") == ["a fox"]


def test_a_model_that_goes_on_and_on_is_stopped(make: Callable[[str], Playground], server: ScriptedServer) -> None:
    left: list[bool] = []

    def script(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(MOST_WORDS + 1):
            exchange.say("fox ")
        left.append(exchange.disconnected(5))

    playground = make(REMOTE.format(url=server.url, thinking="none"))
    server.play(script)
    job = expand_prompt(playground.chat, "v", "far", "a fox", 0)
    last = [event for event in job.events() if isinstance(event, str)][-1]
    assert len(last.split()) == MOST_WORDS
    assert job.ended.wait(5)
    deadline = time.monotonic() + 5
    while not left and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == [True], "the server sees the reader leave"


def test_thinking_models_have_room_to_think(make: Callable[[str], Playground], server: ScriptedServer) -> None:
    playground = make(REMOTE.format(url=server.url, thinking="always"))
    server.play(said("a fox"))
    texts(playground, "far", "fox")
    assert server.asked[0].body["max_tokens"] > 500


def test_what_goes_wrong_is_said(make: Callable[[str], Playground], server: ScriptedServer) -> None:
    playground = make(REMOTE.format(url=server.url, thinking="none"))
    server.play(lambda exchange: exchange.refuse(500, {"error": "no memory"}))
    with pytest.raises(UserError, match="no memory"):
        texts(playground, "far", "a fox")
    for prompt, words in (("", "Write a few words"), (" \n\t", "Write a few words"), ("x" * 2_001, "2001 char"),
                          ("fox " * 46, "46 words and says plenty")):  # fmt: skip
        with pytest.raises(UserError, match=words):
            expand_prompt(playground.chat, "v", "far", prompt, 0)
    with pytest.raises(UserError, match="There is no model"):
        expand_prompt(playground.chat, "v", "nobody", "a fox", 0)
    with pytest.raises(UserError, match="not a chat model"):
        expand_prompt(playground.chat, "v", "avatar-vae", "a fox", 0)
