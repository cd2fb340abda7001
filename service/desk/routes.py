"""Every page's router, but for the board's: `create_app` puts that one first."""

from service.desk.accounts import (
    administration_pages,
    key_pages,
    people_pages,
    profile_page,
    sign_in_pages,
)
from service.desk.claims import claim_forms, claim_pages, review_page
from service.desk.directory import party_pages
from service.desk.intake import intake_pages
from service.desk.layout import assets
from service.desk.search import search_page
from service.desk.statements import statement_pages
from service.desk.stories import story_pages
from service.desk.webhooks import webhook_forms, webhook_pages

routers = (
    assets.router,
    claim_forms.router,
    claim_pages.router,
    intake_pages.router,
    key_pages.router,
    party_pages.router,
    administration_pages.router,
    people_pages.router,
    profile_page.router,
    review_page.router,
    search_page.router,
    sign_in_pages.router,
    statement_pages.router,
    story_pages.router,
    webhook_forms.new_router,
    webhook_pages.router,
    webhook_forms.router,
)
