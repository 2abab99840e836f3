"""``LastDateTime`` never skips an instant."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.plan.windows import last_date_time, rounded_by_server

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: str) -> int:
    """Read a sent bound back into milliseconds since the epoch."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("sent", "bound"), [(0, 3), (2, 3), (3, 7), (6, 7), (7, 10), (9, 10), (123, 127), (997, 1000), (999, 1000)]
)
def test_the_servers_rounding_is_the_documented_one(sent: int, bound: int) -> None:
    """Contract, section 3.2: even an exact 3 or 7 moves on, and 7 to 9 move into the next ten."""
    assert bound == rounded_by_server(sent)


@pytest.mark.parametrize("millisecond", range(1000))
def test_every_millisecond_of_a_second_is_selected_by_its_own_bound(millisecond: int) -> None:
    """A change at ``since`` itself comes out, whether the server's comparison is exclusive or inclusive."""
    since = datetime(2026, 3, 1, 12, 0, 0, millisecond * 1000, tzinfo=UTC)
    bound = rounded_by_server(milliseconds(last_date_time(since)))
    wanted = (since - EPOCH) // timedelta(milliseconds=1)
    assert bound < wanted
    assert wanted - bound <= 8


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - hypothesis wants naive bounds; the zone is drawn beside them
def test_the_zone_of_since_does_not_matter(naive: datetime, offset: int) -> None:
    """The same instant gives the same bound in every zone, always spelled in UTC with milliseconds and Z."""
    moment = naive.replace(tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset)))
    sent = last_date_time(moment)
    assert sent == last_date_time(elsewhere)
    assert len("2026-01-01T00:00:00.000Z") == len(sent)
    assert sent.endswith("Z")
