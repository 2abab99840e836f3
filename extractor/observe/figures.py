"""How numbers are written for people. Pure; used by the listeners and by the tables of ``cli``."""

from __future__ import annotations

_KIB = 1024
_UNITS = ("KiB", "MiB", "GiB", "TiB")
_MINUTE = 60
_HOUR = 3600
_SHOWN_WHOLE = 10  # below ten, one decimal says something


def count(number: int) -> str:
    """Write 1234567 as ``1,234,567``."""
    return f"{number:,}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Write a number with its noun: ``1 job``, ``2,000 jobs``; ``nouns`` is the plural when it is not with an s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size(number: int) -> str:
    """Write a number of bytes: ``999 B``, ``4.1 MiB``."""
    if number < _KIB:
        return f"{number} B"
    power = min((number.bit_length() - 1) // 10, len(_UNITS))
    return f"{number / _KIB**power:,.1f} {_UNITS[power - 1]}"


def span(seconds: float) -> str:
    """Write a duration: ``0.4 s``, ``2 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < _SHOWN_WHOLE and seconds != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE:02d} min"


def short(text: str, width: int) -> str:
    """Cut ``text`` to ``width`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
