"""Nothing that somebody sends controls the terminal, or is hidden, when the log is read."""

import json
import re

import pytest
import structlog

from service.config import Settings
from service.web import logs
from tests.support import desk as support

HOSTILE = "a\x1b[2J\x07b\r\nFORGED line=1\x85\u202ec\u2028d\x9be\u200bf"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_control_character_reaches_a_log(
    settings: Settings, log_format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in a value, nor within one, nor in the words of an exception."""
    logs.configure_logging(
        settings.model_copy(update={"log_format": log_format, "log_level": "info"})
    )
    log = structlog.get_logger("test")
    log.info(HOSTILE, path=HOSTILE, nested={"header": [HOSTILE, 1]}, other=ValueError(HOSTILE))
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        log.exception("failed")
    log_text = capfd.readouterr().err
    # Colours of the terminal's own renderer are not what was sent.
    plain = re.sub(r"\x1b\[\d*m", "", log_text)
    assert not RAW.search(plain), ascii(plain)
    assert "\\x1b[2J" in plain.replace("\\\\", "\\")
    assert not [line for line in plain.splitlines() if line.startswith("FORGED")]
    if log_format == "json":
        assert json.loads(log_text.splitlines()[0])["path"].startswith("a\\x1b[2J")


async def test_path_and_name_of_a_request_are_logged_harmlessly(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = settings.model_copy(
        update={"log_format": "json", "log_level": "info", "access_log": "all"}
    )
    async with support.run_desk(loud) as desk:
        await desk.reader.get("/v1/claims/%1b%5b2J%0aFORGED%c2%85%e2%80%ae")
    log_text = capfd.readouterr().err
    assert not RAW.search(log_text)
    (line,) = [line for line in log_text.splitlines() if "FORGED" in line]
    assert json.loads(line)["path"] == "/v1/claims/\\x1b[2J\\nFORGED\\x85\\u202e"
