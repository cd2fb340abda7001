"""What the page after a form says, and the way back from what was done."""

import re
from typing import NamedTuple

from starlette.requests import Request

from service.domain import access
from service.domain.access import Action, Actor

CONFIRMATIONS = {
    "recorded": "Recorded.",
    "linked": "Linked.",
    "retracted": "The link is retracted. It stays in the record.",
    "affirmed": "Affirmed: it counts for the present wording.",
    "four-eyes-on": "A second person approves what is printed, from now on.",
    "four-eyes-off": "One person alone decides, from now on.",
    "statement-withdrawn": "Withdrawn. Every claim that it is linked to was weighed anew.",
    "request-sent": "Thank you. Somebody at the desk reads it, and decides.",
    "request-answered": "The request is answered.",
    "asked": "The request for comment is recorded.",
    "inquiry-changed": "What came of the request is recorded.",
    "claim-withdrawn": "Withdrawn by its claimant; the last status is kept.",
    "held": "On hold: its print line says not to use it.",
    "hold-ended": "No longer on hold.",
    "moved": "The status is changed.",
    "found": "The finding is changed.",
    "proposed": "Proposed. Somebody else approves it now.",
    "approved": "Approved.",
    "rejected": "Rejected. The proposer can read why in the record.",
    "proposal-withdrawn": "Your proposal is taken back.",
    "amended": "Amended.",
    "corrected": "Corrected. What stood there before stays readable.",
    "merged": "Merged: its links are here now.",
    "led-here": "The claim that you asked for was merged into this one.",
    "use-recorded": "Recorded. Once what may be printed is another, it must be told of that.",
    "use-acknowledged": "Seen to: it is off the list, until the claim changes again.",
    "contact-deleted": "The address is deleted, and nobody is asked at it again.",
    "use-retired": "Retired: nothing outdates it any more.",
    "voided": "Void: nobody may use it. It stays in the record.",
    "restored": "Restored.",
    "reinstated": "Reinstated: it is in force again.",
    "separated": "Separated: it is a claim of its own again.",
    "link-voided": "The link is void. It stays in the record.",
    "link-restored": "The link counts again.",
    "statement-voided": "Void. Every claim that it is linked to was weighed anew.",
    "statement-restored": "It counts again. Every claim that it is linked to was weighed anew.",
    "parties-merged": "Merged: both count as one voice.",
    "people-merged": "Merged: both are shown as one.",
    "sources-merged": "Merged: both are shown as one source.",
    "parted": "Separated: they are two again.",
    "note-changed": "The note is changed. What it said before stays readable.",
    "read": "Marked as read.",
    "due": "When it is due is changed.",
    "noted": "Noted, for the desk only.",
    "assigned": "Assigned.",
    "saved": "Saved.",
    "feed-ended": "That address leads nowhere any more.",
    "zone": "Times are shown so from now on.",
    "signed-out": "You are signed out.",
    "ended": "The session is ended.",
    "link-seen": "Seen. It stays listed below.",
    "others-ended": "You are signed out everywhere else.",
    "password": "Your password is set, and you are signed out everywhere else.",
    "revoked": "The key is revoked and opens nothing any more.",
    "registered": "Registered. This secret signs what it is sent.",
    "paused": "Paused. What is due for it is kept, and goes out once it is active.",
    "activated": "Active again. What was waiting goes out now.",
    "disabled": "Disabled: signed out everywhere, and no key or link of theirs opens anything.",
    "enabled": "Enabled. Make them a sign-in link, or let them use their password.",
    "ping": "The ping is on its way.",
    "redelivered": "It is sent again: the same id, the same bytes.",
    "recovering": "What was not delivered is due again.",
    "nothing-due": "Nothing since then is undelivered: there is nothing to send again.",
    "rotated": "There is a new secret. The one before signs too until the overlap ends.",
    "deleted": "Deleted. Nothing more is sent to it.",
}
"""What the page after a form says; its address names it: `?done=recorded`."""


class WayBack(NamedTuple):
    """A link that takes back what was just done."""

    address: str
    words: str


UNDONE = "undo"
"""What the address names a thing by that has another page than the one that follows."""
_ID = re.compile(r"[0-9a-z-]{2,64}", re.ASCII)
_WAYS_BACK = {
    "voided": ("/claims/{}/restoration", "It was no mistake", Action.REVERSE),
    "claim-withdrawn": ("/claims/{}/reinstatement", "It was not taken back", Action.REVERSE),
    "merged": ("/claims/{}/separation", "They are two", Action.REVERSE),
    "link-voided": ("/links/{}/restoration", "Restore the link", Action.REVERSE),
    "retracted": ("/links/{}/restoration", "Restore the link", Action.REVERSE),
    "statement-voided": ("/statements/{}/restoration", "It was no mistake", Action.REVERSE),
    "statement-withdrawn": (
        "/statements/{}/reinstatement",
        "It was not taken back",
        Action.REVERSE,
    ),
    "parties-merged": ("/parties/{}/separation", "They are two", Action.MERGE_DIRECTORY),
    "people-merged": ("/speakers/{}/separation", "They are two", Action.MERGE_DIRECTORY),
    "sources-merged": ("/sources/{}/separation", "They are two", Action.MERGE_DIRECTORY),
}
"""The ways back, by the word of `CONFIRMATIONS` that they take back: where each leads for the id of
a thing, what the link says, and what one must be allowed to do."""


def find_way_back(request: Request, caller: Actor | None) -> WayBack | None:
    """Find the way back from what was just done, for whoever may go it."""
    way = _WAYS_BACK.get(request.query_params.get("done", ""))
    if way is None or caller is None:
        return None
    address, words, action = way
    thing = request.query_params.get(UNDONE) or request.url.path.rpartition("/")[2]
    if not _ID.fullmatch(thing) or not access.is_allowed(caller, action):
        return None
    return WayBack(address.format(thing), words)
