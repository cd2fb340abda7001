"""Every page and form of the desk, with what it requires of whoever asks."""

from service.domain.access import Action

OPEN = "open"
SIGNED_IN = "signed in"
PAGES: dict[str, Action | str] = {
    "/": Action.READ_CLAIMS,
    "/sign-in": OPEN,
    "/sign-in/{token}": OPEN,
    "/static/{name}": OPEN,
}
FORMS: dict[str, Action | str] = {
    "/sign-in": OPEN,
    "/sign-out": SIGNED_IN,
}
ROUTES = {("GET", path): rule for path, rule in PAGES.items()} | {
    ("POST", path): rule for path, rule in FORMS.items()
}
