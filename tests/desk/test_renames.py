"""What the desk shows of a rename that has not come to all claims."""

import pytest

from service.claims import rename_batches
from tests.desk.conftest import People, read_text
from tests.store.test_renames import BATCH, CLAIMS, record_claims, rename, run_turns
from tests.support.desk import Desk


async def test_page_of_a_party_shows_the_progress_of_a_rename(
    desk: Desk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A batch that a few claims fill; the renamer runs within the application.
    monkeypatch.setattr(rename_batches, "BATCH", BATCH)
    monkeypatch.setattr(rename_batches, "BATCH_SECONDS", 60.0)
    await record_claims(desk)
    await rename(desk, "Beograd")
    await run_turns(desk, 1)
    text = read_text(await people.reader.get("/parties/belgrade"))
    assert f"{BATCH} of {CLAIMS} claims carry the new name" in text
    await run_turns(desk)
    text = read_text(await people.reader.get("/parties/belgrade"))
    assert "carry the new name" not in text
