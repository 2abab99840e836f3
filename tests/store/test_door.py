"""The door to the disk and the named moments: who stands there is told of everything, and goes when the block ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store import durable
from extractor.store.door import Kind, Operation, announce, guarded
from extractor.store.failpoints import Failpoint, reached, watched


def removals(seen: list[Operation], root: Path) -> list[tuple[str, str]]:
    """What was announced, without what is no removal."""
    kinds = {Kind.REMOVE, Kind.REMOVE_FOLDER}
    return [(each.kind.value, each.path.relative_to(root).as_posix()) for each in seen if each.kind in kinds]


def grow(root: Path) -> Path:
    """A tree with files, folders and links to a folder, to a file and to nowhere; what is linked lies beside it."""
    (root / "outside").mkdir()
    (root / "outside" / "precious").write_bytes(b"x")
    tree = root / "tree"
    (tree / "deep" / "deeper").mkdir(parents=True)
    for path in (tree / "file", tree / "deep" / "file", tree / "deep" / "deeper" / "file"):
        path.write_bytes(b"x")
    (tree / "deep" / "to-folder").symlink_to(root / "outside")
    (tree / "to-file").symlink_to(root / "outside" / "precious")
    (tree / "to-nowhere").symlink_to(root / "nowhere")
    return tree


REMOVED = [
    ("remove", "tree/deep/deeper/file"),
    ("remove folder", "tree/deep/deeper"),
    ("remove", "tree/deep/file"),
    ("remove", "tree/deep/to-folder"),
    ("remove folder", "tree/deep"),
    ("remove", "tree/file"),
    ("remove", "tree/to-file"),
    ("remove", "tree/to-nowhere"),
    ("remove folder", "tree"),
]


@pytest.mark.parametrize("remove", [durable.erase_tree, durable.remove_tree])
def test_every_removal_of_a_tree_passes_the_door_and_no_link_is_followed(
    tmp_path: Path, remove: Callable[[Path], None]
) -> None:
    """Leaves before their folder; a link goes, what it names stays."""
    tree, seen = grow(tmp_path), list[Operation]()

    with guarded(seen.append):
        remove(tree)
        remove(tree)

    found = removals(seen, tmp_path)
    assert sorted(REMOVED) == sorted(found)
    places = {path: place for place, (_, path) in enumerate(found)}
    assert all(places[path] < places[str(Path(path).parent)] for path in places if path != "tree")
    assert ["outside", "precious"] == [path.name for path in sorted(tmp_path.rglob("*"))]


def test_erasing_is_durable_and_removing_does_not_promise_it(tmp_path: Path) -> None:
    """The one syncs the folder that the tree was in, after all is gone."""
    for remove, expected in ((durable.erase_tree, [Kind.SYNC_FOLDER]), (durable.remove_tree, [])):
        seen = list[Operation]()
        (tmp_path / "tree" / "deep").mkdir(parents=True)
        with guarded(seen.append):
            remove(tmp_path / "tree")
        assert [Kind.REMOVE_FOLDER, Kind.REMOVE_FOLDER, *expected] == [each.kind for each in seen]


def test_a_link_in_the_place_of_a_tree_is_left_alone(tmp_path: Path) -> None:
    """Removing passes it by, erasing refuses it; neither announces anything."""
    grow(tmp_path)
    link, seen = tmp_path / "link", list[Operation]()
    link.symlink_to(tmp_path / "outside")

    with guarded(seen.append):
        durable.remove_tree(link)
        with pytest.raises(LocalError, match="a file where a folder is needed"):
            durable.erase_tree(link)

    assert ([], True, True) == (seen, link.is_symlink(), (tmp_path / "outside" / "precious").exists())


@pytest.mark.parametrize("name", ["to-folder", "deep", "to-file"])
def test_what_cannot_be_removed_stays_and_the_rest_goes(tmp_path: Path, name: str) -> None:
    """Erasing says the first reason, removing says nothing; another call finishes either."""

    def refuse(operation: Operation) -> None:
        if operation.path.name == name:
            raise PermissionError(13, os.strerror(13))

    tree = grow(tmp_path)
    with guarded(refuse):
        durable.remove_tree(tree)
        assert {"to-folder": ["deep", "to-folder"]}.get(name, [name]) == [path.name for path in sorted(tree.rglob("*"))]
        with pytest.raises(LocalError, match=rf"{name}: access is denied; check the owner"):
            durable.erase_tree(tree)
    durable.erase_tree(tree)
    assert not tree.exists()


@pytest.mark.parametrize("name", ["file", "deep", "tree"])
def test_an_operation_that_the_guard_refuses_does_not_happen(tmp_path: Path, name: str) -> None:
    """An OSError of the guard is told like one of the disk."""
    tree = grow(tmp_path)

    def refuse(operation: Operation) -> None:
        if operation.path.name == name:
            raise OSError(5, os.strerror(5))

    with guarded(refuse), pytest.raises(LocalError, match="the disk reports an input/output error"):
        durable.erase_tree(tree)
    assert any(path.name == name for path in (tree, *tree.rglob("*")))


def test_guards_nest_and_are_taken_away() -> None:
    """The innermost is asked alone; each block leaves the door as it found it, also by an exception."""
    outer, inner = list[Operation](), list[Operation]()
    operations = [Operation(kind=Kind.SYNC, path=Path(f"{number}")) for number in range(5)]

    def refuse(_operation: Operation) -> None:
        raise OSError(5, os.strerror(5))

    announce(operations[0])
    with guarded(outer.append):
        announce(operations[1])
        with guarded(inner.append):
            announce(operations[2])
        with guarded(refuse), pytest.raises(OSError, match="Input/output error"):
            announce(operations[0])
        announce(operations[3])
    announce(operations[4])
    with pytest.raises(KeyError), guarded(refuse):
        raise KeyError
    announce(operations[4])
    assert ([operations[1], operations[3]], [operations[2]]) == (outer, inner)


def test_an_operation_does_not_show_the_bytes_that_it_writes(tmp_path: Path) -> None:
    """They are somebody's record: whoever prints what passes must not print that."""
    seen = list[Operation]()
    with guarded(seen.append):
        durable.write_small(tmp_path / "file", b"ada@example.test")
    (write,) = [each for each in seen if each.kind is Kind.WRITE]
    assert b"ada@example.test" == bytes(write.data)
    assert "ada" not in repr(seen)


def test_watchers_nest_and_are_taken_away() -> None:
    """As guards do; in daily use nobody is told."""
    outer, inner = list[Failpoint](), list[Failpoint]()
    reached(Failpoint.RUN_JOURNALED)
    with watched(outer.append):
        reached(Failpoint.PARTS_CUT)
        with watched(inner.append):
            reached(Failpoint.TAKEN_UP)
        reached(Failpoint.RUN_CLOSED)
    with pytest.raises(KeyError), watched(outer.append):
        raise KeyError
    reached(Failpoint.RUN_JOURNALED)
    assert ([Failpoint.PARTS_CUT, Failpoint.RUN_CLOSED], [Failpoint.TAKEN_UP]) == (outer, inner)
