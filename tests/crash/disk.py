"""A model of a disk that loses power: which files and names may be there afterwards.

Fed with the operations that passed the store's door. It keeps what is durable apart from what is only in memory: bytes
survive after their file's sync, names after their own folder's, and nothing else is promised. What nobody synced may be
lost, to each file and each name for itself:

- Of a file's unsynced writes the first few are there whole; of the next one nothing, the first half, or zeros in its
  place; and of those after it nothing, zeros, or (behind zeros) all of them.
- Each operation on names is there or not, whatever became of those before it. A rename is undone as a whole, but the
  sync of one folder makes durable only what happened in that folder: of a rename between two folders the other half
  is then still open, so that the file may have both names, or none.

Not modelled: bytes that were durable and change, writes that are torn at more than one place, sectors. ``states`` gives
disks that a power loss may leave; each can be written out as real files, a file's second name as a copy. Pure, but for
``write_out``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from extractor.store.door import Kind, Operation


class Rest(StrEnum):
    """What there is of a file's unsynced writes behind those that are there whole."""

    GONE = "gone"
    TORN = "torn"  # the first half of one of them
    ZEROS = "zeros"  # the length of all of them
    HOLE = "hole"  # zeros in place of one of them, and all that came after it


Content: TypeAlias = tuple[int, Rest]  # how many of a file's unsynced writes are there whole, and what else
DURABLE: Content = (0, Rest.GONE)
WRITTEN: Content = (1 << 30, Rest.GONE)  # all that were written


@dataclass(slots=True, eq=False)
class File:
    """A file's bytes, with and without those that nobody synced; ``written`` always begins with ``durable``."""

    durable: bytes = b""
    written: bytearray = field(default_factory=bytearray)
    ends: list[int] = field(default_factory=list)  # where each unsynced write ended

    def write(self, data: memoryview) -> None:
        """Append."""
        self.written += data
        if data:
            self.ends.append(len(self.written))

    def sync(self) -> None:
        """Make all of it durable."""
        self.durable = bytes(self.written)
        self.ends.clear()

    def after(self, content: Content) -> bytes:
        """What may be found."""
        whole, rest = content
        if whole >= len(self.ends):
            return bytes(self.written)
        begin, end = [len(self.durable), *self.ends][whole], self.ends[whole]
        tail = {
            Rest.GONE: b"",
            Rest.TORN: bytes(self.written[begin : begin + (end - begin) // 2]),
            Rest.ZEROS: bytes(len(self.written) - begin),
            Rest.HOLE: bytes(end - begin) + self.written[end:],
        }
        return bytes(self.written[:begin]) + tail[rest]


@dataclass(slots=True, eq=False)
class Folder:
    """A folder's names, with and without those that nobody synced."""

    durable: dict[str, Node] = field(default_factory=dict)
    names: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = File | Folder
Change: TypeAlias = tuple[Folder, str, Node | None]  # this name of that folder now stands for the node, or for nothing


@dataclass(slots=True, eq=False)
class Step:
    """Changes of names that happen together or not at all: what is left open of one operation."""

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
                self._file(path).write(operation.data)
            case Kind.SYNC:
                self._file(path).sync()
            case Kind.TRUNCATE:
                file = self._file(path)
                del file.written[operation.length :]
                file.sync()
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
        """Which pending steps are kept, and which content each dirty file has (by id; else all that was written)."""
        steps = range(len(self._pending))
        dirty = [file for file in self._files() if file.ends]
        every, none = frozenset(steps), frozenset[int]()

        def alike(content: Content) -> dict[int, Content]:
            return {id(file): content for file in dirty}

        for content in (WRITTEN, DURABLE):
            yield every, alike(content)
            yield none, alike(DURABLE if content == WRITTEN else WRITTEN)
        cuts = [(whole, rest) for whole in range(max((len(file.ends) for file in dirty), default=0)) for rest in Rest]
        some = [(kept, alike(cut)) for cut in cuts for kept in (every, none)]
        some += [(every - {step}, alike(DURABLE)) for step in steps]
        some += [(frozenset({step}), alike((0, Rest.ZEROS))) for step in steps]
        chance.shuffle(some)  # where there are too many, none of them is always left out
        yield from some
        for _ in range(tries):
            kept = frozenset(step for step in steps if chance.random() < 0.5)
            yield kept, {id(file): (chance.randint(0, len(file.ends)), chance.choice(list(Rest))) for file in dirty}

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
                yield str(path), node.after(contents.get(id(node), WRITTEN))
            else:
                yield str(path), None
                yield from self._walk(node, path, entries, contents)

    def _change(self, *changes: Change) -> None:
        for folder, name, node in changes:
            _set(folder.names, name, node)
        self._pending.append(Step(changes))

    def _sync(self, folder: Folder) -> None:
        """Make what is pending of a folder durable, and of no other one."""
        left = []
        for step in self._pending:
            for each, name, node in step.changes:
                if each is folder:
                    _set(each.durable, name, node)
            if elsewhere := tuple(change for change in step.changes if change[0] is not folder):
                left.append(Step(elsewhere))
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
