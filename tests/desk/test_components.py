"""The page of components is for builders: in development only."""

from tests.desk.conftest import People, parse_page
from tests.support.desk import Desk


async def test_components_are_shown_in_development_only(desk: Desk, people: People) -> None:
    assert (await people.reader.get("/desk-components")).status_code == 404
    services = desk.app.state.services
    services.settings = services.settings.model_copy(update={"development": True})
    answer = await people.reader.get("/desk-components")
    assert answer.status_code == 200
    page = parse_page(answer)
    for theme in ("light", "dark"):
        (section,) = page.cssselect(f".theme.{theme}")
        classes = {
            word for item in section.cssselect(".flag") for word in item.get("class").split()
        }
        assert classes == {"flag", "bad", "denied", "ready", "hold"}
        assert section.cssselect("[aria-invalid]")
        assert section.cssselect("button[disabled]")
        assert len(section.cssselect(".picker input[type=radio]")) == 4
