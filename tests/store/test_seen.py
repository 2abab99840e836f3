"""What is remembered of published records is exact, on disk, and all or nothing."""

from __future__ import annotations

import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError
from extractor.plan.job import Dedupe
from extractor.store import seen as module
from extractor.store.door import Kind, Operation, guarded
from extractor.store.seen import Standing, open_seen, throw_away
from extractor.store.versions import Versions, rule_text

KEYS = st.integers(0, 2**64 - 1) | st.integers(0, 9) | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1])
STATES = st.lists(st.tuples(KEYS, st.binary(min_size=16, max_size=16)), max_size=30)


def standing(publication: int, **changed: Any) -> Standing:
    """What an index says that it holds."""
    base = {"journal": "j", "announced": publication, "until": None, "rule": "r"}
    return Standing(**{**base, "publication": publication, **changed})


@given(nights=st.lists(STATES, max_size=4))
def test_it_is_a_dict_on_disk(nights: list[list[tuple[int, bytes]]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of keys of 64 bits; the last state of a key is the one that counts, also within one night."""
    path = tmp_path_factory.mktemp("seen") / "s.sqlite"
    model: dict[int, bytes] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", 7)
        for number, states in enumerate(nights, start=1):
            with open_seen(path) as seen:
                seen.remember(states, standing(number))
            model.update(states)
    with open_seen(path) as seen:
        assert seen.standing == (standing(len(nights)) if nights else None)
        assert seen.recall([*model, 3, 2**64 - 2]) == {
            key: version for key, version in model.items() if key in {*model, 3, 2**64 - 2}
        }


def test_a_death_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    """Neither in what it reads, nor before it is durable."""
    path = tmp_path / "s.sqlite"
    with open_seen(path) as seen:
        seen.remember([(1, b"a" * 16)], standing(1))

    class Killed(BaseException):
        """The process ends here."""

    def broken() -> Iterator[tuple[int, bytes]]:
        yield 1, b"b" * 16
        raise Killed

    def guard(operation: Operation) -> None:
        if operation.kind is Kind.TRANSACTION:
            raise Killed

    with open_seen(path) as seen, pytest.raises(Killed):
        seen.remember(broken(), standing(2))
    with open_seen(path) as seen, guarded(guard), pytest.raises(Killed):
        seen.remember([(1, b"b" * 16), (2, b"c" * 16)], standing(2))
    with open_seen(path) as seen:
        assert (seen.standing, seen.recall([1, 2])) == (standing(1), {1: b"a" * 16})


def test_an_announcement_is_kept(tmp_path: Path) -> None:
    """Of an index that holds something; a new one has nothing to lose."""
    with open_seen(tmp_path / "s.sqlite") as seen:
        seen.announce(3)
        assert seen.standing is None
        seen.remember([], standing(1))
        seen.announce(3)
    with open_seen(tmp_path / "s.sqlite") as seen:
        assert seen.standing == standing(1, announced=3)


def test_it_is_private_and_goes_without_a_trace(tmp_path: Path) -> None:
    """Keys are personal data."""
    path = tmp_path / "seen" / "s.sqlite"
    with open_seen(path) as seen:
        seen.remember([(1, b"a" * 16)], standing(1))
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    throw_away(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("content", [b"not a database at all, but long enough", b"SQLite format 3\0" + b"\xff" * 4096])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    """As damaged; whoever opens it decides what follows."""
    (tmp_path / "s.sqlite").write_bytes(content)
    with pytest.raises(IntegrityError, match="memory of published records"):
        open_seen(tmp_path / "s.sqlite")


def test_memory_is_bounded(tmp_path: Path) -> None:
    """What Python holds of 150,000 ids is one batch; SQLite's own cache is 16 MiB."""
    with open_seen(tmp_path / "s.sqlite") as seen:
        tracemalloc.start()
        seen.remember(((key * 7919, b"v" * 16) for key in range(150_000)), standing(1))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(seen.recall(range(0, 79190, 7919))) == 10
    assert peak < 100_000 * 250


@pytest.mark.parametrize(
    ("rule", "one", "other", "same"),
    [
        (Dedupe(key="Id", version=None), b'{"Id":1,"a":1}', b'{"Id":1,"a":1}', True),
        (Dedupe(key="Id", version=None), b'{"Id":1,"a":1}', b'{"Id":1,"a":2}', False),
        (Dedupe(key="Id", version=None), b'{"Id":1,"a":1}', b'{"a":1,"Id":1}', False),
        (Dedupe(key="Id", version=("a",)), b'{"Id":1,"a":{"x":1,"y":2}}', b'{"ID":"1","a":{"y":2,"x":1},"b":3}', True),
        (
            Dedupe(key="Id", version=("a.x",)),
            b'{"Id":1,"a":[{"x":1},{"x":2}]}',
            b'{"Id":1,"a":[{"x":2},{"x":1}]}',
            False,
        ),
        (Dedupe(key="Id", version=("a", "b")), b'{"Id":1,"a":7}', b'{"Id":1,"b":7}', False),
        (Dedupe(key="Id", version=("a",)), b'{"Id":1,"a":"\\ud800"}', b'{"Id":1,"a":"\\ud800","b":1}', True),
        (Dedupe(key="Id", version=("a",)), b'{"Id":1,"a":"\\ud800"}', b'{"Id":1,"a":"\\ud801"}', False),
    ],
)
def test_a_state_is_the_line_or_the_values_at_the_paths(rule: Dedupe, one: bytes, other: bytes, same: bool) -> None:
    """In a spelling of its own, so that the order of members does not count."""
    first, second = (Versions(rule).of(line + b"\n") for line in (one, other))
    assert first is not None
    assert second is not None
    assert (first[0], first[0], same) == (1, second[0], first == second)


@pytest.mark.parametrize(
    "line", [b'{"a":1}', b'{"Id":"x","a":1}', b'{"Id":1.5,"a":1}', b"[1]", b'{"Id":1}', b'{"Id":1,"a":null}']
)
def test_what_has_no_key_or_no_state_is_never_taken_for_unchanged(line: bytes) -> None:
    """A path that leads nowhere, misspelled perhaps, must not make all states one."""
    assert Versions(Dedupe(key="Id", version=("a",))).of(line) is None


@pytest.mark.parametrize("depth", [200, 260, 1000])
def test_a_state_that_is_nested_deeply_ends_nothing(depth: int) -> None:
    """Where no writer can spell it, the record is published again."""
    line = b'{"Id":1,"a":%s1%s}' % (b'{"a":' * depth, b"}" * depth)
    first, again = (Versions(Dedupe(key="Id", version=("a",))).of(line) for _ in range(2))
    assert first == again
    assert first is not None or depth == 1000


def test_rules_are_told_apart() -> None:
    """A record has other states by another rule."""
    rules = [Dedupe(key=key, version=version) for key in ("a", "b") for version in (None, ("a",), ("a", "b"))]
    assert len({rule_text(rule) for rule in rules}) == 6
