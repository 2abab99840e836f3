"""One problem in a configuration: where, what, and the remedy; and the exception that carries one through pydantic.

Decides the shape that every layer reports in. Does not know files or lines (``loading`` adds them) nor pydantic's own
error types (``wording`` translates those). Raised by the models, returned by checks of higher layers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

Location = tuple[str | int, ...]

# The type under which ``refusal`` travels through pydantic; ``wording`` recognises it.
REFUSED = "refused"


# What pydantic puts behind a key whose value may be of two kinds, and the file does not have.
TAGS = ("<list>", "<file>")

# Below these keys stands what no message may show, as keys too if the file is malformed.
_PRIVATE = frozenset({"values", "secret", "client_secret", "proxy"})
# But these are what may stand below ``values``, where it names a file.
_OF_A_FILE = frozenset({"file", "format", "column", "compression", "encoding", "region", "max_rejects"})
# A key that looks like an option's name. Anything else may be an e-mail address or number in the wrong place.
_OPTION = re.compile("[A-Za-z][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at ``location``, the keys and 0-based list positions from the top of the file.

    ``message`` reads ``what is wrong -- remedy`` and never holds a secret or a match value. ``line`` is 1-based and
    None unless the finder knows it better than the location tells.
    """

    location: Location
    message: str
    line: int | None = None


def refusal(message: str, *, up: int = 0, at: Location = ()) -> PydanticCustomError:
    """Make the error that a validator raises for ``message``.

    The problem is reported at the validated field; ``up`` drops that many keys from its end, then ``at`` is added.
    """
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "up": up, "at": at})


def dotted(location: Location) -> str:
    """``jobs[2].match.type``, for people. A key that could be data is a question mark."""
    text = ""
    for place, part in enumerate(location):
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        text += ("." if text else "") + (part if _OPTION.fullmatch(part) else "?")
        if part in _PRIVATE:
            below = location[place + 1 : place + 2]
            if part == "values" and below and below[0] in _OF_A_FILE:
                text += f".{below[0]}"
            break
    return text + _position(location)


def shown(location: Location) -> str:
    """The last key of ``location`` in quotes, for a message, unless it could be data."""
    key = str(location[-1])
    if _OPTION.fullmatch(key) is None or not _PRIVATE.isdisjoint(location[:-1]):
        return "(not shown: it could be data)"
    return f'"{key}"'


def _position(location: Location) -> str:
    """The list position right behind the private key that ended ``dotted``, which tells nothing but helps."""
    for index, part in enumerate(location[:-1]):
        if part in _PRIVATE and isinstance(location[index + 1], int):
            return f"[{location[index + 1]}]"
    return ""
