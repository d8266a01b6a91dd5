"""GGUF models through llama.cpp (the prebuilt `xllamacpp` wheel), behind the same `Decoder` protocol.

Invariants: llama.cpp keeps the template, the tokens and the KV cache; this module speaks to it in
token ids, so that a prompt is exactly the ids shown to the user. Imported only when such a model is
asked for.

llama.cpp's server runs inside this process. Completions are called directly; the template and the
tokenizer are reached through its loopback port, which answers only to a key made up at the start.
"""

import queue
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import xllamacpp

from playground.chat.types import Done, Piece, Read, Turn
from playground.errors import Cancelled, UserError
from playground.inference.types import Alternative, Sampling, Token
from playground.runtime.task import Phase, Task

BATCH_TOKENS = 128  # prompt tokens between two boundaries: about 0.8 s of a 135 M model on 2 cores
KEPT_PROMPTS_MIB = 256  # KV caches of other conversations, kept in RAM so that returning to one is quick


class LlamaCppDecoder:
    """One GGUF model. Not thread-safe for `decode`: the worker's one thread calls it."""

    inspectable = False

    def __init__(self, gguf: Path, context: int) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_ctx = context
        params.n_parallel = 1
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = psutil.cpu_count(logical=False) or 1
        params.cache_ram_mib = KEPT_PROMPTS_MIB
        params.warmup = False
        params.verbosity = -1
        key = secrets.token_urlsafe(32)
        params.api_keys = [key]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise UserError(
                f"llama.cpp cannot read {gguf.name}: the file is damaged or of a kind it does not know. "
                "Delete it and choose the model again to fetch it anew."
            ) from error
        self._http = httpx.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,  # a proxy has no business between us and our own loopback
        )
        self.context = context

    def close(self) -> None:
        """Give the memory back. The decoder is of no use afterwards."""
        self._http.close()
        del self._server

    def render(self, turns: Sequence[Turn], continue_last: bool, thinking: bool) -> str:
        # llama.cpp leaves a final assistant message open by itself, which is what `continue_last` asks.
        return self._ask(
            "/apply-template",
            messages=[{"role": turn.role, "content": turn.text} for turn in turns],
            chat_template_kwargs={"enable_thinking": thinking},
        )["prompt"]

    def tokenize(self, text: str) -> list[Piece]:
        found = self._ask("/tokenize", content=text, parse_special=True, with_pieces=True)["tokens"]
        return [Piece(token["id"], _text(token["piece"])) for token in found]

    def decode(
        self, ids: Sequence[int], sampling: Sampling, alternatives: int, task: Task
    ) -> Iterator[Read | Token | Done]:
        chunks: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        left = threading.Event()

        def take(chunk: dict[str, Any]) -> bool:
            chunks.put(chunk)
            return left.is_set() or task.cancelled  # True: llama.cpp stops at this token or batch

        def complete() -> None:
            self._server.handle_completions(self._wish(ids, sampling, alternatives), take)
            chunks.put(None)

        thread = threading.Thread(target=complete, name="llama-completion", daemon=True)
        thread.start()
        try:
            yield from self._read_chunks(chunks, task)
        finally:
            left.set()
            thread.join()

    def _read_chunks(
        self, chunks: "queue.SimpleQueue[dict[str, Any] | None]", task: Task
    ) -> Iterator[Read | Token | Done]:
        read = False
        counted = 0
        while (chunk := chunks.get()) is not None:
            task.check()
            if "error" in chunk:
                raise UserError(f"llama.cpp refused the request: {chunk['error'].get('message', 'no reason given')}.")
            if progress := chunk.get("prompt_progress"):
                task.report(Phase("reading", done=progress["processed"], total=progress["total"]))
                continue
            timings = chunk["timings"]
            if not read:
                read = True
                yield Read(reused=timings["cache_n"], new=timings["prompt_n"])
            choice = chunk["choices"][0]
            if choice["finish_reason"] is not None:
                usage = chunk["usage"]
                yield Done(
                    reason="length" if choice["finish_reason"] == "length" else "end",
                    prompt_tokens=usage["prompt_tokens"],
                    reused_tokens=timings["cache_n"],
                    new_tokens=counted,
                )
                return
            if not choice["text"]:
                continue  # the end-of-turn token: told by `finish_reason`, part of no reply
            said = timings["predicted_n"] - counted
            counted = timings["predicted_n"]
            yield from self._tokens(choice, said)
        raise Cancelled

    def _tokens(self, choice: dict[str, Any], said: int) -> Iterator[Token]:
        """The tokens of one chunk: one, or those that spell one character together.

        Of these llama.cpp reports only the last; the others' ids are recovered from the text, and
        where that cannot be proved right they are left out and the last has no id either.
        """
        text = choice["text"]
        if not choice["logprobs"]:
            yield from self._spelled(text, None, said, None, ())
            return
        last = choice["logprobs"]["content"][-1]
        others = tuple(
            Alternative(other["id"], _text(other["bytes"]), other["logprob"]) for other in last["top_logprobs"]
        )
        yield from self._spelled(text, last["id"], said, last["logprob"], others)

    def _spelled(
        self, text: str, last: int | None, said: int, logprob: float | None, others: tuple[Alternative, ...]
    ) -> Iterator[Token]:
        if said == 1 and last is not None:
            yield Token(text, last, logprob, others)
            return
        ids = [piece.id for piece in self.tokenize(text)]
        proved = len(ids) == said and (last is None or ids[-1] == last)
        for id_ in ids[:-1] if proved else ():
            yield Token("", id_)
        yield Token(text, ids[-1] if proved else None, logprob, others)

    def _wish(self, ids: Sequence[int], sampling: Sampling, alternatives: int) -> dict[str, Any]:
        return {
            "prompt": list(ids),
            "n_predict": sampling.max_new_tokens,
            "stream": True,
            "cache_prompt": True,
            "return_progress": True,
            "timings_per_token": True,
            # One at least, since only with probabilities does llama.cpp tell the ids it chose.
            "n_probs": max(alternatives, 1),
            "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],
            "temperature": sampling.temperature,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "min_p": sampling.min_p,
            "repeat_penalty": sampling.repetition_penalty,
            "repeat_last_n": self.context,
            "seed": sampling.seed,
        }

    def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(path, json=body)
        if answer.is_error:
            message = answer.json().get("error", {}).get("message", answer.text)
            raise UserError(f"The model's chat template does not accept this conversation: {message[:300]}")
        return answer.json()


def _text(piece: str | list[int]) -> str:
    """A token's text; llama.cpp gives bytes where they are not whole characters."""
    return piece if isinstance(piece, str) else bytes(piece).decode("utf-8", errors="replace")
