"""What of the server's words may be repeated.

An error's text may quote what was sent: a person's address, a token, a signature. Decides what is cut out of it before
it reaches a message, and so a log, the journal and the screen. Rather too much than too little: the status and our own
remedy carry the sense. Called by ``answers`` and ``refusals``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 200
_SHORT = 16  # letters: what is longer may be base64
_CUT = "[...]"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\S+@\S+",  # an e-mail address, with what is written against it
        r"\b(?:https?|wss?)://\S+",  # a URL: paths and queries hold tokens
        r"\b(?:bearer|basic)\s+\S+",
        r"[\w-]*(?:credential|signature|secret|password|token|key)\w*\s*[=:]\s*\S+",
        r"\beyJ[\w-]+(?:\.[\w-]+)*",  # a JSON Web Token
        r"[+(]?\d[\d ()./-]{4,}\d",  # a phone number, in most ways of writing it
        r"\d{5,}",
        # A long run of base64, base64url or hexadecimal; words and long names have no digit in them.
        r"(?=[\w+/=-]*\d)[\w+/-]{16,}={0,2}",
        r"[\w+/-]{40,}={0,2}",
    )
]


def quotable(text: str, *, hidden: Iterable[str] = ()) -> str:
    """Give at most 200 printable characters of ``text``, on one line, without anything that looks private.

    ``hidden`` is cut out wherever it stands as a word, in any case: what was sent is known better than any pattern.
    """
    if not hidden and len(text) < _SHORT and text.isascii() and text.isalpha():
        return text  # one short word of letters, such as a Status: no pattern finds anything in it
    words = " ".join("".join(each if each.isprintable() else " " for each in text[: _LONGEST * 10]).split())
    folded = words.casefold()  # thousands of values may be hidden: only those that occur are worth a pattern
    for value in sorted({each for each in hidden if each.strip() and each.casefold() in folded}, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _CUT, words, flags=re.IGNORECASE)
    for pattern in _PATTERNS:
        words = pattern.sub(_CUT, words)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
