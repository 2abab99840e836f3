"""Match values that stand in a file: which file, in which form, and how many bad rows are borne.

Decides what one entry may say, and which format and compression a name tells. Does not open the file: ``lists`` does,
when a plan is made. Read by ``jobs`` and ``lists``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from extractor.config.fields import FilePath, Name, Section
from extractor.config.problems import refusal

Format = Literal["csv", "tsv", "ndjson", "lines", "parquet"]
Packed = Literal["none", "gzip", "zstd"]

STDIN = Path("-")

_COMPRESSED: dict[str, Packed] = {".gz": "gzip", ".zst": "zstd"}
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".txt": "lines",
    ".lines": "lines",
    ".parquet": "parquet",
}
_NAMED = {"ndjson", "parquet"}  # formats in which nothing is found without a name
_REJECTS_FORMS = 'write a whole number of rows, or a share such as "1%"'
_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")


def _rejects(written: object) -> int | str:
    if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
        return written
    share = _PERCENTAGE.fullmatch(written) if isinstance(written, str) else None
    if share is None or Decimal(share[1]) > 100:  # noqa: PLR2004 - per cent
        raise refusal(f"is neither a count nor a percentage -- {_REJECTS_FORMS}")
    return share[0]


def _region(written: object) -> object:
    if not isinstance(written, str) or re.fullmatch("[A-Za-z]{2}", written) is None:
        raise refusal("is not a country of two letters -- write US, GB or the like")
    return written.upper()


class ListFile(Section):
    """Values that are read from a file when the plan is made, each on a row of its own."""

    file: FilePath = Field(
        description='The file, relative to the working directory; ~ is the home folder, "-" is standard input. It is '
        "read as a stream, and its values are copied into the state folder for the run.",
        examples=["people.csv"],
    )
    format: Format | None = Field(
        default=None,
        validate_default=True,
        description="Of the file. Left out: as its name tells (.csv, .tsv, .ndjson or .jsonl, .txt, .parquet, perhaps "
        "with .gz or .zst behind it). Standard input has no name, so it needs one.",
    )
    column: Name | None = Field(
        default=None,
        validate_default=True,
        description="The column that holds the values, as the first row (csv, tsv) or the schema (parquet) names it; "
        "for ndjson the path of the member, dots lead into objects. May be left out for lines, and where csv or tsv "
        "has one column only, with a name that cannot be a value itself.",
    )
    compression: Packed | None = Field(
        default=None, description="Of the file as a whole. Left out: as its name or else its first bytes tell."
    )
    encoding: Literal["utf-8"] = Field(
        default="utf-8", description="The only one that is read. A byte order mark in front is accepted."
    )
    region: (
        Annotated[str, BeforeValidator(_region), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})] | None
    ) = Field(
        default=None,
        description="With PhoneNumber: the country (two letters, ISO 3166) of numbers that are written without one.",
        examples=["US"],
    )
    max_rejects: Annotated[
        int | str,
        BeforeValidator(_rejects),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9.]+%$"}]}),
    ] = Field(
        default=0,
        description='How many bad rows may be left out before the list is refused: a count, or a share ("1%"). '
        "They are written to rejects.ndjson beside the list in the state folder, each with its line and the reason.",
    )

    @property
    def form(self) -> Format:
        """The format, given or told by the name."""
        return self.format or _told(self.file) or "lines"

    @property
    def packed(self) -> Packed | None:
        """The compression, given or told by the name; None where only the first bytes can tell."""
        return self.compression or _COMPRESSED.get(self.file.suffix.lower())

    def allowed(self, rows: int) -> int:
        """How many of ``rows`` may be bad."""
        if isinstance(self.max_rejects, int):
            return self.max_rejects
        return int(rows * Decimal(self.max_rejects.removesuffix("%")) / 100)  # exactly: 9.12 % of 625 is 57

    @field_validator("format")
    @classmethod
    def _is_known(cls, form: Format | None, info: ValidationInfo) -> Format | None:
        file = info.data.get("file")
        if form is not None or file is None:
            return form
        if file == STDIN:
            raise refusal('needs a format: standard input has no name that tells it -- add "format: csv"', up=1)
        if _told(file) is None:
            raise refusal(
                'needs a format: the name of the file tells none -- add "format: csv" (or tsv, ndjson, lines, parquet)',
                up=1,
            )
        return None

    @field_validator("column")
    @classmethod
    def _is_named(cls, column: str | None, info: ValidationInfo) -> str | None:
        if "file" not in info.data or "format" not in info.data:  # its own problem is already reported
            return column
        form = info.data["format"] or _told(info.data["file"])
        if column is None and form in _NAMED:
            what = "path of the member" if form == "ndjson" else "column"
            raise refusal(f'needs a column for {form}: the {what} that holds the values -- add "column: email"', up=1)
        if column is not None and form == "lines":
            raise refusal("is of no use with lines, where the whole line is the value -- remove it, or set the format")
        return column


def _told(file: Path) -> Format | None:
    """The format that a name tells."""
    inner = file.with_suffix("") if file.suffix.lower() in _COMPRESSED else file
    return _FORMATS.get(inner.suffix.lower())
