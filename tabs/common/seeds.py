"""A seed beside a checkbox that asks for a new one each time.

Invariants: what a person types is what is used. The page unticks the box by itself; the server is not asked.
"""

import gradio as gr


def keep_typed_seed(seed: gr.Number, new_each_time: gr.Checkbox) -> None:
    """Untick the box as soon as somebody types a seed; a seed the app writes there changes nothing."""
    seed.input(None, None, new_each_time, js="() => false", api_visibility="private")
