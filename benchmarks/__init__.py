"""What the extractor costs and how fast it is, beside what is possible and what others do.

    make bench          everything, about twenty minutes; writes docs/benchmarks.md and docs/benchmarks.svg
    make bench-quick    ceilings and extractor alone, under three minutes; prints only

Read in this order: ``pages`` (the records, cheap to number), ``page_server`` (serves them, in a process of its own),
``ceilings`` (bare loops: what is possible), ``extraction`` (the real command), ``peers`` (others, on the same pages),
``measure`` (one process, its time, CPU and memory), ``rounds`` (interleaved, medians), ``goals`` (which ratio must
hold), ``report`` and ``plot`` (the document). ``python -m benchmarks`` puts them together. The other modules are
programs of their own: ``backfill``, ``match_list``, ``safety``; and ``startup``, ``latency``, ``rate``,
``scheduling`` and ``growth``, whose tables go into the same document.

Everything happens on this machine, over loopback, and stops by itself.
"""
