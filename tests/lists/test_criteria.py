"""What is sent of a text, and what is the same value."""

from __future__ import annotations

import pytest

from extractor.errors import ConfigError
from extractor.lists.criteria import Unfit, alike, check_of, fold


@pytest.mark.parametrize(
    ("criteria", "region", "text", "sent"),
    [
        ("ProfileId", None, "10000001", "10000001"),
        ("ProfileId", None, "007", "7"),
        ("AlternateId", None, "CRM-00042 ä", "CRM-00042 ä"),
        ("EmailAddress", None, "Ada.Lovelace+x@Mail.Example", "Ada.Lovelace+x@Mail.Example"),
        ("EmailAddress", None, "å@bücher.example", "å@bücher.example"),
        ("PhoneNumber", None, "+1 (212) 555-0142", "12125550142"),
        ("PhoneNumber", "US", "(212) 555-0142", "12125550142"),
        ("PhoneNumber", "US", "+44 20 7946 0958", "442079460958"),
        ("PhoneNumber", "GB", "020 7946 0958", "442079460958"),
    ],
)
def test_what_fits_is_sent(criteria: str, region: str | None, text: str, sent: str) -> None:
    """As written, but for numbers, which have one form."""
    assert sent == check_of(criteria, region)(text)


@pytest.mark.parametrize(
    ("criteria", "region", "text", "reason"),
    [
        ("ProfileId", None, "A-1", "is not a whole number of up to 19 digits"),
        ("ProfileId", None, "1.0", "is not a whole number of up to 19 digits"),
        ("ProfileId", None, "٣", "is not a whole number of up to 19 digits"),
        ("ProfileId", None, "1" * 20, "is not a whole number of up to 19 digits"),
        ("AlternateId", None, "", "is blank"),
        ("AlternateId", None, "a\tb", "holds a line break or another control character"),
        ("AlternateId", None, "x" * 257, "is longer than 256 characters"),
        ("EmailAddress", None, "ada", "is not an e-mail address"),
        ("EmailAddress", None, "ada@localhost", "is not an e-mail address"),
        ("EmailAddress", None, "a da@example.test", "is not an e-mail address"),
        ("EmailAddress", None, "a@b@example.test", "is not an e-mail address"),
        ("EmailAddress", None, "ada@-example.test", "is not an e-mail address"),
        ("EmailAddress", None, f"{'x' * 65}@example.test", "is not an e-mail address"),
        ("EmailAddress", None, f"a@{'x.' * 126}test", "is longer than 256 characters"),
        ("PhoneNumber", None, "2125550142", "has no country code -- write it with +, or give region"),
        ("PhoneNumber", "US", "call me", "is not a phone number"),
        ("PhoneNumber", "US", "555-0142", "has too few or too many digits for its country"),
        ("PhoneNumber", "US", "(212) 555-0142 ext. 7", "has an extension, which no export knows"),
    ],
)
def test_what_does_not_fit_is_refused_by_a_reason_without_it(
    criteria: str, region: str | None, text: str, reason: str
) -> None:
    """The reason goes into a message; the text is somebody's."""
    with pytest.raises(Unfit) as caught:
        check_of(criteria, region)(text)
    assert reason == str(caught.value)


def test_a_region_without_telephones_is_a_mistake_in_the_configuration() -> None:
    """Every number would be refused for it."""
    with pytest.raises(ConfigError, match="region XX: no country with telephone numbers"):
        check_of("PhoneNumber", "XX")


@pytest.mark.parametrize(
    ("criteria", "one", "other"),
    [
        ("EmailAddress", "ADA@Example.test", "ada@example.TEST"),
        ("AlternateId", "crm-1", "CRM-1"),
        ("PhoneNumber", "+1 212 555 0142", "12125550142"),
        ("ProfileId", "007", "7"),
    ],
)
def test_spellings_of_one_value_are_one(criteria: str, one: str, other: str) -> None:
    """Contract, section 3.2."""
    assert fold(criteria, one) == fold(criteria, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strasse@example.test", "straße@example.test"),
        ("sam@example.test", "\u017fam@example.test"),
        ("kim@example.test", "\u212aim@example.test"),
        ("åsa@example.test", "Åsa@example.test"),
    ],
)
def test_values_that_a_service_may_tell_apart_are_two(one: str, other: str) -> None:
    """Folding them would drop a person; but a report afterwards sees that they are alike."""
    assert fold("EmailAddress", one) != fold("EmailAddress", other)
    assert alike(fold("EmailAddress", one)) == alike(fold("EmailAddress", other))
