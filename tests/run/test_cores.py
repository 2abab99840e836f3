"""How many processes encode, as a function of what the machine leaves to this one."""

from __future__ import annotations

import os
import sys

import pytest

from extractor.run.cores import encoders_for, encoders_here, pays, usable_cores

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("allowed", "quotas", "cores"),
    [
        (1, [], 1.0),
        (8, [], 8.0),
        (8, ["max 100000"], 8.0),
        (8, ["150000 100000"], 1.5),
        (2, ["400000 100000"], 2.0),
        (16, ["max 100000", "1200000 100000", "400000 100000\n"], 4.0),
        (4, ["", "nonsense", "100000 0", "1 2 3"], 4.0),
    ],
)
def test_the_tightest_bound_counts_and_what_cannot_be_read_is_none(
    allowed: int, quotas: list[str], cores: float
) -> None:
    """A container's quota may be set on it or on any group around it."""
    assert cores == usable_cores(allowed, quotas)


@pytest.mark.parametrize(
    ("cores", "processes"), [(0.5, 0), (1.0, 0), (1.4, 0), (1.5, 1), (2.0, 2), (2.9, 2), (4.0, 4), (6.0, 6), (64.0, 6)]
)
def test_one_core_has_no_encoders_beside_it_and_many_cores_a_bounded_number(cores: float, processes: int) -> None:
    """Two on two cores: the process that fetches leaves most of a core to them."""
    assert processes == encoders_for(cores)


@pytest.mark.parametrize(("waited", "worth_it"), [(0, False), (1_600_000, False), (15 * MIB, False), (16 * MIB, True)])
def test_a_process_is_started_when_as_much_has_waited_as_its_start_costs(waited: int, worth_it: bool) -> None:
    """A small export never pays for one."""
    assert worth_it == pays(waited)


def test_a_program_frozen_into_one_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would start is itself."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    assert encoders_here() >= 0

    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert encoders_here() == 0


@pytest.mark.parametrize(("ahead", "worth_it"), [(0, False), (2**27 - 1, False), (2**27, True), (2**33, True)])
def test_what_is_known_to_come_pays_beforehand(ahead: int, worth_it: bool) -> None:
    """A large export says with its first page how large it is."""
    assert worth_it == pays(0, ahead)
