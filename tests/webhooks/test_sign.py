"""Signatures against the published `standardwebhooks` library, in both directions."""

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from service.domain.webhooks import make_secret
from service.webhooks import signatures

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)


def test_signature_of_the_specifications_example() -> None:
    """The example that the libraries of Standard Webhooks share gives the signature they give."""
    signature = signatures.sign_message(
        SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(texts)
def test_library_verifies_our_signature(body: str) -> None:
    """What we sign, the published library verifies."""
    secret = make_secret()
    now = int(datetime.now(UTC).timestamp())
    headers = signatures.build_headers([secret], "evt_1", now, body.encode())
    standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)


@given(texts)
def test_we_verify_the_librarys_signature(body: str) -> None:
    """What the published library signs, we verify."""
    at = datetime.fromtimestamp(NOW, UTC)
    signature = standardwebhooks.Webhook(SECRET).sign("evt_1", at, body)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}
    signatures.verify_message([SECRET], headers, body.encode(), now=NOW)


@given(texts, st.integers(0, 2**35))
def test_changed_body_does_not_verify(text: str, at: int) -> None:
    """Bodies of any text verify, and a changed body does not."""
    body = text.encode()
    headers = signatures.build_headers([SECRET], "evt_1", at, body)
    signatures.verify_message([SECRET], headers, body, now=at)
    with pytest.raises(signatures.BadSignature, match="matches"):
        signatures.verify_message([SECRET], headers, body + b" ", now=at)
    with pytest.raises(signatures.BadSignature, match="not UTF-8"):
        signatures.verify_message([SECRET], headers, body + b"\xff", now=at)


def test_a_new_secret_is_32_random_bytes() -> None:
    """Secrets are whsec_ and the base64 of 32 bytes, another each time."""
    secrets = {make_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret[6:], validate=True)) == 32


def test_both_secrets_of_a_rotation_verify() -> None:
    """In a rotation either secret alone verifies, here and in the library; a third does not."""
    old, new = make_secret(), make_secret()
    now = int(datetime.now(UTC).timestamp())
    headers = signatures.build_headers([new, old], "evt_1", now, b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        signatures.verify_message([secret], headers, b"{}", now=now)
        standardwebhooks.Webhook(secret).verify(b"{}", headers)
    with pytest.raises(signatures.BadSignature):
        signatures.verify_message([make_secret()], headers, b"{}", now=now)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"webhook-id": ""}, "webhook-id is missing"),
        ({"webhook-timestamp": ""}, "webhook-timestamp is missing"),
        ({"webhook-signature": ""}, "webhook-signature is missing"),
        ({"webhook-id": "evt_2"}, "no v1 signature"),
        ({"webhook-timestamp": str(NOW - 1)}, "no v1 signature"),
        ({"webhook-timestamp": "-5"}, "not a number of seconds"),
        ({"webhook-timestamp": "1e9"}, "not a number of seconds"),
        ({"webhook-timestamp": "١٢"}, "not a number of seconds"),
        ({"webhook-timestamp": "9" * 5000}, "not a number of seconds"),
        ({"webhook-timestamp": str(NOW - 301)}, "301 s old, 300 s allowed"),
        ({"webhook-timestamp": str(NOW + 301)}, "301 s ahead, 300 s allowed"),
        ({"webhook-signature": "v1,é v2,x  v1a,"}, "no v1 signature"),
    ],
)
def test_refused_signature_says_why(changes: dict[str, str], words: str) -> None:
    """A missing, stale, future or meaningless part is named."""
    headers = signatures.build_headers([SECRET], "evt_1", NOW, b"{}") | changes
    with pytest.raises(signatures.BadSignature, match=words):
        signatures.verify_message([SECRET], headers, b"{}", now=NOW)


def test_timestamp_is_valid_for_five_minutes_either_way() -> None:
    """300 s old or ahead still verifies; names of headers count in any case."""
    headers = signatures.build_headers([SECRET], "evt_1", NOW, b"{}")
    upper_headers = {name.upper(): value for name, value in headers.items()}
    for instant in (NOW - 300, NOW + 300):
        signatures.verify_message([SECRET], upper_headers, b"{}", now=instant)


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8G", "whsec_!!!!", "whsec_abc", "whsec_é"])
def test_malformed_secret_is_refused(secret: str) -> None:
    """What is no secret raises ValueError, which does not repeat it."""
    with pytest.raises(ValueError, match=r"^(?!.*MfKQ)"):
        signatures.build_headers([secret], "evt_1", NOW, b"{}")


def test_nothing_is_sent_unsigned() -> None:
    """Without a secret there are no headers."""
    with pytest.raises(ValueError, match="one secret"):
        signatures.build_headers([], "evt_1", NOW, b"{}")
