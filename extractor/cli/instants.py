"""How instants and pieces of time are read from the command line and written for people, exactly.

Decides spelling only: what is written here can be given to a command again and means the same instant.
"""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from extractor.observe.figures import span


def now() -> datetime:
    """Give the instant of this machine's clock, UTC."""
    from extractor.clock import SystemClock  # noqa: PLC0415 - keeps --help quick

    return datetime.fromtimestamp(SystemClock().now(), UTC)


def instant_of(written: str) -> datetime:
    """Parse an instant as the configuration spells it, zone included; UTC. Raises a usage error."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - keeps --help quick

    from extractor.config.fields import Instant  # noqa: PLC0415 - as above

    try:
        return TypeAdapter[datetime](Instant).validate_python(written.strip())
    except ValidationError as error:
        raise typer.BadParameter(error.errors(include_url=False)[0]["msg"]) from None


def exact(moment: datetime) -> str:
    """Write an aware instant in UTC with whatever fraction it has: ``2026-11-23T02:00:00.25Z``."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def exact_or_none(moment: datetime | None) -> str | None:
    """Write an instant for JSON."""
    return None if moment is None else exact(moment)


def age(moment: datetime, at: datetime) -> str:
    """Write how old it is ``at`` an instant: ``26 h 03 min``; not less than nothing, where two clocks differ."""
    return span(max(0.0, (at - moment).total_seconds()))
