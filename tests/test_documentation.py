"""The papers are in step with the code: links lead somewhere, and names are names of today."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("assets/models/*/README.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http", "mailto:")):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {_anchor(title) for title in titles}, f"{page.name} links to {target}"


def test_the_readme_is_short_and_has_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert "python3 scripts/install.py && .venv/bin/python app.py\n" in text
    command = text.split("<!-- test command -->", 1)[1].split("```sh\n", 1)[1].split("\n```", 1)[0]
    assert "\n" not in command and command.endswith(".venv/bin/pytest")


def test_the_map_of_old_names_leads_to_modules_of_today() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", text, re.MULTILINE)
    assert pairs
    for old, new in pairs:
        path = ROOT / new.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), f"{old} became {new}"


def _anchor(title: str) -> str:
    """As GitHub makes it: small letters, hyphens for spaces, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
