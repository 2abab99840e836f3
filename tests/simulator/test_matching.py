"""Finding people by what they carry; every result is compared with a search through all of them."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from extractor.simulator import Service, SimulatorSettings
from extractor.simulator.matching import Match


@pytest.fixture
def service(make_world: Callable[..., SimulatorSettings]) -> Service:
    """Give a service of a thousand people."""
    return Service(make_world())


def searched(service: Service, match: Match, name: str = "All") -> list[bytes]:
    """Find by looking at everybody."""
    return [record for record in service.truth(name) if match.satisfied_by(orjson.loads(record))]


def carried(service: Service, members: str, member: str, kind: str) -> list[tuple[str, str]]:
    """List what people carry, with its type."""
    found = []
    for record in service.truth("All"):
        found += [(each[member], each[kind]) for each in orjson.loads(record)[members]]
    return found


@pytest.mark.parametrize(
    ("criteria", "members", "member", "kind"),
    [
        ("EmailAddress", "Emails", "EmailAddress", "EmailAddressType"),
        ("PhoneNumber", "PhoneNumbers", "PhoneNumber", "PhoneNumberType"),
        ("AlternateId", "AlternateIds", "AlternateId", "AlternateIdType"),
    ],
)
def test_everybody_is_found_by_everything_that_they_carry(
    service: Service, criteria: str, members: str, member: str, kind: str
) -> None:
    """Without a look at the others, and by the type of the very element."""
    everything = carried(service, members, member, kind)
    for wanted in (None, *{each for _, each in everything}):
        values = tuple(value for value, its in everything if wanted in (None, its))
        match = Match.of(criteria, match_type=wanted, values=values)
        expected = searched(service, match)
        assert expected
        assert expected == list(service.truth("All", criteria=criteria, match_type=wanted, values=values))


def test_profile_ids_may_be_numbers_or_digits_and_are_anded_with_the_segment(service: Service) -> None:
    """Index 3 is a Third, index 4 is not."""
    records = list(service.truth("All"))
    found = list(service.truth("Thirds", criteria="ProfileId", values=(10_000_004, "10000005", "no id", 10**30)))
    assert records[3:4] == found


def test_a_type_keeps_only_profiles_that_carry_it(service: Service) -> None:
    """For ProfileId it is a customer type."""
    values = tuple(range(10_000_001, 10_001_001))
    match = Match.of("ProfileId", match_type="Partner", values=values)
    found = list(service.truth("All", criteria="ProfileId", match_type="Partner", values=values))
    assert searched(service, match) == found
    assert {"Partner"} == {orjson.loads(record)["CustomerType"] for record in found}


def test_addresses_and_alternate_ids_are_matched_without_regard_to_case(service: Service) -> None:
    """As the Data API documents it for alternate ids."""
    for criteria, members, member, kind in (
        ("EmailAddress", "Emails", "EmailAddress", "EmailAddressType"),
        ("AlternateId", "AlternateIds", "AlternateId", "AlternateIdType"),
    ):
        value, its = carried(service, members, member, kind)[0]
        for spelled in (value.upper(), value.lower()):
            assert 1 == service.count("All", criteria=criteria, match_type=its, values=(spelled,))


def test_phone_numbers_are_matched_by_their_digits(service: Service) -> None:
    """However people write them; beyond 80,000 people two may share one."""
    number, _ = carried(service, "PhoneNumbers", "PhoneNumber", "PhoneNumberType")[0]
    spelled = f"+{number[0]} ({number[1:4]}) {number[4:7]}-{number[7:]}"
    assert service.count("All", criteria="PhoneNumber", values=(number,)) >= 1
    assert list(service.truth("All", criteria="PhoneNumber", values=(number,))) == list(
        service.truth("All", criteria="PhoneNumber", values=(spelled,))
    )


@pytest.mark.parametrize(
    ("criteria", "values"),
    [
        ("EmailAddress", ("user.1@nowhere.test", "user.01@example.com", "@", "", "user.99999999@example.com")),
        ("PhoneNumber", ("", "12125559999", "2005550100", "x", "99999999999")),
        ("ProfileId", ("", "-1", "10000001.0", "1e7", "010000001", "\u0661")),
    ],
)
def test_values_that_nobody_carries_find_nobody(service: Service, criteria: str, values: tuple[str, ...]) -> None:
    """However much they look like those of somebody."""
    match = Match.of(criteria, values=values)
    assert searched(service, match) == list(service.truth("All", criteria=criteria, values=values))


def test_deleted_profiles_are_found_by_their_id_alone(service: Service) -> None:
    """Nothing else is left of them."""
    assert 1 == service.count("Gone", criteria="ProfileId", values=(10_001_003,))
    assert 0 == service.count("Gone", criteria="EmailAddress", values=("user.1002@example.com",))


@pytest.mark.parametrize("odd", [{"Emails": None}, {"Emails": {}}, {"Emails": [None, {}, {"EmailAddress": None}]}, {}])
def test_records_of_another_shape_match_nothing(odd: Any) -> None:
    """A user's file may hold anything."""
    assert not Match.of("EmailAddress", values=("None", "a@example.com")).satisfied_by(odd)
