"""Match lists: values that stand in files, read as streams, kept for the run, and told of when it is over.

``intake`` reads what the configuration names, row by row: ``source`` gives the lines of a file, ``rows`` the field of
each, ``criteria`` says whether it is what it should be. What is good goes into a spool (``shelf``) of the state folder,
one value a line, and what is bad into ``rejects.ndjson`` beside it. The plan holds no values, only where the batches
stand; each batch is looked up when its life begins (with 64 KiB of what follows, for the next ones) and dropped after
it. ``outcome`` says, from the sealed parts, which
values matched nobody and which several.

Decided: a copy in the state folder, because a run must be able to go on when the file has changed or was standard
input; considered reading the file again, by offsets, which another program's rewrite makes a lottery. Decided: only the
values' digests are kept in memory to drop repetitions, 16 bytes each and keyed; considered the values themselves, which
take twice that and are people's addresses. Decided: what is sent is the first spelling that was met, trimmed; only
telephone numbers (digits, with the country's) and ProfileIds (without zeros in front) are brought into one form,
because those two have one.
"""

from extractor.lists.intake import read_all
from extractor.lists.outcome import Counts, report
from extractor.lists.shelf import Reader, recall, source_changed, unused, values_of

__all__ = ["Counts", "Reader", "read_all", "recall", "report", "source_changed", "unused", "values_of"]
