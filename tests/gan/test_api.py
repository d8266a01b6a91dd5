"""`/gan_sample` as a program meets it: `gradio_client` and plain HTTP against a server on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from playground.core import Playground
from tabs.gan.api import gan_endpoints
from tests.support.ports import free_port
from tests.tiny_models.gan import GAN, SMALL, gan_playground


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = gan_playground(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(playground: Playground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("served")))
        with gr.Blocks(analytics_enabled=False) as page:
            gan_endpoints(playground.gan)
        page.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True)
        yield page
        page.close()


@pytest.fixture(scope="module")
def client(page: gr.Blocks, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(page.local_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def same(path: str, picture: Image.Image) -> bool:
    """Up to what a batch of another size rounds differently."""
    return bool(np.abs(np.asarray(Image.open(path)).astype(int) - np.asarray(picture).astype(int)).max() <= 1)


def test_pictures_come_in_the_order_of_the_seeds(client: Client, playground: Playground) -> None:
    for seeds in ("9, 1-3", [9, 1, 2, 3]):
        found = client.predict(seeds, api_name="/gan_sample")
        assert [Path(path).name for path in found] == ["seed-9.png", "seed-1.png", "seed-2.png", "seed-3.png"]
        for path, sample in zip(found, playground.gan.samples(GAN, [9, 1, 2, 3]), strict=True):
            assert same(path, sample.picture)
            assert Image.open(path).info["parameters"] == f"Model: {GAN}, Truncation: 1, Seed: {sample.seed}"


def test_model_and_truncation_are_obeyed(client: Client, playground: Playground) -> None:
    (path,) = client.predict("4", model=SMALL, truncation=0.25, api_name="/gan_sample")
    assert same(path, playground.gan.samples(SMALL, [4], 0.25)[0].picture)
    first, second = client.predict("4-5", truncation=0, api_name="/gan_sample")
    assert Path(first).name != Path(second).name
    assert np.array_equal(np.asarray(Image.open(first)), np.asarray(Image.open(second))), "the mean has no seed"


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("a million of them", "“a million of them” is not a list of seeds"),
        ("1-1000000", "1000000 seeds; at most 64"),
        (list(range(65)), "65 seeds"),
        ("-1", "A seed must be a whole number"),
        ([-1], "A seed must be a whole number"),
        ("0.5", "not a list of seeds"),
        ([0.5], "A seed must be a whole number"),
        ("", "No seed"),
        ([], "No seed"),
        (None, "A seed must be a whole number"),
        (["one"], "A seed must be a whole number"),
        ([[1]], "A seed must be a whole number"),
        ({"path": "/etc/passwd"}, "A seed must be a whole number"),
        ("4294967296", "from 0 to 4294967295, not 4294967296"),
    ],
)
def test_seeds_that_are_none_are_refused_in_words(client: Client, bad: Any, word: str) -> None:
    with pytest.raises(AppError, match=word):
        client.predict(bad, api_name="/gan_sample")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"truncation": 1e300}, "from -2 to 2"),
        ({"truncation": -3}, "from -2 to 2"),
        ({"truncation": "much"}, "from -2 to 2"),
        ({"truncation": None}, "from -2 to 2"),
        ({"model": "nobody"}, "no model “nobody”"),
        ({"model": "avatar-vae"}, "not a GAN"),
        ({"model": ["avatar-gan"]}, "no model"),
    ],
)
def test_other_arguments_are_refused_in_words(client: Client, arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(AppError, match=word):
        client.predict("1", **arguments, api_name="/gan_sample")


def test_a_truncation_that_is_no_number_at_all_is_refused(page: gr.Blocks) -> None:
    """JSON has no NaN, but Python's reader takes it, so a program can send one."""
    url = f"{page.local_url}gradio_api/call/gan_sample"
    for number in ("NaN", "Infinity", "-Infinity"):
        body = f'{{"data": ["1", "{GAN}", {number}]}}'
        sent = httpx.post(url, content=body, headers={"content-type": "application/json"}, trust_env=False)
        if sent.is_success:
            told = httpx.get(f"{url}/{sent.json()['event_id']}", trust_env=False, timeout=20).text
            assert "event: error" in told
            assert "from -2 to 2" in told
        else:
            assert sent.status_code in (400, 422), "refused before it came in"


def test_the_contract_is_typed(page: gr.Blocks) -> None:
    about = page.get_api_info()["named_endpoints"]["/gan_sample"]
    assert [each["parameter_name"] for each in about["parameters"]] == ["seeds", "model", "truncation"]
    assert [each["parameter_has_default"] for each in about["parameters"]] == [False, True, True]
    assert about["parameters"][0]["python_type"]["type"] == "list[int] | str"
    assert about["returns"][0]["type"]["type"] == "array"
    assert "path" in json.dumps(about["returns"][0]["type"]["items"])
