"""The token is found in every form in which an answer may give it back."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.monday.transport import Secret

TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)


@given(token=TOKENS, before=st.text(max_size=7), after=st.text(max_size=7))
def test_no_form_of_a_token_survives(token: str, before: str, after: str) -> None:
    secret = Secret(token)
    plain = f"{before} {token} {after}"
    for text in (plain, quote(plain, safe=""), json.dumps(plain), json.dumps(plain).replace("/", "\\/")):
        shown = secret.hide(text)
        assert token not in shown
        assert quote(token, safe="") not in shown
        assert secret.hide_bytes(text.encode()).decode() == shown


@given(token=TOKENS, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_a_token_inside_base64_does_not_survive(token: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + token.encode() + after).decode()
    assert "[token]" in Secret(token).hide(encoded)
    assert "[token]" in Secret(token).hide(encoded.replace("+", "-").replace("/", "_"))


def test_other_texts_stay_as_they_are() -> None:
    assert Secret("a-token-of-some-length").hide("a-token of some length") == "a-token of some length"


@pytest.mark.parametrize("show", [repr, str])
def test_a_secret_does_not_show_itself(show: object) -> None:
    assert "a-token-of" not in show(Secret("a-token-of-some-length"))  # type: ignore[operator]
