"""Which values matched nobody, and which several: from the sealed parts, by the records' own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from extractor import lists
from extractor.lists.outcome import COUNTS, SEVERAL, UNMATCHED, Counts
from extractor.plan.job import Dataset, JobSpec, Match, Stream
from extractor.protocol.vocabulary import Outcome, SealedPart, Verdict
from extractor.store.compression import codec
from extractor.store.publication import FinishedJob, Publication
from tests.lists.conftest import KEY, Lists

STAGING = Path("staging")
A = Dataset(kind="segment", name="A B")


def person(number: int, **members: Any) -> dict[str, Any]:
    """A record."""
    return {"ProfileId": number, **members}


def mails(*addresses: str, kind: str = "Home") -> dict[str, Any]:
    """The member of e-mail addresses."""
    return {"Emails": [{"EmailAddressType": kind, "EmailAddress": address} for address in addresses]}


def finished(ordinal: int, match: Match | None, *parts: bytes) -> FinishedJob:
    """A job that is done, with its parts in staging."""
    sealed = []
    for number, part in enumerate(parts):
        path = STAGING / f"{ordinal}" / f"part-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(codec("gzip").frame(part))
        sealed.append(
            SealedPart(name=str(path.relative_to(STAGING)), records=0, bytes=0, uncompressed_bytes=0, sha256="")
        )
    job = JobSpec(
        ordinal=ordinal,
        job_id=f"j{ordinal}",
        name="mail",
        dataset=A,
        stream=Stream(id="s", name="mail"),
        since=None,
        last_date_time=None,
        match=match,
        batch=ordinal + 1,
        batches=2,
    )
    return FinishedJob(job=job, outcome=Outcome(verdict=Verdict.DONE), parts=tuple(sealed))


def asked(criteria: str, *values: str, kind: str | None = None) -> Match:
    """A match whose values stand in the configuration."""
    return Match(criteria=criteria, type=kind, values=values, count=len(values), digest="d")


def lines(*records: dict[str, Any]) -> bytes:
    """Records as a part has them."""
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def publication(*jobs: FinishedJob) -> Publication:
    """What is to be published of these."""
    return Publication(
        run_id="r",
        run_number=1,
        journal="j",
        number=1,
        dataset=A,
        config_hash="c",
        compression="gzip",
        started="",
        finished="",
        strides=(),
        jobs=jobs,
    )


def report(state: Path, *jobs: FinishedJob) -> Counts | None:
    """Report, and give the counts."""
    found = lists.report(publication(*jobs), state=state, key=KEY, staging=STAGING)
    return None if found is None else found[0]


def told(state: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a report."""
    path = state / "reports" / "r" / "segment=A%20B" / name
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_values_are_told_by_how_many_profiles_carry_them(shelf: Lists) -> None:
    """Of a list and of the configuration, batch by batch, over several parts; in the spelling that was sent."""
    found = shelf.read("One@example.test\nnone@example.test\ntwo@example.test\n", "p.txt", batch=2)
    listed = [
        Match(criteria="EmailAddress", type=None, part=part, count=count, digest=digest)
        for part, count, digest in found.batches
    ]
    jobs = [
        finished(0, listed[0], lines(person(1, **mails("one@EXAMPLE.test", "ONE@example.test")))),
        finished(
            1, listed[1], lines(person(2, **mails("two@example.test"))), lines(person(3, **mails("Two@example.test")))
        ),
        finished(2, asked("EmailAddress", "x@example.test")),
        finished(3, None, lines(person(9))),
    ]
    assert Counts(values=4, unmatched=2, several=1, strangers=0) == report(shelf.state, *jobs)
    line = {"criteria": "EmailAddress", "type": None}
    assert [
        {**line, "value": "none@example.test", "job": "mail [1/2]", "profiles": 0},
        {**line, "value": "x@example.test", "job": "mail [3/2]", "profiles": 0},
    ] == told(shelf.state, UNMATCHED)
    assert [{**line, "value": "two@example.test", "job": "mail [2/2]", "profiles": 2}] == told(shelf.state, SEVERAL)


@pytest.mark.parametrize(
    ("match", "record"),
    [
        (asked("ProfileId", "7"), {"ProfileId": 7}),
        (asked("ProfileId", "007"), {"ProfileID": "7"}),
        (asked("ProfileId", "7", kind="Customer"), {"ProfileId": 7, "CustomerType": "Customer"}),
        (
            asked("AlternateId", "crm-1", kind="CRM"),
            {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "CRM-1"}]},
        ),
        (asked("PhoneNumber", "12125550142"), {"PhoneNumbers": [{"PhoneNumber": 12125550142}]}),
        (
            asked("PhoneNumber", "12125550142", kind="Mobile"),
            {"PhoneNumbers": [{"PhoneNumber": "+1 (212) 555-0142", "PhoneNumberType": "Mobile"}]},
        ),
        (asked("EmailAddress", "a@example.test"), {"emails": [{"emailAddress": "A@example.test"}]}),
        (asked("EmailAddress", "a@example.test", kind="Home"), mails("x@example.test", "a@example.test")),
    ],
)  # fmt: skip
def test_a_record_carries_what_the_contract_says(shelf: Lists, match: Match, record: dict[str, Any]) -> None:
    """Contract, sections 3.2 and 4; names in either case."""
    counts = report(shelf.state, finished(0, match, lines(record)))
    assert Counts(values=1, unmatched=0, several=0, strangers=0) == counts


@pytest.mark.parametrize(
    ("values", "carry", "unmatched", "several"),
    [
        (["straße@x.test", "strasse@x.test"], ["STRASSE@x.test", "straße@x.test"], 0, 0),
        (["straße@x.test", "strasse@x.test"], ["strasse@x.test"], 1, 0),
        (["strasse@x.test"], ["strasse@x.test", "straße@x.test"], 0, 0),
        (["strasse@x.test"], ["straße@x.test", "\u017ftrasse@x.test"], 0, 0),
        (["Åsa@x.test"], ["åsa@x.test"], 0, 0),
        (["Åsa@x.test"], ["åsa@x.test", "åsa@X.test"], 0, 1),
    ],
)
def test_spellings_that_may_be_two_people_are_not_told_as_two_profiles_of_one_value(
    shelf: Lists, values: list[str], carry: list[str], unmatched: int, several: int
) -> None:
    """A value's own spelling counts first; another that is like it explains a record, and makes no second profile."""
    records = lines(*(person(number, **mails(address)) for number, address in enumerate(carry)))
    counts = report(shelf.state, finished(0, asked("EmailAddress", *values), records))
    assert Counts(values=len(values), unmatched=unmatched, several=several, strangers=0) == counts


@pytest.mark.parametrize(
    ("match", "record"),
    [
        (asked("ProfileId", "7", kind="Customer"), {"ProfileId": 7, "CustomerType": "Lead"}),
        (asked("ProfileId", "1"), {"ProfileId": True}),
        (asked("EmailAddress", "a@example.test", kind="Work"), mails("a@example.test")),
        (asked("EmailAddress", "a@example.test"), {"Emails": None}),
        (asked("EmailAddress", "a@example.test"), {"Emails": ["a@example.test"]}),
        (asked("AlternateId", "1", kind="CRM"), {"AlternateIds": [{"AlternateIdType": "ERP", "AlternateId": "1"}]}),
    ],
)
def test_a_record_that_carries_nothing_that_was_asked_for_is_a_stranger(
    shelf: Lists, match: Match, record: dict[str, Any]
) -> None:
    """Then the service compares otherwise, and the report must not be trusted blindly."""
    counts = report(shelf.state, finished(0, match, lines(record)))
    assert Counts(values=1, unmatched=1, several=0, strangers=1) == counts


def test_text_that_was_kept_is_read_too(shelf: Lists) -> None:
    """Integers beyond 64 bits, half a surrogate pair."""
    text = b'{"Emails":[{"EmailAddress":"a@example.test"}],"N":123456789012345678901234567890,"S":"\\ud800"}\n'
    counts = report(shelf.state, finished(0, asked("EmailAddress", "a@example.test"), text))
    assert counts is not None
    assert (0, 0) == (counts.unmatched, counts.strangers)


def test_a_report_is_done_anew_as_long_as_the_parts_are_there_and_stands_when_they_are_gone(shelf: Lists) -> None:
    """A crash may come between any two steps of a publication."""
    match = asked("EmailAddress", "a@example.test", "b@example.test")
    job = finished(0, match, lines(person(1, **mails("a@example.test"))))
    first = report(shelf.state, job)
    passing = shelf.state / "reports" / "r" / "segment=A%20B" / f".{UNMATCHED}.passing"
    passing.write_bytes(b"of a process that died")
    assert first == report(shelf.state, job)
    assert not passing.exists()

    (STAGING / job.parts[0].name).unlink()
    assert first == report(shelf.state, job)
    assert ["b@example.test"] == [each["value"] for each in told(shelf.state, UNMATCHED)]


def test_a_part_that_is_gone_or_damaged_is_left_to_the_publication_to_name(shelf: Lists) -> None:
    """It knows what is to be done about it; no report is written of half the records."""
    job = finished(0, asked("EmailAddress", "a@example.test"), lines(person(1)))
    path = STAGING / job.parts[0].name
    path.write_bytes(path.read_bytes()[:-3])
    assert None is report(shelf.state, job)
    path.unlink()
    assert None is report(shelf.state, job)
    assert [] == [each for each in shelf.state.rglob("*") if each.is_file()]


def test_a_dataset_that_asks_for_everybody_has_no_report(shelf: Lists) -> None:
    """Nothing was asked for by name."""
    assert None is report(shelf.state, finished(0, None, lines(person(1))))
    assert not shelf.state.exists()


def test_counts_stand_in_a_file_of_their_own(shelf: Lists) -> None:
    """Written last."""
    report(shelf.state, finished(0, asked("EmailAddress", "a@example.test")))
    assert [{"format": 1, "values": 1, "unmatched": 1, "several": 0, "strangers": 0}] == told(shelf.state, COUNTS)
