"""A view of our own: a root element, the styles and scripts that lie beside the module of its class.

Invariants: values are plain JSON. What they hold reaches the page as text nodes, attributes and numbers only,
never as HTML; each module says what its values are.
"""

import inspect
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio import component_meta

# Gradio writes a .pyi stub beside the module of every component class. Ours need none, and parsing every module for it
# would take a tenth of a second of each start.
component_meta.create_or_modify_pyi = lambda *_: None


class HtmlComponent(gr.HTML):
    """What the views have in common; a class of it names its files.

    `root` is the class of the element that the scripts fill; `bare` says that Gradio's own look of texts stays out.
    """

    root: ClassVar[str] = "piece"
    styles: ClassVar[tuple[str, ...]] = ()
    scripts: ClassVar[tuple[str, ...]] = ()
    bare: ClassVar[bool] = True

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        beside = Path(inspect.getfile(type(self)))

        def read(names: tuple[str, ...]) -> str:
            return "".join(beside.with_name(name).read_text(encoding="utf-8") for name in names)

        super().__init__(
            value if value is not None else {},
            html_template=f'<div class="{self.root}"></div>',
            css_template=read(self.styles),
            js_on_load=read(self.scripts),
            apply_default_css=not self.bare,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
