"""The chat's named endpoints: a contract, with plain typed arguments, also listed as MCP tools."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground.chat import conversation
from playground.chat.limits import checked_sampling
from playground.chat.options import ChatOptions
from playground.chat.reply import Reply
from playground.chat.service import ChatService
from playground.chat.types import Turn
from playground.errors import UserError
from tabs.common.errors import raised
from tabs.common.jobs import job_results
from tabs.common.session import visitor_of


def chat_endpoints(service: ChatService) -> None:
    """Add `/chat` to the app under construction."""
    default = service.catalog.of_tab("chat")[0]
    start = ChatOptions.of(default)

    def chat(
        message: str,
        history: list[dict[str, Any]] | None = None,
        model: str = default.id,
        system_prompt: str = "",
        max_new_tokens: int = start.max_new_tokens,
        temperature: float = start.temperature,
        top_p: float = start.top_p,
        top_k: int = start.top_k,
        seed: int = 0,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> Iterator[str]:
        """Answer a chat message with a language model; the reply is streamed as text that grows.

        Args:
            message: What to say to the model.
            history: The messages before it, oldest first, each {"role": "user" or "assistant", "content": text}.
            model: A chat model's id, as listed by /models.
            system_prompt: Who the model should be; empty for its own default.
            max_new_tokens: The reply's length at most, in tokens (1 to 8192).
            temperature: 0 always says the likeliest token; up to 2.
            top_p: Draw from the likeliest tokens that hold this share of the probability (0.01 to 1).
            top_k: Draw from this many likeliest tokens; 0 for no limit (up to 200).
            seed: The same seed gives the same reply (0 to 4294967295).
        """
        sampling = checked_sampling(
            max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, top_k=top_k, seed=seed
        )
        conversation.check_text(system_prompt)
        turns = conversation.ask(_turns(history or []), message)
        reply = Reply(model)
        for event in job_results(service.reply(visitor_of(request), model, turns, system_prompt, sampling)):
            reply.add(event)
            if reply.tokens:
                yield reply.turn().text
        yield reply.turn().text

    gr.api(raised(chat), api_name="chat", concurrency_id="chat", concurrency_limit=None)


def _turns(history: list[dict[str, Any]]) -> conversation.Turns:
    """Turns from role/content messages; content is text, or Gradio's list of text blocks."""
    turns: list[Turn] = []
    for place, message in enumerate(history[: conversation.MOST_TURNS]):
        role = message.get("role") if isinstance(message, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            content = "".join(block.get("text", "") for block in content if isinstance(block, dict))
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise UserError(
                f'history[{place}] must be {{"role": "user" or "assistant", "content": text}}. '
                "A system message goes into system_prompt."
            )
        conversation.check_text(content)
        turns.append(Turn(role, content))
    return tuple(turns)
