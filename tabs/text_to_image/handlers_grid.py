"""Two settings against each other: the cells appear one by one, and the sheet is there however far it came.

Invariants: every cell is an ordinary picture with its own settings; clicking one puts it among the visitor's.
"""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import Cancelled, UserError
from playground.imaging import encoding
from playground.runtime.task import Phase
from playground.text_to_image import grid, infotext
from playground.text_to_image.grid import Axis, Cell
from playground.text_to_image.types import ImageRequest, Started, Step
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.text_to_image import render
from tabs.text_to_image.handlers import ImageHandlers
from tabs.text_to_image.session import Kept, Options, SessionState, Updates, buttons, idle

NOTHING = "none"  # the second side left out
CELL_SIDE = 160  # pixels


@dataclass
class GridHandlers:
    """The grid's events, over the tab's handlers."""

    handlers: ImageHandlers

    def make(
        self,
        visit: SessionState,
        x_kind: str,
        x_text: str,
        y_kind: str,
        y_text: str,
        request: gr.Request,
        *values: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """Fill the grid: draws (cells, status, canvas, sent, generate, stop, make, stop)."""
        language = language_of(request)
        idle(visit, say(language, "image_busy"))
        service, options = self.handlers.service, Options(*values)
        x = grid.parse_axis(x_kind, x_text or "")
        y = None if y_kind == NOTHING else grid.parse_axis(y_kind, y_text or "")
        wish = options.request(service.limits(options.model))
        job = service.grid(visitor_of(request), options.model, wish, x, y)
        count, cells, error, where = len(x.values) * (len(y.values) if y else 1), list[Cell](), None, ""
        visit.job, visit.cells, visit.sheet = job, {}, b""
        visit.runs += 1
        began = drawn = time.monotonic()
        previews: list[str] = []
        said = say(language, "image_starting")
        try:
            yield self._cells(visit, x, y, 0, language), {"text": said}, *_still(2), *_running(True)
            for event in job.events():
                if isinstance(event, Phase):
                    text = render.phase_text(event, language)
                    if text != said:
                        said = text
                        yield gr.skip(), {"text": said}, *_still(2), *_running(None)
                elif isinstance(event, Started):
                    sent = render.sent_text(infotext.write(event.settings), event.notes)
                    where = say(language, "image_grid_cell", which=len(cells) + 1, count=count)
                    yield gr.skip(), {"text": where}, gr.skip(), sent, *_running(None)
                elif isinstance(event, Step):
                    if time.monotonic() - drawn >= self.handlers.update_s:
                        drawn, previews = time.monotonic(), render.previews(event, previews)
                        text = f"{where} · {render.step_text(event, 1, language)}"
                        share = (len(cells) + render.step_share(event, 1)) / count
                        live = render.live(previews, visit.current(), text, share, language)
                        yield gr.skip(), gr.skip(), live, gr.skip(), *_running(None)
                elif isinstance(event, Cell):
                    cells.append(event)
                    self._keep(visit, event, wish)
                    yield self._cells(visit, x, y, len(cells), language), gr.skip(), *_still(2), *_running(None)
            said = say(language, "image_grid_done", n=len(cells), s=time.monotonic() - began)
        except Cancelled:
            said = say(language, "image_stopped_kept", text=say(language, "image_stopped"), n=len(cells))
        except UserError as raised:
            error, said = raised, str(raised)
        finally:
            visit.job = None
            job.cancel()
            if cells:
                sheet = grid.contact_sheet(cells, x, y)
                labels = {name: str(sheet.info[name]) for name in ("labels",) if name in sheet.info}
                visit.sheet = encoding.png(sheet, {"parameters": infotext.write(cells[0].picture.settings), **labels})
        canvas = render.kept_canvas(visit.current(), language)
        yield self._cells(visit, x, y, -1, language), {"text": said}, canvas, gr.skip(), *_running(False)
        if error is not None:
            raise error

    def take(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A clicked cell goes among the visitor's pictures."""
        language = language_of(request)
        sent = data._data if isinstance(data._data, dict) else {}
        kept = visit.cells.get((sent.get("row"), sent.get("column")))  # type: ignore[arg-type]  # anything is no key
        if kept is None:
            raise UserError(say(language, "image_gone"))
        if not any(one.key == kept.key for one in visit.pictures):
            visit.keep(kept)
        visit.chosen = kept.key
        return Updates(canvas=render.kept_canvas(kept, language), shelf=render.shelf(visit, language)).updates()

    def save(self, visit: SessionState, request: gr.Request) -> str:
        """The labelled sheet, for the browser to save."""
        if not visit.sheet:
            raise UserError(say(language_of(request), "image_grid_unmade"))
        return f"grid.png|data:image/png;base64,{base64.b64encode(visit.sheet).decode('ascii')}"

    def _keep(self, visit: SessionState, cell: Cell, wish: ImageRequest) -> Kept:
        kept = self.handlers.made(visit, cell.picture, visit.runs, wish)
        visit.cells[cell.row, cell.column] = kept
        return kept

    def _cells(self, visit: SessionState, x: Axis, y: Axis | None, made: int, language: str) -> dict[str, Any]:
        """The value of `Cells`; `made` is how many there are, -1 when it is over."""
        columns = len(x.values)
        rows = len(y.values) if y else 1

        def cell(row: int, column: int) -> dict[str, str] | None:
            kept = visit.cells.get((row, column))
            if kept is None:
                return None
            return {"src": kept.thumbnail, "caption": render.caption(kept, language)}

        return {
            "columns": [x.label(index) for index in range(columns)],
            "rows": [y.label(index) for index in range(rows)] if y else [""],
            "corner": "",
            "cells": [[cell(row, column) for column in range(columns)] for row in range(rows)],
            "hint": say(language, "image_grid_empty"),
            "now": [] if made < 0 else [made // columns, made % columns],
        }


def empty(language: str) -> dict[str, Any]:
    """The value of `Cells` before there is a grid."""
    return {"cells": [], "hint": say(language, "image_grid_empty")}


def _still(count: int) -> tuple[Any, ...]:
    return (gr.skip(),) * count


def _running(now: bool | None) -> tuple[Any, ...]:
    """Generate and Stop of the tab, and the grid's own two."""
    return (*buttons(now), *buttons(now))
