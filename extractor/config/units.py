"""How people write sizes and durations: ``256MiB`` and ``1h30m`` against bytes and seconds.

Decides which spellings are unambiguous. Does not decide whether zero makes sense (the field does) and never repeats
what was written, which may have come out of the environment. Called by ``fields`` and by the command line.
"""

from __future__ import annotations

import math
import re

SIZE_FORMS = "write 64KiB, 256MiB or 1GB, or a plain number of bytes"
DURATION_FORMS = "write 500ms, 5s, 15m, 6h, 1h30m or 1d, or a plain number of seconds"

# Bounded digits: int() of thousands of them is slow, and refused by Python with an error of its own.
SIZE_PATTERN = r"^[0-9]{1,19} ?(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$"
DURATION_PATTERN = r"^(?=[0-9])([0-9]{1,15}d)?([0-9]{1,15}h)?([0-9]{1,15}m(?!s))?([0-9]{1,15}s)?([0-9]{1,15}ms)?$"

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_BYTES = {
    "TiB": TIB,
    "GiB": GIB,
    "MiB": MIB,
    "KiB": KIB,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "KB": 10**3,
    "B": 1,
}
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}

# Ten years: beyond any run, and far inside what timers and datetime arithmetic can hold.
LONGEST_SECONDS = 3653 * 86_400
# Fits a signed 64-bit file offset.
LARGEST_BYTES = 2**63 - 1


class UnitError(ValueError):
    """Not a size or duration with one clear meaning. The message names the accepted forms, never the text."""


def parse_size(written: object) -> int:
    """Bytes, from ``256MiB``-like text or a plain whole number; zero is left to the caller, negative is refused."""
    if isinstance(written, bool) or not isinstance(written, int | str):
        raise UnitError(f"is not a size -- {SIZE_FORMS}")
    size = written if isinstance(written, int) else _bytes(written.strip())
    if size < 0:
        raise UnitError(f"is negative -- {SIZE_FORMS}")
    if size > LARGEST_BYTES:
        raise UnitError(f"is larger than any file -- {SIZE_FORMS}")
    return size


def parse_duration(written: object) -> float:
    """Seconds, from ``1h30m``-like text or a plain number; zero is left to the caller, negative is refused."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        raise UnitError(f"is not a duration -- {DURATION_FORMS}")
    seconds = _seconds(written.strip()) if isinstance(written, str) else written
    if isinstance(seconds, float) and math.isnan(seconds):
        raise UnitError(f"is not a duration -- {DURATION_FORMS}")
    if seconds < 0:
        raise UnitError(f"is negative -- {DURATION_FORMS}")
    if seconds > LONGEST_SECONDS:
        raise UnitError(f"is longer than ten years -- {DURATION_FORMS}")
    return float(seconds)


def _bytes(text: str) -> int:
    if re.fullmatch(SIZE_PATTERN, text) is None:
        bare = re.fullmatch(r"[0-9]+(\.[0-9]+)? ?([KMGTkmgt]?)", text)
        if bare is None:
            raise UnitError(f"is not a size -- {SIZE_FORMS}")
        if not bare[2]:
            raise UnitError(f"is text without a unit -- {SIZE_FORMS} without quotes")
        letter = bare[2].upper()
        raise UnitError(f"is ambiguous: {letter} is {letter}iB (powers of 1024) or {letter}B (of 1000) -- {SIZE_FORMS}")
    digits = re.match("[0-9]+", text)
    number = digits[0] if digits else ""
    return int(number) * _BYTES[text[len(number) :].strip()]


def _seconds(text: str) -> float:
    if re.fullmatch(DURATION_PATTERN, text) is None:
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise UnitError(f"is text without a unit -- {DURATION_FORMS} without quotes")
        raise UnitError(f"is not a duration -- {DURATION_FORMS}")
    parts = re.findall(r"([0-9]+)(ms|[dhms])", text)
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts) / 1000
