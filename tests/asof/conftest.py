"""A desk after some weeks of everything, and what its record says of every instant."""

import pytest

from tests.asof.oracle import Oracle, consult
from tests.asof.weeks import Weeks
from tests.support.desk import Desk

CLAIMS = 60


@pytest.fixture
async def oracle(desk: Desk) -> Oracle:
    weeks = Weeks(desk, seed=20231002)
    await weeks.pass_by(CLAIMS)
    return await consult(weeks)
