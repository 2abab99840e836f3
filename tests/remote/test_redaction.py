"""What of the server's words is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.remote.redaction import quotable


@pytest.mark.parametrize(
    "private",
    [
        "ada@example.test",
        "<ada.lovelace+x@mail.example>",
        "+1 (555) 010-9999",
        "555-010-9999",
        "5550109999",
        "123456",
        "Bearer abc.def",
        "Signature=q83v",
        "Credential=nightly/2026-11-23T00:00:00Z",
        "client_secret: swordfish",
        "token=77",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "9f86d081884c7d659a2feaa0c55ad015",
        "q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=",
        "https://login.example/a?token=77",
    ],
)
def test_what_looks_private_is_cut_out(private: str) -> None:
    """Addresses, numbers, tokens and URLs do not pass; the sentence around them does."""
    said = quotable(f"No profile for {private} was found")
    assert private not in said
    assert said.startswith("No profile for ")
    assert said.endswith(" was found")
    for part in private.replace("(", " ").split():
        assert part not in said.split() or part == "Bearer"


@pytest.mark.parametrize(
    "text",
    [
        "The scheme is invalid",
        "The difference between the issued timestamp and the current time is too large",
        "The specified date does not match an expected ISO 8601 format",
        "Segment 'Newsletter OptIns 2026' does not exist",
        "MatchType is required when MatchCriteria is AlternateId",
        "invalid_client: client authentication failed",
    ],
)
def test_ordinary_sentences_stay_whole(text: str) -> None:
    """The remedy depends on them."""
    assert quotable(text) == text


def test_what_was_sent_is_hidden_even_if_it_looks_harmless() -> None:
    """A short token or an alternate id fits no pattern."""
    assert quotable("Token 42 of crm-a1, not 420", hidden=["42", "CRM-A1", ""]) == "Token [...] of [...], not 420"


def test_one_printable_line_of_200_characters() -> None:
    """A message cannot break a log, or flood it."""
    said = quotable("a\r\n\x1b[31mb\u2028c " + "word " * 100)
    assert said.startswith("a [31mb c word")
    assert len(said) == 200


@given(st.text(max_size=400), st.lists(st.text(min_size=3, max_size=12), max_size=3))
def test_any_text_gives_a_printable_short_line(text: str, hidden: list[str]) -> None:
    """Whatever the server says."""
    said = quotable(text, hidden=hidden)
    assert len(said) <= 200
    assert said.isprintable()
