"""Bulk export of MyPreferences segments into checked, sharded NDJSON.

The map, in the order in which a record travels (each folder's docstring is its paragraph):

``config`` what the user wrote -> ``plan`` what to ask for -> ``protocol`` how one AccessToken lives (pure) ->
``remote`` talking HTTP -> ``store`` what remains on disk; ``lists`` has the people who are asked for by name, ``run``
drives them all, ``observe`` listens, ``cli`` is the front door, and ``simulator`` is the other end of the wire.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
