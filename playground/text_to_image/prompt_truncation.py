"""How much of a prompt a model reads, and what its text encoder truncates.

Invariants: nothing is shortened here, the pipelines do that; this module says beforehand what they will not read,
since their own warning goes to a log nobody sees.
"""

from typing import Any

TEMPLATED = ("Flux2KleinPipeline", "ZImagePipeline", "ZImageImg2ImgPipeline")  # the prompt is a message of a chat
SHOWN = 160  # characters of what was cut


def truncation(pipe: Any, text: str, limit: int) -> tuple[int, int, str]:
    """What of a prompt is read.

    Args:
        pipe: A pipeline with a fast tokenizer.
        text: The prompt.
        limit: Most tokens, 0 for the tokenizer's own limit.

    Returns:
        Tokens of the text, tokens read of it, and the text that is not read.
    """
    tokenizer = pipe.tokenizer
    most = min(limit or tokenizer.model_max_length, tokenizer.model_max_length)
    if type(pipe).__name__ in TEMPLATED:
        empty = tokenizer.apply_chat_template(
            [{"role": "user", "content": ""}], tokenize=False, add_generation_prompt=True
        )
        around = len(tokenizer(empty).input_ids)
    else:
        around = tokenizer.num_special_tokens_to_add()
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, room = found["input_ids"], max(0, most - around)
    if len(ids) <= room:
        return len(ids), len(ids), ""
    return len(ids), room, text[found["offset_mapping"][room][0] :]


def truncation_note(pipe: Any, text: str, limit: int, name: str) -> str:
    """A sentence about a prompt that is not read whole, or "".

    Args:
        pipe: A pipeline with a fast tokenizer.
        text: The prompt.
        limit: Most tokens, 0 for the tokenizer's own limit.
        name: What the sentence calls the prompt.
    """
    tokens, read, cut = truncation(pipe, text, limit)
    if not cut:
        return ""
    shown = cut if len(cut) <= SHOWN else f"{cut[:SHOWN]}…"
    return f"The {name} has {tokens} tokens and this model reads {read}. Not read: “{shown.strip()}”."
