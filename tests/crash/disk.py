"""A model of a disk that loses power: which files and names may be there afterwards.

Fed with the operations that passed the store's door. It keeps what is durable apart from what is only in memory, by the
strictest reading of POSIX: bytes survive after their file's sync, names after their folder's, nothing else is promised
and anything else may happen, to each file and each name for itself. ``states`` gives disks that a power loss may leave;
each can be written out as real files, a file's second name as a copy. Pure, but for ``write_out``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from extractor.store.door import Kind, Operation

Content: TypeAlias = str  # which of a file's possible contents: one of CONTENTS
CONTENTS = ("durable", "written", "torn", "zeros")


@dataclass(slots=True, eq=False)
class File:
    """A file's bytes, with and without those that nobody synced."""

    durable: bytes = b""
    written: bytearray = field(default_factory=bytearray)

    @property
    def dirty(self) -> bool:
        """Whether a power loss could change it."""
        return self.durable != self.written

    def after(self, content: Content) -> bytes:
        """What may be found: none of the unsynced bytes, all, the first half, or zeros in their place."""
        new = bytes(self.written[len(self.durable) :])
        if not bytes(self.written).startswith(self.durable):  # it was cut: truncation is synced, so this is not met
            return bytes(self.written)
        kept = {"durable": b"", "written": new, "torn": new[: len(new) // 2], "zeros": bytes(len(new))}
        return self.durable + kept[content]


@dataclass(slots=True, eq=False)
class Folder:
    """A folder's names, with and without those that nobody synced."""

    durable: dict[str, Node] = field(default_factory=dict)
    names: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = File | Folder
Change: TypeAlias = tuple[Folder, str, Node | None]  # this name of that folder now stands for the node, or for nothing


@dataclass(slots=True, eq=False)
class Step:
    """Changes of names that happen together or not at all: one operation."""

    changes: tuple[Change, ...]


Picture: TypeAlias = Mapping[str, "bytes | None"]  # path -> content, None for a folder


class Disk:
    """Everything below ``root``, which is there and durable."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = Folder()
        self._pending: list[Step] = []

    def load(self, picture: Picture) -> None:
        """Put in what is there, and durable, before anything happens."""
        for path, content in picture.items():
            place = self._root / path
            self.apply(Operation(kind=Kind.MAKE_FOLDER if content is None else Kind.CREATE, path=place))
            if content is not None:
                self.apply(Operation(kind=Kind.WRITE, path=place, data=memoryview(content)))
                self.apply(Operation(kind=Kind.SYNC, path=place))
            self.apply(Operation(kind=Kind.SYNC_FOLDER, path=place.parent))

    def apply(self, operation: Operation) -> None:
        """Let an operation happen."""
        kind, path = operation.kind, operation.path
        match kind:
            case Kind.CREATE:
                self._change((*self._place(path), File()))
            case Kind.MAKE_FOLDER:
                self._make(path)
            case Kind.WRITE:
                self._file(path).written += operation.data
            case Kind.SYNC:
                file = self._file(path)
                file.durable = bytes(file.written)
            case Kind.TRUNCATE:
                file = self._file(path)
                del file.written[operation.length :]
                file.durable = bytes(file.written)
            case Kind.SYNC_FOLDER:
                self._sync(self._folder(path))
            case Kind.RENAME | Kind.LINK if operation.target is not None:
                self._rename(path, operation.target, keep=kind is Kind.LINK)
            case Kind.REMOVE | Kind.REMOVE_FOLDER:
                self._remove(path)
            case _:
                pass  # a transaction is SQLite's

    def _make(self, path: Path) -> None:
        folder, name = self._place(path)
        if name not in folder.names:  # two threads may have announced it
            self._change((folder, name, Folder()))

    def _rename(self, path: Path, target: Path, *, keep: bool) -> None:
        old, new = self._place(path), self._place(target)
        node = old[0].names[old[1]]
        gone: tuple[Change, ...] = () if keep else ((*old, None),)
        self._change(*gone, (*new, node))

    def _remove(self, path: Path) -> None:
        folder, name = self._place(path)
        found = folder.names.get(name)
        if found is not None and not (isinstance(found, Folder) and found.names):
            self._change((folder, name, None))

    def states(self, chance: random.Random, most: int) -> Iterator[Picture]:
        """Give at most ``most`` different pictures of what a power loss now may leave, the extremes first."""
        seen: set[tuple[tuple[str, bytes | None], ...]] = set()
        for kept, contents in self._choices(chance, most * 4):
            picture = self._picture(kept, contents)
            key = tuple(sorted(picture.items(), key=lambda item: item[0]))
            if key not in seen:
                seen.add(key)
                yield picture
            if len(seen) == most:
                return

    def _choices(self, chance: random.Random, tries: int) -> Iterator[tuple[frozenset[int], dict[int, Content]]]:
        """Which pending steps are kept, and which content each dirty file has (by id; else ``written``)."""
        steps = range(len(self._pending))
        dirty = [file for file in self._files() if file.dirty]
        for kept in (frozenset(steps), frozenset[int]()):
            for content in CONTENTS:
                yield kept, {id(file): content for file in dirty}
        for step in steps:
            yield frozenset(steps) - {step}, {id(file): "durable" for file in dirty}
            yield frozenset({step}), {id(file): "zeros" for file in dirty}
        for _ in range(tries):
            some = frozenset(step for step in steps if chance.random() < 0.5)
            yield some, {id(file): chance.choice(CONTENTS) for file in dirty}

    def _picture(self, kept: frozenset[int], contents: Mapping[int, Content]) -> Picture:
        entries: dict[int, dict[str, Node]] = {}
        for folder in self._folders():
            entries[id(folder)] = dict(folder.durable)
        for index, step in enumerate(self._pending):
            if index in kept:
                for folder, name, node in step.changes:
                    _set(entries.setdefault(id(folder), {}), name, node)
        return dict(self._walk(self._top, PurePosixPath(), entries, contents))

    def _walk(
        self,
        folder: Folder,
        at: PurePosixPath,
        entries: Mapping[int, Mapping[str, Node]],
        contents: Mapping[int, Content],
    ) -> Iterator[tuple[str, bytes | None]]:
        for name, node in sorted(entries.get(id(folder), {}).items()):
            path = at / name
            if isinstance(node, File):
                yield str(path), node.after(contents.get(id(node), "written"))
            else:
                yield str(path), None
                yield from self._walk(node, path, entries, contents)

    def _change(self, *changes: Change) -> None:
        for folder, name, node in changes:
            _set(folder.names, name, node)
        self._pending.append(Step(changes))

    def _sync(self, folder: Folder) -> None:
        """Make what is pending of a folder durable; what happened together in two folders, in both."""
        left = []
        for step in self._pending:
            if any(each is folder for each, _, _ in step.changes):
                for each, name, node in step.changes:
                    _set(each.durable, name, node)
            else:
                left.append(step)
        self._pending = left

    def _place(self, path: Path) -> tuple[Folder, str]:
        return self._folder(path.parent), path.name

    def _folder(self, path: Path) -> Folder:
        folder = self._top
        for name in path.relative_to(self._root).parts:
            node = folder.names[name]
            if not isinstance(node, Folder):
                raise TypeError(f"{path} leads through a file")
            folder = node
        return folder

    def _file(self, path: Path) -> File:
        folder, name = self._place(path)
        node = folder.names[name]
        if not isinstance(node, File):
            raise TypeError(f"{path} is a folder")
        return node

    def _nodes(self) -> Iterator[Node]:
        """Every node that a durable or a present name leads to, or that a pending step speaks of."""
        seen: set[int] = set()
        stack: list[Node] = [self._top]
        stack += [each for step in self._pending for folder, _, node in step.changes for each in (folder, node) if each]
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield node
            if isinstance(node, Folder):
                stack += [*node.names.values(), *node.durable.values()]

    def _files(self) -> list[File]:
        return [node for node in self._nodes() if isinstance(node, File)]

    def _folders(self) -> list[Folder]:
        return [node for node in self._nodes() if isinstance(node, Folder)]


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def write_out(picture: Picture, root: Path) -> None:
    """Make real files and folders of a picture."""
    for path, content in picture.items():
        place = root / path
        if content is None:
            place.mkdir(mode=0o700)
            continue
        file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(file, content)
        os.close(file)
