"""The token is found plain and percent-encoded, wherever it stands in a text."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from orders_platform.monday.transport import RedactingFilter

TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)


@given(token=TOKENS, before=st.text(max_size=7), after=st.text(max_size=7))
def test_no_form_of_a_token_survives(token: str, before: str, after: str) -> None:
    redacting = RedactingFilter(token)
    plain = f"{before} {token} {after}"
    encoded = quote(plain, safe="")
    for text in (plain, encoded, re.sub("%..", lambda digits: digits[0].lower(), encoded)):
        shown = redacting.redact(text)
        assert token not in shown
        assert quote(token, safe="").casefold() not in shown.casefold()


def test_other_texts_stay_as_they_are() -> None:
    assert RedactingFilter("a-token-of-some-length").redact("a-token of some length") == "a-token of some length"


def test_a_filter_does_not_show_its_token() -> None:
    assert "a-token-of" not in repr(RedactingFilter("a-token-of-some-length"))
