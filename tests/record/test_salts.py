"""Salts that are stored with an event, or come with an import."""

import pytest

from service.domain.subjects import Subject, SubjectKind
from service.record import canonical, writer
from service.store.engine import Database

SALT = "0" * 2 * canonical.SALT_BYTES


@pytest.mark.parametrize("salts", [None, [], {}, {"actor": 7}, {"actor": "short"}])
def test_invalid_salts_are_refused(salts: object) -> None:
    with pytest.raises(ValueError, match="salt"):
        canonical.check_salts(salts)


def test_value_within_a_list_can_be_concealed() -> None:
    event = {"data": {"cites": ["a", "b"]}}
    concealed_event = canonical.conceal_values(event, {"data.cites.1": SALT})
    commitment = {"commitment": canonical.compute_commitment("b", SALT)}
    assert concealed_event == {"data": {"cites": ["a", commitment]}}
    assert event == {"data": {"cites": ["a", "b"]}}


async def test_chain_of_a_claim_has_a_writer_of_its_own(database: Database) -> None:
    with pytest.raises(ValueError, match="claim_writer"):
        await database.write(writer.lock_chain, Subject(SubjectKind.CLAIM, "1"))
