"""What remains on disk: pages become lines, lines become parts, parts become shards that readers can trust.

``records`` makes the one line of each record (``spelling`` judges the awkward ones by JSON's ``grammar``),
``compression`` frames the lines of a page, ``frames`` does both (and ``encoder`` in a process of its own), ``parts``
appends and seals them, ``journal`` keeps the facts and ``writer`` the order of bytes before facts. ``packing`` groups
``sealed`` parts into shards; where a dataset is not published as it came, ``treat`` reads them line by line: a
``sieve`` judges each (by ``moments`` of change, or by ``versions`` that were ``seen`` before, for ``remembering`` what
was published), and ``windowed`` writes what is kept. ``publish`` puts shards under their final name together with the
``manifest`` that ``describe`` makes of a ``publication``, and ``verify`` compares the two again, one ``shard`` at a
time. ``lock`` lets one run at a time into a state folder, ``remains`` looks at what runs have left there, ``identity``
notices a record that comes twice. Every operation that changes a disk goes through ``durable`` and past the ``door``;
``failpoints`` names the moments between an effect and its record.

Decided: all but ``writer`` is synchronous and knows no event loop, because a disk has none; considered async
files, which are threads in disguise and hide the order of operations, which is all that matters here.
"""
