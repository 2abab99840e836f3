from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.config.problems import Problem
from extractor.config.yaml_source import DEEPEST, UnreadableError, read


@pytest.mark.parametrize(
    "written",
    [
        *("no", "on", "NO", "Yes", "off", "y"),
        *("0123", "+15550100", "1_000", "0x10", "0o17", "-0", "12:30:00", "1e", ".5", "5.", ".inf", ".nan"),
        *("2026-01-01", "2026-01-01T00:00:00Z", "<<", "=", "1" * 19),
    ],
)
def test_what_only_looks_typed_stays_text(written: str) -> None:
    """None of YAML 1.1's guesses: the text that was written comes out."""
    assert {"key": written} == read(f"key: {written}").value


@pytest.mark.parametrize(
    ("written", "value"),
    [("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("12", 12), ("-7", -7), ("0", 0)],
)
def test_plain_words_and_numbers_have_a_type(written: str, value: object) -> None:
    """true, false, null and plainly written whole numbers."""
    assert {"key": value} == read(f"key: {written}").value


@pytest.mark.parametrize(("written", "value"), [("0.5", 0.5), ("-1.25", -1.25), ("1e3", 1000.0), ("1.5E-2", 0.015)])
def test_fractions_are_numbers(written: str, value: float) -> None:
    """A point with digits on both sides, or an exponent."""
    assert {"key": value} == read(f"key: {written}").value


@pytest.mark.parametrize("written", ["'12'", '"true"', "|-\n  12", ">-\n  null"])
def test_quotes_and_blocks_are_text(written: str) -> None:
    """Quoting always means text."""
    assert isinstance(read(f"key: {written}").value["key"], str)


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_whole_numbers_keep_their_digits(number: int) -> None:
    """A whole number that was read as one is written back as it stood."""
    assert str(number) == str(read(f"[{number}]").value[0])


@given(st.text(alphabet="0123456789+-_.eE:", min_size=1, max_size=25))
def test_number_like_values_lose_nothing(written: str) -> None:
    """Whatever digits and signs stand there: text as written, a number with the same digits, or a fraction."""
    try:
        value = read(f"key: {written}").value["key"]
    except UnreadableError:
        return
    if not isinstance(value, float | dict | list) and value is not None:
        assert written == str(value)


def test_every_path_has_its_line() -> None:
    """Keys and list items lead to the line they stand on; what is missing to the nearest thing around it."""
    source = read("# head\na: 1\nb:\n  - c: x\n\n  - c: y\n    d: {e: 1,\n      f: 2}\n")
    lines = {
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1, "c"): 6,
        ("b", 1, "d", "f"): 8,
        ("b", 1, "d", "missing"): 7,
        ("b", 9, "c"): 3,
        ("a", "deeper"): 2,
        (): 2,
    }
    assert lines == {location: source.line_of(location) for location in lines}


def test_keys_are_text_as_written() -> None:
    """A number or word as key is the name that was written."""
    assert {"12": 1, "true": 2, "null": 3} == read("12: 1\ntrue: 2\nnull: 3").value


def test_duplicate_keys_are_problems() -> None:
    """The first stays, the second is named with both lines."""
    source = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert {"a": 1, "b": {"c": 1}} == source.value
    assert [
        Problem(location=("b",), message='key "c" is written twice, first in line 2 -- keep one', line=2),
        Problem(location=(), message='key "a" is written twice, first in line 1 -- keep one', line=3),
    ] == source.problems


def test_duplicate_keys_that_could_be_data_are_not_shown() -> None:
    """An e-mail address or name in the place of a key may be a person's."""
    source = read("ada@people.example: 1\nada@people.example: 2\nvalues: {ada: 1, ada: 2}\n")
    assert 2 == len(source.problems)
    assert not any("ada" in problem.message for problem in source.problems)


@pytest.mark.parametrize(
    "written", ["!!timestamp 2026-01-01", "!!python/object:os.system x", "!hunter2", "!!set {a}", "!t [a]"]
)
def test_tags_are_problems_and_never_obeyed(written: str) -> None:
    """No tag makes an object, and none is repeated: it may be an unquoted secret."""
    (problem,) = read(f"key: {written}").problems
    assert ("key",) == problem.location
    assert "begins with a tag (!), which has no meaning here -- remove it, or put the text in quotes" == problem.message


def test_keys_of_several_words_are_problems() -> None:
    """A list or mapping as key has no name."""
    (problem,) = read("[a, b]: 1\nc: 2").problems
    assert (1, "a key must be one word -- remove the brackets or question mark around it") == (
        problem.line,
        problem.message,
    )


def test_aliases_stand_for_their_anchor() -> None:
    """Repetition by alias works."""
    assert {"a": [1, 2], "b": [1, 2]} == read("a: &both [1, 2]\nb: *both").value


def _laughs(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_laughs(12), "the aliases stand for too much -- write the parts out"),
        ("a: &a [*a]", "an alias lies inside what it stands for -- write the part out"),
        (
            "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2),
            "is nested too deeply to mean anything -- check brackets and indentation",
        ),
        ("[" * 100_000, "is nested too deeply to mean anything -- check brackets and indentation"),
        ("", 'the file is empty -- "extractor init" writes one to start from'),
        ("# only a comment\n", 'the file is empty -- "extractor init" writes one to start from'),
    ],
)
def test_hostile_and_empty_texts_are_refused(text: str, message: str) -> None:
    """None of them hangs, fills the memory or crashes."""
    with pytest.raises(UnreadableError) as caught:
        read(text)
    assert message == caught.value.message


_QUOTE = " -- check indentation, brackets and quotes; quote text with : # @ * & !"


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: b: c", "not valid YAML: mapping values are not allowed here" + _QUOTE, 1, 5),
        (
            "a: [1,\nb: 2",
            "not valid YAML: expected ',' or ']', but got '<stream end>' while parsing a flow sequence begun in line 1"
            + _QUOTE,
            2,
            5,
        ),
        ("a:\n\t- b", "not valid YAML: a tab cannot indent -- use spaces", 2, 1),
        ("a: *hunter2", "not valid YAML: found undefined alias" + _QUOTE, 1, 4),
        (
            "a: &hunter2 1\nb: &hunter2 2",
            "not valid YAML: an anchor (&) is defined twice -- rename one; quote text that begins with &",
            2,
            4,
        ),
        (
            "a: !hunter2!x 1",
            "not valid YAML: found undefined tag handle while parsing a node begun in line 1" + _QUOTE,
            1,
            4,
        ),
        ("a: 1\n---\nb: 2", "a second document begins here -- keep one, without --- between", 2, 1),
        (
            "a: 1\nb: \x07",
            "holds a character that YAML does not allow -- remove it, or write it as an escape in double quotes",
            2,
            4,
        ),
    ],
)
def test_syntax_errors_have_line_and_column(text: str, message: str, line: int, column: int) -> None:
    """Where it is, what PyYAML says of it without quoting the file, and what to do."""
    with pytest.raises(UnreadableError) as caught:
        read(text)
    assert (message, line, column) == (caught.value.message, caught.value.line, caught.value.column)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No input raises anything else."""
    try:
        source: Any = read(text)
    except UnreadableError:
        return
    assert source.line_of(("a", 0)) >= 1
