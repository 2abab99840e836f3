from __future__ import annotations

import pytest

from extractor.observe.figures import count, counted, short, size, span


def test_numbers_are_grouped() -> None:
    """A person can read seven digits."""
    assert count(1234567) == "1,234,567"


@pytest.mark.parametrize(("number", "expected"), [(0, "0 retries"), (1, "1 retry"), (2000, "2,000 retries")])
def test_a_noun_agrees_with_its_number(number: int, expected: str) -> None:
    """Also when its plural is not with an s."""
    assert counted(number, "retry", "retries") == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2, "1.0 MiB"),
        (5 * 1024**4, "5.0 TiB"),
        (1024**5, "1,024.0 TiB"),
    ],
)
def test_bytes_have_the_unit_that_fits(number: int, expected: str) -> None:
    """And the largest unit for what is larger still."""
    assert size(number) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.44, "0.4 s"), (2.0, "2 s"), (12.4, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_have_two_units_at_most(seconds: float, expected: str) -> None:
    """Seconds matter for minutes, not for hours."""
    assert span(seconds) == expected


def test_a_long_name_is_cut_with_an_ellipsis() -> None:
    """The width is kept, ellipsis included."""
    assert [short("abcdef", 6), short("abcdefg", 6)] == ["abcdef", "abcde…"]
