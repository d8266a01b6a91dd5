"""The canonical conversation: a tuple of turns, and the verbs a person has for it.

Invariants: pure functions; the page shows a view of these turns and never is their source,
since what a page shows has been altered (blanks, tabs, reasoning folded away). The JSON form gives
back exactly what went in.
"""

import json
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from playground.chat.reply import split_reasoning
from playground.chat.types import Turn
from playground.errors import UserError
from playground.inference.types import Alternative, Token

FORMAT = "aigc-playground-conversation"
LARGEST_FILE_BYTES = 4_000_000
MOST_TURNS = 1_000
LONGEST_TEXT = 200_000  # characters of one message; far beyond every context length here

Turns = tuple[Turn, ...]


def ask(turns: Turns, text: str) -> Turns:
    """The conversation with one more question. Raises `UserError` for an empty or monstrous one."""
    check_text(text)
    if not text.strip():
        raise UserError("The message is empty. Type something first.")
    if len(turns) >= MOST_TURNS:
        raise UserError(f"This conversation has {MOST_TURNS} turns. Export it and start a new one.")
    return (*turns, Turn("user", text))


def check_text(text: str) -> None:
    """Raise `UserError` for text no model should be given: too long, or not valid Unicode."""
    if len(text) > LONGEST_TEXT:
        raise UserError(f"The message has {len(text):,} characters; at most {LONGEST_TEXT:,} are read. Shorten it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError("The message holds half a character (a lone surrogate). Remove it and send again.") from error


def without_last_reply(turns: Turns) -> Turns:
    """Ready to answer again: ends with the user's turn. Raises `UserError` where nothing was asked yet."""
    while turns and turns[-1].role == "assistant":
        turns = turns[:-1]
    if not turns or turns[-1].role != "user":
        raise UserError("There is no reply to give again yet. Send a message first.")
    return turns


def undo(turns: Turns) -> tuple[Turns, str]:
    """Take back the last exchange; the question comes back as text, to be mended and sent again."""
    asked = without_last_reply(turns)
    return asked[:-1], asked[-1].text


def edit(turns: Turns, place: int, text: str) -> tuple[Turns, bool]:
    """Change the words of turn `place`. A user's turn loses what follows it and wants a new reply (True);
    a reply just gets the new words, and its tokens are the model's no more."""
    check_text(text)
    if not 0 <= place < len(turns):
        raise UserError("That message is not part of this conversation any more. Reload the page.")
    if turns[place].role == "user":
        return ask(turns[:place], text), True
    edited = Turn(turns[place].role, text, model=turns[place].model)
    return (*turns[:place], edited, *turns[place + 1 :]), False


def cut_at(turns: Turns, place: int, token: int, choice: Alternative) -> Turns:
    """Turn `place` up to its token number `token`, with `choice` said instead; what follows is dropped.

    The result ends with an unfinished reply, to be gone on with.
    """
    turn = turns[place]
    kept = (*turn.tokens[:token], Token(choice.text, choice.id, choice.logprob, turn.tokens[token].alternatives))
    _, text = split_reasoning("".join(part.text for part in kept if not part.reasoning))
    return (*turns[:place], replace(turn, text=text, tokens=kept, cut="stopped"))


# --- as JSON ------------------------------------------------------------------------------------------


class _Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(max_length=LONGEST_TEXT)]
    reasoning: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    model: Annotated[str, Field(max_length=200)] = ""
    cut: Literal["", "stopped", "length"] = ""


class _File(BaseModel):
    system_prompt: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    messages: Annotated[list[_Message], Field(max_length=MOST_TURNS)]

    @model_validator(mode="before")
    @classmethod
    def _bare_list(cls, data: object) -> object:
        return {"messages": data} if isinstance(data, list) else data


def to_json(turns: Turns, system_prompt: str, model: str, settings: dict[str, float | int]) -> str:
    """The conversation as readable JSON; `from_json` gives the same turns and system prompt back."""
    messages = []
    for turn in turns:
        message = {"role": turn.role, "content": turn.text}
        message |= {name: value for name in ("reasoning", "model", "cut") if (value := getattr(turn, name))}
        messages.append(message)
    content = {
        "format": FORMAT,
        "version": 1,
        "model": model,
        "system_prompt": system_prompt,
        "settings": settings,
        "messages": messages,
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def from_json(data: bytes) -> tuple[Turns, str]:
    """Turns and system prompt of an exported conversation, or of a bare list of role/content messages.

    System messages inside the list go to the system prompt. Raises `UserError` naming the first fault.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise UserError(f"The file has {len(data):,} bytes; a conversation has at most {LARGEST_FILE_BYTES:,}.")
    try:
        read = _File.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(
            f"This is not a conversation this app can read: {where}: {first['msg']}. "
            "It should be the JSON that Export writes, or a list of {role, content}."
        ) from error
    prompts = [read.system_prompt] if read.system_prompt else []
    prompts += [message.content for message in read.messages if message.role == "system"]
    turns = tuple(
        Turn(message.role, message.content, message.reasoning, model=message.model, cut=message.cut)
        for message in read.messages
        if message.role != "system"
    )
    return turns, "\n\n".join(prompts)
