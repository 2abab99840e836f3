"""``python -m extractor``: the same as the command ``extractor``."""

from __future__ import annotations

import sys

from extractor.cli import main

sys.exit(main())
