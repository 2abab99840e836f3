from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor.config import Limits, Output, starter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extractor.config import Config


def test_the_starter_loads(loads: Callable[..., Config]) -> None:
    """Once the one variable that it names is exported."""
    config = loads(starter(), environ={"EXTRACTOR_SECRET": "s"})
    assert ["Newsletter OptIns"] == [job.segment for job in config.jobs]


def test_the_starter_shows_the_defaults(loads: Callable[..., Config]) -> None:
    """What it says below "the defaults" is true, also where it is commented out."""
    text = re.sub(r"^  # (retry_for|outage|processing_timeout|grace)", r"  \1", starter(), flags=re.MULTILINE)
    config = loads(text, environ={"EXTRACTOR_SECRET": "s"})
    assert (Limits(), Output(), {"retry_for", "outage", "processing_timeout", "grace"}) == (
        config.limits,
        config.output,
        {"retry_for", "outage", "processing_timeout", "grace"} & config.limits.model_fields_set,
    )


def _between(text: str, begin: str, end: str) -> str:
    return text[text.index(begin) : text.index(end)]


def test_the_starters_commented_jobs_load_too(loads: Callable[..., Config]) -> None:
    """Whoever removes the number signs gets a legal file."""
    jobs = _between(starter(), "jobs:", "# Everything below")
    text = starter().replace(jobs, jobs.replace("\n  # ", "\n  "))
    config = loads(text, environ={"EXTRACTOR_SECRET": "s"})
    assert [None, None, "winback-by-mail", None] == [job.name for job in config.jobs]


def test_the_starters_other_scheme_loads_too(loads: Callable[..., Config], folder: Path) -> None:
    """The commented auth section replaces the first one; the id's place holder is no id."""
    (folder / "client-secret").write_text("s\n")
    signed, oauth = _between(starter(), "  auth:", "  # auth:"), _between(starter(), "  # auth:", "\njobs:")
    text = starter().replace(signed, "").replace(oauth, oauth.replace("\n  # ", "\n  ").replace("  # ", "  ", 1))
    text = text.replace("the 48 characters from support", "0123456789abcdef").replace("~/.config/extractor/", "")
    assert loads(text, environ={}).connection.auth.scheme == "oauth"
