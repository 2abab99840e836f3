"""The words of fault scripts."""

import re

import pytest

from extractor.errors import ConfigError
from extractor.simulator import Kind, faults, parse
from extractor.simulator.faults import PLAIN, Fault, Turn


def test_a_script_is_read_word_by_word() -> None:
    """In the order in which they are said."""
    assert (
        Turn(fault=Fault(word="ok", verb="ok"), times=2),
        Turn(fault=Fault(word="503:2s", verb="code", code=503, retry_after="2s"), times=1),
        Turn(fault=Fault(word="drop@4096", verb="drop", after=4096), times=1),
        Turn(fault=Fault(word="500", verb="code", code=500), times=3),
        Turn(fault=Fault(word="status=Paused", verb="status", text="Paused"), times=1),
        Turn(fault=Fault(word="slow:0.5s", verb="slow", seconds=0.5), times=1),
        Turn(fault=Fault(word="zero", verb="zero"), times=None),
    ) == parse("okx2 503:2s drop@4096 500x3 status=Paused slow:0.5s zerox*")


def test_a_place_may_be_counted_from_the_end() -> None:
    """All but the last four bytes."""
    (turn,) = parse("drop@-4")
    assert Fault(word="drop@-4", verb="drop", after=-4) == turn.fault


@pytest.mark.parametrize("word", ["503:date+2s", "503:date-60s", "429:=soon", "429:=-5", "401=age", "page502:1s"])
def test_every_form_of_refusal_is_a_word(word: str) -> None:
    """With each way of saying Retry-After."""
    assert [word] == [turn.fault.word for turn in parse(word)]


@pytest.mark.parametrize("word", ["okay", "999", "503:soon", "drop", "drop@x", "slow:2", "401=mood", "404=age", "x3"])
def test_what_is_no_word_is_refused(word: str) -> None:
    """With the word that was written."""
    with pytest.raises(ConfigError, match=re.escape(f'"{word}" is not a fault')):
        parse(word)


def test_every_bad_word_is_named_and_the_near_one_suggested() -> None:
    """Not only the first."""
    with pytest.raises(ConfigError) as refused:
        parse("ok exipre ok totl+1")
    assert [
        '"exipre" is not a fault -- did you mean "expire"?',
        '"totl+1" is not a fault -- did you mean "total+1"?',
    ] == refused.value.problems


def test_a_word_that_means_nothing_to_the_call_is_refused() -> None:
    """A lie about pages in a script for Status would never fire."""
    with pytest.raises(ConfigError, match='"shift" means nothing to status'):
        parse("shift", kind=Kind.STATUS)
    with pytest.raises(ConfigError, match='"status=Paused" means nothing to page'):
        parse("status=Paused", kind=Kind.PAGE)


def test_every_word_is_in_the_table_of_words() -> None:
    """The head of the module is the documentation."""
    said = faults.__doc__ or ""
    assert [] == [word for word in PLAIN if f"``{word}``" not in said]
