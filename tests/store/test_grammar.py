"""The token reader agrees with the standard library on what is JSON, and needs no recursion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.store.grammar import NotJson, cut, tokens

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


def accepts(text: bytes) -> bool:
    """Whether the tokens make up the whole text."""
    try:
        *_, last = tokens(text)
    except NotJson:
        return False
    return not text[last.end :].strip(b" \t\r\n")


def refuse(name: str) -> Any:
    """NaN and the infinities are no JSON, whatever the standard library says."""
    raise ValueError(name)


@given(JSON, st.sampled_from([None, 1]))
def test_every_json_text_is_read(value: Any, indent: int | None) -> None:
    """Compact or indented."""
    assert accepts(json.dumps(value, indent=indent).encode())


@given(st.text(alphabet='[]{},:" \n1-.eE0aulntrfs\\/\x00', max_size=12))
def test_a_text_is_accepted_exactly_when_the_standard_library_does(text: str) -> None:
    """The standard library is the independent opinion."""
    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        assert not accepts(text.encode())
    else:
        assert accepts(text.encode())


def test_keys_are_told_from_other_strings() -> None:
    """Duplicate keys are found by kind, not by place."""
    assert [token.kind for token in tokens(b'{"a":["b",1,1.0,null]}')] == [
        "{", "key", ":", "[", "string", ",", "int", ",", "float", ",", "literal", "]", "}",
    ]  # fmt: skip


def test_a_fault_names_its_byte() -> None:
    """0-based, where the text stops being JSON."""
    with pytest.raises(NotJson) as fault:
        list(tokens(b'{"a": nul}'))
    assert (fault.value.reason, fault.value.at) == ("this is not JSON", 6)


def test_cutting_names_the_record_that_is_at_fault() -> None:
    """0-based; None outside of the records."""
    with pytest.raises(NotJson) as fault:
        cut(b'{"R":[{},[1],{"a":NaN}]}', "R")
    assert fault.value.record == 2
    with pytest.raises(NotJson) as fault:
        cut(b'{"R":[{}],"x":NaN}', "R")
    assert fault.value.record is None


def test_cutting_gives_each_element_without_the_space_around_it() -> None:
    """Whatever kind the elements are: refusing them is not the grammar's business."""
    assert cut(b' {"x":{"R":[0]},"R": [ {"a": [1]} , 7,"s" , [ ] ] } ', "R") == [b'{"a": [1]}', b"7", b'"s"', b"[ ]"]


def test_text_after_a_page_is_a_fault() -> None:
    """White space is none."""
    assert cut(b'{"R":[]} \r\n', "R") == []
    assert cut(b'{"R":null}', "R") == []
    with pytest.raises(NotJson, match="text after the end"):
        cut(b'{"R":[]} {}', "R")
