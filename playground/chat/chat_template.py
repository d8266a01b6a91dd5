"""From turns to the text the model is sent: its own chat template, or a plain one where it has none.

Invariants: the text of a turn arrives in the prompt as it is, blanks and tabs included, unless the
model's own template trims it. Reasoning of earlier turns is not sent again (the context is too short for it).
"""

from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from playground.chat.types import Turn
from playground.errors import UserError

# For a model without a template (mostly a base model, never taught to chat): it sees a written dialogue.
# Such a model may go on to write the user's next line too; the token limit ends it.
PLAIN_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% else %}{{ message['role'] | capitalize + ':\\n' + message['content'] + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:\\n' }}{% endif %}"
)
_THINK = "<think>"


def render(tokenizer: PreTrainedTokenizerFast, turns: Sequence[Turn], continue_last: bool, thinking: bool) -> str:
    """The prompt text; ends where the assistant's reply starts or, with `continue_last`, goes on.

    What the model itself said (a last turn with tokens; its text is then all it said, reasoning tags
    included) goes on right behind the prompt it answered. What a person wrote or edited stands as the
    template has it; a reply without text but with reasoning goes on inside its reasoning. A system
    prompt that the template refuses is put before the first message of the user. Raises `UserError`
    where the template refuses the conversation.
    """
    last = turns[-1]
    if not continue_last:
        return _apply(tokenizer, turns, thinking)
    if last.tokens or not (last.text or last.reasoning):
        return _apply(tokenizer, turns[:-1], thinking or bool(last.reasoning)) + last.text
    if last.text:
        return _open_end(_apply(tokenizer, turns, thinking, continue_last=True), last.text)
    start = _apply(tokenizer, turns[:-1], thinking=True)
    return start + ("" if start.rstrip().endswith(_THINK) else f"{_THINK}\n") + last.reasoning


def _open_end(prompt: str, text: str) -> str:
    """Give back the blanks at the end of an unfinished reply that the template trimmed: they are part of it."""
    return prompt if prompt.endswith(text) else prompt.rstrip() + text[len(text.rstrip()) :]


def _apply(
    tokenizer: PreTrainedTokenizerFast, turns: Sequence[Turn], thinking: bool, continue_last: bool = False
) -> str:
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    if continue_last and turns[-1].reasoning:
        messages[-1]["reasoning_content"] = turns[-1].reasoning
    template = tokenizer.get_chat_template() if tokenizer.chat_template else PLAIN_TEMPLATE
    switch = {"enable_thinking": thinking} if "enable_thinking" in template else {}

    def rendered(messages: list[dict[str, str]]) -> str:
        text = tokenizer.apply_chat_template(
            messages,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=not continue_last,
            continue_final_message=continue_last,
            **switch,
        )
        return str(text)

    try:
        try:
            return rendered(messages)
        except TemplateError:
            if len(folded := _fold_system(messages)) == len(messages):
                raise
            return rendered(folded)
    except (TemplateError, ValueError) as error:
        raise UserError(
            f"The chat template of this model refuses the conversation: {error} "
            "Start a new chat, undo the last turn, or choose another model."
        ) from error


def _fold_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system prompt as the beginning of the first user message; unchanged where there is none of both."""
    if len(messages) < 2 or [message["role"] for message in messages[:2]] != ["system", "user"]:
        return messages
    first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
    return [first, *messages[2:]]
