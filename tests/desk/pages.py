"""Every page and form of the desk, with what it requires of whoever asks."""

from service.domain.access import Action

OPEN = "open"
SIGNED_IN = "signed in"
PAGES: dict[str, Action | str] = {
    "/": Action.READ_CLAIMS,
    "/claims/{claim_id}": Action.READ_CLAIMS,
    "/claims/{claim_id}/link": Action.RECORD,
    "/claims/{claim_id}/amend": Action.AMEND,
    "/claims/{claim_id}/merge": Action.AMEND,
    "/claims/{claim_id}/withdraw": Action.AMEND,
    "/links/{link_id}/retract": Action.RECORD,
    "/review": Action.READ_INTERNALS,
    "/intake": Action.RECORD,
    "/intake/similar": Action.RECORD,
    "/intake/{intake_id}": Action.RECORD,
    "/stories": Action.READ_CLAIMS,
    "/stories/{slug}": Action.READ_CLAIMS,
    "/stories/{slug}/edit": Action.CHANGE_PARTIES,
    "/search": Action.READ_CLAIMS,
    "/parties": Action.READ_RECORDS,
    "/parties/{slug}": Action.READ_RECORDS,
    "/parties/{slug}/edit": Action.CHANGE_PARTIES,
    "/speakers/{speaker_id}/edit": Action.CHANGE_PARTIES,
    "/statements/{statement_id}": Action.READ_RECORDS,
    "/statements/{statement_id}/withdraw": Action.RECORD,
    "/sign-in": OPEN,
    "/sign-in/{token}": OPEN,
    "/static/{name}": OPEN,
}
FORMS: dict[str, Action | str] = {
    "/stories": Action.RECORD,
    "/stories/{slug}/edit": Action.CHANGE_PARTIES,
    "/parties": Action.RECORD,
    "/parties/{slug}/edit": Action.CHANGE_PARTIES,
    "/parties/{slug}/speakers": Action.RECORD,
    "/speakers/{speaker_id}/edit": Action.CHANGE_PARTIES,
    "/statements/{statement_id}/quotes": Action.RECORD,
    "/statements/{statement_id}/withdraw": Action.RECORD,
    "/sign-in": OPEN,
    "/sign-out": SIGNED_IN,
    "/claims/{claim_id}/status": Action.CHANGE_STATUS,
    "/claims/{claim_id}/decisions/{decision_id}/{verdict}": Action.APPROVE,
    "/claims/{claim_id}/assignee": Action.AMEND,
    "/claims/{claim_id}/notes": Action.RECORD,
    "/claims/{claim_id}/link": Action.RECORD,
    "/claims/{claim_id}/amend": Action.AMEND,
    "/claims/{claim_id}/merge": Action.AMEND,
    "/claims/{claim_id}/withdraw": Action.AMEND,
    "/links/{link_id}/retraction": Action.RECORD,
    "/links/{link_id}/affirmation": Action.RECORD,
    "/intake": Action.RECORD,
    "/intake/{intake_id}/passages": Action.RECORD,
    "/intake/{intake_id}/finish": Action.RECORD,
}
ROUTES = {("GET", path): rule for path, rule in PAGES.items()} | {
    ("POST", path): rule for path, rule in FORMS.items()
}
