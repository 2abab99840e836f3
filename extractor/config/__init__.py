"""The configuration: what the user asks for, checked before anything happens.

Text becomes a frozen ``Config``, or a list of all that is wrong with it: file, line, key, remedy. This is the only
layer that knows pydantic and YAML; the ones above receive values that are legal.

Decided: every problem in one pass, because a nightly file is edited on a server, and each round costs a login;
considered the first problem only, as most tools do. Decided: YAML without its guesses (``no`` is text, ``0123`` keeps
its zero, a date is text), because match values must reach the service as written; considered YAML 1.1 with advice to
quote. Decided: secrets only as ``${env:..}`` or ``${file:..}``, because configuration files are copied and committed;
considered a warning, which nobody reads. Decided: unknown keys are errors, because a misspelt limit is a limit that
does not hold. Decided: a check by a higher layer is a function given to ``load``, because its problems then carry lines
too and this layer need not know dialects or plans; considered registering checks, which hides who checks what.
"""

from extractor.config.connection import Connection, OAuth, PnAuth, Timeouts
from extractor.config.jobs import Job, Match
from extractor.config.loading import Check, load
from extractor.config.match_lists import ListFile
from extractor.config.models import Config, Limits, Output
from extractor.config.problems import Location, Problem
from extractor.config.schema import json_schema
from extractor.config.secrets import SIMULATOR_SECRET
from extractor.config.starter import starter

__all__ = [
    "SIMULATOR_SECRET",
    "Check",
    "Config",
    "Connection",
    "Job",
    "Limits",
    "ListFile",
    "Location",
    "Match",
    "OAuth",
    "Output",
    "PnAuth",
    "Problem",
    "Timeouts",
    "json_schema",
    "load",
    "starter",
]
