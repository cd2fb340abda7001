"""What is the same for everybody is compressed for those who accept it; nothing else is."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.config import Settings
from service.desk.layout import assets
from tests.desk.conftest import People
from tests.support import desk as support
from tests.support.desk import Desk

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk that anybody may read, with enough on it to be worth compressing."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        await desk.record_parties()
        for _ in range(3):
            await desk.record_claim()
        yield desk


async def test_public_pages_feeds_and_assets_are_compressed(desk: Desk) -> None:
    claim = (await desk.public.get("/v1/claims")).json()["items"][0]["id"]
    page = await desk.public.get("/", headers=GZIP | {"Accept": "text/html"})
    style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    for path in ("/", f"/claims/{claim}", "/v1/claims", "/feeds/claims.atom", style):
        short = await desk.public.get(path, headers=GZIP)
        assert short.headers["content-encoding"] == "gzip", path
        assert "accept-encoding" in short.headers["vary"].lower()
        assert int(short.headers["content-length"]) < len(short.content)
        plain = await desk.public.get(path, headers=PLAIN)
        assert "content-encoding" not in plain.headers
        if "csrf" not in plain.text and "printed" not in plain.text:
            assert short.content == plain.content
    small = await desk.public.get("/healthz", headers=GZIP)
    assert "content-encoding" not in small.headers


async def test_compressed_answer_has_a_tag_of_its_own_that_is_still_known(desk: Desk) -> None:
    path = "/feeds/claims.json"
    short = await desk.public.get(path, headers=GZIP)
    plain = await desk.public.get(path, headers=PLAIN)
    assert short.headers["etag"] == f"W/{plain.headers['etag']}"
    for tag in (short.headers["etag"], plain.headers["etag"]):
        answer_304 = await desk.public.get(path, headers=GZIP | {"If-None-Match": tag})
        assert (answer_304.status_code, answer_304.content) == (304, b"")


async def test_answers_with_secrets_are_not_compressed(desk: Desk, people: People) -> None:
    """A page of somebody signed in holds the token of their forms; a key's answer is theirs."""
    for client, path in ((people.checker, "/"), (desk.checker, "/v1/claims")):
        answer = await client.get(path, headers=GZIP)
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers


def test_scripts_and_styles_are_sent_without_what_nobody_reads() -> None:
    """Comments and indentation stay in the files; what is taken out would be a text's own where one
    went over several lines, so none does."""
    files = assets.load_assets()
    for file in Path(assets.__file__).parents[1].glob("*/*.js"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            assert line.count("`") % 2 == 0, (file, number)
    styles, script = files[assets.STYLE].body.decode(), files[assets.SCRIPT].body.decode()
    assert "/*" not in styles
    assert not re.search(r"^ *//", script, re.MULTILINE)
    assert "a{color:var(--accent);" in styles
    assert 'root.classList.add("js");' in script
