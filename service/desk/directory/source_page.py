"""The page of a source: what is known of it, and the statements with words from it."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import correction_queries, statement_queries
from service.desk.corrections import correction_words
from service.desk.corrections.correction_words import Correction
from service.desk.layout.rendering import render_page
from service.directory import directory_queries
from service.domain.access import Action
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.web.calls import Call, allow
from service.web.fields import RecordId

router = APIRouter(include_in_schema=False)

SHOWN = 50


@router.get("/sources/{source_id}")
async def show_source(
    source_id: RecordId, call: Annotated[Call, allow(Action.READ_RECORDS, page=True)]
) -> Response:
    source = await call.read(directory_queries.read_source, source_id)
    merged_into = source.get("merged_into")

    def read_corrections(connection: Connection) -> list[Correction]:
        corrections = correction_queries.list_of_source(
            connection, source_id, audience=call.audience, window=Window(MAX_LIMIT, None)
        )
        return correction_words.describe_corrections(connection, corrections, {})

    quoting = await call.read(statement_queries.list_statements_from, source_id, limit=SHOWN)
    return render_page(
        call,
        "source.html",
        source=source,
        survivor=await call.read(directory_queries.read_source, merged_into)
        if merged_into
        else None,
        merged=await call.read(directory_queries.list_merged_sources, source_id),
        corrections=await call.read(read_corrections),
        statements=quoting[:SHOWN],
        has_more=len(quoting) > SHOWN,
    )
