"""What is the desk's own stands in no file and no message that leaves it, but for whole exports."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select

from service.desk.dossier import dossier_document
from service.exchange import dossier, export
from service.exchange.dossier import Period
from service.store.webhook_tables import webhook_messages
from service.webhooks.bodies import remove_quotes
from tests.api import twins
from tests.api.twins import SECRET, Twin
from tests.support.desk import Desk

PERIOD = Period(datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
QUOTED = "We are waiting to see confirmation of this."
"""The words of every statement that the twins link."""


def _write_sheet(connection: Connection) -> str:
    parts: list[bytes] = []
    export.write_sheet(connection, parts.append)
    return b"".join(parts).decode()


def _render_dossier(connection: Connection, *, shows_names: bool) -> str:
    sample = dossier.read_dossier(connection, period=PERIOD, sample=5, seed=1)
    return dossier_document.render_dossier(sample, publisher="The desk", shows_names=shows_names)


FILES: dict[str, Callable[[Connection], str]] = {
    "sheet": _write_sheet,
    "dossier": lambda connection: _render_dossier(connection, shows_names=False),
    "dossier with names": lambda connection: _render_dossier(connection, shows_names=True),
}


async def record_secrets(desk: Desk) -> Twin:
    """A desk whose every internal field has the secret."""
    hook = {"url": "http://127.0.0.1:9/hook"}
    response = await desk.admin.post("/v1/webhooks", json=hook)
    assert response.status_code == 201, response.text
    twin = Twin(desk, secrets=True)
    await twins.live_through(twin)
    return twin


async def test_files_and_messages_have_nothing_of_the_desks_own(desk: Desk) -> None:
    twin = await record_secrets(desk)
    for name, render in FILES.items():
        text = await desk.database.read(render)
        assert "Serbia" in text, name
        assert SECRET not in text, name
        assert "ana@example.org" not in text, name
    bodies = await desk.database.read(_read_bodies)
    assert len(bodies) > 10
    for body in bodies:
        # Proposals are sent with their reasons, to whoever is to approve them.
        assert SECRET not in body.decode() or b'"type":"decision.' in body
        assert QUOTED not in remove_quotes(body).decode()
    assert any(QUOTED in body.decode() for body in bodies)
    for path in ("claimreview", "badge.svg"):
        answer = await desk.reader.get(f"/v1/claims/{twin.ids['claim']}/{path}")
        assert answer.status_code == 200
        assert SECRET not in answer.text


def _read_bodies(connection: Connection) -> list[bytes]:
    return list(connection.scalars(select(webhook_messages.c.body)))


@pytest.mark.parametrize("field", ["email", "password_hash", "secret_hash"])
async def test_whole_export_has_no_secret_of_accounts(desk: Desk, field: str) -> None:
    """Notes, addresses of users and drafts are in it, as docs/exchange.md says; no key opens, and
    whom to tell at an article stays here."""
    await record_secrets(desk)
    parts: list[bytes] = []
    await desk.database.read(export.write_export, write=parts.append)
    text = b"".join(parts).decode()
    assert SECRET in text
    assert '"record":"use"' in text
    assert "at the night desk" not in text
    assert (field in text) is (field == "email")
