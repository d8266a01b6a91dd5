"""The rules of the house that a machine can hold."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODEL_LIBRARIES = {"torch", "transformers", "diffusers", "accelerate", "xllamacpp", "gguf"}


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "tabs").rglob("*.py")), ids=lambda path: path.name)
def test_tabs_know_verbs_not_frameworks(path: Path) -> None:
    assert not imported(path) & MODEL_LIBRARIES


@pytest.mark.parametrize("path", sorted((ROOT / "playground").rglob("*.py")), ids=lambda path: path.name)
def test_the_playground_knows_no_page(path: Path) -> None:
    assert not imported(path) & {"gradio", "gradio_client", "tabs", "app"}


@pytest.mark.parametrize("path", sorted([*(ROOT / "playground").rglob("*.py"), *(ROOT / "tabs").rglob("*.py")]))
def test_every_room_says_its_rule_and_stays_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if source.strip():
        assert ast.get_docstring(ast.parse(source)), "a module docstring says the rule of the room"
    assert source.count("\n") <= 260


def test_building_the_page_loads_no_model_library() -> None:
    code = (
        "import sys, app\n"
        "from playground.settings import Settings\n"
        "from playground.core import Playground\n"
        "from tabs.shell import build\n"
        "build(Playground(Settings()))\n"
        f"print(sorted({MODEL_LIBRARIES!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("[]"), run.stdout


READS_PICKLES = ROOT / "playground" / "weights" / "pickles.py"  # the allow-listed ones, as data alone


def test_no_pickle_and_no_remote_code_anywhere() -> None:
    for path in [*(ROOT / "playground").rglob("*.py"), *(ROOT / "tabs").rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path != READS_PICKLES:
            assert not imported(path) & {"pickle", "dill", "joblib"}
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
            if isinstance(node, ast.Attribute) and node.attr == "load" and isinstance(node.value, ast.Name):
                assert node.value.id != "torch" or path == READS_PICKLES, path


def test_the_one_reader_of_pickles_takes_data_alone() -> None:
    tree = ast.parse(READS_PICKLES.read_text(encoding="utf-8"))
    loads = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".load")
    ]
    assert [ast.unparse(call.func) for call in loads] == ["torch.load"]
    options = {option.arg: option.value for option in loads[0].keywords}
    assert isinstance(options["weights_only"], ast.Constant) and options["weights_only"].value is True
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "pickle"
        for alias in node.names
    ]
    assert names == ["UnpicklingError"]
    assert not any(isinstance(node, ast.Import) and node.names[0].name == "pickle" for node in ast.walk(tree))
