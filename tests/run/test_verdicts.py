"""How a run ends, from how its jobs ended."""

from collections import Counter

import pytest

from extractor.errors import IntegrityError, LocalError
from extractor.protocol.vocabulary import Verdict
from extractor.run.verdicts import exit_code

D, R, E, U, I = Verdict.DONE, Verdict.REFUSED, Verdict.EXPORT_FAILED, Verdict.UNAVAILABLE, Verdict.INTEGRITY  # noqa: E741 - the columns of a small table


@pytest.mark.parametrize(
    ("ended", "halted", "code"),
    [
        ([], 0, 0),
        ([D, D], 0, 0),
        ([D, R], 0, 3),
        ([R, R], 0, 4),
        ([R, E], 0, 3),
        ([D, E], 0, 3),
        ([U, U], 0, 5),
        ([D, U], 0, 5),
        ([U, R], 0, 3),
        ([D, I], 0, 6),
        ([U, R, E, I], 0, 6),
        ([D, I], 130, 130),
        ([], 143, 143),
        ([D, U], 5, 5),
        ([D, R], 5, 5),
        ([D, I], 5, 6),
    ],
)
def test_the_exit_code_weighs_the_ends_of_all_jobs(ended: list[Verdict], halted: int, code: int) -> None:
    """Design, section 7: a contradiction outweighs all but an interrupt; mixtures of failures are 3."""
    assert code == exit_code(Counter(ended), halted=halted)


def test_a_dataset_that_cannot_be_published_counts() -> None:
    """Every job is done, and yet something is missing."""
    done = Counter([Verdict.DONE])
    assert 3 == exit_code(done, unpublishable=[LocalError("the disk is full")])
    assert 6 == exit_code(done, unpublishable=[LocalError("the disk is full"), IntegrityError("a part was changed")])
