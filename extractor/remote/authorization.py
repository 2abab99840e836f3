"""How a request proves who asks: the seam between ``client`` and the two schemes.

Decides which scheme the configuration means, nothing else; when to renew after a 401 is ``protocol.retry.after_401``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from extractor.protocol.retry import After401


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The value of one Authorization header. Generations count up from 1; a 401 is reported with the one it met."""

    generation: int
    value: str = field(repr=False)


class Authorizer(Protocol):
    """One scheme. Many tasks share one authorizer, so that one dead credential leads to one renewal.

    Asking is in two steps, because a login takes time: ``ready`` before the wait for a turn, ``credential`` after it. A
    login between the turn and the request would let all that were admitted meanwhile leave at once.
    """

    scheme: str  # as the configuration spells it

    async def ready(self) -> None:
        """Have a credential, logging in when there is none or it runs out soon. Raises RemoteError, never ambiguous."""
        ...

    def credential(self) -> Credential | None:
        """Give the credential of a request that is sent now; None when it ran out since ``ready``."""
        ...

    def rejected(self, generation: int) -> After401:
        """Report a 401 and learn what to do; the answer's Date has been observed before."""
        ...

    def accepted(self, generation: int) -> None:
        """Report that the server took the credential."""
        ...
