"""The chat tab's handlers, called as Gradio calls them, on real tiny models and a scripted remote server."""

import base64
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.components import Component

from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings
from tabs.chat import render
from tabs.chat.components import ChatComponents
from tabs.chat.handlers import ChatHandlers
from tabs.chat.handlers_inspection import InspectionHandlers
from tabs.chat.layout import chat_components
from tabs.chat.session import ChatSession
from tabs.common.events import Updates
from tabs.common.model_menu import model_line
from tabs.common.session import stop_job
from tests.chat.test_service import ENTRY
from tests.support.openai_server import Exchange, ScriptedServer, fine, scripted_server
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


@dataclass
class Tab:
    """The tab as a visitor uses it: components are filled in by name, events return updates by component."""

    ui: ChatComponents
    chat: ChatHandlers
    inspection: InspectionHandlers

    def values(
        self,
        session: ChatSession,
        message: str = "",
        model: str = "near",
        tokens: float = 12,
        seed: float = 5,
        temperature: float = 0.0,
    ) -> dict[Component, Any]:
        """What stands on the page."""
        sampling = {"temperature": temperature, "top_p": 0.9, "top_k": 40, "min_p": 0.0, "repetition_penalty": 1.0}
        return {
            self.ui.session: session,
            self.ui.message: message,
            self.ui.menu.dropdown: model,
            self.ui.system_prompt: "",
            self.ui.thinking: True,
            self.ui.seed: seed,
            self.ui.new_seed: False,
            **{self.ui.sliders[name]: value for name, value in (sampling | {"max_new_tokens": tokens}).items()},
        }

    def send(self, session: ChatSession, message: str, **settings: Any) -> Iterator[Updates]:
        return self.chat.send(self.values(session, message, **settings), REQUEST)


def open_tab(playground: Playground) -> Tab:
    with gr.Blocks(analytics_enabled=False):
        ui = chat_components(playground)
    return Tab(ui, ChatHandlers(playground.chat, ui, interval_s=0.0), InspectionHandlers(playground.chat, ui))


@pytest.fixture(scope="module")
def tab(playground: Playground) -> Tab:
    return open_tab(playground)


@pytest.fixture
def session() -> ChatSession:
    return ChatSession()


def until_a_word(updates: Iterator[Updates], session: ChatSession) -> None:
    """Draw until the reply has begun."""
    while not session.turns or session.turns[-1].role != "assistant":
        next(updates)


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def edited(index: int, value: Any) -> gr.EditData:
    return gr.EditData(None, {"index": index, "value": value, "previous_value": ""})


def test_a_message_streams_and_the_conversation_is_the_sessions(tab: Tab, session: ChatSession) -> None:
    drawn = list(tab.send(session, "\tHello, how are you?\n  x"))
    assert [turn.role for turn in session.turns] == ["user", "assistant"]
    assert session.turns[0].text == "\tHello, how are you?\n  x"
    assert session.turns[1].tokens and session.turns[1].model == "near"
    shown = [updates[tab.ui.conversation] for updates in drawn if tab.ui.conversation in updates]
    assert len(shown) > 5
    assert shown[0][0]["content"] == [{"type": "text", "text": "\tHello, how are you?\n  x"}]
    assert shown[-1][1]["content"] == [{"type": "text", "text": session.turns[1].text}]
    assert drawn[0][tab.ui.message] == "", "the box is emptied"
    status = drawn[-1][tab.ui.status]
    assert "seed 5" in status and "of 512" in status
    assert session.job is None


def test_a_refused_message_changes_nothing(tab: Tab, session: ChatSession) -> None:
    list(tab.send(session, "Hi"))
    kept = session.turns
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("", {}), ("x", {"model": "nobody"}), ("x", {"temperature": float("nan")}),
    )  # fmt: skip
    for message, settings in wrong:
        with pytest.raises(UserError):
            list(tab.send(session, message, **settings))
        assert session.turns == kept and session.job is None


def test_a_message_too_long_is_told_and_can_be_taken_back(tab: Tab, session: ChatSession) -> None:
    long = "Hello, how are you? " * 400
    drawn: list[Updates] = []
    with pytest.raises(UserError, match="Shorten"):
        drawn.extend(tab.send(session, long))
    assert "Shorten" in drawn[-1][tab.ui.status]
    assert session.turns[-1].text == long
    updates = tab.chat.undo({tab.ui.session: session}, REQUEST)
    assert session.turns == () and updates[tab.ui.message] == long


def test_only_one_reply_at_a_time_and_stop_ends_it(tab: Tab, session: ChatSession) -> None:
    updates = tab.send(session, "Hello", tokens=400)
    until_a_word(updates, session)
    with pytest.raises(UserError, match="Stop it first"):
        list(tab.send(session, "again"))
    with pytest.raises(UserError, match="正在"):
        list(tab.chat.regenerate(tab.values(session), CHINESE))
    stop_job(session)
    last = list(updates)[-1]
    assert session.turns[-1].cut == "stopped" and session.turns[-1].text
    assert "stopped" in last[tab.ui.status]
    before = session.turns[-1]
    list(tab.chat.go_on(tab.values(session, tokens=4), REQUEST))
    assert session.turns[-1].tokens[: len(before.tokens)] == before.tokens
    assert len(session.turns[-1].tokens) > len(before.tokens)


def test_clear_while_it_speaks_leaves_an_empty_page(tab: Tab, session: ChatSession) -> None:
    updates = tab.send(session, "Hello", tokens=400)
    until_a_word(updates, session)
    tab.chat.clear({tab.ui.session: session}, REQUEST)
    last = list(updates)[-1]
    assert session.turns == () and last[tab.ui.conversation] == [] and session.job is None
    list(tab.send(session, "Hello"))
    assert len(session.turns) == 2


@pytest.mark.parametrize("spoken", [False, True])
def test_a_page_that_closes_frees_the_worker(tab: Tab, session: ChatSession, spoken: bool) -> None:
    updates = tab.send(session, "Hello", tokens=400)
    next(updates)
    if spoken:
        until_a_word(updates, session)
    job = session.job
    updates.close()  # type: ignore[attr-defined]
    assert session.job is None and job is not None and job.task.cancelled
    list(tab.send(ChatSession(), "Hello"))


def test_edits(tab: Tab, session: ChatSession) -> None:
    list(tab.send(session, "Hello"))
    list(tab.send(session, "More"))
    values = tab.values(session)
    list(tab.chat.edit(values, edited(1, "My own words"), REQUEST))
    assert session.turns[1].text == "My own words" and session.turns[1].tokens == ()
    assert len(session.turns) == 4
    list(tab.chat.edit(values, edited(2, [{"type": "text", "text": "Less"}]), REQUEST))
    assert [turn.text for turn in session.turns[:3]] == ["Hello", "My own words", "Less"]
    assert len(session.turns) == 4 and session.turns[3].tokens
    with pytest.raises(UserError, match="not part"):
        list(tab.chat.edit(values, edited(17, "x"), REQUEST))


def test_regenerate_with_the_same_seed_says_the_same(tab: Tab, session: ChatSession) -> None:
    list(tab.send(session, "Hello", temperature=1.0))
    first = session.turns[-1].text
    list(tab.chat.regenerate(tab.values(session, temperature=1.0), REQUEST))
    assert session.turns[-1].text == first
    list(tab.chat.regenerate(tab.values(session, temperature=1.0, seed=6), REQUEST))
    assert session.turns[-1].text != first


def test_a_clicked_token_and_another_choice(tab: Tab, session: ChatSession) -> None:
    list(tab.send(session, "Hello"))
    values = tab.values(session, temperature=0.7) | {tab.ui.sliders["top_k"]: 5}
    looks = tab.inspection.look(values, event(place=1, token=2), REQUEST)
    first = copy.deepcopy(next(looks)[tab.ui.inspector])["detail"]
    shown = list(looks)[-1][tab.ui.inspector]
    last = shown["detail"]
    assert sum(row["said"] for row in first["alternatives"]) == 1
    assert sum(row["q"] for row in first["alternatives"]) == pytest.approx(1.0)
    assert "wait" in first and len(last["lens"]) == 2 and "wait" not in last
    assert sum(piece["w"] for piece in last["attention"]) == pytest.approx(1.0, abs=1e-3)
    choice = next(row for row in first["alternatives"] if row["can"] and not row["said"])
    old = session.turns[-1].tokens
    list(tab.chat.continue_from(tab.values(session), event(place=1, token=2, choice=choice["n"]), REQUEST))
    new = session.turns[-1].tokens
    assert new[:2] == old[:2] and new[2].text == choice["t"] and len(new) > 3
    moved = tab.inspection.resample(values | {tab.ui.sliders["temperature"]: 0.0, tab.ui.inspector: shown}, REQUEST)[
        tab.ui.inspector
    ]
    assert moved["detail"]["alternatives"][0]["q"] == 1.0


def test_a_model_that_cannot_be_looked_into_says_so_beside_the_alternatives(tab: Tab, session: ChatSession) -> None:
    list(tab.send(session, "Hello"))
    looks = tab.inspection.look(tab.values(session, model="far"), event(place=1, token=2), REQUEST)
    detail = list(looks)[-1][tab.ui.inspector]["detail"]
    assert detail["alternatives"] and "local model" in detail["wait"]


@pytest.mark.parametrize(
    "data",
    [{}, {"place": 9, "token": 0}, {"place": 1, "token": -1}, {"place": "1", "token": 0}, {"place": 0, "token": 0}],
)
def test_hostile_clicks_are_refused(tab: Tab, session: ChatSession, data: dict[str, Any]) -> None:
    list(tab.send(session, "Hello"))
    values = tab.values(session)
    with pytest.raises(UserError):
        list(tab.inspection.look(values, event(**data), REQUEST))
    with pytest.raises(UserError):
        list(tab.chat.continue_from(values, event(**data, choice=0), REQUEST))
    with pytest.raises(UserError):
        list(tab.chat.continue_from(values, event(place=1, token=0, choice=99), REQUEST))


def test_export_and_import(tab: Tab, session: ChatSession, tmp_path: Path) -> None:
    list(tab.send(session, "\t中文 🙂\n"))
    name, uri = tab.chat.export(tab.values(session)).split("|")
    assert name == "conversation.json"
    path = tmp_path / "talk.json"
    path.write_bytes(base64.b64decode(uri.split("base64,")[1]))
    other = ChatSession()
    uploaded = {tab.ui.session: other, tab.ui.upload: str(path)}
    updates = tab.chat.upload(uploaded, CHINESE)
    assert [(turn.role, turn.text) for turn in other.turns] == [(turn.role, turn.text) for turn in session.turns]
    assert "2" in updates[tab.ui.status] and "导入" in updates[tab.ui.status]
    list(tab.send(other, "Go on"))
    assert len(other.turns) == 4
    path.write_text("[[[")
    with pytest.raises(UserError, match="not a conversation"):
        tab.chat.upload(uploaded, REQUEST)
    assert len(other.turns) == 4


def test_a_remote_model_answers_through_the_same_tab(tab: Tab, session: ChatSession, server: ScriptedServer) -> None:
    server.play(fine)
    drawn = list(tab.send(session, "Hello", model="far"))
    assert session.turns[-1].text and session.turns[-1].model == "far"
    assert "seed 5" in drawn[-1][tab.ui.status]


def _dies(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("Half a ")
    exchange.say("sentence")
    exchange.drop()


def test_a_server_that_dies_mid_reply_leaves_what_came_and_the_app_alive(
    tab: Tab, session: ChatSession, server: ScriptedServer
) -> None:
    server.play(_dies)
    with pytest.raises(UserError, match="incomplete"):
        list(tab.send(session, "Hello", model="far"))
    assert session.turns[-1].text == "Half a sentence" and session.turns[-1].cut == "stopped"
    assert session.job is None
    server.play(fine)
    list(tab.chat.regenerate(tab.values(session, model="far"), REQUEST))
    assert session.turns[-1].cut == ""


def test_a_server_that_is_down_is_told(session: ChatSession, tmp_path: Path) -> None:
    path = tmp_path / "down.toml"
    path.write_text(REMOTE.format(url="http://127.0.0.1:9"))
    playground = Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path))
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        list(open_tab(playground).send(session, "Hello", model="far"))
    assert session.turns[-1].text == "Hello"
    playground.close()


def test_a_choice_does_not_open_the_page_anew(tab: Tab, session: ChatSession) -> None:
    """The browser tells what it remembers after every choice; what the page shows then stays as it is."""
    ui, menu = tab.ui, tab.ui.menu

    def opened(remembered: str) -> Updates:
        return tab.chat.open_page({ui.session: session, menu.remembered: remembered}, REQUEST)

    assert opened("near")[menu.about]
    for model in ("far", "someone/a-model-of-theirs"):
        updates = tab.chat.choose_model({ui.session: session, menu.dropdown: model}, REQUEST)
        assert updates[menu.remembered] == model
        assert opened(model) == {}
    assert opened("near")[menu.about], "what is remembered comes after the page has opened"


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
