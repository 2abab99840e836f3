"""Paths of the API: from a request's target to the call that is meant (contract, section 3.1).

Decides by the path templates of the settings. Segments of a path are split before they are decoded, so a name may hold
an encoded slash. Fixed words are compared without regard to case, names and ids exactly. Called by ``service``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from extractor.simulator.exchange import Refused
from extractor.simulator.faults import Kind
from extractor.simulator.settings import SimulatorSettings
from extractor.simulator.world import Kindred

_IN_PATHS = (Kindred.SEGMENT, Kindred.GROUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call's place."""

    kind: Kind
    method: str
    template: str
    parts: tuple[str, ...]
    legacy: bool = False  # of the legacy API, which has the schedules

    def fits(self, parts: list[str]) -> dict[str, str] | None:
        """Read the places of a path; None if it is another call's."""
        if len(parts) != len(self.parts):
            return None
        places: dict[str, str] = {}
        for wanted, said in zip(self.parts, parts, strict=True):
            if wanted.startswith("{"):
                places[wanted[1:-1]] = said
            elif wanted.casefold() != said.casefold():
                return None
        # A template whose {kind} could be anything would swallow the paths of other calls.
        return places if places.get("kind", Kindred.SEGMENT) in _IN_PATHS else None


class Routes:
    """Every call of the API."""

    def __init__(self, settings: SimulatorSettings) -> None:
        places = (
            (Kind.INITIATE, "POST", settings.initiate_path, settings.initiate_schedule_path),
            (Kind.STATUS, "GET", settings.status_path, settings.schedule_status_path),
            (Kind.PAGE, "GET", settings.retrieve_path, settings.schedule_retrieve_path),
            (Kind.COMMIT, "POST", settings.commit_path, settings.schedule_commit_path),
        )
        self._routes = [
            _route(kind, method, f"{settings.base_path.rstrip('/')}/{path.lstrip('/')}", legacy=path is legacy)
            for kind, method, current, legacy in places
            for path in (current, legacy)
        ]
        self._routes.append(_route(Kind.TOKEN, "POST", settings.token_path))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Find the call that is meant. Raises Refused: 404, or 405 when only the method is wrong."""
        parts = [unquote(part) for part in path.split("/")]
        allowed: list[str] = []
        for route in self._routes:
            places = route.fits(parts)
            if places is None:
                continue
            if route.method == method:
                return route, places
            allowed.append(route.method)
        if allowed:
            message = f"The requested resource does not support http method '{method}'."
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, message, {"Allow": ", ".join(allowed)})
        raise Refused(HTTPStatus.NOT_FOUND, "No HTTP resource was found that matches the request URI.")


def _route(kind: Kind, method: str, template: str, *, legacy: bool = False) -> Route:
    return Route(kind=kind, method=method, template=template, parts=tuple(template.split("/")), legacy=legacy)
