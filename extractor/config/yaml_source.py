"""YAML text -> plain values, each of which can be traced to its line.

Decides the dialect: YAML 1.2's core schema, narrowed so that nothing is read as other than it looks. Only ``true``,
``false``, ``null`` and plainly written numbers have a type; ``no``, ``0123``, ``+15550100``, ``1_000`` and dates stay
the text that was written. Does not know what the keys mean. Called by ``loading``.

Works on PyYAML's node tree in its Python form: libyaml is faster, but a file of nested brackets crashes the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from extractor.config.problems import Location, Problem, shown

# Nodes reached again through aliases. Ten aliases of ten aliases of ... would otherwise fill the memory.
MOST_ALIASED: Final = 10_000

# Nothing that has a meaning is nested deeper than this; the walks that follow recurse.
DEEPEST: Final = 50

_TOO_DEEP = "is nested too deeply to mean anything -- check brackets and indentation"
_TAG = "tag:yaml.org,2002:"
# Up to 18 digits, so that str(int(text)) == text and no conversion is slow; longer ones stay text.
_INTEGER = re.compile("0|-?[1-9][0-9]{0,17}")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17}([eE][-+]?[0-9]{1,3})?|[eE][-+]?[0-9]{1,3})")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}

# What these messages of PyYAML go on to quote may be a secret that was written without quotes, such as *word.
_QUOTING = re.compile(r"(undefined alias|tag handle) .*", re.DOTALL)


class UnreadableError(Exception):
    """The text has no tree: one problem, and nothing more can be found."""

    def __init__(self, message: str, *, line: int, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True, slots=True)
class Source:
    """A file's values (dict with text keys, list, str, int, float, bool, None) and what is wrong with their writing."""

    value: Any
    problems: list[Problem]
    root: yaml.Node

    def line_of(self, location: Location) -> int:
        """1-based line of the key or list item at ``location``, or of the nearest thing around it that exists."""
        node, line = self.root, self.root.start_mark.line
        for part in location:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == part), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
            else:
                break
        return int(line) + 1


class _CoreLoader(yaml.SafeLoader):
    """Finds the tree only: scalars are typed below, by what is written."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the attribute is PyYAML's own


def read(text: str) -> Source:
    """Read one YAML document. Raises ``UnreadableError`` when there is no tree at all."""
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as fault:
        raise _unreadable(fault) from None
    except yaml.reader.ReaderError as fault:
        before = text[: fault.position]
        raise UnreadableError(
            "holds a character that YAML does not allow -- remove it, or write it as an escape in double quotes",
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
        ) from None
    except RecursionError:
        raise UnreadableError(_TOO_DEEP, line=1) from None
    if root is None:
        raise UnreadableError('the file is empty -- "extractor init" writes one to start from', line=1)
    reader = _Reader()
    value = reader.value(root, ())
    return Source(value, reader.problems, root)


def _unreadable(fault: yaml.MarkedYAMLError) -> UnreadableError:
    mark, context, opened = fault.problem_mark, fault.context or "", fault.context_mark
    problem = _QUOTING.sub(r"\1", fault.problem or "")
    if "another document" in problem:
        what = "a second document begins here -- keep one, without --- between"
    elif "duplicate anchor" in context:  # which would go on to quote the name
        what = "not valid YAML: an anchor (&) is defined twice -- rename one; quote text that begins with &"
    elif "\\t" in problem:
        what = "not valid YAML: a tab cannot indent -- use spaces"
    else:
        began = f" {context} begun in line {opened.line + 1}" if context and opened else ""
        what = (
            f"not valid YAML: {problem}{began} -- check indentation, brackets and quotes; quote text with : # @ * & !"
        )
    return UnreadableError(what, line=mark.line + 1 if mark else 1, column=mark.column + 1 if mark else None)


@dataclass(slots=True)
class _Reader:
    problems: list[Problem] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)
    aliased: int = 0

    def value(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - any YAML value
        line = node.start_mark.line + 1
        if len(location) > DEEPEST:
            raise UnreadableError(_TOO_DEEP, line=line)
        if id(node) in self.open:
            raise UnreadableError("an alias lies inside what it stands for -- write the part out", line=line)
        if id(node) in self.seen:
            self.aliased += 1
        if self.aliased > MOST_ALIASED:
            raise UnreadableError("the aliases stand for too much -- write the parts out", line=line)
        self.seen.add(id(node))
        self.open.add(id(node))
        value = self._inner(node, location)
        self.open.remove(id(node))
        return value

    def _inner(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - any YAML value
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, location, "map")
            return self._mapping(node, location)
        if isinstance(node, yaml.ScalarNode):
            self._refuse_tag(node, location, "str")
            return _typed(str(node.value), plain=node.style is None)
        self._refuse_tag(node, location, "seq")
        return [self.value(inner, (*location, index)) for index, inner in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, inner in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                message = "a key must be one word -- remove the brackets or question mark around it"
                self.problems.append(Problem(location=location, message=message, line=line))
            elif key.value in values:
                key_shown, first = shown((*location, key.value)), lines[key.value]
                message = f"key {key_shown} is written twice, first in line {first} -- keep one"
                self.problems.append(Problem(location=location, message=message, line=line))
            else:
                values[key.value] = self.value(inner, (*location, key.value))
                lines[key.value] = line
        return values

    def _refuse_tag(self, node: yaml.Node, location: Location, plain: str) -> None:
        if node.tag != _TAG + plain:
            # The tag is not repeated: it may be a secret that begins with "!" and was not quoted.
            message = "begins with a tag (!), which has no meaning here -- remove it, or put the text in quotes"
            self.problems.append(Problem(location=location, message=message, line=node.start_mark.line + 1))


def _typed(text: str, *, plain: bool) -> str | float | bool | None:
    if not plain:  # quoted or a block: text, whatever it looks like
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
