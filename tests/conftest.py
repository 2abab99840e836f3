"""What every test stands on."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Keep looptime's plugin from making an event loop for tests that need none: unclosed, it fails a later test.

    The plugin asks the policy for its loop wherever pytest-asyncio's fixture of that name is present, and the policy
    makes one on being asked.
    """
    if pyfuncitem.get_closest_marker("asyncio") is None:
        pyfuncitem.funcargs.pop("event_loop_policy", None)
    return (yield)
