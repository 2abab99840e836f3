from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor.config import Config, Problem, load
from extractor.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Loads = Callable[..., Config]
    Refuses = Callable[..., list[str]]

EVERYTHING_WRONG = """\
connection:
  base_url: http://preferences.example/v4
  client_id: 12
  auth: {scheme: pnauthinfo3, user_id: nightly, secret: hunter2, hash: sha265}
limits:
  pagesize: 12
  exports: 4
  exports: 8
  retry_for: 5 bananas
jobs:
  - name: all
    segment: All Profiles
    since: 2026-01-01T00:00:00
  - name: all
    group: Winback
    match:
      criteria: AlternateId
      values: [ada@people.example, 1.5]
output: {compression: zst}
state: ${env:STATE}
"""
ITS_PROBLEMS = """\
nightly.yaml:2: connection.base_url: is plain http, which would send credentials and people's data readable -- write https://...
nightly.yaml:3: connection.client_id: must be text, but is a number -- put it in quotes
nightly.yaml:4: connection.auth.hash: must be sha256, sha384 or sha512 -- did you mean "sha256"?
nightly.yaml:4: connection.auth.secret: a secret must not stand in the file -- write "secret: ${env:EXTRACTOR_SECRET}" and export EXTRACTOR_SECRET=...
nightly.yaml:6: limits.pagesize: unknown key "pagesize" -- did you mean "page_size"?
nightly.yaml:8: limits: key "exports" is written twice, first in line 7 -- keep one
nightly.yaml:9: limits.retry_for: is not a duration -- write 500ms, 5s, 15m, 6h, 1h30m or 1d, or a plain number of seconds
nightly.yaml:13: jobs[0].since: has no time zone -- add Z for UTC: write an instant such as 2026-01-01T00:00:00Z
nightly.yaml:14: jobs[1].name: is already the name of jobs[0] -- rename one, or leave name out
nightly.yaml:16: jobs[1].match.type: AlternateId needs a type (the AlternateIdType's name) -- add "type: CRM" or similar
nightly.yaml:18: jobs[1].match.values[1]: must be text or a whole number -- put the value in quotes
nightly.yaml:19: output.compression: must be zstd, gzip or none -- did you mean "zstd"?
nightly.yaml:20: state: the environment variable STATE is not set -- export STATE=...
"""  # noqa: E501 - lines as the user sees them


def test_every_problem_is_told_in_one_pass_in_the_order_of_lines(refuses: Refuses) -> None:
    """References, writing, models and their rules together."""
    assert ITS_PROBLEMS.splitlines() == refuses(EVERYTHING_WRONG)


def test_a_legal_file_loads(loads: Loads, whole: str) -> None:
    """And the secret is what the environment says."""
    config = loads(whole)
    assert ("ACME", "Newsletter OptIns") == (config.connection.client_id, config.jobs[0].segment)
    assert "open-sesame" == config.connection.auth.secret.get_secret_value()  # type: ignore[union-attr] # the scheme is known


def test_a_byte_order_mark_is_accepted(loads: Loads, whole: str) -> None:
    """Some editors write one."""
    assert loads("\ufeff" + whole) == loads(whole)


def test_windows_line_ends_are_accepted(loads: Loads, refuses: Refuses, whole: str) -> None:
    """And lines are counted the same."""
    assert loads(whole.replace("\n", "\r\n")) == loads(whole)
    assert ['nightly.yaml:7: limits.page: unknown key "page" -- did you mean "pages"?'] == refuses(
        (whole + "limits: {page: 1}\n").replace("\n", "\r\n")
    )


def test_references_stand_for_any_text(loads: Loads, whole: str, folder: Path) -> None:
    """Names, values, sizes and instants too."""
    (folder / "since").write_text("2026-01-01T00:00:00Z\n")
    config = loads(
        whole + "    since: ${file:since}\n    match: {criteria: EmailAddress, values: ['${env:WHO}']}\n"
        "output: {shard_bytes: '${env:SIZE}', compression: '${env:FORM}'}\n",
        environ={"EXTRACTOR_SECRET": "s", "WHO": "ada@people.example", "SIZE": "1MiB", "FORM": "gzip"},
    )
    (job,) = config.jobs
    assert job.since is not None
    assert job.match is not None
    assert ("ada@people.example",) == job.match.values
    assert (1 << 20, "gzip", 2026) == (config.output.shard_bytes, config.output.compression, job.since.year)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 'nightly.yaml:1: the file is empty -- "extractor init" writes one to start from'),
        (b"- a\n", "nightly.yaml:1: the file must hold keys such as connection: and jobs: -- see extractor init"),
        (b"just text", "nightly.yaml:1: the file must hold keys such as connection: and jobs: -- see extractor init"),
        (b"a: 1\nb: \xe4\n", "nightly.yaml:2: is not UTF-8 -- save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "nightly.yaml:1: is not UTF-8 -- save it as UTF-8"),
        (
            b"a: 1\nb: c: d\n",
            (
                "nightly.yaml:2:5: not valid YAML: mapping values are not allowed here -- "
                "check indentation, brackets and quotes; quote text with : # @ * & !"
            ),
        ),
    ],
)
def test_files_without_a_tree_are_one_problem(refuses: Refuses, content: bytes, line: str) -> None:
    """Nothing more can be said of them."""
    assert [line] == refuses(content)


def test_a_missing_file_is_named() -> None:
    """As it was given."""
    with pytest.raises(ConfigError) as caught:
        load(Path("none.yaml"), environ={})
    assert ['none.yaml: no such file -- check the path, or write one with "extractor init"'] == caught.value.problems


def test_a_folder_is_no_file(folder: Path) -> None:
    """The folder is named, with the remedy."""
    (folder / "configs").mkdir()
    with pytest.raises(ConfigError) as caught:
        load(Path("configs"), environ={})
    assert ["configs: is a folder -- name the file in it"] == caught.value.problems


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    """A link to itself stands for missing rights, which root does not notice."""
    (folder / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(ConfigError) as caught:
        load(Path("loop.yaml"), environ={})
    expected = "loop.yaml: cannot be read (Too many levels of symbolic links) -- check the file's rights"
    assert [expected] == caught.value.problems


def test_a_device_without_end_is_refused() -> None:
    """Reading stops at a size that no configuration has."""
    with pytest.raises(ConfigError, match="is larger than 64MiB"):
        load(Path("/dev/zero"), environ={})


def test_checks_of_higher_layers_have_lines_too(refuses: Refuses, whole: str) -> None:
    """All checks are asked, and their problems are placed like our own."""

    def dialect(config: Config) -> Iterator[Problem]:
        for key in config.connection.dialect:
            yield Problem(location=("connection", "dialect", key), message=f'unknown spelling "{key}" -- remove it')

    def plan(config: Config) -> Iterator[Problem]:
        yield Problem(location=("jobs", len(config.jobs) - 1), message="asks for the same as jobs[0] -- remove it")

    text = whole.replace("  client_id", "  dialect:\n    one: 1\n    two: 2\n  client_id")
    assert [
        'nightly.yaml:4: connection.dialect.one: unknown spelling "one" -- remove it',
        'nightly.yaml:5: connection.dialect.two: unknown spelling "two" -- remove it',
        "nightly.yaml:9: jobs[0]: asks for the same as jobs[0] -- remove it",
    ] == refuses(text, checks=[plan, dialect])


def test_checks_see_legal_files_only(refuses: Refuses, whole: str) -> None:
    """A check need not be afraid of half a Config."""

    def check(_: Config) -> Iterator[Problem]:
        raise AssertionError("asked about an illegal file")

    assert 1 == len(refuses(whole + "state: 5\n", checks=[check]))
    assert 1 == len(refuses(whole + "state: a\nstate: b\n", checks=[check]))


def test_satisfied_checks_change_nothing(loads: Loads, whole: str) -> None:
    """A check only finds problems."""
    assert loads(whole) == loads(whole, checks=[lambda _: []])


def test_an_unresolved_reference_is_one_problem(refuses: Refuses, whole: str) -> None:
    """Not also a malformed address, date or size."""
    text = whole.replace("https://preferences.example/Profiles/v4", "${env:URL}")
    text += "    since: ${env:SINCE}\noutput: {shard_bytes: '${env:SIZE}', compression: '${env:FORM}'}\n"
    assert [
        f"nightly.yaml:{line}: {key}: the environment variable {name} is not set -- export {name}=..."
        for line, key, name in [
            (2, "connection.base_url", "URL"),
            (7, "jobs[0].since", "SINCE"),
            (8, "output.shard_bytes", "SIZE"),
            (8, "output.compression", "FORM"),
        ]
    ] == refuses(text)


_PRIVATE = "hunter2"


@pytest.mark.parametrize(
    "mistake",
    [
        "connection: {auth: {scheme: pnauthinfo3, secret: hunter2}}",
        "connection: {auth: {scheme: pnauthinfo3, secret: [hunter2]}}",
        "connection: {auth: {scheme: pnauthinfo3, secret: {hunter2: 1, hunter2: 2}}}",
        "connection: {auth: {scheme: oauth, client_secret: 'x${hunter2}'}}",
        "connection: {auth: {scheme: hunter2}}",
        "connection: {auth: hunter2}",
        "connection: hunter2",
        "connection: {auth: {scheme: pnauthinfo3, secret: *hunter2}}",
        "connection: {auth: {scheme: pnauthinfo3, secret: !hunter2 x}}",
        "connection: {auth: {scheme: pnauthinfo3, secret: &hunter2 x, user_id: &hunter2 y}}",
        "connection: {proxy: 'http://ada:hunter2@proxy.example'}",
        "connection: {base_url: 'https://ada:hunter2@preferences.example'}",
        "connection: {base_url: '${env:SECRET}', client_id: [hunter2], max_response: '${env:SECRET}'}",
        "jobs: [{segment: A, since: '${env:SECRET}', match: {criteria: '${env:SECRET}', values: [1.5, hunter2]}}]",
        "jobs: [{segment: A, match: {criteria: ProfileId, values: [hunter2]}}]",
        "jobs: [{segment: A, match: {criteria: AlternateId, values: [hunter2, [hunter2]]}}]",
        "jobs: [{segment: A, match: {criteria: AlternateId, values: {hunter2: {hunter2: 1, hunter2: 2}}}}]",
        "jobs: [{segment: A, match: {criteria: AlternateId, values: hunter2}}]",
        "jobs: [{segment: A, match: {criteria: EmailAddress, hunter2@people.example: 1}}]",
        "jobs: [{segment: A, match: [hunter2]}]",
        "jobs: [{segment: A, name: [hunter2], match: hunter2}]",
        "output: {compression: '${env:SECRET}', path: {hunter2@people.example: 1}}",
        "state: 'hunter2\\0'",
        "state: [hunter2",
        "state: 'hunter2",
        "limits: {pages: hunter2, retry_for: hunter2, requests_per_second: hunter2}",
    ],
)
def test_no_message_shows_a_value(loads: Loads, mistake: str) -> None:
    """Neither the message nor the printed traceback, whatever is wrong."""
    with pytest.raises(ConfigError) as caught:
        loads(mistake, environ={"SECRET": _PRIVATE})
    assert caught.value.problems
    assert _PRIVATE not in str(caught.value)
    printed = "".join(traceback.format_exception(caught.value))
    assert _PRIVATE not in printed.replace(mistake, "")
