"""How one AccessToken lives. Pure: every decision is a function of values.

``vocabulary`` has the words, ``lifecycle`` the table of all transitions, ``paging`` the tiling of an export, ``retry``,
``outage`` and ``pace`` the waits, ``pressure`` how much at once, ``dialect`` the API's spellings as data. Nothing here
reads a clock, a disk or the network, so every decision is tested without an event loop and replayed from a journal
unchanged.

Decided: one table with one ``step``, because resume must be the same code as the first run; considered a coroutine per
job that awaits its way through the steps, which reads well and cannot be replayed.
"""
