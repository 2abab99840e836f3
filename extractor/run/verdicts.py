"""From how jobs ended to how the process ends (design, section 7). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from extractor.errors import Exit, IntegrityError, LocalError
from extractor.protocol.vocabulary import Verdict


def exit_code(
    ended: Counter[Verdict], *, halted: int = 0, unpublishable: Sequence[IntegrityError | LocalError] = ()
) -> int:
    """Weigh the ends of all jobs; ``halted`` is the code of a run that was stopped before its end, or 0.

    ``unpublishable`` is why datasets whose jobs are all done are not published.

    A contradiction in the data outweighs everything but an interrupt by a signal. 4 and 5 are for runs in which every
    job that failed failed so (4: and none succeeded); mixtures are 3.
    """
    failed = {verdict for verdict, count in ended.items() if count and verdict is not Verdict.DONE}
    if halted not in {0, Exit.UNAVAILABLE}:
        return halted
    if Verdict.INTEGRITY in failed or any(isinstance(error, IntegrityError) for error in unpublishable):
        return Exit.INTEGRITY
    if halted or failed == {Verdict.UNAVAILABLE}:
        return Exit.UNAVAILABLE
    if failed == {Verdict.REFUSED} and not unpublishable and not ended[Verdict.DONE]:
        return Exit.REFUSED
    return Exit.SOME_FAILED if failed or unpublishable else Exit.DONE
