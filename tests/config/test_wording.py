from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Refuses = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (
            "limits: {pagesize: 5}",
            '7: limits.pagesize: unknown key "pagesize" -- did you mean "page_size"?',
        ),
        ("limit: {}", '7: limit: unknown key "limit" -- did you mean "limits"?'),
        (
            "output: {zzz: 5}",
            '7: output.zzz: unknown key "zzz" -- the keys here are path, compression, records, encoders, shard_bytes',
        ),
        (
            "output:\n  ada@people.example: 5",
            (
                "8: output.?: unknown key (not shown: it could be data) -- "
                "the keys here are path, compression, records, encoders, shard_bytes"
            ),
        ),
        ("output: {path: 5}", "7: output.path: must be text, but is a number -- put it in quotes"),
        ("output: {path: ''}", '7: output.path: is blank -- write a path, or "." for the working directory'),
        (
            "limits: {pages: '5'}",
            "7: limits.pages: must be a whole number, but is text -- write digits only, without quotes or fraction",
        ),
        (
            "limits: {pages: true}",
            (
                "7: limits.pages: must be a whole number, but is true/false -- "
                "write digits only, without quotes or fraction"
            ),
        ),
        (
            "limits: {requests_per_second: many}",
            "7: limits.requests_per_second: must be a number, but is text -- write it without quotes",
        ),
        (
            "limits: {requests_per_second: 1e999}",
            "7: limits.requests_per_second: must be a finite number -- write a smaller one",
        ),
        ("limits: {pages: 0}", "7: limits.pages: must be more than 0 -- raise it"),
        ("limits: {re_exports: -1}", "7: limits.re_exports: must be at least 0 -- raise it"),
        ("limits: {poll_max: 0s}", "7: limits.poll_max: must be more than 0 -- raise it"),
        ("limits:", "7: limits: is empty -- write a value, or remove the key"),
        ("limits: 5", "7: limits: must be a mapping, but is a number -- write indented key: value lines"),
        ("limits: [5]", "7: limits: must be a mapping, but is a list -- write indented key: value lines"),
        (
            "output: {compression: gzipp}",
            '7: output.compression: must be zstd, gzip or none -- did you mean "gzip"?',
        ),
        (
            "output: {compression: 5}",
            "7: output.compression: must be zstd, gzip or none -- write one of them",
        ),
        (
            "    match: {criteria: EmailAddress, values: {file: p.txt, encoding: latin-1}}",
            "7: jobs[0].match.values.encoding: must be utf-8, the only one there is -- write that",
        ),
        (
            "output: {shard_bytes: 256M}",
            (
                "7: output.shard_bytes: is ambiguous: M is MiB (powers of 1024) or MB (of 1000) -- "
                "write 64KiB, 256MiB or 1GB, or a plain number of bytes"
            ),
        ),
        (
            "limits: {retry_for: 5 bananas}",
            (
                "7: limits.retry_for: is not a duration -- "
                "write 500ms, 5s, 15m, 6h, 1h30m or 1d, or a plain number of seconds"
            ),
        ),
    ],
)
def test_mistakes_in_sections(refuses: Refuses, whole: str, written: str, line: str) -> None:
    """One line each: place, what is wrong, remedy."""
    assert [f"nightly.yaml:{line}"] == refuses(f"{whole}{written}\n")


_HEAD = "connection:\n  base_url: https://preferences.example\n  client_id: ACME\n"
_JOBS = "jobs: [{segment: A}]\n"


@pytest.mark.parametrize(
    ("auth", "lines"),
    [
        (
            "  auth: {}\n",
            ['4: connection.auth.scheme: is required -- add "scheme: pnauthinfo3" or "scheme: oauth"'],
        ),
        (
            "  auth: {scheme: hunter2}\n",
            ["4: connection.auth.scheme: is no known scheme -- write pnauthinfo3 or oauth"],
        ),
        (
            "",
            ['1: connection.auth: is required -- add "auth: {scheme: pnauthinfo3, ...}"'],
        ),
        ("  auth: no\n", ["4: connection.auth: must be a mapping, but is text -- write indented key: value lines"]),
        (
            "  auth:\n    scheme: pnauthinfo3\n    user: nightly\n",
            [
                '4: connection.auth.user_id: is required -- add "user_id: nightly"',
                '4: connection.auth.secret: is required -- add "secret: ${env:EXTRACTOR_SECRET}"',
                '6: connection.auth.user: unknown key "user" -- did you mean "user_id"?',
            ],
        ),
        (
            "  auth:\n    scheme: oauth\n    user_id: nightly\n    keyd: yes\n    credentials: header\n",
            [
                '4: connection.auth.token_url: is required -- add "token_url: https://login.example/oauth/token"',
                (
                    '4: connection.auth.client_id: is required -- add "client_id: '
                    '0123456789abcdef0123456789abcdef0123456789abcdef"'
                ),
                '4: connection.auth.client_secret: is required -- add "client_secret: ${env:EXTRACTOR_CLIENT_SECRET}"',
                (
                    '7: connection.auth.keyd: unknown key "keyd" -- the keys here are '
                    "scheme, token_url, client_id, client_secret, user_id, credentials"
                ),
                "8: connection.auth.credentials: must be basic or body -- write one of them",
            ],
        ),
        (
            "  auth: {scheme: pnauthinfo3, user_id: n, secret: '${env:EXTRACTOR_SECRET}', keyed: yes}\n",
            ["4: connection.auth.keyed: must be true or false, but is text -- write one of the two, without quotes"],
        ),
    ],
)
def test_mistakes_in_auth(refuses: Refuses, auth: str, lines: list[str]) -> None:
    """The keys of the chosen scheme are meant, and the scheme itself is not shown as a key."""
    assert [f"nightly.yaml:{line}" for line in lines] == refuses(_HEAD + auth + _JOBS)


@pytest.mark.parametrize(
    ("jobs", "lines"),
    [
        ("jobs: A", ['5: jobs: must be a list, but is text -- write indented lines that begin with "- "']),
        ("jobs:", ["5: jobs: is empty -- write a value, or remove the key"]),
        ("jobs: []", ['5: jobs: is empty -- add a job, such as "- segment: NAME"']),
        ("jobs: [A]", ["5: jobs[0]: must be a mapping, but is text -- write indented key: value lines"]),
        ("", ['1: jobs: is required -- add "jobs: [{segment: NAME}]"']),
        (
            "jobs:\n  - segment: A\n    name: x\n\n  - group: B\n    name: x\n",
            ["10: jobs[1].name: is already the name of jobs[0] -- rename one, or leave name out"],
        ),
        (
            "jobs:\n  - {}\n  - {segment: A, group: B}\n",
            [
                '6: jobs[0]: needs a segment, a group or a schedule -- add "segment: NAME" or one of the others',
                "7: jobs[1]: has a segment and a group -- keep one, and write another job for each of the others",
            ],
        ),
        (
            "jobs:\n  - segment: A\n    match:\n      criteria: AlternateId\n      values: [A-1]\n",
            [
                (
                    "7: jobs[0].match.type: AlternateId needs a type (the AlternateIdType's name) -- "
                    'add "type: CRM" or similar'
                )
            ],
        ),
        (
            "jobs:\n  - segment: A\n    match:\n      criteria: ProfileId\n      values:\n        - 1\n        - x1\n",
            ["11: jobs[0].match.values[1]: is not an integer -- ProfileId values are whole numbers"],
        ),
        (
            "jobs:\n  - segment: 2026\n    since: 2026-01-01T00:00:00\n",
            [
                "6: jobs[0].segment: must be text, but is a number -- put it in quotes",
                "7: jobs[0].since: has no time zone -- add Z for UTC: write an instant such as 2026-01-01T00:00:00Z",
            ],
        ),
        (
            "jobs:\n  - segment: A\n    initial: 2026-01-01T00:00:00Z\n",
            [('7: jobs[0].initial: is of no use without "since: watermark" -- add that, or move the instant to since')],
        ),
        (
            "jobs:\n  - segment: A\n    match: {criteria: EmailAddres, values: {file: people.csv, column: email}}\n",
            [
                (
                    "7: jobs[0].match.criteria: must be ProfileId, AlternateId, PhoneNumber or EmailAddress -- "
                    'did you mean "EmailAddress"?'
                ),
            ],
        ),
        (
            "jobs:\n  - segment: A\n    match: {criteria: EmailAddress, values: {fil: ada@example.test}}\n",
            [
                '7: jobs[0].match.values.file: is required -- add "file: people.csv"',
                '7: jobs[0].match.values: unknown key (not shown: it could be data) -- did you mean "file"?',
            ],
        ),
        (
            "jobs:\n  - segment: A\n    match: {criteria: EmailAddress, values: {file: p.csv, max_rejects: 1.5}}\n",
            [
                (
                    "7: jobs[0].match.values.max_rejects: is neither a count nor a percentage -- write a whole number "
                    'of rows, or a share such as "1%"'
                )
            ],
        ),
    ],
)
def test_mistakes_in_jobs(refuses: Refuses, connection: str, jobs: str, lines: list[str]) -> None:
    """Each at the job and key where it stands."""
    assert [f"nightly.yaml:{line}" for line in lines] == refuses(connection + jobs)
