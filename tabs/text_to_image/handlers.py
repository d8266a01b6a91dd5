"""What happens when a visitor makes pictures: generate, film, stop.

Invariants: a handler takes plain values, changes the visitor's `SessionState`, and returns what to draw. Whatever ends
a run (the last step, Stop, an error, a page that closes), the pictures finished before it are the visitor's.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from playground.text_to_image import infotext
from playground.text_to_image.service import ImageService
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Started, Step
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.text_to_image import render
from tabs.text_to_image.session import Kept, Options, SessionState, Updates, idle

UPDATE_S = 1 / 12  # more often costs the browser more than it shows the eye


@dataclass
class Run:
    """One press of the button while it lasts: what has come so far, and what is to be said of it."""

    number: int
    request: ImageRequest
    language: str
    count: int
    pictures: list[Picture] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    done: Done | None = None
    said: str = ""
    where: str = ""  # the last step, in words
    steps: int = 0
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def best(self) -> Picture | None:
        """The picture with the highest score, or the last one where there are no scores."""
        scored = [picture for picture in self.pictures if picture.score is not None]
        if scored:
            return max(scored, key=lambda picture: picture.score or 0.0)
        return self.pictures[-1] if self.pictures else None


@dataclass
class ImageHandlers:
    """The events that make pictures, over an `ImageService`."""

    service: ImageService
    update_s: float = UPDATE_S

    def generate(self, visit: SessionState, request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Make the pictures that the page asks for, live."""
        language = language_of(request)
        idle(visit, say(language, "image_busy"))
        options = Options(*values)
        wish = options.request(self.service.limits(options.model))
        job = self.service.generate(visitor_of(request), options.model, wish)
        yield from self._follow(visit, job, options.model, wish, language)

    def film(self, visit: SessionState, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """The chosen picture once more, with its steps kept: the same settings give the same picture."""
        language = language_of(request)
        idle(visit, say(language, "image_busy"))
        kept = chosen(visit, language)
        if kept.film is not None:
            yield Updates(film=render.film(kept.film, language, kept.settings.seed)).updates()
            return
        if not self.service.limits(kept.settings.model).trajectory:
            raise UserError(say(language, "image_film_never"))
        wish = replace(again(kept), trajectory=True, score=False)
        job = self.service.generate(visitor_of(request), kept.settings.model, wish)
        yield from self._follow(visit, job, kept.settings.model, wish, language, filmed=kept.key)

    def stop(self, visit: SessionState) -> None:
        """Release the visitor now; whoever draws notices within a heartbeat."""
        if visit.job is not None:
            visit.job.cancel()

    def keep(self, visit: SessionState, picture: Picture, run: int, request: ImageRequest) -> tuple[Kept, int]:
        """A finished picture becomes the visitor's and the chosen one; how many old ones went for it."""
        kept = self.made(visit, picture, run, request)
        return kept, visit.keep(kept)

    def made(self, visit: SessionState, picture: Picture, run: int, request: ImageRequest) -> Kept:
        """A finished picture with its file and its thumbnail."""
        return Kept(
            key=visit.new_key(),
            run=run,
            settings=picture.settings,
            png=self.service.png(picture),
            thumbnail=render.jpeg_uri(picture.image, render.THUMBNAIL_SIDE),
            score=picture.score,
            scored_by=picture.scored_by,
            start=request.start,
            film=picture.trajectory,
        )

    # --- while it draws ------------------------------------------------------------------------------

    def _follow(
        self,
        visit: SessionState,
        job: Job[ImageEvent],
        model: str,
        request: ImageRequest,
        language: str,
        filmed: int | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Draw what the job yields; `filmed` is the key of a picture that is only made again for its film."""
        visit.runs += 1
        most = self.service.limits(model).count
        run = Run(visit.runs, request, language, min(max(1, request.count), most))
        visit.job = job
        error: UserError | None = None
        stopped = False
        drawn, waiting = 0.0, Updates()
        try:
            yield Updates(status=say(language, "image_starting"), seed=request.seed, running=True).updates()
            for event in job.events():
                new = self._heard(visit, run, event, filmed)
                waiting = _newer(waiting, new)
                soon = isinstance(event, Step) and time.monotonic() - drawn < self.update_s
                if waiting == Updates() or soon:
                    continue
                yield waiting.updates()
                drawn, waiting = time.monotonic(), Updates()
        except Cancelled:
            stopped = True
        except UserError as raised:
            error = raised
        finally:
            visit.job = None
            job.cancel()  # a page that closed; nothing where it has ended
        yield self._ended(visit, run, stopped, error, filmed).updates()
        if error is not None:
            raise error

    def _heard(self, visit: SessionState, run: Run, event: ImageEvent | Phase | None, filmed: int | None) -> Updates:
        """What one event changes on the page."""
        language = run.language
        if isinstance(event, Phase):
            text = render.phase_text(event, language)
            changed, run.said = text != run.said, text
            return Updates(status=text) if changed else Updates()
        if isinstance(event, Started):
            run.notes = event.notes
            for note in event.notes:
                gr.Info(note, duration=8)
            # Where any seed was asked for, the one that was drawn.
            text = render.sent_text(infotext.write(event.settings), event.notes)
            return Updates(sent=text, seed=event.settings.seed, status=say(language, "image_ready"))
        if isinstance(event, Step):
            run.steps += 1
            run.where = render.step_text(event, run.count, language)
            share = render.step_share(event, run.count)
            run.previews = render.previews(event, run.previews)
            return Updates(canvas=render.live(run.previews, visit.current(), run.where, share, language))
        if isinstance(event, Picture):
            run.pictures.append(event)
            run.previews = []
            if filmed is not None:
                if event.trajectory is not None:
                    visit.filmed(filmed, event.trajectory)
                return Updates()
            kept, dropped = self.keep(visit, event, run.number, run.request)
            run.dropped += dropped
            if event.trajectory is not None:
                visit.filmed(kept.key, event.trajectory)
            return Updates(shelf=render.shelf(visit, language), canvas=render.kept_canvas(kept, language))
        if isinstance(event, Done):
            run.done = event
        return Updates()

    def _ended(
        self, visit: SessionState, run: Run, stopped: bool, error: UserError | None, filmed: int | None
    ) -> Updates:
        """The page after a run, however it ended."""
        language, best = run.language, run.best()
        status = render.status_text(run.pictures, run.done, run.steps, best, language)
        if stopped:
            status = (
                say(language, "image_stopped_at", where=run.where) if run.where else say(language, "image_stopped")
            )
            if run.pictures and filmed is None:
                status = say(language, "image_stopped_kept", text=status, n=len(run.pictures))
        elif error is not None:
            status = str(error)
        if run.dropped:
            status += " " + say(language, "image_dropped", n=run.dropped)
        if run.notes and filmed is None:
            status = "\n".join([status, *(f"• {note}" for note in run.notes)])
        if best is not None and filmed is None:
            visit.chosen = next(
                (kept.key for kept in visit.pictures if kept.run == run.number and kept.settings == best.settings),
                visit.chosen,
            )
        current = visit.current()
        # After Stop or an error the last preview stays to be seen, unless there is a finished picture.
        unfinished = (stopped or error is not None) and not run.pictures and run.where and filmed is None
        return Updates(
            canvas=None if unfinished else render.kept_canvas(current, language),
            shelf=render.shelf(visit, language),
            status=status,
            running=False,
            film=render.film(current.film, language, current.settings.seed) if current and current.film else None,
        )


def chosen(visit: SessionState, language: str) -> Kept:
    """The chosen picture. Raises `UserError` where there is none."""
    kept = visit.current()
    if kept is None:
        raise UserError(say(language, "image_no_choice"))
    return kept


def again(kept: Kept) -> ImageRequest:
    """The request that gives this very picture."""
    done = kept.settings
    return ImageRequest(
        prompt=done.prompt,
        negative_prompt=done.negative_prompt,
        width=done.width,
        height=done.height,
        steps=done.steps,
        guidance=done.guidance,
        scheduler=done.scheduler,
        seed=done.seed,
        start=kept.start,
        strength=done.strength,
        written=done.written,
    )


def _newer(old: Updates, new: Updates) -> Updates:
    """Both, the newer one on top."""
    changes = {name: value for name, value in vars(new).items() if value is not None}
    return replace(old, **changes)
