"""The chat tab's handlers, called as Gradio calls them, on real tiny models and a scripted remote server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings
from tabs.chat import render
from tabs.chat.handlers import ChatHandlers
from tabs.chat.inspection import InspectionHandlers
from tabs.chat.layout import chat_tab
from tabs.chat.session import SessionState
from tabs.common.model_menu import model_line
from tests.chat.test_service import ENTRY
from tests.support.openai_server import Exchange, ScriptedServer, fine, scripted_server
from tests.support.remote_chat import handler_of
from tests.tiny_models.causal_lm import tiny_llama

REMOTE = """
[[model]]
id = "far"
tab = "chat"
label = "Far away"
family = "openai-chat"
licence = "?"
remote = {{ url = "{url}", model = "m" }}
"""
REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN,zh;q=0.9"})


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as started:
        yield started


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory, server: ScriptedServer) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("tab")
    path = folder / "own.toml"
    path.write_text(
        ENTRY.format(id="near", path=tiny_llama(folder / "near", context=512)) + REMOTE.format(url=server.url)
    )
    made = Playground(Settings(offline=True, catalogs=(path,), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture
def chat(playground: Playground) -> ChatHandlers:
    return ChatHandlers(playground.chat, update_s=0.0)


@pytest.fixture
def inside(playground: Playground) -> InspectionHandlers:
    return InspectionHandlers(playground.chat)


def options(model: str = "near", tokens: float = 12, seed: float = 5, temperature: float = 0.0) -> tuple[Any, ...]:
    return (model, "", True, temperature, 0.9, 40, 0.0, 1.0, tokens, seed, False)


def run(handler: Iterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(handler)


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def edited(index: int, value: Any) -> gr.EditData:
    return gr.EditData(None, {"index": index, "value": value, "previous_value": ""})


def test_a_message_streams_and_the_conversation_is_the_visits(chat: ChatHandlers) -> None:
    visit = SessionState()
    drawn = run(chat.send(visit, "\tHello, how are you?\n  x", REQUEST, *options()))
    assert [turn.role for turn in visit.turns] == ["user", "assistant"]
    assert visit.turns[0].text == "\tHello, how are you?\n  x"
    assert visit.turns[1].tokens and visit.turns[1].model == "near"
    assert len(drawn) > 5
    shown = [update[0] for update in drawn if isinstance(update[0], list)]
    assert shown[0][0]["content"] == [{"type": "text", "text": "\tHello, how are you?\n  x"}]
    assert shown[-1][1]["content"] == [{"type": "text", "text": visit.turns[1].text}]
    assert drawn[0][1] == ""  # the box is emptied
    assert "seed 5" in drawn[-1][2] and "of 512" in drawn[-1][2]
    assert visit.job is None


def test_a_refused_message_changes_nothing(chat: ChatHandlers) -> None:
    visit = SessionState()
    run(chat.send(visit, "Hi", REQUEST, *options()))
    kept = visit.turns
    for message, wrong in (("", options()), ("x", options(model="nobody")), ("x", options(temperature=float("nan")))):
        with pytest.raises(UserError):
            run(chat.send(visit, message, REQUEST, *wrong))
        assert visit.turns == kept and visit.job is None


def test_a_message_too_long_is_told_and_can_be_taken_back(chat: ChatHandlers) -> None:
    visit = SessionState()
    long = "Hello, how are you? " * 400
    handler = chat.send(visit, long, REQUEST, *options())
    drawn = []
    with pytest.raises(UserError, match="Shorten"):
        for update in handler:
            drawn.append(update)
    assert "Shorten" in drawn[-1][2]
    assert visit.turns[-1].text == long
    updates = chat.undo(visit, REQUEST)
    assert visit.turns == () and updates[1] == long


def test_only_one_reply_at_a_time_and_stop_ends_it(chat: ChatHandlers) -> None:
    visit = SessionState()
    handler = chat.send(visit, "Hello", REQUEST, *options(tokens=400))
    drawn = [next(handler) for _ in range(6)]
    with pytest.raises(UserError, match="Stop it first"):
        run(chat.send(visit, "again", REQUEST, *options()))
    with pytest.raises(UserError, match="正在"):
        run(chat.regenerate(visit, CHINESE, *options()))
    chat.stop(visit)
    drawn += list(handler)
    assert visit.turns[-1].cut == "stopped" and visit.turns[-1].text
    assert "stopped" in drawn[-1][2]
    before = visit.turns[-1]
    run(chat.go_on(visit, REQUEST, *options(tokens=4)))
    assert visit.turns[-1].tokens[: len(before.tokens)] == before.tokens
    assert len(visit.turns[-1].tokens) > len(before.tokens)


def test_clear_while_it_speaks_leaves_an_empty_page(chat: ChatHandlers) -> None:
    visit = SessionState()
    handler = chat.send(visit, "Hello", REQUEST, *options(tokens=400))
    while len(visit.turns) < 2:  # until the first word
        next(handler)
    chat.clear(visit, REQUEST)
    last = list(handler)[-1]
    assert visit.turns == () and last[0] == [] and visit.job is None
    run(chat.send(visit, "Hello", REQUEST, *options()))
    assert len(visit.turns) == 2


@pytest.mark.parametrize("updates", [1, 5])
def test_a_page_that_closes_frees_the_worker(chat: ChatHandlers, updates: int) -> None:
    visit = SessionState()
    handler = chat.send(visit, "Hello", REQUEST, *options(tokens=400))
    for _ in range(updates):
        next(handler)
    job = visit.job
    handler.close()  # type: ignore[attr-defined]
    assert visit.job is None and job is not None and job.task.cancelled
    run(chat.send(SessionState(), "Hello", REQUEST, *options()))


def test_edits(chat: ChatHandlers) -> None:
    visit = SessionState()
    run(chat.send(visit, "Hello", REQUEST, *options()))
    run(chat.send(visit, "More", REQUEST, *options()))
    run(chat.edit(visit, edited(1, "My own words"), REQUEST, *options()))
    assert visit.turns[1].text == "My own words" and visit.turns[1].tokens == ()
    assert len(visit.turns) == 4
    run(chat.edit(visit, edited(2, [{"type": "text", "text": "Less"}]), REQUEST, *options()))
    assert [turn.text for turn in visit.turns[:3]] == ["Hello", "My own words", "Less"]
    assert len(visit.turns) == 4 and visit.turns[3].tokens
    with pytest.raises(UserError, match="not part"):
        run(chat.edit(visit, edited(17, "x"), REQUEST, *options()))


def test_regenerate_with_the_same_seed_says_the_same(chat: ChatHandlers) -> None:
    visit = SessionState()
    run(chat.send(visit, "Hello", REQUEST, *options(temperature=1.0)))
    first = visit.turns[-1].text
    run(chat.regenerate(visit, REQUEST, *options(temperature=1.0)))
    assert visit.turns[-1].text == first
    run(chat.regenerate(visit, REQUEST, *options(temperature=1.0, seed=6)))
    assert visit.turns[-1].text != first


def test_a_clicked_token_and_another_choice(chat: ChatHandlers, inside: InspectionHandlers) -> None:
    visit = SessionState()
    run(chat.send(visit, "Hello", REQUEST, *options()))
    samplers = (0.7, 0.9, 5, 0.0, 1.0)
    values = list(inside.look(visit, "near", "", event(place=1, token=2), REQUEST, *samplers))
    first, last = values[0]["detail"], values[-1]["detail"]
    assert sum(row["said"] for row in first["alternatives"]) == 1
    assert sum(row["q"] for row in first["alternatives"]) == pytest.approx(1.0)
    assert len(last["lens"]) == 2 and "wait" not in last
    assert sum(piece["w"] for piece in last["attention"]) == pytest.approx(1.0, abs=1e-3)
    choice = next(row for row in first["alternatives"] if row["can"] and not row["said"])
    old = visit.turns[-1].tokens
    run(chat.continue_from(visit, event(place=1, token=2, choice=choice["n"]), REQUEST, *options()))
    new = visit.turns[-1].tokens
    assert new[:2] == old[:2] and new[2].text == choice["t"] and len(new) > 3
    moved = inside.resample(visit, values[-1], REQUEST, 0.0, 0.9, 5, 0.0, 1.0)
    assert moved["detail"]["alternatives"][0]["q"] == 1.0


@pytest.mark.parametrize(
    "data",
    [{}, {"place": 9, "token": 0}, {"place": 1, "token": -1}, {"place": "1", "token": 0}, {"place": 0, "token": 0}],
)
def test_hostile_clicks_are_refused(chat: ChatHandlers, inside: InspectionHandlers, data: dict[str, Any]) -> None:
    visit = SessionState()
    run(chat.send(visit, "Hello", REQUEST, *options()))
    with pytest.raises(UserError):
        list(inside.look(visit, "near", "", event(**data), REQUEST, 0.7, 0.9, 40, 0.0, 1.0))
    with pytest.raises(UserError):
        run(chat.continue_from(visit, event(**data, choice=0), REQUEST, *options()))
    with pytest.raises(UserError):
        run(chat.continue_from(visit, event(place=1, token=0, choice=99), REQUEST, *options()))


def test_export_and_import(chat: ChatHandlers, tmp_path: Path) -> None:
    visit = SessionState()
    run(chat.send(visit, "\t中文 🙂\n", REQUEST, *options()))
    path = tmp_path / "talk.json"
    path.write_text(chat.export(visit, *options()), encoding="utf-8")
    other = SessionState()
    updates = chat.import_(other, str(path), CHINESE)
    assert [(turn.role, turn.text) for turn in other.turns] == [(turn.role, turn.text) for turn in visit.turns]
    assert "2" in updates[2] and "导入" in updates[2]
    run(chat.send(other, "Go on", REQUEST, *options()))
    assert len(other.turns) == 4
    path.write_text("[[[")
    with pytest.raises(UserError, match="not a conversation"):
        chat.import_(other, str(path), REQUEST)
    assert len(other.turns) == 4


def test_a_remote_model_answers_through_the_same_tab(chat: ChatHandlers, server: ScriptedServer) -> None:
    server.play(fine)
    visit = SessionState()
    drawn = run(chat.send(visit, "Hello", REQUEST, *options(model="far")))
    assert visit.turns[-1].text and visit.turns[-1].model == "far"
    assert "seed 5" in drawn[-1][2]


def _dies(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("Half a ")
    exchange.say("sentence")
    exchange.drop()


def test_a_server_that_dies_mid_reply_leaves_what_came_and_the_app_alive(
    chat: ChatHandlers, server: ScriptedServer
) -> None:
    server.play(_dies)
    visit = SessionState()
    handler = chat.send(visit, "Hello", REQUEST, *options(model="far"))
    drawn: list[tuple[Any, ...]] = []
    with pytest.raises(UserError, match="incomplete"):
        drawn.extend(handler)
    assert visit.turns[-1].text == "Half a sentence" and visit.turns[-1].cut == "stopped"
    assert visit.job is None
    server.play(fine)
    run(chat.regenerate(visit, REQUEST, *options(model="far")))
    assert visit.turns[-1].cut == ""


def test_a_server_that_is_down_is_told(chat: ChatHandlers, tmp_path: Path) -> None:
    path = tmp_path / "down.toml"
    path.write_text(REMOTE.format(url="http://127.0.0.1:9"))
    playground = Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path))
    visit = SessionState()
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        run(ChatHandlers(playground.chat).send(visit, "Hello", REQUEST, *options(model="far")))
    assert visit.turns[-1].text == "Hello"
    playground.close()


def test_a_choice_does_not_open_the_page_anew(playground: Playground) -> None:
    """The browser tells what it remembers after every choice; what the page shows then stays as it is."""
    with gr.Blocks(analytics_enabled=False) as page:
        chat_tab(playground)
    describe, opened = handler_of(page, "describe"), handler_of(page, "opened")
    visit = SessionState()
    assert isinstance(opened("near", visit, REQUEST), tuple)
    for model in ("far", "someone/a-model-of-theirs"):
        describe(visit, model, REQUEST)
        assert opened(model, visit, REQUEST) == gr.skip()
    assert isinstance(opened("near", visit, REQUEST), tuple), "what is remembered comes after the page has opened"


def test_the_status_line_and_the_menu_in_both_languages(playground: Playground) -> None:
    entry = playground.catalog.get("qwen3-0.6b")
    texts = [model_line(entry, playground.state(entry), language) for language in ("en", "zh")]
    assert "1.5 GB" in texts[0] and "1.5 GB" in texts[1]
    assert "download" in texts[0] and "下载" in texts[1]


def test_reasoning_is_folded_and_edits_still_hit_the_right_turn() -> None:
    from playground.chat.types import Turn

    turns = (Turn("user", "q"), Turn("assistant", "a", reasoning="hm"), Turn("user", "r"))
    shown = render.messages(turns, "en")
    assert [message["content"][0]["text"] for message in shown] == ["q", "hm", "a", "r"]
    assert shown[1]["metadata"]["title"] == "Reasoning"
    assert render.places(turns) == [0, 1, 1, 2]
    many = tuple(Turn("user", str(number)) for number in range(render.MOST_SHOWN + 5))
    assert render.places(many)[0] == 5 and len(render.messages(many, "en")) == render.MOST_SHOWN
