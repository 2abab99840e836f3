from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from extractor.config.fields import AccountName, Address, Duration, FilePath, Instant, Name, Secret, Size


def _message(kind: Any, written: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(written)
    return str(caught.value.errors()[0]["ctx"]["message"])


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://preferences.example/Profiles/v4", "https://preferences.example/Profiles/v4"),
        ("https://preferences.example/Profiles/v4/", "https://preferences.example/Profiles/v4"),
        ("http://127.0.0.1:8080/v4", "http://127.0.0.1:8080/v4"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_addresses_lose_their_last_slash(written: str, address: str) -> None:
    """So that the same service is written in one way only; plain http is for this machine."""
    assert address == TypeAdapter(Address).validate_python(written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("preferences.example", "is not an http or https address"),
        ("ftp://preferences.example", "is not an http or https address"),
        ("https://", "is not an http or https address"),
        ("https://a b.example", "is not an http or https address"),
        ("https://a.example/\n", "is not an http or https address"),
        ("https://[", "is not an address"),
        ("https://a.example:port", "is not an address"),
        ("https://user:hunter2@a.example", "holds a user or password"),
        ("https://a.example/?key=1", "holds a query (?) or fragment (#)"),
        ("https://a.example/#", "holds a query (?) or fragment (#)"),
        ("http://preferences.example", "is plain http, which would send credentials and people's data readable"),
        ("http://127.0.0.1.evil.test", "is plain http, which would send credentials and people's data readable"),
    ],
)
def test_other_addresses_are_refused(written: str, message: str) -> None:
    """Each with what is wrong, and none repeated."""
    found, _, remedy = _message(Address, written).partition(" -- ")
    assert message == found
    assert remedy


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01 02:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00.125Z", datetime(2026, 1, 1, 0, 0, 0, 125_000, tzinfo=UTC)),
        (datetime(2026, 1, 1, 5, tzinfo=timezone(timedelta(hours=5))), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_instants_become_utc(written: object, instant: datetime) -> None:
    """Any zone is accepted, one is kept."""
    found = TypeAdapter(Instant).validate_python(written)
    assert (instant, UTC) == (found, found.tzinfo)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2026-01-01T00:00:00", "has no time zone"),
        (datetime(2026, 1, 1), "has no time zone"),  # noqa: DTZ001 - what is tested
        ("2026-01-01", "is not a date with time and zone"),
        ("20260101T000000Z", "is not a date with time and zone"),
        ("yesterday", "is not a date with time and zone"),
        (1_767_225_600, "is not a date with time and zone"),
        ("2026-02-30T00:00:00Z", "is a date or time that does not exist"),
        ("2026-01-01T25:00:00Z", "is a date or time that does not exist"),
        ("0001-01-01T00:00:00+05:00", "is out of range"),
        ("watermarks", "is not a date with time and zone"),
        ("1752-12-31T23:59:59Z", "is before 1753, which the service's clock does not know"),
    ],
)
def test_other_instants_are_refused(written: object, message: str) -> None:
    """Above all those without a zone, which the service may read as Eastern time."""
    found, _, remedy = _message(Instant, written).partition(" -- ")
    assert message == found
    assert "2026-01-01T00:00:00Z" in remedy


@given(st.datetimes(min_value=datetime(1753, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy adds the zone
def test_every_instant_survives_the_round_trip(instant: datetime) -> None:
    """What Python writes as ISO 8601 is read to the same instant."""
    assert instant == TypeAdapter(Instant).validate_python(instant.isoformat())


def test_names_keep_their_spaces_and_hold_no_control_characters() -> None:
    """A segment may be called anything that can be printed."""
    assert " Newsletter / OptIns " == TypeAdapter(Name).validate_python(" Newsletter / OptIns ")
    assert "is blank -- write the name" == _message(Name, "  ")
    assert _message(Name, "a\nb").startswith("holds a line break")


def test_account_names_hold_no_white_space() -> None:
    """They travel in a header whose parts a space separates."""
    assert "John.Doe" == TypeAdapter(AccountName).validate_python("John.Doe")
    assert "holds white space -- remove it" == _message(AccountName, "John Doe")


def test_paths_know_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """~ is expanded; other paths stay relative to the working directory."""
    monkeypatch.setenv("HOME", "/home/ada")
    adapter = TypeAdapter(FilePath)
    assert [Path("/home/ada/out"), Path("out")] == [adapter.validate_python(path) for path in ("~/out", "out")]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", 'is blank -- write a path, or "." for the working directory'),
        ("a\0b", "holds a NUL character -- remove it"),
        ("~no-one/out", "names a home folder that is unknown -- write the whole path"),
    ],
)
def test_other_paths_are_refused(written: str, message: str) -> None:
    """What no file system takes."""
    assert message == _message(FilePath, written)


def test_secrets_are_neither_blank_nor_shown() -> None:
    """Their text comes out on demand only."""
    secret = TypeAdapter(Secret).validate_python("hunter2")
    assert "hunter2" not in f"{secret} {secret!r}"
    assert "hunter2" == secret.get_secret_value()
    assert _message(Secret, " ").startswith("is blank")


def test_units_are_parsed() -> None:
    """Sizes become bytes, durations seconds."""
    assert 1024 == TypeAdapter(Size).validate_python("1KiB")
    assert 90.0 == TypeAdapter(Duration).validate_python("1m30s")
    assert _message(Size, "1M").startswith("is ambiguous")
