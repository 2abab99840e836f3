"""What counts as a proof that a Commit came after its seal."""

from __future__ import annotations

import pytest

from tests.crash.yard import Steps, too_early

SEALED, INTENDED = (5, 10.0), (6, 11.0)


def test_a_seal_an_intent_and_a_commit_in_this_order_are_a_proof() -> None:
    """The Commit may come at the very instant of its intent, never before."""
    steps = Steps(sealed=SEALED, intended=INTENDED)
    assert not too_early(steps, 11.0)
    assert too_early(steps, 10.9)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(Steps(), id="the journal knows of neither"),
        pytest.param(Steps(sealed=SEALED), id="the intent is not journaled"),
        pytest.param(Steps(intended=INTENDED), id="the seal is not journaled"),
        pytest.param(Steps(sealed=(7, 10.0), intended=INTENDED), id="the seal stands behind the intent"),
        pytest.param(Steps(sealed=(5, 11.0), intended=INTENDED), id="both may be of one transaction"),
    ],
)
def test_anything_less_is_none(steps: Steps) -> None:
    """However late the Commit came."""
    assert too_early(steps, 1e9)
