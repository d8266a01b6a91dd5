"""A GGUF file made into a folder for torch: the same model and the same tokens as llama.cpp's own."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
import xllamacpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.chat import dequantize as module
from playground.chat.dequantize import dequantize
from playground.chat.torch_decoder import TorchDecoder
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling, Token
from playground.runtime.task import Phase, Task
from tests.tiny_models.causal_lm_variants import tiny_gguf

TEXTS = (
    "Hello 12345 world 3.14, 2024-11-21 and 1 000 000",
    "def f(x):\n\treturn x  # two\n\n\n    if  x:\t\t1\n",
    "🌟🎉 👩‍👩‍👧 é ñ ½ ² ٣ x２",
    "中文字符，你好！123",
    "<|im_start|>user\nhi 7<|im_end|>\n<|im_start|>assistant\n",
    "  blanks   before 7 \t 8\r\n\r\n and after \t ",
)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def folder(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dequantize(gguf, tmp_path_factory.mktemp("cache") / "deeper" / "tiny", Task())


@pytest.fixture(scope="module")
def decoder(folder: Path) -> TorchDecoder:
    return TorchDecoder.from_folder(folder, "cpu", "float32", 512, Task())


class LlamaCpp:
    """llama.cpp itself on the same file."""

    def __init__(self, gguf: Path) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_ctx, params.n_parallel = 512, 1
        params.cpuparams.n_threads = 1
        params.warmup = False
        params.verbosity = -1
        self.server = xllamacpp.Server(params)
        self.http = httpx.Client(base_url=self.server.listening_address, trust_env=False)

    def tokenize(self, text: str) -> list[int]:
        wish = {"content": text, "parse_special": True}
        return self.http.post("/tokenize", json=wish).json()["tokens"]

    def first_logprobs(self, ids: Sequence[int]) -> dict[int, float]:
        chunks: list[dict] = []
        wish = {"prompt": list(ids), "n_predict": 1, "stream": True, "n_probs": 8, "temperature": 0}
        self.server.handle_completions(wish, chunks.append)
        told = next(chunk["choices"][0]["logprobs"] for chunk in chunks if chunk["choices"][0]["logprobs"])
        return {other["id"]: other["logprob"] for other in told["content"][0]["top_logprobs"]}


@pytest.fixture(scope="module")
def llama_cpp(gguf: Path) -> LlamaCpp:
    return LlamaCpp(gguf)


def test_it_is_a_folder_like_any_other(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert "quantization_config" not in config
    assert config["max_position_embeddings"] == 512
    assert {"generation_config.json", "tokenizer.json", "model.safetensors"} <= {p.name for p in folder.iterdir()}
    size = (folder / "model.safetensors").stat().st_size
    decoder = TorchDecoder.from_folder(folder, "cpu", "float32", 512, Task())
    assert size < decoder.nbytes + 10_000  # the tied head is not stored a second time
    assert decoder.ends == {decoder.tokenizer.convert_tokens_to_ids("<|im_end|>")}


@pytest.mark.parametrize("text", TEXTS)
def test_it_tokenises_as_llama_cpp(decoder: TorchDecoder, llama_cpp: LlamaCpp, text: str) -> None:
    assert [piece.id for piece in decoder.tokenize(text)] == llama_cpp.tokenize(text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("ab zé \t\n\r019½٣中🙂'.,-_<|"), min_size=1, max_size=30))
def test_it_tokenises_any_text_as_llama_cpp(decoder: TorchDecoder, llama_cpp: LlamaCpp, text: str) -> None:
    assert [piece.id for piece in decoder.tokenize(text)] == llama_cpp.tokenize(text)


def test_it_says_what_llama_cpp_says(decoder: TorchDecoder, llama_cpp: LlamaCpp) -> None:
    ids = [piece.id for piece in decoder.tokenize(TEXTS[4])]
    events = decoder.decode(ids, Sampling(temperature=0, max_new_tokens=1), 360, Task())
    token = next(event for event in events if isinstance(event, Token))
    ours = {other.id: other.logprob for other in token.alternatives}
    theirs = llama_cpp.first_logprobs(ids)
    assert len(theirs) == 8
    for id_, logprob in theirs.items():
        assert ours[id_] == pytest.approx(logprob, abs=0.05)  # llama.cpp keeps its KV cache in fp16


def test_it_is_made_once(gguf: Path, folder: Path) -> None:
    def nothing_to_do(phase: Phase) -> None:
        pytest.fail(f"it reported {phase}")

    assert dequantize(gguf, folder, Task(nothing_to_do)) == folder


def test_another_file_of_the_same_name_is_not_taken_for_it(gguf: Path, folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "tiny")
    before = (place / "model.safetensors").read_bytes()
    other = tmp_path / gguf.name
    data = bytearray(gguf.read_bytes())
    data[-100:] = bytes(100)
    other.write_bytes(data)
    dequantize(other, place, Task())
    assert (place / "model.safetensors").read_bytes() != before


def test_what_an_ended_process_left_is_cleared_away(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.partial").mkdir()
    (tmp_path / "tiny.partial" / "model.safetensors").write_bytes(b"half")
    folder = dequantize(gguf, tmp_path / "tiny", Task())
    assert not (tmp_path / "tiny.partial").exists()
    assert len(TorchDecoder.from_folder(folder, "cpu", "float32", 512, Task()).tokenize("a")) == 1


def test_stopped_it_leaves_nothing(gguf: Path, tmp_path: Path) -> None:
    task = Task(lambda phase: task.cancel())
    with pytest.raises(Cancelled):
        dequantize(gguf, tmp_path / "tiny", task)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.lock"]


HOLD = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"


def test_it_waits_for_another_process_and_can_be_stopped(gguf: Path, tmp_path: Path) -> None:
    kinds: list[str] = []

    def stop(phase: Phase) -> None:
        kinds.append(phase.kind)
        task.cancel()

    task = Task(stop)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "tiny.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Cancelled):
            dequantize(gguf, tmp_path / "tiny", task)
        other.communicate()
    assert kinds == ["waiting"]
    assert dequantize(gguf, tmp_path / "tiny", Task()).is_dir()


@pytest.mark.parametrize("fault", ["not gguf", "cut", "architecture", "absent"])
def test_files_that_cannot_be_read(gguf: Path, tmp_path: Path, fault: str) -> None:
    bad = tmp_path / "bad.gguf"
    data = gguf.read_bytes()
    if fault == "not gguf":
        bad.write_bytes(b"this is a letter to a friend, not a model" * 100)
    elif fault == "cut":
        bad.write_bytes(data[: len(data) // 2])
    elif fault == "architecture":
        old = struct.pack("<Q", 5) + b"llama"
        assert old in data
        bad.write_bytes(data.replace(old, struct.pack("<Q", 5) + b"lambs", 1))
    with pytest.raises(UserError, match=r"bad\.gguf"):
        dequantize(bad, tmp_path / "made", Task())
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "made.partial").exists()


def test_a_full_disk_is_told_before(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MARGIN", shutil.disk_usage(tmp_path).total)
    with pytest.raises(UserError, match="Make room"):
        dequantize(gguf, tmp_path / "tiny", Task())
    assert os.listdir(tmp_path) == ["tiny.lock"]
