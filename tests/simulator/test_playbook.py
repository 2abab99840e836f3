"""Whose turn it is to fail."""

import pytest

from extractor.errors import ConfigError
from extractor.simulator import Chaos, Kind
from extractor.simulator.playbook import Playbook


def turns(playbook: Playbook, kind: Kind, dataset: str | None, many: int) -> list[str | None]:
    """Take some turns."""
    taken = (playbook.next(kind, dataset, number) for number in range(many))
    return [None if fault is None else fault.word for fault in taken]


def test_one_word_is_said_a_call_and_then_all_is_well() -> None:
    """A script that is used up means ok."""
    playbook = Playbook.of("page: ok 503:2s 500x2\n# a comment\n\ncommit: lost", Chaos())
    assert [None, "503:2s", "500", "500", None, None] == turns(playbook, Kind.PAGE, "All", 6)
    assert ["lost", None] == turns(playbook, Kind.COMMIT, None, 2)
    assert [None] == turns(playbook, Kind.STATUS, None, 1)


def test_a_segments_script_goes_before_that_of_its_kind() -> None:
    """A name may hold a colon, brackets and spaces."""
    playbook = Playbook.of("initiate[A: [b]]: error\ninitiate: 500x*", Chaos())
    assert ["error", "500"] == turns(playbook, Kind.INITIATE, "A: [b]", 2)
    assert ["500"] == turns(playbook, Kind.INITIATE, "other", 1)


def test_scripts_may_be_a_mapping() -> None:
    """For those who have no text to hand."""
    assert ["reset", None] == turns(Playbook.of({"status[VIP]": "reset"}, Chaos()), Kind.STATUS, "VIP", 2)


def test_lines_for_one_address_are_one_script() -> None:
    """One after the other."""
    assert ["500", "503"] == turns(Playbook.of("page: 500\npage: 503", Chaos()), Kind.PAGE, None, 2)


def test_scripts_can_be_replaced_while_it_runs() -> None:
    """The weather changes."""
    playbook = Playbook.of("page: 500x*", Chaos())
    assert ["500"] == turns(playbook, Kind.PAGE, None, 1)
    playbook.add("page: 503")
    assert ["503", None] == turns(playbook, Kind.PAGE, None, 2)


@pytest.mark.parametrize("script", ["pages: ok", "page ok", "page[VIP: ok", "page: wrong", "[VIP]: ok"])
def test_a_bad_script_is_refused(script: str) -> None:
    """Before anything is served."""
    with pytest.raises(ConfigError):
        Playbook.of(script, Chaos())


def test_chance_repeats_with_its_seed_and_strikes_as_often_as_was_said() -> None:
    """By the number of the request, whatever else happens."""
    chaos = Chaos(rate=0.2, seed=3, words="500 lost shift")
    struck = turns(Playbook.of("", chaos), Kind.PAGE, None, 2000)
    assert struck == turns(Playbook.of("", chaos), Kind.PAGE, None, 2000)
    assert struck != turns(Playbook.of("", Chaos(rate=0.2, seed=4, words="500 lost shift")), Kind.PAGE, None, 2000)
    assert {None, "500", "lost", "shift"} == set(struck)
    assert 300 < sum(word is not None for word in struck) < 500


def test_chance_leaves_out_what_means_nothing_to_the_call() -> None:
    """And calls that it was not given."""
    playbook = Playbook.of("", Chaos(rate=1.0, words="shift 500", kinds=(Kind.STATUS, Kind.PAGE)))
    assert ["500"] * 50 == turns(playbook, Kind.STATUS, None, 50)
    assert [None] * 50 == turns(playbook, Kind.COMMIT, None, 50)


def test_a_rate_that_is_no_share_is_refused() -> None:
    """0 to 1."""
    with pytest.raises(ConfigError):
        Chaos(rate=1.5)
