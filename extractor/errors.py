"""One tree of errors, by whose fault it is.

Every error carries facts and one human sentence with a remedy; library errors are mapped to these at one seam per
layer, so nothing above ``remote`` knows aiohttp and nothing above ``config`` knows pydantic::

    ExtractorError
    +-- ConfigError               the user's: file, key, remedy (exit code 2)
    +-- RemoteError               the service's, or the way to it
    |   +-- Rejected              400: the request is malformed
    |   +-- Unauthorized          401: credentials missing, wrong or outdated
    |   +-- Forbidden             403: the API user lacks a permission
    |   +-- NotFound              404: client id, segment or group does not exist
    |   +-- TokenGone             the export's AccessToken is no longer known
    |   +-- Throttled             429: too many requests
    |   +-- Unavailable           503, other 5xx, network: try again later
    |   +-- Malformed             an answer that is not what the contract says: never data
    +-- LocalError                this machine's: folder not writable, state locked (exit code 2 before any request)
    |   +-- LocalUnavailable      what it needs has run out or fails: disk full, input/output error (exit code 3)
    +-- IntegrityError            counts or checksums do not match (exit code 6)

No message may hold a secret, an AccessToken, a match value or a record's content.
"""

from __future__ import annotations

from enum import IntEnum


class ExtractorError(Exception):
    """The root: anything the tool refuses or reports on purpose. A traceback of anything else is a bug."""


class ConfigError(ExtractorError):
    """What the user wrote cannot be run. Holds every problem found, not only the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RemoteError(ExtractorError):
    """The service answered, or failed to answer, in a way that stops this request.

    ``status`` is the HTTP status, or None when there was no complete answer. ``retry_after`` is in seconds, already
    worked out from either form of the header. ``ambiguous`` means that the server may have done what was asked.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.ambiguous = ambiguous


class Rejected(RemoteError):  # noqa: N818 - the house's words (design, section 3)
    """400, or another 4xx without a meaning of its own: the same request will be refused again."""


class Unauthorized(RemoteError):  # noqa: N818 - as above
    """401: credentials are missing, wrong or outdated."""


class Forbidden(RemoteError):  # noqa: N818 - as above
    """403: authenticated, but the API user lacks a permission."""


class NotFound(RemoteError):  # noqa: N818 - as above
    """404: something named in the path or body does not exist."""


class TokenGone(RemoteError):  # noqa: N818 - as above
    """The AccessToken is unknown, expired or already retrieved."""


class Throttled(RemoteError):  # noqa: N818 - as above
    """429: too many requests on this connection."""


class Unavailable(RemoteError):  # noqa: N818 - as above
    """503, another 5xx, or no answer at all."""


class Malformed(RemoteError):  # noqa: N818 - as above
    """A truncated, oversized, mistyped or unreadable answer. It is never used as data."""


class LocalError(ExtractorError):
    """The fault of this machine: a folder that cannot be written, a state folder in use, or the one below."""


class LocalUnavailable(LocalError):  # noqa: N818 - as above
    """A full, failing or read-only disk, or no more open files: nothing is wrong with what was asked for."""


class IntegrityError(ExtractorError):
    """Counts, offsets or checksums contradict each other. Nothing that contradicts is published."""


class Exit(IntEnum):
    """What the process tells its caller (design, section 7): schedulers branch on these numbers.

    ``meaning`` is the sentence that the reference prints.
    """

    DONE = 0
    BUG = 1
    USAGE = 2
    SOME_FAILED = 3
    REFUSED = 4
    UNAVAILABLE = 5
    INTEGRITY = 6
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """What has happened, and what is true of the data."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "done: everything that was asked for is there",
    Exit.BUG: "a bug in this program; nothing unfinished is published",
    Exit.USAGE: "usage or configuration: nothing was asked of the server",
    Exit.SOME_FAILED: "some jobs failed, or the disk did; the rest is safe and published",
    Exit.REFUSED: "refused by the server: credentials, permissions or names are wrong",
    Exit.UNAVAILABLE: "the server was unavailable, or the deadline was reached",
    Exit.INTEGRITY: "counts or checksums do not match (nothing that contradicts is published), or coverage has a hole",
    Exit.INTERRUPTED: "interrupted (SIGINT); what was published is whole",
    Exit.TERMINATED: "terminated (SIGTERM); what was published is whole",
}
