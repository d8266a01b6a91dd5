"""`python -m playground.ground` as a process, with a scripted server on loopback for its model."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground.ground import main
from tests.support.openai_server import Exchange, ScriptedServer, scripted_server

ROOT = Path(__file__).resolve().parents[2]
CATALOG = """
[[model]]
id = "afar"
tab = "grounding"
label = "Afar"
family = "openai-vision"
licence = "CC0"
memory_bytes = 0
remote = {{ url = "{url}/v1", model = "eyes" }}
options = {{ asks = ["detect", "refer", "identify"], codec = "qwen_rel1000" }}
"""
FOUND = '[{"bbox_2d": [100, 200, 300, 400], "label": "glasses"}]'


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        yield scripted


def says(text: str) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say(text)
        exchange.finish()

    return script


def refuses(exchange: Exchange) -> None:
    exchange.refuse(400, {"error": {"message": "no pictures here"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one of them turned by EXIF, a damaged one and what is none."""
    pictures = tmp_path / "pictures"
    (pictures / "more").mkdir(parents=True)
    Image.new("RGB", (64, 48), "red").save(pictures / "a.png")
    Image.new("RGB", (64, 48), "red").save(pictures / "more" / "é <b>.JPG")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (64, 48), "red").save(pictures / "z.jpg", exif=turned)
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n oh")
    (pictures / "notes.txt").write_text("not a picture")
    return pictures


@pytest.fixture
def flags(folder: Path, server: ScriptedServer, tmp_path: Path) -> list[str]:
    """What every run of a test has in common."""
    catalog = tmp_path / "own.toml"
    catalog.write_text(CATALOG.format(url=server.url))
    out = str(tmp_path / "results.jsonl")
    return [str(folder), "--catalog", str(catalog), "--offline", "--model", "afar", "--out", out]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "PLAYGROUND_CACHE": str(tmp_path / "cache"), "PLAYGROUND_HOST": "0.0.0.0"}


def results(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_folder_is_asked_and_gone_on_with(
    flags: list[str], environ: dict[str, str], server: ScriptedServer, folder: Path, tmp_path: Path
) -> None:
    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "playground.ground", *flags, *more]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)

    server.scripts = [refuses, says(FOUND), says("```json\n[]\n```"), says(FOUND)]
    first = run("--task", "detect", "--text", "glasses")
    assert first.returncode == 0, first.stderr
    assert "2 answered, 2 failed, 0 answered before" in first.stdout and "4/4" in first.stderr
    lines = results(tmp_path)
    # The refusal waited until the model had answered once.
    assert [line["file"] for line in lines] == ["broken.png", "a.png", "more/é <b>.JPG", "z.jpg"]
    told = {line["file"]: line for line in lines}
    assert "no pictures here" in told["a.png"]["error"] and "not a picture" in told["broken.png"]["error"]
    assert told["more/é <b>.JPG"]["entities"] == [
        {"phrase": "glasses", "span": [0, 7], "boxes": [[0.1, 0.2, 0.3, 0.4]], "scores": None, "score": None}
    ]
    assert told["z.jpg"]["text"] == "" and told["z.jpg"]["question"] == "glasses" and told["z.jpg"]["raw"]

    # Cut in the middle of a line, and with one picture more: only those two are asked.
    out = tmp_path / "results.jsonl"
    out.write_bytes(out.read_bytes()[:-20])
    Image.new("RGB", (64, 48), "blue").save(folder / "new.png")
    asked = len(server.asked)
    again = run("--text", "[detection] glasses")
    assert again.returncode == 0 and "2 answered, 0 failed, 3 answered before" in again.stdout
    assert len(server.asked) == asked + 2
    assert [line["file"] for line in results(tmp_path)[3:]] == ["new.png", "z.jpg"]
    assert main([*flags, "--task", "identify", "--box", "0.1,0.2,0.5,0.6"], environ) == 0
    assert len(results(tmp_path)) == 10  # another question, the same file


def test_what_cannot_be_done_is_said(
    flags: list[str],
    environ: dict[str, str],
    server: ScriptedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*more: str) -> str:
        assert main([*flags, *more], environ) == 2
        return capsys.readouterr().err

    server.scripts = [refuses]
    assert "Afar" in refused("--task", "caption")
    assert "nothing to look for" in refused("--task", "detect")
    assert "look like pixels" in refused("--task", "identify", "--box", "9,9,50,50")
    assert not server.asked
    assert "no pictures here" in refused("--task", "detect", "--text", "glasses")  # as the first three were
    assert [line["file"] for line in results(tmp_path)] == ["broken.png"]
    (tmp_path / "results.jsonl").write_text("dear diary\n")
    assert "something else" in refused("--task", "detect", "--text", "glasses")
    assert (tmp_path / "results.jsonl").read_text() == "dear diary\n"
