"""One visitor's chat, and the settings that a reply is asked for with."""

import secrets
from dataclasses import dataclass

from playground.chat import conversation
from playground.chat.limits import checked_sampling
from playground.chat.types import Turn
from playground.inference.types import Sampling
from playground.validation import MAX_SEED
from tabs.chat.components import ChatComponents
from tabs.common.events import Values
from tabs.common.session import SessionState


class ChatSession(SessionState):
    """One visitor's conversation, the oldest turn first."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class ChatSettings:
    """The values of the settings column, checked."""

    model: str
    system_prompt: str
    thinking: bool
    sampling: Sampling

    @classmethod
    def read(cls, ui: ChatComponents, values: Values) -> "ChatSettings":
        """The settings on the page, with a new seed where one is asked for.

        Args:
            ui: The tab's components.
            values: What stands in `ui.settings`.

        Raises:
            UserError: A number out of its range, or a system prompt too long.
        """
        system_prompt = values[ui.system_prompt] or ""
        conversation.check_text(system_prompt)
        seed = secrets.randbelow(MAX_SEED + 1) if values[ui.new_seed] else values[ui.seed]
        sampling = checked_sampling(seed=seed, **slider_values(ui, values))
        return cls(values[ui.menu.dropdown], system_prompt, bool(values[ui.thinking]), sampling)


def slider_values(ui: ChatComponents, values: Values) -> dict[str, float]:
    """What the sampling sliders stand at, by the names of `Sampling`."""
    return {name: values[slider] for name, slider in ui.sliders.items()}
