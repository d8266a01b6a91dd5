"""The rules of the architecture: who imports whom, what loads when, and how weights are read."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
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


MODULES = sorted([*(ROOT / "playground").rglob("*.py"), *(ROOT / "tabs").rglob("*.py")])


def imported_modules(path: Path) -> set[str]:
    """Dotted names of the project's own modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("playground", "tabs")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_docstring(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if source.strip():
        assert ast.get_docstring(ast.parse(source)), "a module docstring says what the module is, and its invariants"


# Imports that still close a circle between packages of `playground/`. To be emptied, never extended.
CIRCULAR_IMPORTS: set[tuple[str, str]] = set()


def test_packages_of_the_playground_form_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path in (ROOT / "playground").rglob("*.py"):
        package = path.relative_to(ROOT / "playground").with_suffix("").parts[0]
        for name in imported_modules(path):
            parts = name.split(".")
            if len(parts) > 1 and parts[0] == "playground" and parts[1] != package:
                graph.setdefault(package, set()).add(parts[1])
    for package, other in CIRCULAR_IMPORTS:
        assert other in graph[package], f"{package} no longer imports {other}: take it off the list"
        graph[package].remove(other)
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_tabs_share_only_through_common() -> None:
    tabs = {path.parent.name for path in (ROOT / "tabs").glob("*/__init__.py")} - {"common"}
    found: set[tuple[str, str]] = set()
    for path in (ROOT / "tabs").glob("*/**/*.py"):
        own = path.relative_to(ROOT / "tabs").parts[0]
        others = {name.split(".")[1] for name in imported_modules(path) if name.startswith("tabs.")} & tabs - {own}
        found |= {(path.relative_to(ROOT).as_posix(), other) for other in others}
    assert not found


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
