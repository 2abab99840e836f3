"""From a file's lines to the one field of each row that is wanted.

Decides how each format is read, what a blank row is, and what is so wrong with the file that no row of it can be
trusted (ConfigError). A row that is wrong by itself is given with the reason. Never shows what is in a row. Called by
``intake``.
"""

from __future__ import annotations

import csv
import importlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from extractor.config.match_lists import ListFile
from extractor.errors import ConfigError
from extractor.lists.criteria import Check, Unfit
from extractor.lists.source import Source, refuse
from extractor.observe.figures import counted

_SHOWN: Final = 20  # columns that a message names
_LIKE_DATA: Final = re.compile(r"@|[0-9]{4}|.{41}", re.DOTALL)  # a first row of data must not be shown as a header
_ROWS: Final = 4096  # of a Parquet file at a time
_ABSENT: Final = object()


class Row(NamedTuple):
    """One row: ``line`` is the 1-based line on which it begins (parquet: the row).

    ``text`` is the field as it stands there. None with a ``reason``: the row is bad; without one: it is blank.
    """

    line: int
    text: str | None
    reason: str = ""


def rows_of(source: Source, entry: ListFile, check: Check) -> Iterator[Row]:
    """Give the rows of a list in order, headers left out. Raises ConfigError.

    A lone header that nobody has named must fail ``check`` (of the criterion): else it is perhaps somebody's value.
    """
    match entry.form:
        case "csv":
            return _delimited(source, entry.column, ",", check)
        case "tsv":
            return _delimited(source, entry.column, "\t", check)
        case "ndjson":
            return _objects(source, entry.column or "")
        case "lines":
            return _lines(source)
        case "parquet":
            return _parquet(source, entry.column or "")


def _lines(source: Source) -> Iterator[Row]:
    for line, text in enumerate(source.lines(), start=1):
        yield Row(line, text.rstrip("\r\n") if text.strip() else None)


def _delimited(source: Source, column: str | None, delimiter: str, check: Check) -> Iterator[Row]:
    reader = csv.reader(source.lines(), delimiter=delimiter, strict=True)
    records = _records(reader, source.name)
    header = next(([name.strip() for name in fields] for _, fields in records if not _is_blank(fields)), None)
    if header is None:
        return  # nothing in it: the caller has a word for that
    place, width = _place(header, column, source.name, check), len(header)
    for line, fields in records:
        if _is_blank(fields):
            yield Row(line, None)
        elif len(fields) == width:
            yield Row(line, fields[place])
        else:
            yield Row(line, None, f"has {counted(len(fields), 'field')} where the first row has {width}")


def _records(reader: Any, name: str) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - csv does not name its reader's type
    """Give each record with the line on which it begins."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            refuse(
                name,
                f"the row that begins here cannot be told from the next ({error}) -- check its quotation marks",
                line=line,
            )
        if fields is None:
            return
        yield line, fields


def _is_blank(fields: Sequence[str]) -> bool:
    return not any(field and not field.isspace() for field in fields)


def _place(header: list[str], column: str | None, name: str, check: Check) -> int:
    """The 0-based place of the wanted column."""
    listed = f"there are: {_named(header)} -- write one of these under column"
    repeated = [each for each, times in Counter(header).items() if times > 1 and each]
    same = f": {_named(repeated)} -- rename one"
    if _looks_like_data(header):
        listed = "the first row looks like data, and is not shown -- is it a header? If not, add one"
        same = f"; {listed}"
    if repeated:
        refuse(name, f"two columns have the same name{same}", line=1)
    if column is None and len(header) == 1:
        if _fits(header[0], check):
            refuse(
                name,
                'the first row looks like a value -- add a header, or write "format: lines"; if it is the header, add '
                '"column: NAME"',
                line=1,
            )
        return 0
    if column is None:
        refuse(name, f"which column holds the values? {listed}", line=1)
    if column not in header:
        refuse(name, f"has no column {column!r}; {listed}", line=1)
    return header.index(column)


def _fits(text: str, check: Check) -> bool:
    try:
        check(text)
    except Unfit:
        return False
    return True


def _looks_like_data(header: Sequence[str]) -> bool:
    """Whether any name of a first row could be data: then nothing of it is shown, for perhaps there is no header."""
    return any(_LIKE_DATA.search(each) or not each.isprintable() for each in header)


def _named(names: Sequence[str]) -> str:
    named = [repr(each) for each in names if each]
    more = [f"{len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
    return ", ".join([*named[:_SHOWN], *more])


def _objects(source: Source, path: str) -> Iterator[Row]:
    steps = path.split(".")
    for line, text in enumerate(source.lines(), start=1):
        if not text.strip():
            yield Row(line, None)
            continue
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            yield Row(line, None, "is not JSON")
            continue
        for step in steps:
            found = found.get(step, _ABSENT) if isinstance(found, dict) else _ABSENT
        yield _field(line, found, path)


def _field(line: int, found: object, path: str) -> Row:
    if found is _ABSENT:
        return Row(line, None, f"has no member {path}")
    if found is None:
        return Row(line, "")
    if isinstance(found, str):
        return Row(line, found)
    if isinstance(found, int) and not isinstance(found, bool):
        return Row(line, str(found))
    return Row(line, None, "is neither text nor a whole number")


def _parquet(source: Source, column: str) -> Iterator[Row]:
    with tempfile.TemporaryFile() as whole:  # without a name, and gone with this process
        source.copy_to(whole)  # it is read from its end, so a pipe or a frame would not do
        arrow, library = _arrow(source.name)
        try:
            file = library.ParquetFile(whole)
            names = file.schema_arrow.names
            if column not in names:
                refuse(
                    source.name,
                    f"has no column {column!r}; there are: {_named(names)} -- write one of these under column",
                )
            line = 0
            for batch in file.iter_batches(batch_size=_ROWS, columns=[column]):
                for cell in batch.column(0):
                    line += 1
                    yield _cell(line, cell, column)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            refuse(source.name, f"is no Parquet file that can be read ({type(error).__name__}) -- check it")


def _cell(line: int, cell: Any, column: str) -> Row:  # noqa: ANN401 - pyarrow has no types
    try:
        value = cell.as_py()
    except UnicodeDecodeError:  # its text is bytes that the writer vouched for
        return Row(line, None, "is not UTF-8")
    return _field(line, value, column)


def _arrow(name: str) -> tuple[Any, Any]:  # Any: pyarrow has no types
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            [f"{name}: Parquet needs pyarrow, which is not installed -- pip install 'segment-extractor[parquet]'"]
        ) from None
