"""The catalogue: what ships is right, and what is wrong in a user's file is named."""

from pathlib import Path

import pytest

from playground.catalog import read_catalog
from playground.errors import UserError

GOOD = """
[[model]]
id = "mine"
tab = "chat"
label = "Mine"
family = "causal-lm"
licence = "MIT"
sources = [{ kind = "path", path = "/models/mine" }]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_catalogue_offers_ungated_chat_models_first_and_smollm2_before_all() -> None:
    entries = read_catalog().of_tab("chat")
    assert entries[0].id == "smollm2-135m"
    assert entries[0].embedded
    gated = [entry.gated for entry in entries]
    assert gated == sorted(gated)
    for entry in entries:
        assert entry.licence
        assert entry.context >= 2048
        assert entry.download_bytes > 0 and entry.memory_bytes > 0


def test_a_file_of_ones_own_adds_and_replaces_entries(tmp_path: Path) -> None:
    replaced = GOOD.replace('id = "mine"', 'id = "smollm2-135m"')
    catalog = read_catalog(write(tmp_path, GOOD + replaced))
    assert catalog.get("mine").label == "Mine"
    assert catalog.get("smollm2-135m").label == "Mine"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("MIT", ""), ["own.toml", "mine", "licence"]),
        (('tab = "chat"', 'tab = "chatt"'), ["own.toml", "mine", "tab"]),
        (('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"'), ["own.toml", "mine", "license"]),
        (('kind = "path", path = "/models/mine"', 'kind = "hub", repo = "../../etc"'), ["mine", "repo"]),
        (('id = "mine"', 'id = "../mine"'), ["own.toml", "id"]),
        (("sources", "options = { temperature = 9 }\nsources"), ["mine", "options.temperature"]),
        (('sources = [{ kind = "path", path = "/models/mine" }]', ""), ["mine", "sources"]),
        (("[[model]]", "[[model]"), ["own.toml", "TOML"]),
        (("[[model]]", "[[models]]"), ["own.toml", "[[model]]"]),
        (('family = "causal-lm"', 'family = "openai-chat"'), ["mine", "remote"]),
    ],
)
def test_a_fault_is_told_by_file_entry_and_field(tmp_path: Path, change: tuple[str, str], named: list[str]) -> None:
    with pytest.raises(UserError) as error:
        read_catalog(write(tmp_path, GOOD.replace(*change)))
    for word in named:
        assert word in str(error.value)


def test_a_missing_file_and_a_double_id_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.toml"):
        read_catalog(tmp_path / "nowhere.toml")
    with pytest.raises(UserError, match="twice"):
        read_catalog(write(tmp_path, GOOD + GOOD))


def test_an_unknown_id_names_what_there_is() -> None:
    with pytest.raises(UserError, match="smollm2-135m"):
        read_catalog().get("gpt-17")


def test_a_hub_id_is_a_model_too_where_visitors_are_trusted() -> None:
    entry = read_catalog(hub_ids=True).get("someone/Their-Model-1B")
    assert entry.sources[0].kind == "hub" and entry.sources[0].repo == "someone/Their-Model-1B"
    for wrong in ("someone/../../etc", "../x", "a/b/c", "/etc/passwd", "a/.hidden", "x" * 200 + "/y"):
        with pytest.raises(UserError):
            read_catalog(hub_ids=True).get(wrong)
    with pytest.raises(UserError):
        read_catalog().get("someone/Their-Model-1B")
