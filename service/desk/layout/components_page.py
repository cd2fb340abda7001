"""For builders: every component of the desk in every state, light and dark, on one page.

It is served in development only (`CLAIMDESK_DEVELOPMENT`).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Response

from service.desk.layout.rendering import render_page
from service.desk.search.candidates import Candidate, CandidateKind, Picker
from service.domain.access import Action
from service.domain.claims import Finding, Lifecycle, Stance, Status, format_instant
from service.domain.errors import NotFound
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)


@router.get("/desk-components")
async def show_components(
    call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)],
) -> Response:
    if not call.services.settings.development:
        raise NotFound("Components are shown in development only.")
    rows = _list_rows(call)
    return render_page(
        call,
        "components.html",
        rows=rows,
        rows_of={
            theme: [row | {"id": f"{theme}-{row['id']}"} for row in rows]
            for theme in ("light", "dark")
        },
        typed={"text": "Typed"},
        pickers={theme: _build_picker(theme, call) for theme in ("light", "dark")},
    )


def _build_picker(theme: str, call: Call) -> Picker:
    """Build a picker with a claim that is chosen, and two that were found."""
    chosen_candidate = Candidate(
        id="1",
        text="Nine people died in the fire",
        page="/",
        voice="Ankara · Ayşe Demir",
        at=format_instant(call.now),
        precision="day",
        status=Status.ASSERTED,
        story="The fire in the port",
    )
    return Picker(
        f"{theme}-claim",
        CandidateKind.CLAIM,
        "",
        chosen=chosen_candidate.id,
        kept=[chosen_candidate],
        candidates=[
            replace(chosen_candidate, id="2", status=Status.DISPUTED, flags=["superseded"]),
            replace(
                chosen_candidate,
                id="3",
                voice=None,
                story=None,
                differs=["another number: 12 and 9"],
            ),
        ],
        words="fire",
        searched=True,
    )


def _list_rows(call: Call) -> list[dict[str, object]]:
    """List rows as lists show them: each status, and each flag that may stand beside one."""
    plain: dict[str, object] = {
        "id": "0",
        "text": "Nine people died in the fire",
        "claimant": {"name": "Ankara", "speaker": {"name": "Ayşe Demir"}},
        "claimed_at": format_instant(call.now),
        "precision": "day",
        "kind": "event",
        "status": Status.ASSERTED,
        "status_since": format_instant(call.now - timedelta(days=3)),
        "suggested_status": Status.CONFIRMED,
        "agrees": True,
        "assignee": None,
        "due_at": None,
        "overdue": False,
        "finding": None,
        "challenged": False,
        "override": None,
        "lifecycle": Lifecycle.ACTIVE,
        "stands": [{"stance": stance, "names": ["Athens", "The UN mission"]} for stance in Stance],
    }
    changes: list[dict[str, object]] = [
        *(dict[str, object](status=status) for status in Status),
        {"agrees": False, "assignee": "Ana"},
        {"hold": {"reason": "being checked"}, "challenged": True, "finding": Finding.REFUTED},
        {"override": {"code": "other"}, "lifecycle": Lifecycle.WITHDRAWN, "claimant": None},
        {"lifecycle": Lifecycle.VOID, "superseded_by": "1", "imported": {"by": "Others"}},
        {"due_at": format_instant(call.now), "overdue": True, "stands": []},
    ]
    return [plain | change | {"id": str(number)} for number, change in enumerate(changes)]
