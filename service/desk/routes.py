"""The desk's map: every page's router, and the menu that leads to the pages.

The board's router is not here: `create_app` puts that one first.
"""

from dataclasses import dataclass

from service.desk.accounts import (
    administration_pages,
    key_pages,
    notice_pages,
    people_pages,
    profile_page,
    sign_in_pages,
    unsubscribe_page,
)
from service.desk.claims import (
    bulk_pages,
    claim_forms,
    claim_pages,
    correction_request_pages,
    due_forms,
    hold_forms,
    inquiry_pages,
    note_forms,
    review_page,
    views_page,
)
from service.desk.corrections import claim_correction, source_correction, statement_correction
from service.desk.corrections_log import corrections_log_page
from service.desk.directory import party_pages, source_page
from service.desk.dossier import dossier_page
from service.desk.intake import intake_pages, passage_pages
from service.desk.layout import assets, components_page, help_page
from service.desk.printed import contact_page, printed_page, use_forms
from service.desk.reversals import merge_pages, reversal_pages
from service.desk.search import candidate_page, go_page, search_page
from service.desk.statements import statement_pages
from service.desk.stories import story_pages
from service.desk.webhooks import webhook_forms, webhook_pages
from service.desk.work import follow_forms, work_page
from service.domain.access import Action

routers = (
    assets.router,
    bulk_pages.router,
    candidate_page.router,
    claim_forms.router,
    claim_correction.router,
    claim_pages.router,
    correction_request_pages.router,
    corrections_log_page.router,
    go_page.router,
    dossier_page.router,
    components_page.router,
    help_page.router,
    due_forms.router,
    hold_forms.router,
    inquiry_pages.router,
    passage_pages.router,  # before the pages of articles, whose addresses are wider
    intake_pages.router,
    key_pages.router,
    notice_pages.router,
    note_forms.router,
    party_pages.router,
    administration_pages.router,
    people_pages.router,
    printed_page.router,
    profile_page.router,
    reversal_pages.router,
    merge_pages.router,
    review_page.router,
    search_page.router,
    sign_in_pages.router,
    source_correction.router,
    source_page.router,
    statement_correction.router,
    statement_pages.router,
    story_pages.router,
    use_forms.router,
    views_page.router,
    contact_page.router,
    unsubscribe_page.router,
    follow_forms.router,
    work_page.router,
    webhook_forms.new_router,
    webhook_pages.router,
    webhook_forms.router,
)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A line of the menu; whoever may not do `action` is not shown it."""

    path: str
    words: str
    action: Action
    beside: tuple[str, ...] = ()
    """Where the pages begin that it leads to besides those below `path`."""

    def has_page(self, path: str) -> bool:
        """Say whether this entry leads to the page at `path`."""
        return path == self.path or (
            self.path != "/" and path.startswith((self.path, *self.beside))
        )


MENU = (
    MenuEntry("/work", "My work", Action.READ_RECORDS),
    MenuEntry("/", "Board", Action.READ_CLAIMS),
    MenuEntry("/stories", "Stories", Action.READ_CLAIMS),
    MenuEntry("/intake", "Intake", Action.RECORD),
    MenuEntry("/review", "Review", Action.READ_INTERNALS),
    MenuEntry("/printed", "Printed", Action.READ_RECORDS, ("/uses/",)),
    MenuEntry("/parties", "Parties", Action.READ_RECORDS),
    MenuEntry("/admin/webhooks", "Webhooks", Action.MANAGE_WEBHOOKS),
    MenuEntry("/admin/people", "People", Action.MANAGE_USERS, ("/admin/keys", "/admin/record")),
)
