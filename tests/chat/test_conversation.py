"""The canonical conversation: its verbs, and a JSON form that gives back exactly what went in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.chat import conversation
from playground.chat.reply import Reply, split_reasoning
from playground.chat.types import Done, Prompt, Turn
from playground.errors import UserError
from playground.inference.types import Alternative, Token

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TURNS = st.lists(
    st.builds(
        Turn,
        role=st.sampled_from(["user", "assistant"]),
        text=TEXTS,
        reasoning=TEXTS,
        model=TEXTS,
        cut=st.sampled_from(["", "stopped", "length"]),
    ),
    max_size=8,
).map(tuple)


@given(TURNS, TEXTS)
def test_json_gives_back_exactly_what_went_in(turns: tuple[Turn, ...], system_prompt: str) -> None:
    text = conversation.to_json(turns, system_prompt, "m", {"temperature": 0.7})
    assert conversation.from_json(text.encode("utf-8")) == (turns, system_prompt)


def test_json_keeps_tabs_leading_blanks_emoji_and_chinese_readable() -> None:
    turns = (Turn("user", "  \tdef f():\n\t\treturn 1\n\n"), Turn("assistant", "🙂 你好\r\n   "))
    text = conversation.to_json(turns, " 系统\t", "m", {})
    assert "你好" in text and "🙂" in text
    assert conversation.from_json(text.encode("utf-8")) == (turns, " 系统\t")


def test_a_bare_list_as_other_tools_write_it_is_read() -> None:
    data = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "A"},
    ]
    turns, system_prompt = conversation.from_json(json.dumps(data).encode())
    assert system_prompt == "S"
    assert turns == (Turn("user", "Q"), Turn("assistant", "A"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"messages": 3}',
        b'{"messages": [{"role": "tool", "content": "x"}]}',
        b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
        b'{"messages": [{"role": "user"}]}',
        b'[{"role": "user", "content": "\\ud800"}]',
        json.dumps([{"role": "user", "content": "x"}] * 2000).encode(),
        json.dumps([{"role": "user", "content": "x" * 300_000}]).encode(),
        b" " * 5_000_000,
        b'{"__proto__": {}}',
    ],
    ids=range(13),
)
def test_broken_and_hostile_files_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(UserError) as error:
        conversation.from_json(data)
    assert len(str(error.value)) < 600


def test_the_verbs() -> None:
    turns = (Turn("user", "a"), Turn("assistant", "b", model="m"), Turn("user", "c"), Turn("assistant", "d"))
    assert conversation.undo(turns) == (turns[:2], "c")
    assert conversation.without_last_reply(turns) == turns[:3]
    assert conversation.edit(turns, 2, "C") == ((*turns[:2], Turn("user", "C")), True)
    assert conversation.edit(turns, 1, "B") == ((turns[0], Turn("assistant", "B", model="m"), *turns[2:]), False)
    for wrong in (-1, 4):
        with pytest.raises(UserError):
            conversation.edit(turns, wrong, "x")
    for nothing in ((), (Turn("assistant", "x"),)):
        with pytest.raises(UserError):
            conversation.undo(nothing)


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 200_001, "\ud800"])
def test_messages_no_model_should_get(text: str) -> None:
    with pytest.raises(UserError):
        conversation.ask((), text)


def tokens(*texts: str) -> tuple[Token, ...]:
    return tuple(Token(text, number, -1.0, (Alternative(99, "X", -2.0),)) for number, text in enumerate(texts))


def test_continuing_from_another_choice_cuts_there_and_says_it() -> None:
    turns = (Turn("user", "q"), Turn("assistant", "abc", tokens=tokens("a", "b", "c"), model="m"), Turn("user", "r"))
    cut = conversation.cut_at(turns, 1, 1, Alternative(99, "X", -2.0))
    assert len(cut) == 2
    assert cut[1].text == "aX"
    assert [token.id for token in cut[1].tokens] == [0, 99]
    assert cut[1].tokens[1].alternatives == turns[1].tokens[1].alternatives  # still to be looked at


def test_a_reply_grows_and_a_continued_one_goes_on() -> None:
    reply = Reply("m")
    reply.add(Prompt("p"))
    for token in tokens("Hel", "lo"):
        reply.add(token)
    assert reply.turn(stopped=True) == Turn("assistant", "Hello", tokens=tokens("Hel", "lo"), model="m", cut="stopped")
    more = Reply("m", before=reply.turn(stopped=True))
    more.add(Token("!", 7))
    more.add(Done("length"))
    assert more.turn().text == "Hello!"
    assert [token.text for token in more.turn().tokens] == ["Hel", "lo", "!"]
    assert more.turn().cut == "length"
    edited = Reply("m", before=Turn("assistant", "Mine"))
    edited.add(Token(" too", 7))
    assert edited.turn() == Turn("assistant", "Mine too", model="m")


def test_reasoning_is_folded_away_however_it_comes() -> None:
    assert split_reasoning("<think>\nhm\n</think>\n\nyes") == ("hm", "yes")
    assert split_reasoning("<think>hm") == ("hm", "")
    assert split_reasoning("hm</think>yes", opened=True) == ("hm", "yes")
    assert split_reasoning("a <think> is a tag") == ("", "a <think> is a tag")
    reply = Reply("m")
    for text in ("<thi", "nk>", "hm", "</think>", "yes"):
        reply.add(Token(text, 1))
    assert (reply.turn().reasoning, reply.turn().text) == ("hm", "yes")
    server = Reply("m")
    server.add(Token("hm", reasoning=True))
    server.add(Token("yes"))
    assert (server.turn().reasoning, server.turn().text) == ("hm", "yes")
