"""The file that ``extractor init`` writes.

Decides nothing: the text is ``starter.yaml`` beside this module, kept as a file so that it is read and reviewed as one.
Called by the command line.
"""

from __future__ import annotations


def starter() -> str:
    """Return the commented starter file. It loads once the variable that it names is exported."""
    from importlib.resources import files  # noqa: PLC0415 - slow to import, and only "init" needs it

    return (files("extractor.config") / "starter.yaml").read_text(encoding="utf-8")
