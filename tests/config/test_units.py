from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.config.units import (
    DURATION_FORMS,
    LARGEST_BYTES,
    LONGEST_SECONDS,
    SIZE_FORMS,
    UnitError,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("256MiB", 268_435_456),
        ("1GB", 10**9),
        ("64KiB", 65_536),
        ("1 TiB", 1 << 40),
        ("7B", 7),
        (5, 5),
        (" 1KB ", 1000),
    ],
)
def test_sizes_are_bytes(written: object, size: int) -> None:
    """MiB is a power of 1024, MB of 1000, a plain number is bytes."""
    assert size == parse_size(written)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5),
        ("15m", 900),
        ("6h", 21_600),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("1d2h3m4s5ms", 93_784.005),
        (5, 5),
        (0.25, 0.25),
        ("0s", 0),
    ],
)
def test_durations_are_seconds(written: object, seconds: float) -> None:
    """Units stand from long to short, a plain number is seconds."""
    assert seconds == parse_duration(written)


@pytest.mark.parametrize(
    "written", ["", "MiB", "1.5GiB", "256mib", "0x10B", "1 2MiB", "-1MiB", "٣MiB", 1.5, True, None, []]
)
def test_no_size_is_refused_with_the_forms(written: object) -> None:
    """Whatever is not a size, the message says how one is written."""
    with pytest.raises(UnitError) as caught:
        parse_size(written)
    assert str(caught.value).endswith(SIZE_FORMS)


@pytest.mark.parametrize(
    "written", ["", "5 bananas", "5 s", "30m1h", "1h1h", "1.5h", "h", "1M", "-5s", "1w", float("nan"), True, None, {}]
)
def test_no_duration_is_refused_with_the_forms(written: object) -> None:
    """Whatever is not a duration, the message says how one is written."""
    with pytest.raises(UnitError) as caught:
        parse_duration(written)
    assert str(caught.value).endswith(DURATION_FORMS)


def test_a_bare_letter_is_ambiguous() -> None:
    """256M is neither 256MB nor 256MiB."""
    with pytest.raises(UnitError, match=r"is ambiguous: M is MiB \(powers of 1024\) or MB \(of 1000\)"):
        parse_size("256M")


def test_quoted_numbers_have_no_unit() -> None:
    """A number in quotes looks like a forgotten unit."""
    with pytest.raises(UnitError, match="text without a unit"):
        parse_size("5")
    with pytest.raises(UnitError, match="text without a unit"):
        parse_duration("5")


@pytest.mark.parametrize("written", [-1, LARGEST_BYTES + 1, "999999999999999999TiB"])
def test_sizes_out_of_range_are_refused(written: object) -> None:
    """Negative, or more than a file offset holds."""
    with pytest.raises(UnitError):
        parse_size(written)


@pytest.mark.parametrize("written", [-1, -0.5, float("inf"), LONGEST_SECONDS + 1, "999999999999999d"])
def test_durations_out_of_range_are_refused(written: object) -> None:
    """Negative, or longer than timers hold."""
    with pytest.raises(UnitError):
        parse_duration(written)


@given(st.integers(0, 1000), st.sampled_from(["B", "KiB", "MiB", "GiB", "TiB"]))
def test_binary_sizes_are_powers_of_1024(number: int, unit: str) -> None:
    """As the unit's name says."""
    power = ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert number * 1024**power == parse_size(f"{number}{unit}")


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_durations_are_the_sum_of_their_parts(days: int, hours: int, minutes: int, seconds: int, rest: int) -> None:
    """Largest unit first."""
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + rest / 1000
    assert expected == parse_duration(f"{days}d{hours}h{minutes}m{seconds}s{rest}ms")


@given(st.text())
def test_messages_never_repeat_the_text(written: str) -> None:
    """The text may have come out of the environment."""
    for parse in (parse_size, parse_duration):
        with pytest.raises(UnitError) as caught:
            parse(f"\N{SNOWMAN}{written}")
        assert "\N{SNOWMAN}" not in str(caught.value)
