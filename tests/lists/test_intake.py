"""From a file to values: every format, and every way in which a file can be wrong, each with its message."""

from __future__ import annotations

import gzip
import importlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from extractor.errors import ConfigError
from extractor.store import door
from extractor.store.door import Kind, Operation
from tests.lists.conftest import Lists

MAILS = ["ada@example.test", "Grace@example.test"]
CSV = "id,email\n1,ada@example.test\n2,Grace@example.test\n"


@pytest.mark.parametrize(
    ("name", "content", "keys"),
    [
        ("p.csv", CSV, {"column": "email"}),
        ("p.csv", "\ufeff" + CSV.replace("\n", "\r\n"), {"column": "email"}),
        ("p.csv", CSV.removesuffix("\n"), {"column": "email"}),
        ("p.csv", "email\nada@example.test\n\n  \nGrace@example.test\n", {}),
        (
            "p.csv",
            'note,email\n"two\nlines, ""and"" a comma",ada@example.test\n,Grace@example.test\n',
            {"column": "email"},
        ),
        ("p.tsv", CSV.replace(",", "\t"), {"column": "email"}),
        ("p.txt", "\ufeffada@example.test\r\n\r\n  Grace@example.test  \r\n", {}),
        ("people", "ada@example.test\nGrace@example.test", {"format": "lines"}),
        ("p.ndjson", '{"email":"ada@example.test"}\n\n{"email":"Grace@example.test"}\n', {"column": "email"}),
        ("p.jsonl", '{"a":{"b":"ada@example.test"}}\n{"a":{"b":"Grace@example.test"}}', {"column": "a.b"}),
    ],
)
def test_every_format_is_read(shelf: Lists, name: str, content: str, keys: dict[str, Any]) -> None:
    """With or without a byte order mark, with either end of line, quoted or not; blank lines are nothing."""
    assert MAILS == shelf.all_values(content, name, **keys)


@pytest.mark.parametrize("name", ["p.csv.gz", "p.csv.zst", "p.csv"])
@pytest.mark.parametrize("given", [True, False])
def test_compression_is_told_by_key_name_or_first_bytes(shelf: Lists, name: str, given: bool) -> None:
    """Of several frames, too, as ``cat`` makes them."""
    packed = "zstd" if name.endswith("zst") else "gzip"
    pack = zstandard.ZstdCompressor().compress if packed == "zstd" else gzip.compress
    keys = {"compression": packed} if given else {}
    assert MAILS == shelf.all_values(pack(CSV.encode()[:20]) + pack(CSV.encode()[20:]), name, column="email", **keys)


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read(shelf: Lists, packed: bool) -> None:
    """Text or whole numbers; compressed as a whole, too."""
    table = pa.table({"email": [*MAILS, None], "id": [1, 2, None]})
    written = io.BytesIO()
    pq.write_table(table, written)
    content = gzip.compress(written.getvalue(), mtime=0) if packed else written.getvalue()
    name = "p.parquet.gz" if packed else "p.parquet"
    assert MAILS == shelf.all_values(content, name, column="email", max_rejects=1)
    assert ["1", "2"] == shelf.all_values(content, name, criteria="ProfileId", column="id", max_rejects=1)
    del shelf
    fresh = Lists(Path("other"))
    assert [
        "p.parquet: has no column 'mail'; there are: 'email', 'id' -- write one of these under column"
    ] == fresh.refused(written.getvalue(), "p.parquet", column="mail")
    assert ["p.parquet: is no Parquet file that can be read (ArrowInvalid) -- check it"] == fresh.refused(
        b"PAR1", "p.parquet", column="mail"
    )


def test_parquet_text_that_is_not_utf_8_makes_a_bad_row(shelf: Lists) -> None:
    """As in any other file."""
    raw = pa.array([b"ada@example.test", b"z\xfc@example.test", b"Grace@example.test"])
    written = io.BytesIO()
    pq.write_table(pa.table({"email": pa.StringArray.from_buffers(3, *raw.buffers()[1:])}), written)
    assert [
        "p.parquet:2: is not UTF-8",
        "p.parquet: 1 of 3 rows is bad, and 0 may be -- mend them, or let them be left out: max_rejects: 1",
    ] == shelf.refused(written.getvalue(), "p.parquet", column="email")
    assert MAILS == shelf.all_values(written.getvalue(), "p.parquet", column="email", max_rejects=1)


def test_parquet_without_pyarrow_names_the_remedy(shelf: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""

    def absent(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    expected = "p.parquet: Parquet needs pyarrow, which is not installed -- pip install 'segment-extractor[parquet]'"
    assert [expected] == shelf.refused(b"PAR1", "p.parquet", column="email")


def test_standard_input_is_read(shelf: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stream; it cannot change."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(CSV.encode(), mtime=0))))
    assert MAILS == shelf.all_values("", "-", format="csv", column="email")
    assert ["standard input: 2 values of 2 rows"] == shelf.notices


def test_a_pipe_is_read(shelf: Lists, folder: Path) -> None:
    """Such as the shell makes of <(...); it has no size that could change."""
    reading, writing = os.pipe()
    os.write(writing, CSV.encode())
    os.close(writing)
    (folder / "p.csv").symlink_to(f"/dev/fd/{reading}")
    config_name = "p.csv"
    found = shelf.read_as_is(config_name, column="email")
    os.close(reading)
    assert [tuple(MAILS)] == shelf.values(found)


def test_rows_are_trimmed_judged_and_asked_for_once(shelf: Lists) -> None:
    """The first spelling is sent; bad rows are written down with line and reason; blank ones are nothing."""
    content = 'email,n\n ada@example.test ,1\n"a\nb",2\nADA@Example.test,3\n,\n\nx,4\n,5\nb@example.test\n'
    found = shelf.read(content, column="email", max_rejects="80%")
    assert [("ada@example.test",)] == shelf.values(found)
    assert [
        {"line": 3, "reason": "holds a line break or another control character", "value": "a\nb"},
        {"line": 8, "reason": "is not an e-mail address", "value": "x"},
        {"line": 9, "reason": "is blank", "value": ""},
        {"line": 10, "reason": "has 1 field where the first row has 2", "value": None},
    ] == shelf.rejects(found)
    (notice,) = shelf.notices
    assert notice.startswith("p.csv: 1 value of 6 rows; 1 repeated, 4 rejected, 2 blank (see ")


def test_two_people_whom_unicode_folds_into_one_are_both_asked_for(shelf: Lists) -> None:
    """Only the case of A to Z is without meaning: one value too many costs nothing, one too few is a person."""
    content = (
        "straße@example.test\nstrasse@example.test\nSTRASSE@example.test\n\u017fam@example.test\nsam@example.test\n"
    )
    assert ["straße@example.test", "strasse@example.test", "\u017fam@example.test", "sam@example.test"] == (
        shelf.all_values(content, "p.txt")
    )


def test_bytes_that_are_not_utf_8_make_a_bad_row(shelf: Lists) -> None:
    """And no more than that."""
    found = shelf.read(b"email\nz\xfc@example.test\nada@example.test\n", max_rejects=1)
    assert [{"line": 2, "reason": "is not UTF-8", "value": "z\\udcfc@example.test"}] == shelf.rejects(found)


BAD = "email\nx\nada@example.test\ny\n"


@pytest.mark.parametrize(
    ("content", "keys", "expected"),
    [
        (
            CSV,
            {"column": "mail"},
            "p.csv:1: has no column 'mail'; there are: 'id', 'email' -- write one of these under column",
        ),
        (
            CSV,
            {},
            "p.csv:1: which column holds the values? there are: 'id', 'email' -- write one of these under column",
        ),
        (
            "1,ada@example.test\n2,b@example.test\n",
            {"column": "email"},
            (
                "p.csv:1: has no column 'email'; the first row looks like data, and is not shown -- is it a header? "
                "If not, add one"
            ),
        ),
        (
            "a,email,email\n1,2,3\n",
            {"column": "a"},
            "p.csv:1: two columns have the same name: 'email' -- rename one",
        ),
        (
            "",
            {},
            "p.csv: is empty: it has no row that holds a value -- it would ask for nobody; remove the job, or mend it",
        ),
        (
            "email\n\n",
            {},
            "p.csv: is empty: it has no row that holds a value -- it would ask for nobody; remove the job, or mend it",
        ),
        (
            "email\nx\ny\n",
            {"column": "email", "max_rejects": "100%"},
            (
                "p.csv:2: not one of its 2 rows can be asked for by EmailAddress: the first is not an e-mail "
                "address -- check the file and the criteria. Is 'email' the right column?"
            ),
        ),
        (
            'email\n"ada@example.test\n',
            {},
            (
                "p.csv:2: the row that begins here cannot be told from the next (unexpected end of data) -- check its "
                "quotation marks"
            ),
        ),
        (
            "email\n" + "x" * 2_000_000 + "\n",
            {},
            "p.csv:2: the line is longer than 1MiB -- check that the file, its format and its compression are right",
        ),
        ("email\n".encode("utf-16"), {}, "p.csv: is UTF-16, and only UTF-8 is read -- save it as UTF-8"),
        (
            gzip.compress(CSV.encode(), mtime=0)[:-9],
            {"column": "email"},
            (
                "p.csv: it ends in the middle of a frame; it was cut off -- is all of it there, and is it gzip? "
                "(compression: none if not)"
            ),
        ),
        (
            zstandard.ZstdCompressor().compress(CSV.encode())[:-3],
            {"column": "email"},
            (
                "p.csv: it ends in the middle of a frame; it was cut off -- is all of it there, and is it zstd? "
                "(compression: none if not)"
            ),
        ),
        (
            CSV,
            {"column": "email", "compression": "gzip"},
            (
                "p.csv: a frame is damaged and cannot be decompressed -- is all of it there, and is it gzip? "
                "(compression: none if not)"
            ),
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(
    shelf: Lists, content: str | bytes, keys: dict[str, Any], expected: str
) -> None:
    """By file and line, with the remedy, and without anything that could be data; never a short list."""
    assert [expected] == shelf.refused(content, **keys)


@pytest.mark.parametrize(
    ("criteria", "content", "keys"),
    [
        ("EmailAddress", "ada@personal.test\nbob@personal.test\n", {}),
        ("EmailAddress", '"ada@personal.test"\n', {"format": "tsv"}),
        ("ProfileId", "\n 1001 \n1002\n", {}),
        ("PhoneNumber", "(212) 555-0142\n", {"region": "US"}),
        ("AlternateId", "crm-1\ncrm-2\n", {"type": "CRM"}),
    ],
)
def test_a_first_row_that_may_be_a_value_is_not_taken_for_a_header(
    shelf: Lists, criteria: str, content: str, keys: dict[str, str]
) -> None:
    """It would be left out in silence. Of an AlternateId nothing can tell, so its column is named."""
    expected = (
        'p.csv:1: the first row looks like a value -- add a header, or write "format: lines"; if it is the header, add '
        '"column: NAME"'
    )
    assert [expected] == shelf.refused(content, criteria=criteria, **keys)


def test_a_header_that_is_named_may_look_like_a_value(shelf: Lists) -> None:
    """Somebody has said what it is."""
    assert ["crm-1"] == shelf.all_values(
        "AlternateId\ncrm-1\n", criteria="AlternateId", type="CRM", column="AlternateId"
    )


@pytest.mark.parametrize("allowed", [0, 1, "0%", "66.6%"])
def test_more_bad_rows_than_allowed_refuse_the_list(shelf: Lists, allowed: int | str) -> None:
    """The first are named, all are counted. A share is of the rows, rounded down."""
    most = 0 if allowed in {0, "0%"} else 1
    assert [
        "p.csv:2: is not an e-mail address",
        "p.csv:4: is not an e-mail address",
        f"p.csv: 2 of 3 rows are bad, and {most} may be -- mend them, or let them be left out: max_rejects: 2",
    ] == shelf.refused(BAD, max_rejects=allowed)


@pytest.mark.parametrize("allowed", [2, "66.7%", "100%"])
def test_as_many_bad_rows_as_allowed_are_left_out(shelf: Lists, allowed: int | str) -> None:
    """They are told of, not silent."""
    assert 2 == len(shelf.rejects(shelf.read(BAD, max_rejects=allowed)))


def test_a_file_that_changes_while_it_is_read_is_refused(shelf: Lists) -> None:
    """Whoever writes it is not done."""

    def meanwhile(operation: Operation) -> None:
        if operation.kind is Kind.WRITE:
            with Path("p.csv").open("a", encoding="utf-8") as file:
                file.write("late@example.test\n")

    content = "email\n" + "".join(f"person.{number}@example.test\n" for number in range(15_000))
    expected = "p.csv: has changed while it was read -- wait until it is written, then give the command again"
    with door.guarded(meanwhile):
        assert [expected] == shelf.refused(content)


def test_a_file_that_is_not_there_or_a_folder_is_refused(shelf: Lists, folder: Path) -> None:
    """Before anything is made."""
    (folder / "f.csv").mkdir()
    for name, expected in {
        "absent.csv": "absent.csv: no such file -- check the path (relative to the working directory)",
        "f.csv": "f.csv: is a folder -- name the file in it",
    }.items():
        with pytest.raises(ConfigError) as caught:
            shelf.read_as_is(name, column="email")
        assert [expected] == caught.value.problems


def test_standard_input_can_be_read_once(shelf: Lists) -> None:
    """Two jobs would each get half of it."""
    with pytest.raises(ConfigError, match=r"jobs\[0\] and jobs\[1\] both read standard input -- it can be read once"):
        shelf.read_as_is("-", "-", format="csv")


def test_a_terminal_is_not_waited_for(shelf: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in cron must not hang, and a person would wonder."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    expected = "standard input: is a terminal -- give the list with <, or through a pipe"
    assert [expected] == shelf.refused("", "-", format="lines")


def test_json_rows_that_are_wrong_by_themselves_are_rejected(shelf: Lists) -> None:
    """Each by its own reason."""
    rows = ["{", "[1]", '{"a":{"b":7}}', '{"a":{"b":true}}', '{"a":{"b":1.5}}', '{"a":{"c":1}}', '{"a":{"b":null}}']
    found = shelf.read("\n".join(rows), "p.ndjson", criteria="ProfileId", column="a.b", max_rejects=6)
    assert [("7",)] == shelf.values(found)
    no_number, absent = "is neither text nor a whole number", "has no member a.b"
    assert ["is not JSON", absent, no_number, no_number, absent, "is blank"] == [
        each["reason"] for each in shelf.rejects(found)
    ]


def test_a_plan_that_is_only_looked_at_leaves_nothing(shelf: Lists) -> None:
    """And is the same plan."""
    dry = shelf.read(CSV, column="email", keep=False)
    assert not shelf.state.exists()
    assert dry == shelf.read(CSV, column="email")
