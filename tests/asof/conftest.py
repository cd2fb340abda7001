"""A desk after some weeks of everything, and what its record says of every instant."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.config import Settings
from tests.asof.oracle import Line, Oracle, consult
from tests.asof.weeks import Weeks
from tests.support import desk as support
from tests.support.postgres import PostgresServer

CLAIMS = 60


@dataclass
class Passed:
    """Weeks that have passed in a database of their own, and their record."""

    url: str
    weeks: Weeks
    chance: tuple[Any, ...]
    clock: support.Clock
    lines: list[Line]


async def _let_weeks_pass(url: str) -> Passed:
    async with support.run_desk(_build_settings(url)) as desk:
        weeks = Weeks(desk, seed=20231002)
        await weeks.pass_by(CLAIMS)
        return Passed(url, weeks, weeks.chance.getstate(), desk.clock, await consult(weeks))


def _build_settings(url: str) -> Settings:
    return Settings(database_url=url, rate_limit="off", log_level="error", dispatch="off")


@pytest.fixture(scope="session")
def passed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Passed]:
    """The weeks in each kind of database.  They take seconds, and nothing here changes them."""
    passed_weeks: dict[str, Passed] = {}

    def make_database(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path_factory.mktemp("weeks") / "claimdesk.db"
            template: Path = request.getfixturevalue("migrated_sqlite")
            return f"sqlite:///{shutil.copy(template, path)}"
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.create_database(template=request.getfixturevalue("migrated_postgres"))

    def find(kind: str) -> Passed:
        if kind not in passed_weeks:
            passed_weeks[kind] = asyncio.run(_let_weeks_pass(make_database(kind)))
        return passed_weeks[kind]

    return find


@pytest.fixture
def weeks_gone_by(passed: Callable[[str], Passed], database_kind: str) -> Passed:
    return passed(database_kind)


@pytest.fixture
async def oracle(weeks_gone_by: Passed) -> AsyncIterator[Oracle]:
    """The record of the weeks, and a desk to ask; by chance the same, whichever test is first."""
    async with support.run_desk(_build_settings(weeks_gone_by.url), weeks_gone_by.clock) as desk:
        weeks = weeks_gone_by.weeks
        weeks.desk = desk
        weeks.chance.setstate(weeks_gone_by.chance)
        yield Oracle(weeks, weeks_gone_by.lines)
